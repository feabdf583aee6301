"""Augmentations: laws that all obey, composition, keys, normalization."""

import functools
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpad.data import (
    AUGMENTS,
    IMAGENET_MEAN,
    IMAGENET_STD,
    compose,
    normalize,
    record_keys,
)


SIZE, CLASSES = 8, 4
MIXING = ("mixup", "cutmix", "mixup_or_cutmix")
NO_MASKS = (*MIXING, "random_erasing")
ALONE = [name for name in AUGMENTS if name not in MIXING]


def records(n: int = SIZE, seed: int = 0, channels: int = 3) -> tuple[Any, Any, Any]:
    """Images, one-hot labels, and keys."""
    rng = np.random.default_rng(seed)
    images = jnp.asarray(rng.integers(0, 256, (n, 10, 12, channels)) / 255, jnp.float32)
    labels = jnp.eye(CLASSES)[rng.integers(0, CLASSES, n)]
    ids = jnp.stack([jnp.full(n, 3), jnp.arange(n) + 10 * seed], 1)
    return images, labels, record_keys(jax.random.key(7), ids)


@functools.cache
def jitted(name: str) -> Any:
    """So that tests that use equal shapes compile once."""
    return jax.jit(compose(name))


def masks(n: int = SIZE) -> jax.Array:
    rng = np.random.default_rng(5)
    return jnp.asarray(rng.integers(0, CLASSES, (n, 10, 12)), jnp.int32)


@pytest.mark.parametrize(
    ("name", "channels"),
    [*((name, 3) for name in AUGMENTS), ("randaugment", 1), ("photometric", 1)],
)
def test_is_a_pure_function_that_keeps_shapes_dtypes_and_range(
    name: str, channels: int
):
    given = records(channels=channels)
    augment = jitted(name)
    one, again = augment(*given), augment(*given)
    chex.assert_trees_all_equal(one, again)
    chex.assert_trees_all_equal_shapes_and_dtypes(one, given[:2])
    images, labels = one
    assert jnp.all((images >= 0) & (images <= 1))
    np.testing.assert_allclose(labels.sum(1), 1, rtol=1e-6)


@pytest.mark.parametrize("name", ALONE)
def test_a_record_is_what_it_is_in_any_batch_and_place(name: str):
    images, labels, keys = records()
    others = records(SIZE, seed=1)
    augment = jitted(name)
    whole = augment(images, labels, keys)
    order = np.asarray([4, 1, 0])
    among = [
        jnp.concatenate([own[order], other[3:]])
        for own, other in zip((images, labels, keys), others, strict=True)
    ]
    found = augment(*among)
    chex.assert_trees_all_close(
        [v[:3] for v in found], [v[order] for v in whole], atol=1e-6
    )


@pytest.mark.parametrize("name", sorted(set(AUGMENTS) - {"none"}))
def test_other_keys_do_something_else(name: str):
    images, labels, keys = records()
    augment = jitted(name)
    one = augment(images, labels, keys)[0]
    two = augment(images, labels, keys[::-1])[0]
    assert jnp.any(one != two)
    assert jnp.any(one != images)


@pytest.mark.parametrize("name", MIXING)
def test_only_the_next_record_is_mixed_in(name: str):
    images, labels, keys = records()
    augment = jitted(name)
    before = augment(images, labels, keys)
    changed = images.at[3].set(1 - images[3])
    after = augment(changed, labels, keys)
    touched = np.flatnonzero(jnp.any(before[0] != after[0], (1, 2, 3)))
    assert set(touched) <= {2, 3}
    assert len(touched) > 0


@pytest.mark.parametrize("name", sorted(set(AUGMENTS) - set(NO_MASKS)))
def test_mask_moves_with_its_image(name: str):
    _, _, keys = records()
    mask = masks()
    # In the image each class has a colour of its own, in the mask its number.
    images = jnp.stack([mask / 8, mask / 8, mask / 8], -1)
    moved, found = jitted(name)(images, mask, keys)
    assert found.dtype == mask.dtype
    if name in ("none", "flip", "shift"):
        outside = found == 255
        np.testing.assert_array_equal(moved[~outside][:, 0], found[~outside] / 8)
        assert jnp.all(moved[outside] == 0)
    assert set(np.unique(found)) <= {0, 1, 2, 3, 255}
    assert jnp.any(found == 255) == (name in ("shift", "randaugment"))


