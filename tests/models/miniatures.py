"""Small networks of every family, with the libraries' names for what they equal."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxpad.models import VGG, ConvNeXt, DenseNet, ResNet, ViT


def of(family: type, **sizes: Any) -> Callable[..., Any]:
    """`make(classes=5, seed=0, **options)` of a network in evaluation mode.

    Its numbers are NumPy's: an initializer compiles for longer than all else here.
    """

    def make(classes: int | None = 5, seed: int = 0, **options: Any) -> Any:
        options = {**sizes, **options}
        model = nnx.eval_shape(lambda: family(3, classes, **options, rngs=nnx.Rngs(0)))
        fill(model, seed)
        model.eval()
        return model

    return make


def fill(model: Any, seed: int = 0) -> None:
    """Random parameters and running statistics; keys for what draws."""
    rng = np.random.default_rng(seed)
    for path, variable in nnx.iter_graph(model):
        if isinstance(variable, nnx.RngKey):
            variable.set_value(jax.random.key(seed))
        elif isinstance(variable, nnx.RngCount):
            variable.set_value(jnp.zeros((), variable.dtype))
        elif isinstance(variable, nnx.Variable):
            scale = np.prod(variable.shape[:-1]) ** -0.5 if variable.ndim > 1 else 0.1
            numbers = rng.normal(0, scale, variable.shape)
            if path[-1] in ("scale", "var"):
                numbers = rng.uniform(0.5, 1.0, variable.shape)
            variable.set_value(jnp.asarray(numbers, variable.dtype))


MINIATURES = {
    "resnet": of(ResNet, blocks=(1, 1), width=4, bottleneck=True),
    "preactivated": of(ResNet, blocks=(1, 1), width=4, small=True, widen=2),
    "vgg": of(VGG, blocks=(1, 2), width=4, hidden=6),
    "densenet": of(DenseNet, blocks=(1, 2), width=8, growth=4),
    "convnext": of(ConvNeXt, blocks=(1, 1, 1, 1), width=4),
    "vit": of(ViT, width=8, depth=2, heads=2, patch=4, image_size=16),
}

# As scripts/torch_weights.py makes them of the libraries' classes; side of the image.
PUBLISHED = {
    "torchvision:basic": (of(ResNet, blocks=(1, 1, 1, 1), width=64), 33),
    "torchvision:dilated": (
        of(
            ResNet,
            blocks=(1, 1, 1, 2),
            width=64,
            bottleneck=True,
            widen=2,
            output_stride=8,
        ),
        41,
    ),
    "torchvision:vgg": (MINIATURES["vgg"], 45),
    "torchvision:densenet": (MINIATURES["densenet"], 37),
    "torchvision:convnext": (MINIATURES["convnext"], 37),
    "timm:convnext": (MINIATURES["convnext"], 37),
    "torchvision:vit": (MINIATURES["vit"], 16),
    "timm:vit": (MINIATURES["vit"], 16),
}
