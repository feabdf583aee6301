"""The training steps that are compiled: two residual blocks, ResNet-50, DeepLabV3+.

Each is the trainer's own step on a model of the project, in bfloat16, with SGD and
momentum, without augmentation.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxpad.conv import target
from jaxpad.models import MODELS
from jaxpad.models.blocks import Block
from jaxpad.padding import as_padding
from jaxpad.sharding import zero
from jaxpad.train.state import init_state
from jaxpad.train.step import train_step
from jaxpad.train.tasks import TASKS


OPTIMIZER = optax.chain(
    optax.add_decayed_weights(1e-4), optax.sgd(0.1, momentum=0.9, nesterov=True)
)


class Case(NamedTuple):
    """A network and what it is trained on.

    Attributes:
        model: from (channels, classes) and a padding to the network.
        images: shape of a batch.
        classes: outputs of an image, or of a pixel.
        task: a name in `TASKS`.
    """

    model: Callable[..., nnx.Module]
    images: tuple[int, int, int, int]
    classes: int
    task: str


class Blocks(nnx.Module):
    """Two residual blocks of two 3x3 convolutions with batch norm, and their mean."""

    def __init__(
        self, channels: int, classes: int, *, padding: Any, dtype: Any, rngs: nnx.Rngs
    ):
        make = functools.partial(
            Block,
            channels,
            classes,
            1,
            bottleneck=False,
            preactivated=False,
            padding=as_padding(padding),
            dtype=dtype,
            rngs=rngs,
        )
        self.blocks = nnx.List([make(), make()])

    def __call__(self, images: jax.Array) -> jax.Array:
        for block in self.blocks:
            images = block(images)
        return jnp.mean(images, axis=(1, 2))


CASES = {
    "residual blocks": Case(Blocks, (128, 56, 56, 64), 64, "classification"),
    "ResNet-50": Case(MODELS["resnet50"], (128, 224, 224, 3), 1000, "classification"),
    "DeepLabV3+": Case(MODELS["deeplabv3plus"], (8, 512, 512, 3), 21, "segmentation"),
}


def lowered(case: Case, padding: str, device: Any) -> Any:
    """The training step under a padding, ready to be compiled for a device.

    Raises:
        ValueError: if the network does not take the padding.
    """
    mesh = Mesh(np.array([device]), ("data",), axis_types=(AxisType.Auto,))
    here = NamedSharding(mesh, PartitionSpec())
    with target(device.platform):
        model = nnx.eval_shape(functools.partial(_made, case, padding))
        step = functools.partial(
            _step,
            case=case,
            graph=nnx.graphdef(model),
            split=zero(OPTIMIZER, nnx.state(model, nnx.Param), mesh, stage=0),
        )
        jitted = jax.jit(step, in_shardings=here, out_shardings=here, donate_argnums=0)
        state = jax.eval_shape(lambda: init_state(_made(case, padding), OPTIMIZER))
        return jitted.lower(state, *_batch(case))


def _made(case: Case, padding: str) -> nnx.Module:
    return case.model(
        case.images[-1],
        case.classes,
        padding=padding,
        dtype=jnp.bfloat16,
        rngs=nnx.Rngs(0),
    )


def _step(state: Any, images: Any, labels: Any, *, case: Case, **made: Any) -> Any:
    task: Any = TASKS[case.task]
    batch: Any = {"image": images, "label": labels}
    return train_step(
        state,
        batch,
        task=task,
        prepare=lambda batch: (images, task.targets(labels, case.classes)),
        schedule=optax.constant_schedule(0.1),
        **made,
    )


def _batch(case: Case) -> tuple[Any, Any]:
    """Shapes of images and labels."""
    size = case.images[:3] if case.task == "segmentation" else case.images[:1]
    return (
        jax.ShapeDtypeStruct(case.images, jnp.bfloat16),
        jax.ShapeDtypeStruct(size, jnp.int32),
    )
