"""What `jaxpad.check` lists and says."""

import functools
import itertools
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
from jaxpad.padding import MODES
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
    strided = [(f"blocks/{n}/convs/1", f"blocks/{n}/projection") for n in (3, 7, 13)]
    assert uneven == ["stem", "pool", *itertools.chain(*strided)]


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


LOPSIDED: dict[str, Any] = {
    "even kernel": {"k": 2},
    "stride": {"k": 3, "strides": 2},
    "causal": {"k": 3, "amount": "causal"},
}


def window_shares(row: Any) -> np.ndarray:
    """The part of each window that is padding, tap by tap."""
    (n, _), (k, _), (s, _), _, ((lo, hi), _), (outputs, _) = row.window
    beyond = np.pad(np.zeros(n), (lo, hi), constant_values=1)
    real = [1 - beyond[o * s : o * s + k].mean() for o in range(outputs)]
    return 1 - np.outer(real, real)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", LOPSIDED)
def test_every_mode_with_other_widths_on_each_side(mode: str, case: str):
    """Also those that join pieces of no cells."""
    options = dict(LOPSIDED[case])
    size = (options.pop("k"),) * 2
    rngs = nnx.Rngs(0, padding=1)
    options |= {"padding": mode, "kernel_init": sixteenths, "rngs": rngs}
    faces = {"cube_sphere": 6, "healpix": 12}.get(mode, 1)
    report = check(Conv(4, 4, size, **options), (faces, 8, 8, 4))
    (row,) = report.rows
    shares = window_shares(row)
    if mode == "c2sp":  # a quarter of the channels leans each way
        ways = [np.flip(shares, axes) for axes in ((), 0, 1, (0, 1))]
        shares = np.mean(ways, 0)
    assert (row.problem, report.warnings) == (None, ())
    assert row.touched == (shares > 0).mean()
    np.testing.assert_allclose(row.taps, shares.mean())


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
    assert text.startswith("layers/0: window and unused cells are not known, for it")
    assert re.search(r"layers/0 +16 +16 +\? +circular +\(0, 1\) +\? +2 ", str(report))


class Standardised(Conv):
    """A layer of jaxpad's with more to it."""

    def __call__(self, inputs: Any, mask: Any = None) -> Any:
        return super().__call__(inputs - 1, mask) + 1


class Bordered(Conv):
    """One that pads by itself, so that its window is not the layer's."""

    def __call__(self, inputs: Any, mask: Any = None) -> Any:
        return super().__call__(jaxpad.pad(inputs, 2, "replicate", axes=(1, 2)), mask)


def test_classes_made_from_a_layer():
    options: dict[str, Any] = {"kernel_init": sixteenths, "rngs": RNGS}
    plain = Conv(1, 1, (3, 3), 2, padding="circular", **options)
    same = Standardised(1, 1, (3, 3), 2, padding="circular", **options)
    first, second = of(plain, n=15), of(same, n=15)
    assert second.rows[0] == first.rows[0]._replace(kind="Standardised")
    assert second.warnings == first.warnings
    report = of(Bordered(1, 1, (3, 3), amount="valid", **options), n=2)
    (row,) = report.rows
    assert (row.output, row.window, row.unused) == ((4, 4), None, None)


@pytest.mark.parametrize("k", [2, 3])
def test_functions_count_but_are_not_listed(k: int):
    """A pool that is called between two layers."""

    def by_jaxpad(x: Any) -> Any:
        return jaxpad.max_pool(x, (k, k), stride=2, amount="same")

    def by_flax(x: Any) -> Any:
        return nnx.max_pool(x, (k, k), (2, 2), padding="SAME")

    listed = of(conv(), MaxPool((k, k), 2, amount="same"), conv())
    for pool in (by_jaxpad, by_flax):
        report = of(conv(), pool, conv())
        assert len(report.rows) == 2
        assert [row.field for row in report.rows] == [(3, 3), (k + 6, k + 6)]
        assert report.rows[1].field == listed.rows[2].field
        assert report.fraction == listed.fraction


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


def test_a_model_of_two_outputs_is_told_what_to_type():
    two = nnx.Sequential(conv(), lambda x: (x, x))
    with pytest.raises(ValueError, match="the model returns 2 arrays") as found:
        check(two, (1, 8, 8, 1))
    typed = str(found.value).partition("for example by ")[2].rstrip(".")
    one = eval(typed, {"nnx": nnx, "model": two})
    assert check(one, (1, 8, 8, 1)).rows[0].field == (3, 3)


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


