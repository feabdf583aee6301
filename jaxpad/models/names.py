"""What published files call the parameters of the models here.

A scheme maps the beginning of the names of one layer's arrays, such as
"layer1.0.conv2.", to the path of the layer here; the name of a lone parameter is whole.
"""

from collections.abc import Callable, Sequence
from typing import Any

from flax import nnx

from .bert import BERT
from .convnext import ConvNeXt
from .densenet import DenseNet
from .resnet import ResNet
from .vgg import VGG
from .vit import ViT


Scheme = dict[str, str]

# A second name of one array: BERT's decoder is its table of tokens.
TIED = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}


def schemes(model: nnx.Module) -> dict[str, Scheme]:
    """The schemes of a model's family by the name of who publishes it.

    Raises:
        TypeError: for a model whose family has none.
        ValueError: for a BERT with rotary positions.
    """
    for family, make in _FAMILIES.items():
        if isinstance(model, family):
            return make(model)
    raise TypeError(
        f"published weights have names for {', '.join(f.__name__ for f in _FAMILIES)}, "
        f"but the model is a {type(model).__name__}. Name the part of it that is one "
        "of these, such as model.encoder."
    )


def _places(stages: Sequence[int]) -> list[tuple[int, int, int]]:
    """Number, stage and number within the stage of every block, all from 0."""
    pairs = [(stage, i) for stage, count in enumerate(stages) for i in range(count)]
    return [(n, stage, i) for n, (stage, i) in enumerate(pairs)]


def _resnet(model: ResNet) -> dict[str, Scheme]:
    names = {"conv1.": "stem", "bn1.": "norm", "fc.": "head"}
    shortcut = {"projection": "downsample.0.", "projection_norm": "downsample.1."}
    block_name = "layer{}.{}."
    if model.small:
        shortcut, block_name = {"projection": "convShortcut."}, "block{}.layer.{}."
    for n, stage, i in _places(model.stages):
        block, theirs = f"blocks/{n}", block_name.format(stage + 1, i)
        for j in range(len(model.blocks[n].convs)):
            names[f"{theirs}conv{j + 1}."] = f"{block}/convs/{j}"
            names[f"{theirs}bn{j + 1}."] = f"{block}/norms/{j}"
        if model.blocks[n].projection is not None:
            names |= {theirs + s: f"{block}/{ours}" for ours, s in shortcut.items()}
    if model.small:
        # "Wide Residual Networks" is in neither library: xternalz/WideResNet-pytorch.
        return {"WideResNet-pytorch": names}
    return {"torchvision, timm": names}


def _vgg(model: VGG) -> dict[str, Scheme]:
    names = {}
    for n, stage, _ in _places(model.stages):
        # Convolution, norm and relu for each, and a pool after each stage.
        index = 3 * n + stage
        names[f"features.{index}."] = f"convs/{n}"
        names[f"features.{index + 1}."] = f"norms/{n}"
    heads = {
        "torchvision": ("classifier.0.", "classifier.3.", "classifier.6."),
        "timm": ("pre_logits.fc1.", "pre_logits.fc2.", "head.fc."),
    }
    return {
        library: names | {name: f"dense/{n}" for n, name in enumerate(dense)}
        for library, dense in heads.items()
    }


def _densenet(model: DenseNet) -> dict[str, Scheme]:
    def named(dot: str) -> Scheme:
        stem = {"conv0.": "stem", "norm0.": "stem_norm", "norm5.": "norm"}
        names = {f"features.{theirs}": ours for theirs, ours in stem.items()}
        for n in range(len(model.transitions)):
            for part in ("norm", "conv"):
                theirs = f"features.transition{n + 1}.{part}."
                names[theirs] = f"transitions/{n}/{part}"
        for n, stage, i in _places(model.stages):
            layer = f"features.denseblock{stage + 1}.denselayer{i + 1}."
            for j in range(2):
                names[f"{layer}norm{dot}{j + 1}."] = f"layers/{n}/norms/{j}"
                names[f"{layer}conv{dot}{j + 1}."] = f"layers/{n}/convs/{j}"
        return names | {"classifier.": "head"}

    # torchvision's files are older than its names: norm.1 has become norm1.
    return {"torchvision, timm": named(""), "torchvision's files": named(".")}


