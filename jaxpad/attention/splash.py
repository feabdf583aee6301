"""The implementation "splash"."""

from typing import Any

import jax

from ..target import target_backend
from ..typing import Array
from .inputs import Inputs
from .lengthen import lengthen
from .table import IMPLEMENTATIONS, LAYOUTS, Abilities


# Slots in a block of scores, the largest that divides them.
BLOCKS = (512, 384, 256, 128)


@IMPLEMENTATIONS.register(
    abilities=Abilities(
        layouts=tuple(LAYOUTS),
        cross=True,
        causal=True,
        dtypes=("bfloat16", "float32"),
        head_dims=None,
        devices=("tpu",),
        emulated=True,
        splits=False,
        memory="blocks of scores; rows become multiples of 128 slots",
        gradients="first order, reverse mode",
    )
)
def splash(inputs: Inputs) -> Array:
    """The Pallas kernel for TPUs that comes with jax.

    The scale goes into the queries, which rounds them once more in bfloat16.
    """
    # Takes a second to import, so not with the package.
    from jax.experimental.pallas.ops.tpu import splash_attention as kernels

    queries, keys = inputs.query.shape[1], inputs.key.shape[1]
    inputs = lengthen(inputs, -queries % 128, -keys % 128)
    padded = inputs.query.shape[1], inputs.key.shape[1]
    q, k = (next(b for b in BLOCKS if n % b == 0) for n in padded)
    mask = (kernels.CausalMask if inputs.causal else kernels.FullMask)(padded)
    call = kernels.make_splash_mha_single_device(
        kernels.MultiHeadMask([mask] * inputs.query.shape[2]),
        block_sizes=kernels.BlockSizes(
            block_q=q,
            block_kv=k,
            block_q_dkv=q,
            block_kv_dkv=k,
            block_q_dq=q,
            block_kv_dq=k,
        ),
        interpret=target_backend() != "tpu",
    )
    heads_first = (
        x.swapaxes(1, 2)
        for x in (inputs.query * inputs.scale, inputs.key, inputs.value)
    )
    ids = None
    if inputs.query_ids is not None and inputs.key_ids is not None:
        ids = kernels.SegmentIds(inputs.query_ids, inputs.key_ids)
    out: Any = jax.vmap(call)(*heads_first, ids)
    return out.swapaxes(1, 2)[:, :queries]
