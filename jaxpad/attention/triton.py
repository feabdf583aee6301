"""The implementation "triton"."""

import warnings
from typing import Any

import jax.numpy as jnp

from ..target import target_backend
from ..typing import Array
from .inputs import Inputs
from .lengthen import lengthen
from .table import IMPLEMENTATIONS, LAYOUTS, Abilities


@IMPLEMENTATIONS.register(
    abilities=Abilities(
        layouts=tuple(LAYOUTS),
        cross=False,
        causal=True,
        dtypes=("float16", "bfloat16", "float32"),
        head_dims=range(16, 129),
        devices=("gpu",),
        emulated=True,
        splits=False,
        memory="blocks of scores; rows become multiples of 128 slots, or 32 or 64",
        gradients="first order, reverse mode",
    )
)
def triton(inputs: Inputs) -> Array:
    """The Pallas kernel for NVIDIA GPUs that comes with jax.

    Keys and values of grouped heads are copied for each head.
    """
    kernels = _kernels()
    slots = inputs.query.shape[1]
    # Whole blocks: of 32 slots in the backward pass, of so many in the forward one.
    block = next((b for b in (32, 64) if slots <= b), 128)
    inputs = lengthen(inputs, -slots % block, -slots % block)
    copies = inputs.query.shape[2] // inputs.key.shape[2]
    out = kernels.mha(
        inputs.query,
        jnp.repeat(inputs.key, copies, 2),
        jnp.repeat(inputs.value, copies, 2),
        inputs.query_ids,
        inputs.scale,
        inputs.causal,
        kernels.BlockSizes(block, block, 32, 32, 32, 32),
        interpret=target_backend() != "gpu",
    )
    return out[:, :slots]


def _kernels() -> Any:
    # From jax 0.12 on its import warns that another package will go on with it.
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", r"jax\.experimental\.pallas\.ops\.gpu\.attention is deprecated"
        )
        from jax.experimental.pallas.ops.gpu import attention
    return attention