def _convnext(model: ConvNeXt) -> dict[str, Scheme]:
    vision = {"features.0.0.": "stem", "features.0.1.": "stem_norm"}
    vision |= {"classifier.0.": "norm", "classifier.2.": "head"}
    timm = {"stem.0.": "stem", "stem.1.": "stem_norm"}
    timm |= {"head.norm.": "norm", "head.fc.": "head"}
    for n in range(len(model.downs)):
        for j, part in enumerate(("down_norms", "downs")):
            vision[f"features.{2 * n + 2}.{j}."] = f"{part}/{n}"
            timm[f"stages.{n + 1}.downsample.{j}."] = f"{part}/{n}"
    parts = {
        "conv": ("block.0.", "conv_dw."),
        "norm": ("block.2.", "norm."),
        "dense/0": ("block.3.", "mlp.fc1."),
        "dense/1": ("block.5.", "mlp.fc2."),
        "scale": ("layer_scale", "gamma"),
    }
    for n, stage, i in _places(model.stages):
        for part, (in_vision, in_timm) in parts.items():
            vision[f"features.{2 * stage + 1}.{i}.{in_vision}"] = f"blocks/{n}/{part}"
            timm[f"stages.{stage}.blocks.{i}.{in_timm}"] = f"blocks/{n}/{part}"
    return {"torchvision": vision, "timm": timm}


def _vit(model: ViT) -> dict[str, Scheme]:
    tops = {
        "patches": ("conv_proj.", "patch_embed.proj."),
        "token": ("class_token", "cls_token"),
        "positions": ("encoder.pos_embedding", "pos_embed"),
        "norm": ("encoder.ln.", "norm."),
        "head": ("heads.head.", "head."),
    }
    parts = {
        "norms/0": ("ln_1.", "norm1."),
        "qkv": ("self_attention.in_proj_", "attn.qkv."),
        "out": ("self_attention.out_proj.", "attn.proj."),
        "norms/1": ("ln_2.", "norm2."),
        "dense/0": ("mlp.0.", "mlp.fc1."),
        "dense/1": ("mlp.3.", "mlp.fc2."),
    }
    found: dict[str, Scheme] = {}
    for which, library in enumerate(("torchvision", "timm")):
        names = {theirs[which]: ours for ours, theirs in tops.items()}
        for n in range(len(model.blocks)):
            block = ("encoder.layers.encoder_layer_{}.", "blocks.{}.")[which].format(n)
            for ours, theirs in parts.items():
                names[block + theirs[which]] = f"blocks/{n}/{ours}"
        found[library] = names
    old = {"mlp.0.": "mlp.linear_1.", "mlp.3.": "mlp.linear_2."}
    # torchvision's files are older than its names.
    found["torchvision's files"] = {
        next((n.replace(a, b) for a, b in old.items() if a in n), n): ours
        for n, ours in found["torchvision"].items()
    }
    return found


def _bert(model: BERT) -> dict[str, Scheme]:
    if model.positions is None:
        raise ValueError(
            'no published BERT has positions="rotary", so there are no names for its '
            "weights: make it with a number, as positions=512. What a run exports is "
            "read and written with rotary positions, too."
        )
    embeddings, told = "bert.embeddings.", "cls.predictions."
    names = {
        f"{embeddings}word_embeddings.": "tokens",
        f"{embeddings}position_embeddings.": "positions",
        f"{embeddings}token_type_embeddings.": "types",
        f"{told}transform.dense.": "head/dense",
        f"{told}bias": "head/bias",
        # What files of other tasks have besides, and this model has not.
        f"{embeddings}position_ids": "position_ids",
        "bert.pooler.": "pooler",
        "cls.seq_relationship.": "next_sentence",
        **dict.fromkeys(TIED, "decoder"),
    }
    norms = {f"{embeddings}LayerNorm.": "norm"}
    norms[f"{told}transform.LayerNorm."] = "head/norm"
    parts = {
        "attention.self.query.": "attention/query",
        "attention.self.key.": "attention/key",
        "attention.self.value.": "attention/value",
        "attention.output.dense.": "attention/out",
        "intermediate.dense.": "dense/0",
        "output.dense.": "dense/1",
    }
    for n in range(len(model.blocks)):
        layer, block = f"bert.encoder.layer.{n}.", f"blocks/{n}"
        names |= {layer + theirs: f"{block}/{ours}" for theirs, ours in parts.items()}
        norms[f"{layer}attention.output.LayerNorm."] = f"{block}/norms/0"
        norms[f"{layer}output.LayerNorm."] = f"{block}/norms/1"
    found: dict[str, Scheme] = {}
    for library, scale, shift in (
        ("huggingface", "weight", "bias"),
        ("huggingface's files", "gamma", "beta"),  # older than its names
    ):
        found[library] = dict(names)
        for theirs, ours in norms.items():
            found[library] |= {theirs + scale: f"{ours}/scale"}
            found[library] |= {theirs + shift: f"{ours}/bias"}
    return found


_FAMILIES: dict[type, Callable[[Any], dict[str, Scheme]]] = {
    ResNet: _resnet,
    VGG: _vgg,
    DenseNet: _densenet,
    ConvNeXt: _convnext,
    ViT: _vit,
    BERT: _bert,
}
