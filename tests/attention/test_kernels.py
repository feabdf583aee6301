"""Kernels for devices that are not here: what can be told of them without one."""

import dataclasses
import os
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.attention import IMPLEMENTATIONS, Inputs, attention
from jaxpad.attention.inputs import read
from jaxpad.target import target
from tests.attention.cases import CASES, arrays
from tests.attention.reference import attend, gradients


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
    np.testing.assert_allclose(out, attend(qkv, ids, key_ids, **kept), atol=2e-6)
    wanted = gradients(qkv, g, ids, key_ids, **kept)
    for a, b in zip(pulled, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6)


def seen(ids: Any, key_ids: Any) -> Any:
    keys = ids if key_ids is None else key_ids
    return (ids[:, :, None] == keys[:, None]).any(-1) & (ids > 0)


def test_cudnn_is_asked_for():
    """There is none here, and jax says so."""
    q = jnp.ones((3, 7, 1, 8), jnp.bfloat16)
    with pytest.raises(RuntimeError, match="cuDNN is not detected"):
        IMPLEMENTATIONS["cudnn"](inputs("whole", q, q, q))


def an_h100() -> jax.sharding.AbstractMesh:
    """One that need not be there."""
    facts = {"device_kind": "NVIDIA H100", "num_cores": None, "platform": "gpu"}
    names = {field.name for field in dataclasses.fields(jax.sharding.AbstractDevice)}
    known = {name: fact for name, fact in facts.items() if name in names}  # jax 0.10
    device = jax.sharding.AbstractDevice(**known)
    return jax.sharding.AbstractMesh((1,), ("all",), abstract_device=device)


@pytest.mark.parametrize(
    ("name", "backend", "platform", "call"),
    [
        ("triton", "gpu", "cuda", "@__gpu$xla.gpu.triton"),
        ("splash", "tpu", "tpu", "@tpu_custom_call"),
    ],
)
# Of jax 0.12; pyproject.toml allows no later one, which may not have it.
@pytest.mark.filterwarnings("ignore:The Pallas Triton backend:DeprecationWarning")
def test_is_a_kernel_on_its_device(name: str, backend: str, platform: str, call: str):
    """For the output, and two for the gradients; elsewhere it is emulated."""
    q = jax.ShapeDtypeStruct((2, 100, 2, 80), jnp.bfloat16)
    ids = jax.ShapeDtypeStruct((2, 100), jnp.int32)

    def step(q: Any, ids: Any) -> Any:
        options = {"segment_ids": ids, "causal": True, "implementation": name}
        y, pull = jax.vjp(lambda q: attention(q, q, q, **options), q)
        return y, pull(y)

    with target(backend), jax.sharding.use_abstract_mesh(an_h100()):
        program = jax.jit(step).trace(q, ids).lower(lowering_platforms=(platform,))
    assert program.as_text().count(call) == 3
    assert call not in jax.jit(step).lower(q, ids).as_text()


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
