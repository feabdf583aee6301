"""What `jaxpad.check` lists and says."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxpad
from jaxpad import Padding, check
from jaxpad.analysis import padding_fraction
from jaxpad.conv import STRATEGIES
from jaxpad.layers import (
    AvgPool,
    BlurPool,
    Conv,
    ConvTranspose,
    EdgeConv,
    MaxPool,
    Padded,
    Patches,
    ResizeConv,
)
from jaxpad.models import MODELS
from tests.subjects import sixteenths


RNGS = nnx.Rngs(0)


def conv(k: int = 3, stride: int = 1, **options: Any) -> Conv:
    return Conv(1, 1, (k, k), stride, kernel_init=sixteenths, rngs=RNGS, **options)


def of(*layers: Any, n: int = 16) -> Any:
    return check(nnx.Sequential(*layers), (1, n, n, 1))


@pytest.fixture(scope="module")
def resnet50() -> Any:
    model = nnx.eval_shape(lambda: MODELS["resnet50"](3, 1000, rngs=nnx.Rngs(0)))
    return model, check(model, (1, 224, 224, 3))


def test_resnet50(resnet50: Any):
    _, report = resnet50
    assert len(report.rows) == 54  # 53 convolutions and a pool
    rows = {row.path: row for row in report.rows}
    stem, pool = rows["stem"], rows["pool"]
    assert (stem.input, stem.output, stem.field) == ((224,) * 2, (112,) * 2, (7, 7))
    assert (stem.window.widths, stem.unused) == (((3, 3), (3, 3)), (1, 1))
    assert (pool.kind, pool.unused, pool.field) == ("MaxPool", (1, 1), (11, 11))
    assert rows["blocks/15/convs/1"].field == (427, 427)
    uneven = [row.path for row in report.rows if any(row.unused)]
    strided = [f"blocks/{n}/convs/1" for n in (3, 7, 13)]
    assert uneven == ["stem", "pool", *strided]


@pytest.mark.parametrize(("block", "n"), [(1, 56), (5, 28), (9, 14), (15, 7)])
def test_shares_of_a_3x3_convolution(resnet50: Any, block: int, n: int):
    """One side of an n x n map: n - 2 of n outputs are clean, 3n - 2 of 3n taps."""
    (row,) = [r for r in resnet50[1].rows if r.path == f"blocks/{block}/convs/1"]
    assert row.input == (n, n)
    np.testing.assert_allclose(row.touched, 1 - ((n - 2) / n) ** 2)
    np.testing.assert_allclose(row.taps, 1 - ((3 * n - 2) / (3 * n)) ** 2)


def test_uneven_padding_names_the_sizes_without(resnet50: Any):
    model, report = resnet50
    (text,) = [w for w in report.warnings if "uneven" in w]
    assert text.startswith("stem, pool, blocks/3/convs/1 and 2 more: the last padded")
    assert "never read at 224x224" in text
    assert 'Use an input of 225x225 or 193x193, or amount="same".' in text
    even = check(model, (1, 225, 225, 3))
    assert not any("uneven" in w for w in even.warnings)
    assert not any(any(row.unused) for row in even.rows if row.unused)


@pytest.mark.parametrize("seed", range(8))
def test_sizes_that_are_named_are_even(seed: int):
    rng = np.random.default_rng(seed)
    layers = []
    for k, stride, lo in rng.integers([2, 1, 0], [5, 4, 3], (3, 3)):
        layers += [conv(int(k), min(int(stride), int(k)), amount=(int(lo), 1))]
    report = of(*layers, n=50)
    (text,) = [w for w in report.warnings if "uneven" in w] or [""]
    assert bool(text) == any(any(row.unused) for row in report.rows)
    for size in re.findall(r"(\d+)x\d+", text.partition("Use")[2]):
        rows = of(*layers, n=int(size)).rows
        assert not any(any(row.unused) for row in rows), size


def test_overreach(resnet50: Any):
    text = resnet50[1].warnings[1]
    assert text.startswith("blocks/11/convs/1, ")
    assert "(up to 427) is larger than the input (224x224)" in text


# One space between columns; the rows of a model with two axes of their own.
TABLE = """
layer input output window mode amount unused field touched taps
layers/0 15x14 15x14 3x3 reflect 1,1 - 3 25.7% 9.0%
layers/2 15x14 8x7 3x5/2 zero 1,1 2,2 0x1 5x7 46.4% 16.2%
layers/3 8x7 8x7 3x3 d2 reflect/zero/circular 2,2 - 13x15 78.6% 32.5%
layers/4 8x7 4 2x2/2 zero+partial 0,1 1x0 15x17 25.0% 12.5%
"""


def test_table(resnet50: Any):
    layers = [
        nnx.Conv(1, 1, (3, 3), padding="REFLECT", kernel_init=sixteenths, rngs=RNGS),
        nnx.relu,
        Conv(1, 1, (3, 5), 2, amount="half", kernel_init=sixteenths, rngs=RNGS),
        conv(3, kernel_dilation=2, padding=(("reflect", "zero"), "circular")),
        AvgPool((2, 2), padding="partial", amount=(0, 1)),
    ]
    text = str(check(nnx.Sequential(*layers), (1, 15, 14, 1)))
    head = [" ".join(line.split()) for line in text.splitlines()[:5]]
    assert head == TABLE.strip().splitlines()
    for line in (*text.splitlines(), *str(resnet50[1]).splitlines()):
        assert len(line) <= 100
        assert line == line.rstrip()
    assert "(36 calls of layers with a window of one cell" in str(resnet50[1])


def test_flax_layers_are_those_they_become():
    for padding in ("SAME", "VALID", "CIRCULAR", "REFLECT", 1, ((0, 1), (2, 0))):
        options: dict[str, Any] = {"kernel_init": sixteenths, "rngs": RNGS}
        model = nnx.Conv(1, 1, (3, 2), 2, padding=padding, **options)
        (row,) = check(model, (2, 9, 8, 1)).rows
        assert row.window is not None
        assert row.padding is not None
        y = model(jnp.ones((2, 9, 8, 1)))
        assert row.output == y.shape[1:3] == row.window.outputs
        mode = {"CIRCULAR": "circular", "REFLECT": "reflect"}.get(str(padding), "zero")
        assert row.padding.mode == mode
        assert row.kind == "Conv"


def test_reflect_wider_than_the_map():
    report = of(conv(5, 4), conv(5, 4, padding="reflect"), conv(5, padding="reflect"))
    assert [row.problem is None for row in report.rows] == [True, True, False]
    text = report.warnings[0]
    assert text.startswith("layers/2: width 2 is too wide for reflect: an axis of n=1")
    assert text.endswith("The report goes on with zeros there.")


def test_partial_without_zeros():
    circular = conv(padding=Padding("circular", reweight="partial"))
    mixed = conv(padding=Padding(("circular", "zero"), reweight="partial"))
    none = conv(1, padding=Padding("circular", reweight="partial"))
    (text,) = of(circular, mixed, none).warnings
    assert text.startswith("layers/0: reweight does nothing in circular+partial")


def test_windows_that_skip_or_see_nothing():
    skips, blind = of(conv(1, 3), conv(3, amount=(3, 0)), n=31).warnings
    assert "layers/0: the stride is larger than the window, so that 89%" in skips
    assert "layers/1: the amount is as wide as the window" in blind


def test_lost_cells_of_the_image():
    (text,) = of(MaxPool((2, 2)), n=15).warnings
    assert "the last cells of the input are never read at 15x15" in text
    assert "Use an input of 16x16 or 14x14" in text


def test_nothing_to_say():
    report = of(conv(), MaxPool((2, 2)), conv(padding="circular"))
    assert report.warnings == ()


class Corner(Padded):
    """A layer that this package does not know."""

    def __init__(self):
        self.set_padding("circular", (0, 1))

    def __call__(self, x: Any) -> Any:
        x = jaxpad.pad(x, self.amount, self.mode, axes=(1, 2))
        return x[:, 1:, 1:] + x[:, :-1, :-1]


def test_unknown_layers_are_listed():
    report = of(Corner(), conv())
    row = report.rows[0]
    assert (row.kind, row.window, row.unused) == ("Corner", None, None)
    assert (row.padding, row.field) == (Padding("circular", (0, 1)), (2, 2))
    np.testing.assert_allclose(row.touched, 1 - (15 / 16) ** 2)
    (text,) = report.warnings
    assert text.startswith("layers/0: neither a convolution nor a pool of jaxpad's")
    assert re.search(r"layers/0 +16 +16 +\? +circular +\(0, 1\) +\? +2 ", str(report))


def test_operations_that_hide_the_image():
    report = of(conv(), lambda x: x.at[:, 0].set(0.0), conv())
    assert report.rows[0].field == (3, 3)
    (text,) = report.warnings
    assert "What is read through ['scatter'] is not known" in text
    assert np.isnan(report.fraction)
    assert "Of the model's output ? comes from padding" in str(report)


@pytest.mark.parametrize("strategy", [*STRATEGIES, jaxpad.halo("spatial")])
def test_a_strategy_changes_nothing(strategy: Any):
    """Nor does it matter that halo finds no mesh: a model is traced without it."""
    model = nnx.Sequential(*(conv(padding="circular") for _ in range(2)))
    other: Any = nnx.Sequential(
        *(conv(padding="circular", strategy=strategy) for _ in range(2))
    )
    assert str(check(other, (1, 32, 32, 1))) == str(check(model, (1, 32, 32, 1)))
    assert other.layers[0].strategy is strategy


class Hidden(Padded):
    """Calls a kernel by itself."""

    def __init__(self):
        self.set_padding("circular", "same")

    def __call__(self, x: Any) -> Any:
        return jaxpad.conv(x, jnp.ones((3, 3, 1, 1)), strategy="kernel")


def test_layers_that_hide_the_image_have_no_share():
    report = of(Hidden())
    assert np.isnan([report.rows[0].touched, report.rows[0].taps]).all()
    assert any("['pallas_call'] is not known" in text for text in report.warnings)


def test_model_is_left_as_it_is():
    model: Any = nnx.Sequential(conv(), nnx.BatchNorm(1, rngs=RNGS), conv(9, 8))
    graph, state = nnx.split(model)
    first, second = (str(check(model, (1, 16, 16, 1))) for _ in range(2))
    assert first == second
    after, left = nnx.split(model)
    assert after == graph
    same = jax.tree.map(np.array_equal, state, left)
    assert all(jax.tree.leaves(same))
    assert type(model.layers[0]) is Conv
    assert not model.layers[1].use_running_average


def test_layer_used_twice_inside_jit():
    layer = conv(padding="circular")

    class Twice(nnx.Module):
        def __init__(self):
            self.layer = layer

        def __call__(self, x: Any) -> Any:
            return nnx.jit(lambda layer, x: layer(layer(x)))(self.layer, x)

    rows = check(Twice(), (1, 16, 16, 1)).rows
    assert [(row.path, row.field) for row in rows] == [
        ("layer", (3, 3)),
        ("layer", (5, 5)),
    ]


def test_check_inside_a_check():
    inner = conv()

    class Nosy(nnx.Module):
        def __init__(self):
            self.layer = conv()

        def __call__(self, x: Any) -> Any:
            x = self.layer(x)
            assert len(check(inner, (1, 4, 4, 1)).rows) == 1
            return self.layer(x)

    assert [row.field for row in check(Nosy(), (1, 8, 8, 1)).rows] == [(3, 3), (5, 5)]


def test_layers_that_are_stacked_into_one():
    make = nnx.vmap(lambda rngs: Conv(1, 1, (3, 3), rngs=rngs), in_axes=0, out_axes=0)
    make = nnx.split_rngs(splits=3)(make)

    class Stack(nnx.Module):
        def __init__(self):
            self.layers = nnx.eval_shape(lambda: make(nnx.Rngs(0)))

        def __call__(self, x: Any) -> Any:
            axes = (nnx.Carry, 0)
            call = nnx.scan(lambda x, f: f(x), in_axes=axes, out_axes=nnx.Carry)
            return call(x, self.layers)

    (row,) = check(Stack(), (1, 8, 8, 1)).rows
    assert (row.path, row.input, row.unused) == ("layers", (8, 8), (0, 0))
    assert np.isnan(row.touched)
    assert np.isnan(row.taps)


def test_one_layer_is_a_model():
    report = check(conv(3, amount="valid"), (1, 8, 8, 1))
    assert [row.path for row in report.rows] == ["Conv"]
    assert report.fraction == 0


def test_fraction_is_that_of_the_output():
    model = nnx.Sequential(conv(), conv(5, padding="reflect"))
    report = check(model, (1, 9, 9, 1))
    assert report.fraction == padding_fraction(model, (1, 9, 9, 1)).mean()
    assert f"{100 * report.fraction:.1f}% comes from padding" in str(report)


def test_refusals():
    with pytest.raises(TypeError, match="of an nnx model, but function came"):
        check(lambda x: x, (1, 8, 8, 1))
    with pytest.raises(ValueError, match=r"expected \(batch, \*space, channels\)"):
        check(conv(), (8, 8))
    with pytest.raises(ValueError, match="k=3 at dilation=1 spans 3 cells"):
        check(conv(amount="valid"), (1, 2, 2, 1))


def test_layers_that_resample():
    """Their windows are listed; the one of a resize slides over the enlarged image."""
    report = of(
        BlurPool(2, padding="reflect"),
        ResizeConv(1, 2, (3, 3), padding="circular", rngs=RNGS),
        Patches((2, 2), (2, 2)),
        n=17,
    )
    blur, resized, patches = report.rows
    assert [row.window and row.window.window for row in report.rows] == [
        (3, 3),
        (3, 3),
        (2, 2),
    ]
    assert (blur.output, resized.output, patches.output) == ((9, 9), (18, 18), (9, 9))
    assert blur.unused == (0, 0)
    assert round(resized.touched, 3) == round(1 - (16 / 18) ** 2, 3)


def test_a_transposed_convolution():
    """Its window slides over what it makes, and it reads all of what it gets."""
    flax = nnx.ConvTranspose(1, 1, (3, 3), 2, padding="CIRCULAR", rngs=RNGS)
    ours = ConvTranspose(1, 1, (5, 5), (2, 2), amount=2, output_padding=1, rngs=RNGS)
    report = of(flax, ours, conv())
    first, second, _ = report.rows
    assert (first.input, first.output, first.unused) == ((16, 16), (32, 32), None)
    assert first.padding is not None
    assert first.padding.mode == "circular"
    assert second.window is not None
    assert (second.window.space, second.window.widths) == ((64, 64), ((2, 2), (2, 2)))
    assert second.window.outputs == second.input
    assert re.search(r"layers/1 +32 +64 +5x5/2 +zero +2,2 +- ", str(report))
    assert report.warnings == ()


def test_kernels_of_the_border():
    (row,) = of(EdgeConv(1, 1, (3, 3), 2, amount="half", rngs=RNGS)).rows
    assert (row.kind, row.unused, row.field) == ("EdgeConv", (1, 1), (3, 3))
    assert (row.padding, row.output) == (Padding("zero", "half"), (8, 8))
    assert row.touched == 1 - (7 / 8) ** 2
