"""Operations on one image equal PIL's, within its rounding to bytes."""

import colorsys
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from sklearn.datasets import load_sample_image

from jaxpad.data.augment import OPERATIONS, colours, compose, geometry, randaugment
from jaxpad.data.augment.photometric import photometric


PHOTO = np.ascontiguousarray(load_sample_image("flower.jpg")[200:231, 300:340])
# Dull and blue, so that stretching and equalizing have something to do.
DULL = (PHOTO // 3 + np.asarray([20, 30, 60])).astype(np.uint8)
GREY = (128, 128, 128)


def as_float(image: np.ndarray) -> jax.Array:
    return jnp.asarray(image / 255, jnp.float32)


def differ(found: Any, expected: Any) -> float:
    """The largest difference, in levels."""
    return float(np.abs(np.asarray(found) * 255 - np.asarray(expected, float)).max())


@pytest.mark.parametrize("factor", [0.0, 0.1, 0.6, 1.0, 1.3, 1.9])
@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("brightness", "Brightness"),
        ("contrast", "Contrast"),
        ("colour", "Color"),
        ("sharpness", "Sharpness"),
    ],
)
def test_enhancement_equals_pil(name: str, maker: str, factor: float):
    for image in (PHOTO, DULL):
        found = getattr(colours, name)(as_float(image), factor)
        expected = getattr(ImageEnhance, maker)(Image.fromarray(image)).enhance(factor)
        # PIL rounds the grey, and cuts off what is behind the point of the result.
        assert differ(found, expected) <= 1 + 0.5 * abs(1 - factor) + 1e-3


@pytest.mark.parametrize("image", [PHOTO, DULL], ids=["photo", "dull"])
def test_operations_on_levels_equal_pil(image: np.ndarray):
    x, pil = as_float(image), Image.fromarray(image)
    assert differ(colours.equalize(x), ImageOps.equalize(pil)) < 1e-3
    assert differ(colours.autocontrast(x), ImageOps.autocontrast(pil)) <= 1
    for bits in range(1, 9):
        found = colours.posterize(x, bits)
        assert differ(found, ImageOps.posterize(pil, bits)) < 1e-3
    for threshold in (0, 77, 128, 256):
        found = colours.solarize(x, threshold / 255)
        assert differ(found, ImageOps.solarize(pil, threshold)) < 1e-3


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (5, 1), (16, 16)])
@pytest.mark.parametrize("value", [0, 93, 255])
def test_one_colour_and_tiny_images(shape: tuple[int, int], value: int):
    image = np.full((*shape, 3), value, np.uint8)
    x, pil = as_float(image), Image.fromarray(image)
    assert differ(colours.equalize(x), ImageOps.equalize(pil)) < 1e-3
    assert differ(colours.autocontrast(x), image) < 1e-3
    assert differ(colours.sharpness(x, 0.0), image) < 1e-3


def test_hue_saturation_value_equal_the_standard_library():
    flat = np.concatenate([PHOTO.reshape(-1, 3), [[0, 0, 0], [9, 9, 9], [255, 0, 0]]])
    expected = [colorsys.rgb_to_hsv(*pixel) for pixel in flat / 255]
    x = as_float(flat)[None]
    found = colours.to_hsv(x)
    np.testing.assert_allclose(found[0], expected, atol=2e-6)
    np.testing.assert_allclose(colours.from_hsv(found), x, atol=2e-6)


def pil_affine(image: np.ndarray, matrix: Any, fill: Any) -> np.ndarray:
    pil = Image.fromarray(image)
    flat = tuple(np.asarray(matrix, float).ravel())
    size, method = pil.size, Image.Transform.AFFINE
    return np.asarray(
        pil.transform(size, method, flat, Image.Resampling.NEAREST, fillcolor=fill)
    )


def clear(matrix: Any, size: tuple[int, int]) -> np.ndarray:
    """Whether a pixel comes from a point that is not between two pixels.

    There PIL's fixed point and float32 may round to either side.
    """
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    a = np.asarray(matrix, float)
    points = a[:, :1, None] * x + a[:, 1:2, None] * y + a[:, 2:, None]
    return np.all(np.abs(points - np.round(points)) > 1e-3, axis=0)


