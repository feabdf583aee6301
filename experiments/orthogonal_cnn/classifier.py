"""Part e: a classifier of digits, trained with L_orth or with orthogonal layers."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from jaxpad.data import DATASETS, as_arrays
from jaxpad.layers import Conv, OrthogonalConv
from jaxpad.orthogonal import delta_orthogonal
from jaxpad.regularizers import lorth
from jaxpad.spectral import norm, singular_values


# Inputs, outputs, stride. Of the first no layer has M = C S^2, as in the paper; of the
# second all have but the one that sees the image.
SHAPES = {
    "rectangular": ((1, 16, 1), (16, 18, 1), (18, 32, 2), (32, 34, 1)),
    "square": ((1, 8, 1), (8, 8, 1), (8, 32, 2), (32, 32, 1)),
}
SIZE, CLASSES, TEMPERATURE = 8, 10, 5.0
BATCH, RATES = 64, (3e-3, 3e-5)  # from the first rate to the second along a line


class Net(nnx.Module):
    """3x3 circular convolutions, GroupSort by pairs, ten weights of length 1."""

    def __init__(self, shape: str, kind: str, *, rngs: nnx.Rngs):
        layers = SHAPES[shape]
        self.convs = nnx.List(layer(kind, *it, rngs=rngs) for it in layers)
        cells = (SIZE // int(np.prod([stride for *_, stride in layers]))) ** 2
        features = cells * layers[-1][1]
        self.head = nnx.Param(jax.random.normal(rngs.params(), (features, CLASSES)))

    def __call__(self, images: Any) -> Any:
        x = images
        for conv in self.convs:
            x = group_sort(conv(x))
        return x.reshape(len(x), -1) @ self.directions()

    def directions(self) -> Any:
        """The last layer's matrix: columns of length 1."""
        return self.head / jnp.linalg.norm(self.head[...], axis=0, keepdims=True)

    def penalties(self) -> list[Any]:
        """`L_orth` of each convolution."""
        return [lorth(conv.kernel[...], stride=conv.strides) for conv in self.convs]


def layer(kind: str, inputs: int, outputs: int, stride: int, *, rngs: Any) -> Conv:
    """`kind`: "exact", or a start: "delta" (with half a Glorot's noise) or "Glorot"."""
    shape = (inputs, outputs, (3, 3), stride)
    if kind == "exact":
        return OrthogonalConv(*shape, rngs=rngs)
    inits = {
        "delta": delta_orthogonal(stride=stride, noise=0.5),
        "Glorot": nnx.initializers.glorot_uniform(),
    }
    return Conv(*shape, padding="circular", kernel_init=inits[kind], rngs=rngs)


def group_sort(x: Any) -> Any:
    """Sorts channels in pairs, which changes no length: Anil, Lucas, Grosse, 2019."""
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    return jnp.stack([pairs.min(-1), pairs.max(-1)], -1).reshape(x.shape)


class Data(NamedTuple):
    """Images of values from 0 to 1, float32 `[n, 8, 8, 1]`, and labels `[n]`."""

    images: np.ndarray
    labels: np.ndarray


def digits() -> tuple[Data, Data]:
    """To train on and to test on."""
    found = DATASETS["digits"]()
    train, test = (as_arrays(source) for source in (found.train, found.test))
    return (
        Data(np.float32(train[0]) / 255, train[1]),
        Data(np.float32(test[0]) / 255, test[1]),
    )


class Program(NamedTuple):
    """A training step, what it starts from, and the outputs of (parameters, images)."""

    step: Callable[..., Any]
    state: tuple[Any, Any]
    outputs: Callable[[Any, Any], Any]
    definition: Any


def program(net: Net, steps: int, *, penalised: bool) -> Program:
    """The step is `(parameters, optimizer's, weight, images, labels)` to the first two.

    The loss is the cross entropy of 5 times the outputs (a network that lengthens
    nothing has small ones), and weight times the sum of `L_orth` if penalised.
    """
    optimizer = optax.adam(optax.linear_schedule(*RATES, steps))
    definition, parameters = nnx.split(net)

    @jax.jit
    def outputs(parameters: Any, images: Any) -> Any:
        return nnx.merge(definition, parameters)(images)

    def loss(parameters: Any, weight: Any, images: Any, labels: Any) -> Any:
        net = nnx.merge(definition, parameters)
        logits = TEMPERATURE * net(images)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        penalty = weight * sum(net.penalties()) if penalised else 0.0
        return losses.mean() + penalty

    @jax.jit
    def step(parameters: Any, state: Any, weight: Any, images: Any, labels: Any) -> Any:
        slope = jax.grad(loss)(parameters, weight, images, labels)
        updates, state = optimizer.update(slope, state)
        return optax.apply_updates(parameters, updates), state

    state = parameters, optimizer.init(parameters)
    return Program(step, state, outputs, definition)


class Trainer:
    """Trains one kind of network for any weight and seed with one compiled step."""

    def __init__(self, shape: str, kind: str, steps: int):
        self.shape, self.kind, self.steps = shape, kind, steps
        net = Net(shape, kind, rngs=nnx.Rngs(0))
        self.program = program(net, steps, penalised=kind != "exact")

    def __call__(self, data: Data, weight: float, seed: int) -> Net:
        """A trained network: a function of the seed alone."""
        net = Net(self.shape, self.kind, rngs=nnx.Rngs(seed))
        _, parameters = nnx.split(net)
        state = self.program.state[1]
        for batch in batches(len(data.labels), self.steps, seed):
            parameters, state = self.program.step(
                parameters, state, weight, data.images[batch], data.labels[batch]
            )
        return nnx.merge(self.program.definition, parameters)


def batches(n: int, steps: int, seed: int) -> Sequence[np.ndarray]:
    """Random batches that go through all images before any comes again."""
    rng = np.random.default_rng(seed)
    epochs = -(-steps * BATCH // n)
    order = np.concatenate([rng.permutation(n) for _ in range(epochs)])
    return list(order[: steps * BATCH].reshape(steps, BATCH))


def sizes(net: Net) -> list[int]:
    """Cells along an axis of each convolution's input."""
    found = [SIZE]
    for conv in net.convs:
        found.append(found[-1] // conv.strides[0])
    return found[:-1]


def spectrum(net: Net) -> dict[str, float]:
    """Extremes over all convolutions, and the product of their norms."""
    ends, constant = [], 1.0
    for conv, size in zip(net.convs, sizes(net), strict=True):
        kernel = conv.kernel[...]
        values = singular_values(kernel, size, stride=conv.strides)
        ends += [float(values[-1]), float(values[0])]
        constant *= float(norm(kernel, size, stride=conv.strides))
    return {"least": min(ends), "largest": max(ends), "lipschitz": constant}