# Modes of several kinds that fold onto the output what lands beyond it.
FOLDING = ["circular", "replicate", "linear", "mean", "latlon", "learned_constant"]
SLOPES = np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4)
EXTRAPOLATE: Any = MODES["learned_extrapolation"]


@pytest.mark.parametrize(
    "mode",
    [*FOLDING, functools.partial(EXTRAPOLATE, weights=SLOPES)],
    ids=[*FOLDING, "learned_extrapolation"],
)
def test_outputs_onto_which_a_transposed_convolution_folds(mode: Any):
    """Touched are those that are others than with zeros, which meet none here."""
    options: dict[str, Any] = {"amount": ((1, 1), (2, 1)), "kernel_init": sixteenths}
    layer, zeros = (
        ConvTranspose(4, 4, (3, 3), 2, padding=p, rngs=nnx.Rngs(0), **options)
        for p in (mode, "zero")
    )
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 6, 6, 4)), jnp.float32)
    changed = np.abs(np.asarray(layer(x) - zeros(x))).max((0, 3)) > 1e-4
    (row,), (plain,) = (check(y, x.shape).rows for y in (layer, zeros))
    assert (plain.touched, plain.taps) == (0, 0)
    np.testing.assert_allclose(row.touched, changed.mean())
    assert bool(row.taps) == changed.any()


def test_a_decoder_sees_little_padding():
    """Most of what a decoder makes does not change with its mode."""
    options: dict[str, Any] = {"amount": 1, "rngs": RNGS, "padding": "circular"}
    up = [ConvTranspose(1, 1, (3, 3), 2, **options) for _ in range(3)]
    report = of(*up)
    assert [row.touched for row in report.rows] == [
        pytest.approx(1 - ((n - 2) / n) ** 2) for n in (31, 61, 121)
    ]
    # Two sums in a row at the border, of which one is its own; three more in a corner.
    line = 1 / 31
    assert report.rows[0].taps == pytest.approx(1 - (1 - line) ** 2)
    assert report.fraction == pytest.approx(
        padding_fraction(nnx.Sequential(*up), (1, 16, 16, 1)).mean()
    )
    assert report.fraction < 0.06


def test_a_transposed_convolution_of_flax():
    """It folds by a reshape, and means the same."""
    flax = nnx.ConvTranspose(1, 1, (3, 3), 2, padding="CIRCULAR", rngs=RNGS)
    ours = jaxpad.layers.replace_padding(flax, "circular")
    first, second = (of(conv(), layer, conv()) for layer in (flax, ours))
    assert (first.rows, first.fraction) == (second.rows, second.fraction)
    assert first.rows[1].touched == 1 - (31 / 32) ** 2


def test_fields_behind_a_transposed_convolution():
    """A mode does not change them."""
    down, fields = conv(2, 2), []
    for mode in ("zero", "circular", "linear"):
        up = ConvTranspose(1, 1, (4, 4), 2, amount=1, padding=mode, rngs=RNGS)
        fields.append([row.field for row in of(down, up, conv()).rows])
    assert fields[0] == fields[1] == fields[2]
    assert fields[0][-1] is not None


def test_transposed_convolution_on_the_sphere_is_not_known():
    layer = ConvTranspose(1, 1, (3, 3), 2, padding="cube_sphere", rngs=RNGS)
    report = check(layer, (6, 8, 8, 1))
    assert np.isnan(
        [report.rows[0].touched, report.rows[0].taps, report.fraction]
    ).all()
    assert "Of the model's output ? comes from padding" in str(report)
    (text,) = report.warnings
    assert "What is read through ['pad'] is not known" in text


def test_kernels_of_the_border():
    (row,) = of(EdgeConv(1, 1, (3, 3), 2, amount="half", rngs=RNGS)).rows
    assert (row.kind, row.unused, row.field) == ("EdgeConv", (1, 1), (3, 3))
    assert (row.padding, row.output) == (Padding("zero", "half"), (8, 8))
    assert row.touched == 1 - (7 / 8) ** 2


def test_a_mode_with_options_is_named_in_the_table():
    constant: Any = jaxpad.MODES["constant"]
    nine = functools.partial(constant, value=9.0)
    assert re.search(r" 3x3 +constant +1,1 ", str(of(conv(padding=nine))))
