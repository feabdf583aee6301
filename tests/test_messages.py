"""What a caller is told who runs no type checker, unlike the rest of these tests."""

import json
import subprocess
import sys

import pytest


# A call, the error's type, and a part of what it says.
CALLS = [
    ("jaxpad.max_pool(x, 2)", "TypeError", "write (2,) for 1 axis, (2, 2) for 2"),
    ("jaxpad.avg_pool(x, 2)", "TypeError", "window has one int for each space axis"),
    ("jaxpad.patches(x, 3)", "TypeError", "window has one int for each space axis"),
    ("jaxpad.propagate_mask(x > 0, 3)", "TypeError", "window has one int for each"),
    ("layers.MaxPool(2)", "TypeError", "window has one int for each space axis"),
    ("layers.Patches(2)", "TypeError", "window has one int for each space axis"),
    ("layers.AvgPool((2.0, 2))", "TypeError", "window is an int, or one per space"),
    ("layers.MaxPool((2, 2), 1.5)", "TypeError", "strides is an int, or one per"),
    ("jaxpad.blur_pool(x, taps=(3, 3))", "TypeError", "taps is one int, but (3, 3)"),
    ("layers.BlurPool(2, taps=3.0)", "TypeError", "taps is one int, but 3.0 came"),
    (
        "layers.Attention(2, 4, rngs=rngs)(x)",
        "TypeError",
        "Attention works on a Ragged",
    ),
    (
        "layers.ResizeConv(1, 4, 3, rngs=rngs)(batching.pack_sequences([[[1.0]]], 2))",
        "TypeError",
        "ResizeConv takes arrays, and a Ragged came: only Conv keeps",
    ),
    ("layers.Conv(4, 4, 3.5, rngs=rngs)", "TypeError", "kernel_size has one int for"),
    ("jaxpad.conv(x, kernel, groups=1.0)", "TypeError", "groups is one int, but 1.0"),
    ("jaxpad.conv_transpose(x, kernel, groups=1.0)", "TypeError", "groups is one int"),
    (
        "layers.Conv(4, 4, (3, 3), feature_group_count=1.0, rngs=rngs)",
        "TypeError",
        "feature_group_count is one int, but 1.0 came",
    ),
    ("jaxpad.conv(x, [[[[1.0]] * 4]]).shape", "nothing", "(1, 6, 6, 1)"),
    ("jaxpad.conv_transpose(x, [[[[1.0]] * 4]]).shape", "nothing", "(1, 6, 6, 1)"),
    ("jaxpad.resize_conv(x, [[[[1.0]] * 4]]).shape", "nothing", "(1, 12, 12, 1)"),
    ("edge_conv(x, [[[[[[1.0]] * 4]]] * 3] * 3).shape", "nothing", "(1, 6, 6, 1)"),
    ("jaxpad.conv(x, jnp.ones(3))", "ValueError", "conv: kernel has shape (3,), but"),
    ("jaxpad.conv_transpose(x, jnp.ones(3))", "ValueError", "kernel has shape (3,)"),
    ("jaxpad.resize_conv(x, jnp.ones(3))", "ValueError", "kernel has shape (3,), but"),
    ("jaxpad.blur_pool(jnp.ones(3))", "ValueError", "the window has 0, and x has"),
    ("jaxpad.pad(x, 1, axes=1)", "TypeError", "axes=1: expected the axes that are"),
    ("jaxpad.pad(x, 1, axes=(1.0,))", "TypeError", "axes=(1.0,): expected the axes"),
    (
        "jaxpad.pad(x, 1, 'latlon(odd_channels=1)', axes=(1, 2))",
        "TypeError",
        "odd_channels=1: expected the numbers of channels, as in odd_channels=(0, 1)",
    ),
    (
        "jaxpad.pad(x, 1, 'random(key=1)')",
        "TypeError",
        "random: key=1: expected a key of jax.random, as jax.random.key(0)",
    ),
    (
        "jaxpad.propagate_mask(x, (3, 3))",
        "ValueError",
        "mask has dtype float32, but booleans were expected",
    ),
    (
        "jaxpad.conv(x, kernel, strategy='strips', padding=drawn)",
        "ValueError",
        "by a rule, but Random is another function",
    ),
    ("batching.pack([1], 8.0)", "TypeError", "capacity is one int, but 8.0 came"),
    (
        "batching.pack([1], 8, max_per_row=2.0)",
        "TypeError",
        "max_per_row is one int, but 2.0 came",
    ),
    (
        "batching.length_buckets([1], 1.0)",
        "TypeError",
        "k is one int, but 1.0 came",
    ),
    (
        "batching.pack([3, 3], 8, 'best_fit(open_rows=1.5)')",
        "TypeError",
        "open_rows is one int, but 1.5 came",
    ),
    (
        "batching.lanes(batching.pack_sequences([[1, 2]], 4), 2.0)",
        "TypeError",
        "count is one int, but 2.0 came",
    ),
    (
        "batching.pack_sequences([[1, 2]], 4.0)",
        "TypeError",
        "capacity is one int, but 4.0 came",
    ),
    (
        "batching.padded(batching.pack_sequences([[1, 2]], 4), '3')",
        "TypeError",
        "longest is one int, but '3' came",
    ),
    (
        "batching.assert_isolated(layers.Attention(2, 4, rngs=rngs), x)",
        "TypeError",
        "assert_isolated tries a model on a Ragged, but ArrayImpl came: make one by "
        "jaxpad.batching.ragged(x, segment_ids) or pack_sequences",
    ),
    (
        "batching.assert_padding_invariant(layers.Attention(2, 4, rngs=rngs), x)",
        "TypeError",
        "assert_padding_invariant tries a model on a Ragged, but ArrayImpl came",
    ),
    ("layers.BlurPool((2, 2))", "TypeError", "rank is one int, but (2, 2) came"),
]

PROGRAM = """
import functools, json, sys
import jax.numpy as jnp
import jaxpad
from flax import nnx
from jaxpad import batching, layers
from jaxpad.conv import edge_conv

x, kernel, rngs = jnp.ones((1, 6, 6, 4)), jnp.ones((3, 3, 4, 4)), nnx.Rngs(0)
drawn = layers.Random(4, 2, rngs=rngs)

def told(call):
    try:
        return ["nothing", str(eval(call))]
    except Exception as error:
        return [type(error).__name__, str(error)]

print(json.dumps([told(call) for call in json.loads(sys.argv[1])]))
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, list[str]]:
    calls = [call for call, _, _ in CALLS]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(calls)],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(calls, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize(("call", "kind", "text"), CALLS, ids=[c[0] for c in CALLS])
def test_told(answers: dict[str, list[str]], call: str, kind: str, text: str):
    told_kind, told = answers[call]
    assert told_kind == kind
    assert text in told
