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
    ("layers.BlurPool((2, 2))", "TypeError", "rank is one int, but (2, 2) came"),
]

PROGRAM = """
import functools, json, sys
import jax.numpy as jnp
import jaxpad
from flax import nnx
from jaxpad import layers

x, kernel, rngs = jnp.ones((1, 6, 6, 4)), jnp.ones((3, 3, 4, 4)), nnx.Rngs(0)

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
