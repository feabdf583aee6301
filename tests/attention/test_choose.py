"""Who is asked for what, and who refuses."""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.attention import (
    IMPLEMENTATIONS,
    LAYOUTS,
    Abilities,
    Case,
    attention,
    choose,
)
from jaxpad.attention.choose import check_able, refusals
from jaxpad.target import target
from tests.attention.cases import CASES, IDS, RUN_HERE, arrays


CASE = Case("segments", False, True, "bfloat16", 64, 4096 * 4096, "tpu", True)
ABILITIES = IMPLEMENTATIONS.abilities


@pytest.mark.parametrize(
    ("name", "changes", "text"),
    [
        ("cudnn", {"backend": "gpu"}, "it takes no segment_ids"),
        ("cudnn", {"layout": "whole"}, "it runs on gpu, not tpu"),
        (
            "cudnn",
            {"layout": "whole", "backend": "gpu", "head_dim": 60},
            "8 to 128 by 8",
        ),
        ("triton", {"cross": True, "causal": False}, "keys are the queries' own slots"),
        ("triton", {"head_dim": 256}, "a head has 16 to 128 features, not 256"),
        ("splash", {"dtype": "float16"}, "bfloat16 or float32, not float16"),
        ("splash", {"dtype": "float64"}, "bfloat16 or float32, not float64"),
    ],
)
def test_what_it_cannot_do_it_refuses(name: str, changes: dict[str, Any], text: str):
    case = CASE._replace(**changes)
    with pytest.raises(ValueError, match=text) as error:
        check_able(name, case)
    able = [n for n in ABILITIES if not refusals(ABILITIES[n], case)]
    assert f"Those that can: {', '.join(map(repr, able))}. Type" in str(error.value)
    assert f"implementation={choose(case).implementation!r}." in str(error.value)


def test_who_cannot_do_a_case_refuses_it():
    """The others are held to float64 in test_attention.py."""
    for name, (case, tried) in itertools.product(ABILITIES, CASES.items()):
        *qkv, _ = arrays(tried.keys)
        able = name in RUN_HERE and (ABILITIES[name].cross or "other" not in case)
        if not able:
            with pytest.raises(ValueError, match=f"implementation='{name}' cannot do"):
                attention(*qkv, implementation=name, **tried.options)


def test_options_do_not_hide_the_name():
    q = jnp.ones((1, 4, 1, 8))
    with pytest.raises(ValueError, match="runs on gpu, not cpu"):
        attention(q, q, q, implementation="cudnn()")


@pytest.mark.parametrize(
    ("changes", "implementation"),
    [
        ({}, "splash"),
        ({"dtype": "float16"}, "chunked"),
        ({"backend": "gpu"}, "triton"),
        ({"backend": "gpu", "layout": "lengths"}, "cudnn"),
        ({"backend": "gpu", "layout": "whole", "dtype": "float32"}, "triton"),
        ({"backend": "gpu", "cross": True, "causal": False}, "chunked"),
        ({"backend": "gpu", "layout": "lengths", "one_device": False}, "cudnn"),
        ({"backend": "cpu"}, "chunked"),
        ({"backend": "cpu", "scores": 256 * 256}, "dense"),
    ],
)
def test_auto(changes: dict[str, Any], implementation: str):
    assert choose(CASE._replace(**changes)).implementation == implementation


def test_auto_is_never_refused():
    dtypes = ("float16", "bfloat16", "float32", "float64")
    flags = (False, True)
    for changes in itertools.product(
        LAYOUTS, flags, flags, dtypes, (4, 64, 256), (64, 2**24), ("cpu", "gpu", "tpu")
    ):
        for one_device in flags:
            case = Case(*changes, one_device)
            check_able(choose(case).implementation, case)


def test_auto_does_not_take_a_kernel_that_the_compiler_cannot_split():
    choice = choose(CASE._replace(one_device=False))
    assert choice.implementation == "chunked"
    assert "'splash' only in jax.shard_map" in choice.why