SLOPES = [0.3, -0.3, 0.271]
MAPS = [
    ("rotate", [30.0, -30.0, 7.3, 88.0, 0.0]),
    ("shear_x", SLOPES),
    ("shear_y", SLOPES),
    ("translate_x", [5.3, -11.4, 100.0]),
    ("translate_y", [5.3, -11.4, 100.0]),
]


@pytest.mark.parametrize(
    ("name", "amount"), [(name, amount) for name, all_ in MAPS for amount in all_]
)
def test_map_equals_pil_and_moves_the_mask(name: str, amount: float):
    size = PHOTO.shape[:2]
    # The matrix of each in float64, written down from its meaning.
    a = math.radians(amount)
    y, x = size[0] / 2, size[1] / 2
    turn = np.asarray([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    offset = np.asarray([x, y]) - turn @ [x, y]
    matrix = {
        "rotate": np.concatenate([turn, offset[:, None]], 1),
        "shear_x": [[1, amount, 0], [0, 1, 0]],
        "shear_y": [[1, 0, 0], [amount, 1, 0]],
        "translate_x": [[1, 0, amount], [0, 1, 0]],
        "translate_y": [[1, 0, 0], [0, 1, amount]],
    }[name]
    extra = (size,) if name == "rotate" else ()
    ours = getattr(geometry, name)(amount, *extra)
    np.testing.assert_allclose(ours, matrix, atol=2e-5)
    mask = (PHOTO[..., 0] // 16).astype(np.int32)
    moved, label = geometry.warp(as_float(PHOTO), jnp.asarray(mask), ours)
    sure = clear(matrix, size)
    assert sure.mean() > 0.9 or name.startswith("shear") or amount == 0
    expected = pil_affine(PHOTO, matrix, GREY)
    assert differ(moved[sure], expected[sure]) < 1e-3
    by_pil = pil_affine(mask.astype(np.uint8), matrix, 255)
    np.testing.assert_array_equal(label[sure], by_pil[sure])
    assert np.all(np.unique(label) <= 15) or 255 in np.unique(label)


def test_rotation_turns_as_pil_turns():
    found, _ = geometry.warp(
        as_float(PHOTO), jnp.ones(2), geometry.rotate(17.0, PHOTO.shape[:2])
    )
    expected = np.asarray(Image.fromarray(PHOTO).rotate(17.0, fillcolor=GREY))
    same = np.all(np.abs(np.asarray(found) * 255 - expected) < 0.5, -1)
    assert same.mean() > 0.99


def expected_randaugment(name: str, image: np.ndarray, magnitude: float, sign: float):
    """By PIL, from AutoAugment's ranges."""
    pil, part = Image.fromarray(image), magnitude / 10
    factor, slope = 1 + sign * 0.9 * part, sign * 0.3 * part
    height, width = image.shape[:2]
    across, down = (sign * part * 150 / 331 * n for n in (width, height))
    enhance = {"colour": "Color"} | {
        n: n.title() for n in ("contrast", "brightness", "sharpness")
    }
    if name in enhance:
        return getattr(ImageEnhance, enhance[name])(pil).enhance(factor), 1.5
    return {
        "identity": lambda: (pil, 0),
        "autocontrast": lambda: (ImageOps.autocontrast(pil), 1),
        "equalize": lambda: (ImageOps.equalize(pil), 0),
        "posterize": lambda: (ImageOps.posterize(pil, round(8 - 4 * part)), 0),
        "solarize": lambda: (ImageOps.solarize(pil, round(256 - 256 * part)), 0),
        "rotate": lambda: (pil.rotate(sign * 30 * part, fillcolor=GREY), None),
        "shear_x": lambda: (pil_affine(image, [[1, slope, 0], [0, 1, 0]], GREY), None),
        "shear_y": lambda: (pil_affine(image, [[1, 0, 0], [slope, 1, 0]], GREY), None),
        "translate_x": lambda: (
            pil_affine(image, [[1, 0, across], [0, 1, 0]], GREY),
            None,
        ),
        "translate_y": lambda: (
            pil_affine(image, [[1, 0, 0], [0, 1, down]], GREY),
            None,
        ),
    }[name]()


@pytest.fixture(scope="module")
def operate():
    """Every operation on the photograph, jitted once."""

    def one(number, part, sign):
        x = as_float(DULL)
        return randaugment.operate(x, jnp.ones(2), number, part, sign)[0]

    return jax.jit(one, static_argnums=1)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("name", OPERATIONS)
def test_randaugment_has_the_published_operations(name: str, sign: float, operate: Any):
    found = operate(OPERATIONS.index(name), 0.875, jnp.asarray(sign))
    expected, levels = expected_randaugment(name, DULL, 8.75, sign)
    off = np.abs(np.asarray(found) * 255 - np.asarray(expected, float)).max(-1)
    if levels is None:  # PIL's fixed point may take the neighbour
        assert (off < 0.5).mean() > 0.97
    else:
        assert off.max() <= levels + 1e-2


def test_fourteen_operations_are_drawn_evenly_each_with_both_signs():
    assert len(OPERATIONS) == 14
    # Each leaves a different image behind; those of no sign leave one. 400 pixels,
    # for of fewer than 255 equalize makes nothing.
    n = 600
    images = jnp.broadcast_to(as_float(DULL[:20, :20]), (n, 20, 20, 3))
    keys = jax.random.split(jax.random.key(0), n)
    augment = jax.jit(compose("randaugment(layers=1, magnitude=9)"))
    found = np.asarray(augment(images, jnp.ones((n, 2)), keys)[0])
    kinds, counts = np.unique(np.round(found * 1e4), axis=0, return_counts=True)
    assert len(kinds) == 5 + 2 * 9
    # Expected n/14 = 43 (5 kinds) or n/28 = 21 (18 kinds), 5 standard deviations.
    assert 2 < counts.min()
    assert counts.max() < 75


def test_magnitude_nought_moves_nothing(operate: Any):
    for name in OPERATIONS:
        if name not in ("autocontrast", "equalize"):
            found = operate(OPERATIONS.index(name), 0.0, jnp.asarray(1.0))
            assert differ(found, DULL) < 1e-3, name


def test_magnitude_out_of_range_and_strange_channels_are_named():
    keys = jax.random.split(jax.random.key(0), 1)
    with pytest.raises(ValueError, match=r"magnitude=30: expected 0 to 10"):
        compose("randaugment(magnitude=30)")(
            as_float(PHOTO)[None], jnp.ones((1, 2)), keys
        )
    four = jnp.ones((1, 8, 8, 4))
    for name in ("randaugment", "photometric"):
        with pytest.raises(ValueError, match="1 or 3 channels, but these have 4"):
            compose(name)(four, jnp.ones((1, 2)), keys)


def by_colorsys(image: np.ndarray, change: dict[str, float]) -> np.ndarray:
    """Photometric distortion of one image with known changes, in NumPy."""
    x = np.clip(image / 255 + change["brightness"], 0, 1)
    x = np.clip(x * change["first"], 0, 1)
    hsv = np.asarray([colorsys.rgb_to_hsv(*p) for p in x.reshape(-1, 3)])
    hsv[:, 1] = np.clip(hsv[:, 1] * change["saturation"], 0, 1)
    hsv[:, 0] = (hsv[:, 0] + change["hue"]) % 1
    x = np.asarray([colorsys.hsv_to_rgb(*p) for p in hsv]).reshape(image.shape)
    return np.clip(x * change["last"], 0, 1)


def test_photometric_distortion_equals_numpy():
    n, image = 24, PHOTO[::5, ::5]
    images = jnp.broadcast_to(as_float(image), (n, *image.shape))
    keys = jax.random.split(jax.random.key(4), n)
    mask = jnp.zeros((n, *image.shape[:2]), jnp.int32)
    found, label = jax.jit(photometric)(images, mask, keys)
    np.testing.assert_array_equal(label, mask)
    seen = []
    for key, one in zip(keys, found, strict=True):
        coins, draws = jax.random.split(key)
        on = np.asarray(jax.random.bernoulli(coins, shape=(5,)))
        d = np.asarray(jax.random.uniform(draws, (4,), minval=-1, maxval=1), float)
        add, times, vivid, turn = np.where(on[:4], d, 0) * [32 / 255, 0.5, 0.5, 0.1]
        first, last = (1 + times, 1) if on[4] else (1, 1 + times)
        change = {"brightness": add, "first": first, "last": last}
        change |= {"saturation": 1 + vivid, "hue": turn}
        np.testing.assert_allclose(one, by_colorsys(image, change), atol=2e-5)
        seen.append(on)
    assert np.all(np.asarray(seen).any(0) & ~np.asarray(seen).all(0))
