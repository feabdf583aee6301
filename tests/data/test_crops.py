"""Crops: which part is seen, its mask, and that each record draws its own."""

from typing import Any

import jaxtyping
import numpy as np
import pytest
from scipy import stats

from jaxpad.data import CROPS, IGNORE, check_crop
from jaxpad.data.crops import FILL, largest_share, nearest, random_resized_crop
from tests.data.files import encoded, photograph


# Two channels say where a pixel came from, so a crop tells its box.
ROWS, COLUMNS = np.mgrid[0:120, 0:200].astype(np.uint8)
PLACES = np.stack([ROWS, COLUMNS], -1)
LABELS = (ROWS // 30 * 5 + COLUMNS // 40).astype(np.int32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def crop(spec: str, image: Any = PLACES, mask: Any = None, seed: int = 0):
    return CROPS.resolve(spec)(image, mask, rng(seed))


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("whole", (120, 200)),
        ("random_resized_crop(size=32)", (32, 32)),
        ("resize_crop(size=32, resize=40)", (32, 32)),
        ("random_scale_crop(size=48)", (48, 48)),
        ("random_scale_crop(size=(24, 48))", (24, 48)),
    ],
)
def test_shapes_and_seeds(spec: str, shape: tuple[int, int]):
    for image in (PLACES, encoded(photograph(120, 200)), PLACES[:1, :1]):
        mask = (
            None if isinstance(image, bytes) else LABELS[: len(image), : len(image[0])]
        )
        pixels, labels = crop(spec, image, mask)
        if spec != "whole":
            assert pixels.shape[:2] == shape
        assert pixels.dtype == np.uint8
        assert labels is None or labels.shape == pixels.shape[:2]
        again, _ = crop(spec, image, mask)
        np.testing.assert_array_equal(pixels, again)
    one, two = crop(spec, seed=1)[0], crop(spec, seed=2)[0]
    assert np.array_equal(one, two) == (not spec.startswith("random"))


@pytest.mark.parametrize(
    "spec",
    [
        "random_resized_crop(size=32)",
        "resize_crop(size=30, resize=30)",
        "random_scale_crop(size=48, scale=(0.5, 1.0))",
    ],
)
def test_masks_follow_the_image(spec: str):
    """The label of the place that each pixel shows."""
    for seed in range(20):
        pixels, labels = crop(spec, mask=LABELS, seed=seed)
        assert labels is not None
        rows, columns = pixels[..., 0].astype(int), pixels[..., 1].astype(int)
        real = labels != IGNORE
        # Within a pixel of a border of labels either may be right.
        sure = real & (abs(rows % 30 - 14.5) < 13) & (abs(columns % 40 - 19.5) < 18)
        assert sure.sum() > 50
        np.testing.assert_array_equal(
            labels[sure], rows[sure] // 30 * 5 + columns[sure] // 40
        )


def test_random_resized_crop_draws_area_and_ratio_evenly():
    """Of those boxes that fit at once; against scipy's uniform distribution."""
    square = np.moveaxis(np.mgrid[0:250, 0:250], 0, -1).astype(np.uint8)
    areas, ratios = [], []
    for seed in range(400):
        pixels, _ = random_resized_crop(
            square, None, rng(seed), size=50, scale=(0.1, 0.5), ratio=(0.5, 2.0)
        )
        high, wide = (
            (pixels[-1, -1, axis] - pixels[0, 0, axis].astype(float)) * 50 / 49
            for axis in (0, 1)
        )
        areas.append(high * wide / 250**2)
        ratios.append(np.log2(wide / high))
    assert stats.kstest(areas, stats.uniform(0.1, 0.4).cdf).pvalue > 1e-3
    assert stats.kstest(ratios, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_a_strip_falls_back_to_its_middle():
    strip = np.repeat(np.arange(240, dtype=np.uint8)[None, :, None], 10, 0)
    pixels, _ = crop("random_resized_crop(size=12, scale=(0.9, 1.0))", strip)
    # 10 high and at most 4 / 3 as wide: columns 113 to 126 of 240.
    assert 112 <= pixels.min() <= pixels.max() <= 127


def test_resize_crop_is_the_middle():
    pixels, _ = crop("resize_crop(size=224, resize=256)")
    side = 120 * 224 / 256
    middle = pixels.astype(float).mean((0, 1))
    np.testing.assert_allclose(middle, [59.5, 99.5], atol=0.75)
    spread = pixels[-1, -1].astype(float) - pixels[0, 0]
    np.testing.assert_allclose(spread, side - 1, atol=1.5)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("random_resized_crop(size=0)", "size=0: expected a whole number of pixels, 1"),
        ("random_resized_crop(size=True)", "size=True: expected a whole number"),
        ("random_resized_crop(size='16')", "size='16': expected a whole number"),
        (
            "random_resized_crop(size=(16, 16))",
            r"size=\(16, 16\): expected a whole num",
        ),
        (
            "random_resized_crop",
            r'crop lacks size: write "random_resized_crop\(size=22',
        ),
        (
            "resize_crop",
            r'lacks size and resize: write "resize_crop\(size=224, resize=',
        ),
        ("resize_crop(size=-1, resize=4)", "size=-1: expected"),
        ("resize_crop(size=8, resize=4.5)", "resize=4.5: expected"),
        ("resize_crop(size=64, resize=32)", "write resize=64 or more"),
        ("random_resized_crop(size=8, scale=0.5)", "scale=0.5: expected two numbers"),
        ("random_resized_crop(size=8, scale=(2, 3))", r"scale=\(2, 3\): .* at most 1"),
        ("random_resized_crop(size=8, scale=(0.5, 0.1))", "the smallest first"),
        ("random_resized_crop(size=8, scale='12')", "scale='12': expected two numbers"),
        ("random_resized_crop(size=8, ratio=(0, 1))", r"ratio=\(0, 1\): .* above 0, "),
        (
            "random_scale_crop(size=(8, 8, 8))",
            r"size=\(8, 8, 8\): .*, or two: \(height",
        ),
        ("random_scale_crop(size=(8, 0))", r"size=\(8, 0\): expected"),
        ("random_scale_crop(size=8, scale=(0, 0))", r"scale=\(0, 0\): expected two"),
        ("random_scale_crop(size=8, scale=(1, 1e999))", r"scale=\(1, inf\): expected"),
        ("random_scale_crop(size=8, most=0)", "most=0: expected a part above 0"),
    ],
)
def test_options_are_checked_before_a_record_is_read(
    spec: str, text: str, monkeypatch: pytest.MonkeyPatch
):
    # As for users, without the check of annotations that the tests run under.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=text):
        check_crop(CROPS.resolve(spec))