@pytest.mark.parametrize("name", NO_MASKS)
def test_masks_are_refused_where_they_make_no_sense(name: str):
    images, _, keys = records()
    with pytest.raises(ValueError, match=rf"leave '{name}' out of config\.augment"):
        compose(name)(images, masks(), keys)


def test_eight_devices_do_what_one_does():
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    given = records()
    augment = jax.jit(compose("cutmix"), in_shardings=split)
    found, alone = augment(*jax.device_put(given, split)), jitted("cutmix")(*given)
    chex.assert_trees_all_close(found, alone, atol=1e-6)


def test_chain_is_applied_first_to_last_with_keys_of_its_own():
    images, labels, keys = records()
    seen = []

    def note(images, labels, keys):
        seen.append(jax.random.key_data(keys))
        return 2 * images, labels

    def add(images, labels, keys):
        return note(images + 1, labels, keys)

    moved, _ = compose((note, add, note))(images, labels, keys)
    np.testing.assert_allclose(moved, 4 * (2 * images + 1), rtol=1e-6)
    np.testing.assert_array_equal(seen[0], jax.random.key_data(keys))
    assert len(np.unique(np.concatenate(seen), axis=0)) == 3 * SIZE


def test_mistake_in_a_chain_is_named():
    with pytest.raises(ValueError, match=r"unknown augmentation 'flop'.*'flip'"):
        compose(("shift", "flop"))
    with pytest.raises(ValueError, match="no option 'alfa'; it takes alpha"):
        compose("mixup(alfa=1)")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mixup(alpha=0)", "mixup's alpha=0: expected a number above 0"),
        ("cutmix(alpha=-1)", "cutmix's alpha=-1: expected a number above 0"),
        ("mixup(alpha=1e999)", "mixup's alpha=inf: expected a number above 0"),
        ("mixup_or_cutmix(mixup=0)", "mixup's alpha=0: expected"),
        ("mixup_or_cutmix(cutmix=0)", "cutmix's alpha=0: expected"),
        ("random_erasing(aspect=0)", "aspect=0: expected more than 0 and at most 1"),
        ("random_erasing(aspect=2)", "aspect=2: expected more than 0 and at most 1"),
        ("random_erasing(area=(2, 3))", r"area=\(2, 3\): expected a smallest and"),
        ("random_erasing(area=(0.4, 0.1))", r"area=\(0.4, 0.1\): expected"),
        ("random_erasing(probability=2)", "probability=2: expected 0 to 1"),
        ("randaugment(layers=-1)", "layers=-1: expected 0 or more"),
        ("shift(pixels=-1)", "shift's pixels=-1: expected 0 or more"),
        ("photometric(hue=1)", "photometric's hue=1: expected 0 to 0.5"),
        ("photometric(contrast=-1)", "photometric's contrast=-1: expected 0 to 1"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(name: str, message: str):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(compose(name), *records())


def test_key_of_a_record_is_folded_from_epoch_and_index():
    key = jax.random.key(3)
    ids = np.asarray([[0, 5], [2, 5], [2, 2**31]], np.uint32)
    found = record_keys(key, ids)
    for (epoch, index), one in zip(ids, found, strict=True):
        by_hand = jax.random.fold_in(jax.random.fold_in(key, epoch), index)
        np.testing.assert_array_equal(
            jax.random.key_data(one), jax.random.key_data(by_hand)
        )


def test_normalized_by_channel():
    images = records()[0]
    expected = (np.asarray(images) - IMAGENET_MEAN) / IMAGENET_STD
    np.testing.assert_allclose(normalize(images), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"each of the 1 channels.*give your own"):
        normalize(images[..., :1])


def test_half_of_the_images_are_flipped():
    images, labels, keys = records(400)
    found = jitted("flip")(images, labels, keys)[0]
    turned = np.asarray(jnp.all(found == images[:, :, ::-1], (1, 2, 3)))
    stayed = np.asarray(jnp.all(found == images, (1, 2, 3)))
    assert np.all(turned ^ stayed)
    assert 160 < turned.sum() < 240  # 4 standard deviations


def test_shift_moves_each_image_whole():
    images, labels, keys = records(64)
    moved = np.asarray(jitted("shift")(images, labels, keys)[0])
    canvas = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    seen = set()
    for image, window in zip(moved, canvas, strict=True):
        places = [
            (r, c)
            for r in range(3)
            for c in range(3)
            if np.array_equal(window[r : r + 10, c : c + 12], image)
        ]
        assert places
        seen.add(places[0])
    assert len(seen) == 9
