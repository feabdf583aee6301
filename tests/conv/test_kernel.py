"""The Pallas kernel, emulated: the numbers of the padded image written out."""

import os
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.conv import Traffic, traffic
from jaxpad.conv.geometry import geometry
from jaxpad.conv.kernels.schedule import (
    NOTHING,
    TARGET,
    Makes,
    Reads,
    adjoint_line,
    forward_line,
    steps_of,
)
from tests.subjects import MODE_SPECS, integers


RULES = [s for s in MODE_SPECS if jaxpad.padding.rule_of(jaxpad.MODES.resolve(s))]


@jaxpad.affine
def odd_reflect(i: int, n: int) -> Any:
    """Twice the edge less the cell mirrored at it: two terms."""
    edge = 0 if i < 0 else n - 1
    return [(2, edge), (-1, 2 * edge - i)], 0.5


def results(strategy: str, x: Any, kernel: Any, **options: Any) -> tuple[Any, ...]:
    """The output, and both gradients of a weighted sum of it."""

    @jax.jit
    def run(x: Any, kernel: Any) -> tuple[Any, ...]:
        def conv(x: Any, kernel: Any) -> jax.Array:
            return jaxpad.conv(x, kernel, strategy=strategy, **options)

        y, pull = jax.vjp(conv, x, kernel)
        g = jnp.arange(y.size).reshape(y.shape) % 7 - 3
        return y, *pull(g.astype(y.dtype))

    return run(x, kernel)


@pytest.mark.parametrize(
    ("batch", "space", "window", "dtype", "options"),
    [
        (2, (5, 6), (3, 3), np.float32, {"padding": "circular"}),
        (2, (6, 5), (3, 3), np.float32, {"padding": "reflect", "stride": 2}),
        (2, (5, 4), (2, 4), np.float32, {"padding": "replicate", "stride": (1, 3)}),
        (128, (4, 5), (3, 3), np.float32, {"padding": "symmetric", "stride": 2}),
        (128, (4, 3), (3, 2), jnp.bfloat16, {"padding": "circular"}),
        (
            2,
            (5, 6),
            (3, 2),
            np.float32,
            {
                "padding": (
                    (odd_reflect, "constant(value=3.0)"),
                    ("zero", odd_reflect),
                ),
                "amount": ((2, 3), (0, 4)),
            },
        ),
    ],
)
def test_agrees_with_the_padded_image(
    batch: int,
    space: tuple[int, int],
    window: tuple[int, int],
    dtype: Any,
    options: dict[str, Any],
):
    x = jnp.asarray(integers((batch, *space, 3)), dtype)
    kernel = jnp.asarray(integers((*window, 3, 2), seed=1), dtype)
    expected = results("explicit", x, kernel, **options)
    for a, b in zip(results("kernel", x, kernel, **options), expected, strict=True):
        assert a.dtype == b.dtype
        # Whole numbers: only the rounding to bfloat16 at the end can differ.
        rtol = 1e-6 if dtype == np.float32 else 2**-7
        np.testing.assert_allclose(
            np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=rtol, atol=1e-4
        )


def test_several_parts_of_a_batch_add_up_and_infinities_stay_where_they_are():
    x, kernel = integers((256, 3, 3, 1)), integers((3, 3, 1, 2), seed=1)
    x[0, 0, 0] = np.inf
    y, _, dkernel = results("kernel", x, kernel, padding="replicate")
    expected, _, gradient = results("explicit", x, kernel, padding="replicate")
    np.testing.assert_array_equal(np.isfinite(y), np.isfinite(expected))
    np.testing.assert_array_equal(np.isfinite(dkernel), np.isfinite(gradient))
    there = np.isfinite(gradient)
    np.testing.assert_allclose(dkernel[there], gradient[there], rtol=1e-6)


def carried_out(reads: Reads, makes: Makes, taps: Any, x: Any) -> Any:
    """One axis of a kernel's work, in NumPy, with the weights `taps`."""
    y, ring, kept = {}, np.full(len(taps), np.nan), np.zeros(len(makes.extra))
    for s, slot in enumerate(reads.slot):
        cell = reads.weight[:, s] @ x[reads.source[:, s]] + reads.constant[s]
        ring[slot] = cell
        full = taps @ ring[(slot + 1 + np.arange(len(taps))) % len(taps)]
        if makes.made[s] == TARGET:
            assert makes.target[s] not in y
            y[int(makes.target[s])] = full + makes.extra[:, s] @ kept
        elif makes.made[s] != NOTHING:
            kept[makes.made[s]] = full
    return np.array([y[i] for i in range(len(y))])