def picky(image: Any, mask: Any, rng: Any, *, channel: int) -> Any:
    return image[..., channel : channel + 1], mask


def test_the_crop_of_a_user_is_not_tried():
    """It may take no grey image; but what it lacks is seen."""
    check_crop(CROPS.resolve(f"{__name__}:picky(channel=7)"))
    with pytest.raises(ValueError, match=r'picky lacks channel: write "picky\(channel'):
        check_crop(picky)


def test_random_scale_crop_scales():
    """Magnified twice, 48 pixels of the crop show 24 of the image."""
    for zoom, reach in ((2.0, 24), (1.0, 48), (0.5, 96)):
        spec = f"random_scale_crop(size=48, scale=({zoom}, {zoom}))"
        pixels, _ = crop(spec)
        span = (pixels[-1, -1].astype(float) - pixels[0, 0]) * 48 / 47
        np.testing.assert_allclose(span, reach, atol=2)


def test_beyond_the_image_nothing_is_labelled():
    pixels, labels = crop(
        "random_scale_crop(size=240, scale=(1.0, 1.0))", mask=np.zeros_like(LABELS)
    )
    assert labels is not None
    np.testing.assert_array_equal(pixels[:120, :200], PLACES)
    assert np.all(labels[:120, :200] == 0)
    for beyond in (np.s_[120:], np.s_[:, 200:]):
        assert np.all(labels[beyond] == IGNORE)
        assert np.all(pixels[beyond] == FILL)


def test_one_class_may_have_its_share_at_most():
    """A corner of another class is rare, unless crops without it are drawn again."""
    mask = np.zeros((120, 200), np.int32)
    mask[60:, 100:] = 1
    mask[:10] = IGNORE
    spec = "random_scale_crop(size=40, scale=(1.0, 1.0), most={})"

    def most(limit: float, seed: int) -> float:
        _, labels = crop(spec.format(limit), mask=mask, seed=seed)
        assert labels is not None
        return largest_share(labels, (0, 0, 40, 40))

    free = np.mean([most(1.0, seed) > 0.75 for seed in range(60)])
    held = np.mean([most(0.75, seed) > 0.75 for seed in range(60)])
    assert free > 0.6
    assert held < 0.2


def test_share_leaves_out_what_is_ignored():
    mask = np.asarray([[0, 0, 1, IGNORE], [IGNORE] * 4])
    assert largest_share(mask, (0, 0, 2, 4)) == pytest.approx(2 / 3)
    assert largest_share(mask, (1, 0, 1, 4)) == 0


@pytest.mark.parametrize("size", [(3, 5), (7, 11), (14, 22), (10, 4)])
def test_nearest_is_the_pixel_under_the_middle(size: tuple[int, int]):
    mask = np.arange(200).reshape(10, 20)
    box = (2, 4, 7, 11)
    found = nearest(mask, box, size)
    rows = np.floor(2 + (np.arange(size[0]) + 0.5) * 7 / size[0]).astype(int)
    columns = np.floor(4 + (np.arange(size[1]) + 0.5) * 11 / size[1]).astype(int)
    np.testing.assert_array_equal(found, mask[np.ix_(rows, columns)])
