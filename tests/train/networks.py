"""Networks with all that the large ones have, and fewer of it to compile."""

from jaxpad.models import ResNet


def resnet8(channels: int, classes: int, **options) -> ResNet:
    """A ResNet-20 with one block in each stage."""
    return ResNet(channels, classes, blocks=(1, 1, 1), width=4, small=True, **options)


def encoder(channels: int, classes: int | None, **options) -> ResNet:
    """A ResNet-18 with one block in each stage, two in the last for the multi-grid."""
    return ResNet(channels, classes, blocks=(1, 1, 1, 2), width=4, **options)
