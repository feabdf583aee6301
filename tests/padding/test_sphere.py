"""The globe: laws that its modes claim, operations that use them, what they refuse."""

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from flax import nnx

import jaxpad
from jaxpad.padding import MODES
from tests.padding.test_pad_transforms import primitives
from tests.subjects import ON_THE_SPHERE, integers, sixteenths


LATLON = ON_THE_SPHERE["latlon"]
CASES = {
    **ON_THE_SPHERE,
    "latlon(poles='on')": LATLON,
    "latlon(odd_channels=(0, 2))": LATLON,
}
every_mode = pytest.mark.parametrize("mode", CASES)
HALVES = [np.float16, ml_dtypes.bfloat16]


def padded(x: Any, mode: str) -> jax.Array:
    return jaxpad.pad(x, CASES[mode][1], mode)


def image(mode: str, seed: int = 0, dtype: Any = np.float32) -> Any:
    return integers(CASES[mode][0], seed, dtype)


def test_every_mode_of_the_globe_claims_the_laws_below():
    for mode in ON_THE_SPHERE:
        claimed = ("interior", "identity", "affine", "transforms", "dtype")
        assert MODES.laws[mode] == claimed


@every_mode
def test_interior_is_unchanged(mode: str):
    x, (_, (north, _), (west, _), _) = image(mode), CASES[mode][1]
    _, rows, columns, _ = x.shape
    inside = padded(x, mode)[:, north : north + rows, west : west + columns]
    np.testing.assert_array_equal(inside, x)


@every_mode
def test_zero_widths_are_the_identity(mode: str):
    x = image(mode)
    np.testing.assert_array_equal(jaxpad.pad(x, 0, mode), x, strict=True)


@every_mode
def test_affine_in_the_image(mode: str):
    x, y = image(mode), image(mode, seed=1)
    mixed = 3 * padded(x, mode) - 2 * padded(y, mode)
    np.testing.assert_array_equal(padded(3 * x - 2 * y, mode), mixed)


@every_mode
def test_eager_is_jit_is_vmap_over_the_batch(mode: str):
    x, f = image(mode), functools.partial(padded, mode=mode)
    with jax.disable_jit():
        expected = f(x)
    np.testing.assert_array_equal(jax.jit(f)(x), expected, strict=True)
    maps = x.reshape(2, -1, *x.shape[1:])
    each = jax.jit(jax.vmap(f))(maps)
    np.testing.assert_array_equal(each.reshape(expected.shape), expected, strict=True)


@every_mode
@pytest.mark.parametrize("dtype", HALVES)
def test_dtype_is_kept(mode: str, dtype: Any):
    y = padded(image(mode, dtype=dtype), mode)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.astype(np.float32), padded(image(mode), mode))


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_])
@pytest.mark.parametrize("poles", ["on", "between"])
def test_maps_of_whole_numbers(dtype: Any, poles: str):
    mode = f"latlon(poles={poles!r})"
    x = image("latlon", dtype=dtype)
    y = jaxpad.pad(x, LATLON[1], mode)
    assert y.dtype == dtype
    expected = jaxpad.pad(x.astype(np.float32), LATLON[1], mode)
    np.testing.assert_array_equal(y.astype(np.float32), expected)


@every_mode
def test_gradient_is_the_transpose(mode: str):
    x, v = image(mode), image(mode, seed=1)
    f = functools.partial(padded, mode=mode)
    u = integers(padded(x, mode).shape, seed=2)
    (backward,) = jax.jit(lambda x, u: jax.vjp(f, x)[1](u))(x, u)
    np.testing.assert_allclose(np.sum(f(v) * u), np.sum(v * backward), rtol=1e-6)


@every_mode
def test_no_gather_and_no_scatter(mode: str):
    x, f = image(mode), functools.partial(padded, mode=mode)
    program = jax.make_jaxpr(lambda x, u: jax.vjp(f, x)[1](u))(x, padded(x, mode))
    found = primitives(program.jaxpr)
    assert not [name for name in found if re.search("gather|scatter", name)]


@every_mode
def test_unequal_widths_are_parts_of_equal_ones(mode: str):
    x, (_, (north, south), (west, east), _) = image(mode), CASES[mode][1]
    w = 4
    whole = jaxpad.pad(x, w, mode, axes=(1, 2))
    east, west = min(east, w), min(west, w)
    part = jaxpad.pad(x, [(north, south), (west, east)], mode, axes=(1, 2))
    _, rows, columns, _ = whole.shape
    cut = whole[:, w - north : rows - w + south, w - west : columns - w + east]
    np.testing.assert_array_equal(part, cut)


def kernel(x: Any) -> Any:
    channels = x.shape[-1]
    return integers((3, 3, channels, channels), seed=3)


OPERATIONS = {
    "conv": lambda x, **how: jaxpad.conv(x, kernel(x), stride=2, **how),
    "max_pool": lambda x, **how: jaxpad.max_pool(x, (3, 3), stride=1, **how),
    "avg_pool": lambda x, **how: jaxpad.avg_pool(x, (3, 3), stride=1, **how),
}
every_globe = pytest.mark.parametrize("mode", ON_THE_SPHERE)


@every_globe
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_pad_first(mode: str, name: str):
    x, operation = image(mode), OPERATIONS[name]
    expected = operation(jaxpad.pad(x, 1, mode, axes=(1, 2)), amount="valid")
    np.testing.assert_allclose(operation(x, padding=mode, amount=1), expected)