@pytest.mark.parametrize("mode", [*RULES, odd_reflect])
def test_the_order_of_rows_gives_the_convolution_and_its_adjoint(mode: Any):
    draw = np.random.default_rng(0)
    for _ in range(30):
        n, k, stride, lo, hi = (int(draw.integers(1, m)) for m in (6, 5, 4, 4, 4))
        n += 3
        window = geometry((n,), (k,), stride, 1, ((lo, hi),))
        mode = jaxpad.MODES.resolve(mode)
        line = forward_line(window.axes()[0], (mode, mode))
        assert line is not None
        taps, x = draw.normal(size=k), draw.normal(size=n)

        def conv(x: Any, taps: Any = taps, window: Any = window, mode: Any = mode):
            padded = np.asarray(jaxpad.pad(x, window.widths, mode), np.float64)
            full = np.correlate(padded, taps, "valid")
            return full[:: window.stride[0]][: window.outputs[0]]

        got = carried_out(*steps_of(line), taps, x)
        np.testing.assert_allclose(got, conv(x), atol=1e-5)
        matrix = np.stack([conv(e) - conv(0 * x) for e in np.eye(n)])
        g = draw.normal(size=line.outputs)
        got = carried_out(*steps_of(adjoint_line(line)), taps[::-1], g)
        np.testing.assert_allclose(got, matrix @ g, atol=1e-5)


def test_traffic_is_that_of_the_blocks():
    x, kernel = jnp.ones((256, 6, 8, 16), jnp.bfloat16), jnp.ones((3, 3, 16, 32))
    kernel = kernel.astype(x.dtype)

    def conv(x: Any, kernel: Any) -> jax.Array:
        return jaxpad.conv(x, kernel, padding="circular", strategy="kernel")

    def gradients(x: Any, kernel: Any) -> Any:
        return jax.grad(lambda *a: jnp.sum(conv(*a)), (0, 1))(x, kernel)

    row, row_out = 8 * 16 * 128 * 2, 8 * 32 * 128 * 2
    weights = 9 * 16 * 32
    blocks = [(1, 8, 16, 128), (32, 144), (1, 8, 32, 128)]
    # Both halves of the batch: 6 rows and the 2 that pad them, and 6 rows of output.
    forward = Traffic((2, 8), blocks, 2 * (8 * row + 6 * row_out) + 2 * weights)
    assert traffic(conv, x, kernel) == [forward]
    first, to_x, to_kernel = traffic(gradients, x, kernel)
    assert first == forward
    # One row of g is read twice, for what is folded from below onto the first row.
    assert to_x.bytes == 2 * (7 * row_out + 6 * row) + 2 * weights
    assert to_kernel.bytes == 2 * (8 * row + 6 * row_out) + 4 * weights
    assert traffic(lambda x: x + 1, x) == []


@jaxpad.affine
def mean(i: int, n: int) -> Any:
    """The mean of the axis: as many terms as there are cells."""
    return [(1 / n, j) for j in range(n)], 0


@pytest.mark.parametrize(
    ("rank", "options", "text"),
    [
        (1, {}, "2 space axes without groups or dilation, but 1 axes"),
        (2, {"groups": 2}, "groups=2"),
        (2, {"dilation": (1, 2)}, r"dilation=\(1, 2\)"),
        (2, {"padding": jnp.pad}, 'at most 4 rows.*use strategy="auto"'),
        (2, {"padding": (mean, "zero")}, 'at most 4 rows.*use strategy="auto"'),
    ],
)
def test_what_it_does_not_do(rank: int, options: dict[str, Any], text: str):
    groups = options.get("groups", 1)
    x, kernel = jnp.ones((1, *[5] * rank, 2)), jnp.ones((*[3] * rank, 2 // groups, 2))
    with pytest.raises(ValueError, match=text):
        jaxpad.conv(x, kernel, strategy="kernel", **options)


def test_float64_is_refused():
    with jax.enable_x64(True):
        x, kernel = jnp.ones((1, 5, 5, 1)), jnp.ones((3, 3, 1, 1))
        with pytest.raises(TypeError, match="adds up in float32"):
            jaxpad.conv(x, kernel, strategy="kernel")


TOPOLOGY = """
import jax, jax.numpy as jnp, jaxpad
from jax.experimental import topologies
device = topologies.get_topology_desc("v5e:2x2", "tpu").devices[0]
where = jax.sharding.SingleDeviceSharding(device)

def step(x, kernel):
    def conv(x, kernel):
        options = {"padding": "circular", "stride": stride}
        return jaxpad.conv(x, kernel, strategy="kernel", **options)
    y, pull = jax.vjp(conv, x, kernel)
    return y, pull(y)

for dtype in jnp.float32, jnp.bfloat16:
    for shape in (128, 9, 12, 64), (128, 8, 6, 256), (8, 7, 9, 5), (128, 7, 9, 3):
        for stride in 1, 2:
            args = [jax.ShapeDtypeStruct(s, dtype, sharding=where)
                    for s in (shape, (3, 3, shape[-1], shape[-1]))]
            program = jax.jit(step).lower(*args).compile()
            assert program.as_text().count("tpu_custom_call") == 3
"""


@pytest.mark.slow
def test_compiles_for_a_tpu():
    pytest.importorskip("libtpu")
    settings = {"TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}
    environment = os.environ | settings | {"JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", TOPOLOGY], env=environment, check=True)
