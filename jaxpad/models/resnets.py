"""The residual networks by name."""

from collections.abc import Sequence
from typing import Any

from .catalogue import MODELS
from .resnet import ResNet


@MODELS.register
def resnet20(
    channels: int, classes: int | None, *, width: int = 16, **options
) -> ResNet:
    """ResNet-20 for small images, pre-activated: three stages of three blocks."""
    published = {"blocks": (3, 3, 3), "small": True}
    return ResNet(channels, classes, width=width, **{**published, **options})


@MODELS.register
def resnet18(
    channels: int, classes: int | None, *, width: int = 64, **options
) -> ResNet:
    """ResNet-18 for large images."""
    return ResNet(channels, classes, width=width, **{"blocks": (2, 2, 2, 2), **options})


@MODELS.register
def resnet34(
    channels: int, classes: int | None, *, width: int = 64, **options
) -> ResNet:
    """ResNet-34 for large images."""
    return ResNet(channels, classes, width=width, **{"blocks": (3, 4, 6, 3), **options})


@MODELS.register
def resnet50(
    channels: int, classes: int | None, *, width: int = 64, **options
) -> ResNet:
    """ResNet-50 for large images, 25.6 million parameters at 1,000 classes."""
    return _deep((3, 4, 6, 3), channels, classes, width, options)


@MODELS.register
def resnet101(
    channels: int, classes: int | None, *, width: int = 64, **options
) -> ResNet:
    """ResNet-101 for large images."""
    return _deep((3, 4, 23, 3), channels, classes, width, options)


@MODELS.register
def resnet152(
    channels: int, classes: int | None, *, width: int = 64, **options
) -> ResNet:
    """ResNet-152 for large images."""
    return _deep((3, 8, 36, 3), channels, classes, width, options)


@MODELS.register
def wide_resnet50_2(
    channels: int, classes: int | None, *, width: int = 64, **options
) -> ResNet:
    """ResNet-50 whose 3x3 convolutions are twice as wide, for large images.

    "Wide Residual Networks" (Zagoruyko, Komodakis, 2016).
    """
    return _deep((3, 4, 6, 3), channels, classes, width, {"widen": 2, **options})


@MODELS.register
def wrn_28_10(
    channels: int, classes: int | None, *, width: int = 16, **options
) -> ResNet:
    """WRN-28-10 for small images: 36.5 million parameters at 10 classes.

    "Wide Residual Networks" (Zagoruyko, Komodakis, 2016).
    """
    wide = {"blocks": (4, 4, 4), "widen": 10, "small": True}
    return ResNet(channels, classes, width=width, **{**wide, **options})


def _deep(
    blocks: Sequence[int], channels: int, classes: int | None, width: int, options: Any
) -> ResNet:
    published = {"blocks": blocks, "bottleneck": True}
    return ResNet(channels, classes, width=width, **{**published, **options})