@every_globe
def test_a_gradient_through_a_convolution(mode: str):
    """`<conv(v), u> == <v, conv's vjp of u>`, exactly in whole numbers."""
    x, v = image(mode), image(mode, seed=1)
    f = functools.partial(OPERATIONS["conv"], padding=mode, amount=1)
    y = f(v)
    u = integers(y.shape, seed=2)
    (backward,) = jax.jit(lambda x, u: jax.vjp(f, x)[1](u))(x, u)
    np.testing.assert_allclose(np.sum(y * u), np.sum(v * backward), rtol=1e-6)


@every_globe
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_layers_fold_the_faces(mode: str, dtype: Any):
    x = image(mode)
    faces = {"cube_sphere": 6, "healpix": 12}.get(mode, 1)
    layer = jaxpad.layers.Conv(
        x.shape[-1],
        2,
        (3, 3),
        padding=mode,
        kernel_init=sixteenths,
        dtype=dtype,
        rngs=nnx.Rngs(0),
    )
    y = layer(x.reshape(-1, faces, *x.shape[1:]))
    assert y.dtype == dtype
    flat = jaxpad.conv(
        x.astype(dtype), layer.kernel[...].astype(dtype), padding=mode, amount=1
    )
    np.testing.assert_array_equal(y.reshape(flat.shape), flat)


def test_a_pole_at_one_side_of_a_region():
    """The other sides of a map of the north are open."""
    x = integers((1, 4, 6, 1))
    mode = (("latlon", "replicate"), "circular")
    y = jaxpad.pad(x, 2, mode, axes=(1, 2))
    np.testing.assert_array_equal(
        y[:, :6], jaxpad.pad(x, 2, "latlon", axes=(1, 2))[:, :6]
    )
    np.testing.assert_array_equal(y[:, 6], y[:, 5])


REFUSED: list[tuple[str, tuple, Any, str]] = [
    ("latlon", (5, 6, 3), 1, r"latlon pads .*\(5, 6, 3\).*axes=\(1, 2\)"),
    ("latlon", (2, 5, 6, 3), 1, r"latlon pads the two space axes.*axes=\(1, 2\)"),
    ("latlon", (2, 5, 7, 3), "space", r"but 7 longitudes.*to an even number.*circular"),
    ("latlon(poles='at')", (2, 5, 6, 3), "space", "poles='at': expected one of"),
    ("latlon", (2, 2, 6, 3), "wide", r"width 3 is too wide.*at most 2 beyond a pole"),
    ("latlon(poles='on')", (2, 3, 6, 3), "wide", "'on'.*3 latitudes.*at most 2"),
    ("latlon(odd_channels=(3,))", (2, 5, 6, 3), "space", "among the 3 channels of x"),
    ("latlon(odd_channels=(-1,))", (2, 5, 6, 3), "space", "among the 3 channels of x"),
    ("cube_sphere", (6, 4, 4), 1, r"cube_sphere pads the two .*\(6, 4, 4\)"),
    ("cube_sphere", (6, 4, 4, 2), 1, r"axes=\(1, 2\)"),
    ("cube_sphere", (12, 4, 5, 2), "space", 'faces are square.*mode="cube_sphere" al'),
    ("cube_sphere", (8, 4, 4, 2), "space", r"no multiple of the 6 faces.*reshape\(-1"),
    (
        "cube_sphere",
        (6, 2, 2, 1),
        "wide",
        "width 3 .* cube_.* 2 x 2 cells",
    ),
    ("healpix", (6, 4, 4, 2), "space", "no multiple of the 12 faces"),
    ("healpix", (12, 4, 3, 2), "space", "healpix: faces are square"),
]
WIDTHS: dict[Any, Any] = {"space": [(0, 0), (1, 1), (1, 1), (0, 0)]}
WIDTHS["wide"] = [(0, 0), (1, 3), (1, 1), (0, 0)]


@pytest.mark.parametrize(("mode", "shape", "widths", "text"), REFUSED)
def test_refusals(mode: str, shape: tuple, widths: Any, text: str):
    with pytest.raises(ValueError, match=re.compile(text, re.DOTALL)):
        jaxpad.pad(jnp.ones(shape), WIDTHS.get(widths, widths), mode)


def test_modes_per_axis_of_faces_say_what_to_write():
    mode = ("cube_sphere", "cube_sphere")
    with pytest.raises(ValueError, match='tuple of modes, write mode="cube_sphere" al'):
        jaxpad.pad(jnp.ones((6, 4, 4, 1)), 1, mode, axes=(1, 2))


@pytest.mark.parametrize("mode", ["cube_sphere", "healpix"])
def test_a_mean_of_whole_numbers(mode: str):
    with pytest.raises(ValueError, match=r"means.*int32\s+cannot hold.*astype"):
        padded(image(mode, dtype=np.int32), mode)


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_])
def test_a_sign_of_numbers_without_one(dtype: Any):
    with pytest.raises(ValueError, match=r"change their sign.*cannot hold.*astype"):
        padded(image("latlon", dtype=dtype), "latlon(odd_channels=(0, 2))")


def test_an_odd_number_of_longitudes_goes_round():
    x = integers((1, 2, 5, 1))
    y = jaxpad.pad(x, [(0, 0), (12, 1)], "latlon", axes=(1, 2))
    np.testing.assert_array_equal(
        y, np.pad(x, [(0, 0), (0, 0), (12, 1), (0, 0)], "wrap")
    )
