"""Compares the models with torchvision's and timm's: the same weights, the same logits.

In an environment that has torch (and torchvision, timm; jaxpad is not needed):

    python scripts/torch_weights.py write FOLDER torchvision:resnet50 timm:convnext_tiny
    python scripts/torch_weights.py write FOLDER torchvision:resnet50 --pretrained

writes the weights, random with random batch statistics, or the published ones, some
images and the logits. Then, where jaxpad is (torch is not needed):

    python scripts/torch_weights.py compare FOLDER

prints a table. `miniatures FILE` writes what tests/models/golden.json holds.
"""

import argparse
import hashlib
import importlib
import itertools
import json
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np


# What timm calls the models that torchvision calls as jaxpad does.
TIMM = {
    "vit_s_16": "vit_small_patch16_224",
    "vit_b_16": "vit_base_patch16_224",
    "vit_l_16": "vit_large_patch16_224",
}
LIBRARIES = {
    "torchvision": [
        *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
        *("wide_resnet50_2", "vgg16_bn", "vgg19_bn", "densenet121", "convnext_tiny"),
        *("vit_b_16", "vit_l_16"),
    ],
    "timm": ["resnet50", "vgg16_bn", "densenet121", "convnext_tiny", *TIMM],
}


def random_arrays(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights of the right scale that are a function of name and shape alone."""
    arrays = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        positive = name.endswith("running_var") or (
            name.endswith(("weight", "layer_scale", "gamma"))
            and np.prod(shape[1:]) == 1
        )
        if positive:
            array = rng.uniform(0.5, 1.0, shape)
        else:
            # What a relu takes away is given back, else a VGG forgets its image.
            scale = (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.1
            array = rng.normal(0, scale, shape)
        arrays[name] = array.astype(np.float32)
    return arrays


def random_images(size: int, number: int = 2) -> np.ndarray:
    """Noise `[number, size, size, 3]`, as of images that are normalised."""
    return np.random.default_rng(0).normal(size=(number, size, size, 3)).astype("f4")


def shapes_of(model: Any) -> dict[str, tuple[int, ...]]:
    return {
        name: tuple(tensor.shape)
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def fill(model: Any) -> None:
    torch = importlib.import_module("torch")
    arrays = random_arrays(shapes_of(model))
    new = {name: torch.from_numpy(array) for name, array in arrays.items()}
    model.load_state_dict(new, strict=False)


def logits_of(model: Any, images: np.ndarray) -> np.ndarray:
    torch = importlib.import_module("torch")
    model.eval()
    with torch.no_grad():
        return model(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()


def make(library: str, name: str, pretrained: bool) -> Any:
    if library == "torchvision":
        models = importlib.import_module("torchvision.models")
        return getattr(models, name)(weights="DEFAULT" if pretrained else None)
    if library == "timm":
        timm = importlib.import_module("timm")
        return timm.create_model(TIMM.get(name, name), pretrained=pretrained)
    return getattr(importlib.import_module(library), name)()


def write(folder: pathlib.Path, names: list[str], pretrained: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for spec in names:
        library, name = spec.split(":")
        model = make(library, name, pretrained)
        if not pretrained:
            fill(model)
        images = random_images(32 if name.startswith("wrn") else 224)
        arrays = {k: v.numpy() for k, v in model.state_dict().items()}
        file = folder / f"{library}-{name}"
        np.savez(f"{file}.npz", **arrays)
        np.savez(f"{file}.logits", images=images, logits=logits_of(model, images))
        print(f"{spec}: {sum(a.size for a in arrays.values()):,} numbers", flush=True)


def compare(folder: pathlib.Path) -> None:
    import jax
    from flax import nnx

    from jaxpad.models import MODELS, load_weights

    print("| model | names of | parameters | between images | error | relative |")
    print("| --- | --- | --- | --- | --- | --- |")
    for file in sorted(folder.glob("*.logits.npz")):
        library, name = file.name.removesuffix(".logits.npz").split("-")
        seen = np.load(file)
        classes = seen["logits"].shape[-1]
        model = MODELS[name](3, classes, rngs=nnx.Rngs(0))
        load_weights(model, folder / f"{library}-{name}.npz")
        model.eval()
        logits = nnx.jit(lambda model, x: model(x))(model, seen["images"])
        count = sum(p.size for p in jax.tree.leaves(nnx.state(model, nnx.Param)))
        # What a last bias alone gives is the same for both images.
        scale = np.abs(np.ptp(seen["logits"], axis=0)).max()
        error = np.abs(np.asarray(logits) - seen["logits"]).max()
        cells = f"{scale:.3g} | {error:.1e} | {error / scale:.1e}"
        print(f"| {name} | {library} | {count:,} | {cells} |", flush=True)


def digest(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Of all names and shapes of a file."""
    lines = sorted(f"{name} {list(shape)}" for name, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def miniatures(file: pathlib.Path) -> None:
    torch = importlib.import_module("torch")
    golden: dict[str, Any] = {"digests": {}, "logits": {}}
    with torch.device("meta"):
        for library, names in LIBRARIES.items():
            for name in names:
                shapes = shapes_of(make(library, name, False))
                golden["digests"][f"{library}:{name}"] = digest(shapes)
    for name, (model, size) in small_models().items():
        fill(model)
        logits = logits_of(model, random_images(size))
        golden["logits"][name] = np.round(logits.astype(float), 6).tolist()
    file.write_text(json.dumps(golden, indent=1) + "\n")


def small_models() -> dict[str, tuple[Any, int]]:
    """The libraries' own classes at small sizes, and the side of an image."""
    nn = importlib.import_module("torch").nn
    v = importlib.import_module("torchvision.models")
    timm = importlib.import_module("timm").models
    resnet, convnext = v.resnet, v.convnext
    vgg = v.vgg.VGG(v.vgg.make_layers([4, "M", 8, 8, "M"], batch_norm=True), 5)
    vgg.classifier = nn.Sequential(
        *(nn.Linear(8 * 49, 6), nn.ReLU(), nn.Dropout()),
        *(nn.Linear(6, 6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 5)),
    )
    sizes = [4, 8, 16, 32, None]
    settings = [convnext.CNBlockConfig(i, o, 1) for i, o in itertools.pairwise(sizes)]
    vit = {"num_classes": 5, "num_heads": 2}
    return {
        "torchvision:basic": (resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], 5), 33),
        "torchvision:dilated": (
            resnet.ResNet(
                resnet.Bottleneck,
                [1, 1, 1, 2],
                5,
                width_per_group=128,
                replace_stride_with_dilation=[False, True, True],
            ),
            41,
        ),
        "torchvision:vgg": (vgg, 45),
        "torchvision:densenet": (v.DenseNet(4, (1, 2), 8, num_classes=5), 37),
        "torchvision:convnext": (convnext.ConvNeXt(settings, num_classes=5), 37),
        "timm:convnext": (
            timm.ConvNeXt(num_classes=5, depths=(1, 1, 1, 1), dims=(4, 8, 16, 32)),
            37,
        ),
        "torchvision:vit": (
            v.VisionTransformer(16, 4, 2, hidden_dim=8, mlp_dim=32, **vit),
            16,
        ),
        "timm:vit": (
            timm.VisionTransformer(16, 4, embed_dim=8, depth=2, **vit),
            16,
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    writer = commands.add_parser("write", help="weights and logits, with torch")
    writer.add_argument("folder", type=pathlib.Path)
    writer.add_argument("models", nargs="+", metavar="LIBRARY:MODEL")
    writer.add_argument("--pretrained", action="store_true")
    comparer = commands.add_parser("compare", help="with jaxpad, without torch")
    comparer.add_argument("folder", type=pathlib.Path)
    small = commands.add_parser("miniatures", help="for the tests, with torch")
    small.add_argument("file", type=pathlib.Path)
    args = parser.parse_args()
    if args.command == "write":
        write(args.folder, args.models, args.pretrained)
    elif args.command == "compare":
        compare(args.folder)
    else:
        miniatures(args.file)


if __name__ == "__main__":
    main()
