"""What is trained: networks and sizes of images, and the paddings of each."""

from typing import Any, NamedTuple


PADDINGS = ("zero", "partial", "partial_sqrt", "reflect", "replicate", "circular")
# DeepLabV3+ cannot take it: each rate of its pyramid would shrink its map by another
# number of cells. A U-Net would have eight times the FLOPs, for its image grows.
VALID = (*PADDINGS, "valid")
NETS = {
    "ResNet": "resnet20(blocks=(1,1,1),width=8,norm={norm})",
    "VGG": "vgg16_bn(blocks=(1,1,2),width=8,hidden=128,grid=2,dropout=0.0,norm={norm})",
    "U-Net": "unet(width=16,depth=3,norm={norm})",
    "DeepLabV3+": "deeplabv3plus(encoder='resnet18(blocks=(1,1,1,1),width=16)',"
    "output_stride=8,multi_grid=None,rates=(1,2),features=32,norm={norm})",
}
SIZES = (33, 48)  # of images to classify; the borders of 33 are even, those of 48 not

# Of 48 pixels at full scale, such runs differ by when a U-Net leaves the plateau
# of background alone, from 12 to 46% mIoU.
SMALL_SCENES = {
    "train_crop": "random_scale_crop(size=24, scale=(0.5, 0.5))",
    "test_crop": "resize_crop(size=24, resize=32)",
    "batch_size": 4,
}

# Without norms it does not leave chance in ten epochs of the config's SGD.
ADAM = {
    "optimizer": ("clip_by_global_norm(max_norm=1.0)", "adamw(weight_decay=0.01)"),
    "learning_rate": 2e-3,
}


class Setting(NamedTuple):
    """A network on a task, which every padding is tried in.

    Attributes:
        net: a key of `NETS`.
        size: of images, pixels.
        norm: whether it has batch norms.
        config: the file of its task.
        paddings: that it is trained under.
    """

    net: str
    size: int
    norm: bool
    config: str
    paddings: tuple[str, ...]

    @property
    def name(self) -> str:
        """For people, and for the folder."""
        return f"{self.net} {self.size}{'' if self.norm else ' without norms'}"

    @property
    def overrides(self) -> dict[str, Any]:
        """What it changes in the config of its task."""
        found = {"model": NETS[self.net].format(norm=self.norm)}
        if self.config == "photos.py":
            crop = f"random_scale_crop(size={self.size}, scale=(1.0, 1.0))"
            found["train_crop"] = crop
            found["test_crop"] = f"resize_crop(size={self.size}, resize=64)"
        if self.net == "U-Net":
            found |= SMALL_SCENES
        if self.net == "VGG" and not self.norm:
            found |= ADAM
        return found


def settings() -> list[Setting]:
    """All of them; those with norms first."""
    found = []
    for norm in (True, False):
        for net in ("ResNet", "VGG"):
            sizes = SIZES if norm else SIZES[:1]
            found += [Setting(net, size, norm, "photos.py", VALID) for size in sizes]
        if norm:  # without, it finds no digits in these steps: 9 to 12% mIoU
            found.append(Setting("U-Net", 24, norm, "scenes.py", PADDINGS))
        found.append(Setting("DeepLabV3+", 48, norm, "scenes.py", PADDINGS))
    return found


def quick() -> list[Setting]:
    """What ends in a quarter of an hour."""
    chosen = ("ResNet 33", "U-Net 24")
    few = ("zero", "partial")
    return [s._replace(paddings=few) for s in settings() if s.name in chosen]
