"""Augmentations that mix each record with the next one of the batch.

The partner of record i is record i + 1, that of the last is the first: batches are
shuffled, so that it is a random one, and no permutation has to be drawn that would
move whole images between devices. How they are mixed follows from the key of record i.
"""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Key

from ...typing import Array
from .compose import (
    AUGMENTS,
    Image,
    Images,
    Keys,
    Label,
    Labels,
    Number,
    check_option,
    fold,
)


@AUGMENTS.register
def mixup(
    images: Images, labels: Labels, keys: Keys, *, alpha: Number = 0.2
) -> tuple[Images, Labels]:
    """`r x_i + (1 - r) x_(i+1)`, of images and of labels, with r from Beta(a, a).

    "mixup: Beyond Empirical Risk Minimization", Zhang et al., 2017.

    Args:
        images: `[batch, h, w, c]`.
        labels: `[batch, classes]`.
        keys: one a record.
        alpha: a, above 0; near 0 most images stay nearly as they are.

    Returns:
        Images and labels of the same shapes.

    Raises:
        ValueError: if masks come, or if a is not above 0.

    Example:
        >>> keys = jax.random.split(jax.random.key(0), 2)
        >>> images, labels = mixup(jnp.ones((2, 4, 4, 3)), jnp.eye(2), keys)
        >>> labels.sum(1)
        Array([1., 1.], dtype=float32)
    """
    refuse_masks("mixup", labels[0])
    _check_alpha("mixup", alpha)
    part = jax.vmap(lambda key: jax.random.beta(key, alpha, alpha))(keys)
    return _blend(images, part), _blend(labels, part)


@AUGMENTS.register
def cutmix(
    images: Images, labels: Labels, keys: Keys, *, alpha: Number = 1.0
) -> tuple[Images, Labels]:
    """Pastes a rectangle of the partner; labels by the part of the area.

    The rectangle has sides `sqrt(1 - r)` of the image's, with r from Beta(a, a), and
    its centre anywhere; what lies outside the image is cut off, and the labels are
    mixed by what is left. "CutMix", Yun et al., 2019.

    Args:
        images: `[batch, h, w, c]`.
        labels: `[batch, classes]`.
        keys: one a record.
        alpha: a, above 0.

    Returns:
        Images and labels of the same shapes.

    Raises:
        ValueError: if masks come, or if a is not above 0.
    """
    refuse_masks("cutmix", labels[0])
    _check_alpha("cutmix", alpha)
    paste = functools.partial(_paste, alpha=alpha)
    partners = jnp.roll(images, -1, 0)
    images, part = jax.vmap(paste)(images, partners, keys)
    return images, _blend(labels, part)


@AUGMENTS.register
def mixup_or_cutmix(
    images: Images,
    labels: Labels,
    keys: Keys,
    *,
    mixup: Number = 0.8,
    cutmix: Number = 1.0,
) -> tuple[Images, Labels]:
    """Mixup for every second record, CutMix for the others, drawn for each.

    As the recipes of "DeiT", Touvron et al., 2020, and "ConvNeXt", Liu et al., 2022,
    but that these draw once for a batch.

    Args:
        images: `[batch, h, w, c]`.
        labels: `[batch, classes]`.
        keys: one a record.
        mixup: a of mixup, above 0.
        cutmix: a of CutMix, above 0.

    Returns:
        Images and labels of the same shapes.

    Raises:
        ValueError: if masks come, or if an a is not above 0.
    """
    refuse_masks("mixup_or_cutmix", labels[0])
    blend, paste = AUGMENTS["mixup"], AUGMENTS["cutmix"]
    blended = blend(images, labels, keys, alpha=mixup)
    pasted = paste(images, labels, keys, alpha=cutmix)
    coin = jax.vmap(jax.random.bernoulli)(fold(keys, 1))

    def choose(one: Array, other: Array) -> Array:
        return jnp.where(coin.reshape(-1, *(1,) * (one.ndim - 1)), one, other)

    return choose(blended[0], pasted[0]), choose(blended[1], pasted[1])


def _check_alpha(name: str, alpha: Number) -> None:
    check_option(0 < alpha < math.inf, f"{name}'s alpha", alpha, "a number above 0")


def _paste(
    image: Image, partner: Image, key: Key[Array, ""], *, alpha: Number
) -> tuple[Array, Array]:
    """The image with a rectangle of its partner, and the part that is its own."""
    size = image.shape[:2]
    one, two = jax.random.split(key)
    side = jnp.sqrt(1 - jax.random.beta(one, alpha, alpha))
    centre = jnp.floor(jax.random.uniform(two, (2,)) * jnp.asarray(size, float))
    half = [jnp.floor(jnp.floor(n * side) / 2) for n in size]
    spans = [(c - h, c + h) for c, h in zip(centre, half, strict=True)]
    inside = box(size, *spans)
    own = 1 - jnp.mean(inside, dtype=image.dtype)
    return jnp.where(inside[..., None], partner, image), own


def box(
    size: tuple[int, ...], rows: tuple[Array, Array], columns: tuple[Array, Array]
) -> Bool[Array, "h w"]:
    """True from the first row and column to before the last ones."""
    down, right = (jnp.arange(n, dtype=jnp.float32) for n in size)
    in_rows = (down >= rows[0]) & (down < rows[1])
    in_columns = (right >= columns[0]) & (right < columns[1])
    return in_rows[:, None] & in_columns[None, :]


def _blend(values: Array, part: Array) -> Array:
    part = part.astype(values.dtype).reshape(-1, *(1,) * (values.ndim - 1))
    return part * values + (1 - part) * jnp.roll(values, -1, 0)


def refuse_masks(name: str, label: Label) -> None:
    """Raises unless the label is a row of classes.

    Raises:
        ValueError: that names the augmentation and what to do.
    """
    if label.ndim != 1:
        raise ValueError(
            f"the augmentation {name!r} takes labels [batch, classes], one-hot, but "
            f"those of each record have the shape {tuple(label.shape)}. A mask cannot "
            f"be mixed: leave {name!r} out of config.augment for segmentation."
        )
