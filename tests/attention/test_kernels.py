"""Kernels for devices that are not here: what can be told of them without one."""

import os
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.attention import IMPLEMENTATIONS, Inputs
from jaxpad.attention.inputs import read
from tests.attention.cases import CASES, arrays
from tests.attention.reference import attend, gradients


CUDNN = IMPLEMENTATIONS.abilities["cudnn"]


def inputs(case: str, q: Any, k: Any, v: Any) -> Inputs:
    names = ("segment_ids", "kv_segment_ids", "lengths", "kv_lengths", "scale")
    options = {name: None for name in names} | {"causal": False}
    return read(q, k, v, **options | CASES[case].options)


@pytest.mark.parametrize("case", [c for c in CASES if "segments" not in c])
def test_what_cudnn_is_given_means_what_was_asked(
    case: str, monkeypatch: pytest.MonkeyPatch
):
    """XLA's implementation of the same call, in float32."""
    asked = jax.nn.dot_product_attention

    def with_xla(*args: Any, implementation: str, **options: Any) -> Any:
        assert implementation == "cudnn"
        assert not any(x.shape[1] % 2 for x in args)
        return asked(*args, implementation="xla", **options)

    monkeypatch.setattr(jax.nn, "dot_product_attention", with_xla)
    options, ids, key_ids, keys = CASES[case]
    *qkv, g = arrays(keys)

    def call(*qkv: Any) -> Any:
        given = inputs(case, *qkv)
        out = IMPLEMENTATIONS["cudnn"](given)
        real = (
            jnp.ones((3, 7), bool) if ids is None else jnp.asarray(seen(ids, key_ids))
        )
        return jnp.where(real[:, :, None, None], out, 0)

    @jax.jit
    def run(g: Any, *qkv: Any) -> Any:
        out, pull = jax.vjp(call, *qkv)
        return out, *pull(g)

    out, *pulled = run(g, *qkv)
    kept = {k: v for k, v in options.items() if k in ("causal", "scale")}
    np.testing.assert_allclose(out, attend(*qkv, ids, key_ids, **kept), atol=2e-6)
    wanted = gradients(*qkv, g, ids, key_ids, **kept)
    for a, b in zip(pulled, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


def seen(ids: Any, key_ids: Any) -> Any:
    keys = ids if key_ids is None else key_ids
    return (ids[:, :, None] == keys[:, None]).any(-1) & (ids > 0)


def test_cudnn_is_asked_for():
    """There is none here, and jax says so."""
    q = jnp.ones((1, 4, 1, 8), jnp.bfloat16)
    given = read(
        q,
        q,
        q,
        segment_ids=None,
        kv_segment_ids=None,
        lengths=None,
        kv_lengths=None,
        causal=False,
        scale=None,
    )
    with pytest.raises(RuntimeError, match="cuDNN is not detected"):
        IMPLEMENTATIONS["cudnn"](given)


TOPOLOGY = """
import jax, jax.numpy as jnp
from jax.experimental import topologies
from jaxpad.attention import attention
from jaxpad.target import target
device = topologies.get_topology_desc("v5e:2x2", "tpu").devices[0]
where = jax.sharding.SingleDeviceSharding(device)

def step(q, k, ids):
    def call(q, k):
        return attention(q, k, k, segment_ids=ids, causal=True, implementation="splash")
    y, pull = jax.vjp(call, q, k)
    return y, pull(y)

for dtype in jnp.float32, jnp.bfloat16:
    for length, heads, head_dim in (100, 2, 64), (384, 4, 128), (1024, 2, 80):
        args = [jax.ShapeDtypeStruct((2, length, h, head_dim), dtype, sharding=where)
                for h in (heads, 2)]
        ids = jax.ShapeDtypeStruct((2, length), jnp.int32, sharding=where)
        with target("tpu"):
            program = jax.jit(step).lower(*args, ids).compile()
        assert program.as_text().count("tpu_custom_call") == 3
"""


@pytest.mark.slow
def test_splash_compiles_for_a_tpu():
    pytest.importorskip("libtpu")
    settings = {"TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}
    environment = os.environ | settings | {"JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", TOPOLOGY], env=environment, check=True)
