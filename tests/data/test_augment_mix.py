"""Mixup, CutMix and random erasing: what is mixed, how much, and how often."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxpad.data.augment.erase import random_erasing
from jaxpad.data.augment.mix import cutmix, mixup, mixup_or_cutmix


N = 200


def flat(n: int = N, size: tuple[int, int] = (9, 13)):
    """Images of one value each, its number; labels that tell each record."""
    images = np.zeros((n, *size, 3), np.float32) + np.arange(n).reshape(-1, 1, 1, 1)
    images = jnp.asarray(images, jnp.float32)
    keys = jax.random.split(jax.random.key(1), n)
    return images, jnp.eye(n), keys


def test_mixup_is_a_sum_with_the_next_record_by_beta():
    images, labels, keys = flat()
    rng = np.random.default_rng(0)
    images = jnp.asarray(rng.random(images.shape), jnp.float32)
    mixed, rows = jax.jit(mixup)(images, labels, keys)
    part = np.asarray(rows).diagonal()
    expected = np.diag(part) + np.roll(np.diag(1 - part), 1, axis=1)
    np.testing.assert_allclose(rows, expected, atol=1e-6)
    x, r = np.asarray(images), part.reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(mixed, r * x + (1 - r) * np.roll(x, -1, 0), atol=1e-5)
    found = np.clip(part.astype(float), 1e-12, 1 - 1e-7)
    assert stats.kstest(found, stats.beta(0.2, 0.2).cdf).pvalue > 1e-3


def test_cutmix_pastes_a_rectangle_and_mixes_labels_by_its_area():
    side = 40
    images, labels, keys = flat(N, (side, side))
    mixed, rows = map(np.asarray, jax.jit(cutmix)(images, labels, keys))
    own = jax.vmap(lambda key: jax.random.beta(jax.random.split(key)[0], 1.0, 1.0))
    sides = side * np.sqrt(1 - np.asarray(jax.jit(own)(keys)))
    shares, whole = [], 0
    for i, (image, row) in enumerate(zip(mixed, rows, strict=True)):
        partner = (i + 1) % N
        pasted = image[..., 0] == partner
        assert np.all(pasted | (image[..., 0] == i))
        assert np.all(image == image[..., :1])
        np.testing.assert_allclose(row[i], 1 - pasted.mean(), atol=1e-6)
        np.testing.assert_allclose(row[partner], pasted.mean(), atol=1e-6)
        shares.append(pasted.mean())
        if not pasted.any():
            continue
        down, right = np.nonzero(pasted)
        height, width = np.ptp(down) + 1, np.ptp(right) + 1
        assert pasted.sum() == height * width
        if 0 < min(down.min(), right.min()) and max(down.max(), right.max()) < side - 1:
            assert height == width
            assert abs(height - sides[i]) < 2
            whole += 1
    assert whole > 10
    # E[1 - r] = 1/2 for a = 1; less is pasted, for rectangles are cut off.
    assert 0.2 < np.mean(shares) < 0.5
    assert np.max(shares) > 0.8


def test_a_record_is_mixed_up_or_cut_mixed():
    """Each by its own key, as one of the two alone would do it; about half and half."""
    images, labels, keys = flat()
    found = jax.jit(functools.partial(mixup_or_cutmix, mixup=0.5, cutmix=0.7))
    images, labels, keys = (jnp.asarray(v) for v in (images / N, labels, keys))
    mixed = found(images, labels, keys)
    options = ((mixup, 0.5), (cutmix, 0.7))
    alone = [f(images, labels, keys, alpha=alpha) for f, alpha in options]
    same = [
        np.asarray(
            jnp.all(jnp.abs(mixed[0] - own[0]) < 1e-6, (1, 2, 3))
            & jnp.all(jnp.abs(mixed[1] - own[1]) < 1e-6, 1)
        )
        for own in alone
    ]
    assert np.all(same[0] | same[1])
    assert 70 < same[0].sum() < 130  # 4.2 standard deviations
    # The last: neither is always chosen where they differ.
    assert np.any(same[0] & ~same[1])
    assert np.any(same[1] & ~same[0])


def test_erased_rectangle_has_the_area_and_aspect_that_are_allowed():
    images, labels, keys = flat(N, (64, 64))
    images = images + 2  # noise is below 1
    found, rows = jax.jit(random_erasing)(images, labels, keys)
    np.testing.assert_array_equal(rows, labels)
    areas, aspects, tops, noise = [], [], [], []
    for before, image in zip(np.asarray(images), np.asarray(found), strict=True):
        erased = image[..., 0] < 1
        np.testing.assert_array_equal(image[~erased], before[~erased])
        if not erased.any():
            continue
        down, right = np.nonzero(erased)
        height, width = np.ptp(down) + 1, np.ptp(right) + 1
        assert erased.sum() == height * width
        areas.append(height * width / 64**2)
        aspects.append(height / width)
        tops.append(down.min() / (64 - height))
        noise.append(image[erased])
    assert 70 < len(areas) < 130  # half of 200, 4.2 standard deviations
    assert 0.018 < np.min(areas) < 0.06
    assert 0.3 < np.max(areas) < 0.41
    assert 0.27 < np.min(aspects) < 0.6
    assert 1.8 < np.max(aspects) < 3.7
    assert stats.kstest(tops, "uniform").pvalue > 1e-3
    values = np.concatenate(noise)
    assert stats.kstest(values[:3000].ravel(), "uniform").pvalue > 1e-3
    assert np.any(values[:, 0] != values[:, 1])


@pytest.mark.parametrize(
    ("options", "erased"),
    [
        ({"probability": 0}, False),
        ({"probability": 1}, True),
        ({"probability": 1, "area": (1, 1)}, False),  # no rectangle fits
    ],
)
def test_probability_is_kept_and_what_never_fits_is_left(
    options: dict[str, Any], erased: bool
):
    images, labels, keys = flat(8)
    erase = jax.jit(functools.partial(random_erasing, **options))
    found = erase(images + 2, labels, keys)[0]
    assert np.all(np.any(np.asarray(found) < 1, (1, 2, 3)) == erased)
    assert erased or np.array_equal(found, images + 2)
