"""ResNet-50 of flax's own layers, with the shapes of flax's ImageNet example.

The stride is in the 3x3 convolution, the last scale of each block starts at zero,
batch norm averages over the whole batch, and padding is zeros as flax's "SAME" puts
them.
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax


STAGES = (3, 4, 6, 3)


class PeerResNet(nn.Module):
    """ResNet-50; 25,557,032 parameters at 1,000 classes."""

    dtype: Any = jnp.float32
    classes: int = 1000
    train: bool = True

    @nn.compact
    def __call__(self, x: Any) -> Any:
        conv = functools.partial(nn.Conv, use_bias=False, dtype=self.dtype)
        norm = functools.partial(
            nn.BatchNorm,
            use_running_average=not self.train,
            momentum=0.9,
            dtype=self.dtype,
        )
        x = nn.relu(norm()(conv(64, (7, 7), 2, padding=[(3, 3)] * 2)(x)))
        x = nn.max_pool(x, (3, 3), (2, 2), padding=[(1, 1)] * 2)
        for stage, count in enumerate(STAGES):
            for number in range(count):
                stride = 2 if stage and not number else 1
                x = _block(x, 64 * 2**stage, stride, conv, norm)
        return nn.Dense(self.classes, dtype=self.dtype)(x.mean((1, 2)))


def _block(x: Any, width: int, stride: int, conv: Any, norm: Any) -> Any:
    y = nn.relu(norm()(conv(width, (1, 1))(x)))
    y = nn.relu(norm()(conv(width, (3, 3), stride, padding=[(1, 1)] * 2)(y)))
    y = norm(scale_init=nn.initializers.zeros_init())(conv(4 * width, (1, 1))(y))
    if x.shape != y.shape:
        x = norm()(conv(4 * width, (1, 1), stride)(x))
    return nn.relu(x + y)


def peer_step(
    dtype: Any, optimizer: optax.GradientTransformation
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Of the peer: what makes its state, and its training step."""
    model = PeerResNet(dtype=dtype)

    def init(images: Any) -> Any:
        variables = model.init(jax.random.key(0), images)
        params = variables["params"]
        return params, variables["batch_stats"], optimizer.init(params)

    def step(state: Any, images: Any, labels: Any) -> Any:
        params, stats, opt_state = state

        def loss_of(params: Any) -> Any:
            variables = {"params": params, "batch_stats": stats}
            scores, new = model.apply(variables, images, mutable=["batch_stats"])
            scores = scores.astype(jnp.float32)
            losses = optax.softmax_cross_entropy_with_integer_labels(scores, labels)
            return losses.mean(), (new["batch_stats"], scores)

        (loss, (stats, scores)), grads = jax.value_and_grad(loss_of, has_aux=True)(
            params
        )
        updates, opt_state = optimizer.update(grads, opt_state, params)
        metrics = {"loss": loss, "accuracy": jnp.mean(scores.argmax(-1) == labels)}
        return (optax.apply_updates(params, updates), stats, opt_state), metrics

    return init, step