def seen_by_auto(monkeypatch: pytest.MonkeyPatch, call: Any) -> list[Case]:
    cases = []

    def recorded(case: Case) -> Any:
        cases.append(case)
        return choose(case)

    monkeypatch.setattr("jaxpad.attention.functional.choose", recorded)
    call()
    return cases


def test_the_case_is_that_of_the_arguments(monkeypatch: pytest.MonkeyPatch):
    q, k, v, _ = arrays(5, jnp.bfloat16)

    def call() -> None:
        jax.eval_shape(attention, q, k, v)
        with target("tpu"):
            jax.eval_shape(attention, q, q, q)
        options = {"segment_ids": IDS, "causal": True}
        jax.eval_shape(functools.partial(attention, **options), q, q, q)
        options = {"kv_lengths": np.array([1, 2, 3])}
        jax.eval_shape(functools.partial(attention, **options), q, k, v)

    assert seen_by_auto(monkeypatch, call) == [
        Case("whole", True, False, "bfloat16", 16, 35, "cpu", False),
        Case("whole", False, False, "bfloat16", 16, 49, "tpu", False),
        Case("segments", False, True, "bfloat16", 16, 49, "cpu", False),
        Case("lengths", True, False, "bfloat16", 16, 35, "cpu", False),
    ]


def test_a_part_in_shard_map_is_for_one_device(monkeypatch: pytest.MonkeyPatch):
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("data")
    q = jnp.ones((2, 4, 1, 8))

    def part(q: Any) -> Any:
        return attention(q, q, q)

    def call() -> None:
        mapped = jax.shard_map(part, mesh=mesh, in_specs=spec, out_specs=spec)
        jax.eval_shape(mapped, q)
        with jax.set_mesh(mesh):
            jax.eval_shape(part, q)

    inside, outside = seen_by_auto(monkeypatch, call)
    assert inside.one_device
    assert not outside.one_device


def test_a_batch_split_over_devices():
    mesh = jax.make_mesh((3,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    *qkv, _ = arrays()
    call = jax.jit(
        lambda q, k, v, ids: attention(
            q, k, v, segment_ids=ids, implementation="chunked(chunk=3)"
        )
    )
    out = call(*jax.device_put((*qkv, jnp.asarray(IDS)), split))
    expected = attention(*qkv, segment_ids=IDS, implementation="dense")
    np.testing.assert_allclose(out, expected, atol=1e-6)


@pytest.mark.slow
def test_parts_in_shard_map():
    """Gradients too, of keys that all devices have."""
    mesh = jax.make_mesh((3,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    split, whole = jax.sharding.PartitionSpec("data"), jax.sharding.PartitionSpec()
    q, k, _, g = arrays()
    k = k[:1]

    def gradients(name: str) -> Any:
        def part(q: Any, k: Any) -> Any:
            return attention(q, k, k, implementation=name)

        specs = {"in_specs": (split, whole), "out_specs": split}
        _, pull = jax.vjp(jax.shard_map(part, mesh=mesh, **specs), q, k)
        return jax.jit(pull)(g)

    for a, b in zip(gradients("chunked(chunk=3)"), gradients("dense"), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_an_implementation_says_what_it_can_do():
    with pytest.raises(ValueError, match="say what mine can do"):
        IMPLEMENTATIONS.register(name="mine")(mine)
    assert "mine" not in IMPLEMENTATIONS


def mine(inputs: Any) -> Any:
    return inputs.query


def test_a_registered_one_is_checked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(IMPLEMENTATIONS, "_entries", dict(IMPLEMENTATIONS._entries))
    monkeypatch.setattr(IMPLEMENTATIONS, "abilities", dict(ABILITIES))
    can = ABILITIES["dense"]._replace(layouts=("whole",), causal=False)
    IMPLEMENTATIONS.register(abilities=can)(mine)
    assert isinstance(can, Abilities)
    *qkv, _ = arrays()
    assert attention(*qkv, implementation="mine") is not None
    lengths = np.array([1, 2, 3])
    for options in ({"segment_ids": IDS}, {"causal": True}, {"lengths": lengths}):
        with pytest.raises(ValueError, match="'mine' cannot do this"):
            attention(*qkv, implementation="mine", **options)
