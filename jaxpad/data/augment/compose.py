"""What every augmentation shares: names, keys, composition, normalization.

An augmentation is `(images, labels, keys) -> (images, labels)`: images float32
`[batch, h, w, c]`, 0 to 1; labels float32 `[batch, classes]`, or int32 masks
`[batch, h, w]`; one key a record. What happens to a record follows from its key
alone, whatever the batch, unless the augmentation mixes records and says with which.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int, Key, Shaped

from ...registry import Registry
from ...typing import AnyArray, Array


AUGMENTS: Registry = Registry("augmentation")

# Of the ImageNet training images, 0 to 1, red, green, blue.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Images = Float[Array, "batch h w c"]
Labels = Float[Array, "batch classes"] | Int[Array, "batch h w"]
Keys = Key[Array, " batch"]
# One record's, which an augmentation that is `per_record` sees.
Image = Float[Array, "h w c"]
Label = Float[Array, " classes"] | Int[Array, "h w"]

# A config may write 1 for 1.0.
Number = int | float

Augment = Callable[[Array, Array, Array], tuple[Array, Array]]

# Far from the small numbers that an augmentation may fold into its own key.
_NEXT = 2**31


def per_record(function: Callable[..., tuple[Array, Array]]) -> Callable[..., Any]:
    """An augmentation from one of a single record: `(image, label, key)`."""

    @functools.wraps(function)
    def batched(images, labels, keys, **options):
        return jax.vmap(functools.partial(function, **options))(images, labels, keys)

    return batched


def compose(names: Any) -> Augment:
    """One augmentation that applies several, first to last.

    The first gets the keys as they are, so that it alone does what it does in a
    chain; every later one gets keys of its own.

    Args:
        names: a name in `AUGMENTS`, with or without options, or a sequence of them;
            a callable counts as a name.

    Returns:
        From (images, labels, keys) to (images, labels).

    Raises:
        ValueError: for an unknown name or option.

    Example:
        >>> augment = jax.jit(compose(("flip", "shift(pixels=2)")))
        >>> keys = jax.random.split(jax.random.key(0), 2)
        >>> images, labels = augment(jnp.ones((2, 4, 4, 3)), jnp.eye(2), keys)
        >>> images.shape, labels.shape
        ((2, 4, 4, 3), (2, 2))
    """
    several = isinstance(names, Sequence) and not isinstance(names, str)
    steps = [AUGMENTS.resolve(name) for name in (names if several else [names])]

    def augment(images: Array, labels: Array, keys: Array) -> tuple[Array, Array]:
        for n, step in enumerate(steps):
            own = keys if n == 0 else fold(keys, _NEXT + n)
            images, labels = step(images, labels, own)
        return images, labels

    return augment


def record_keys(
    key: Key[Array, ""], ids: Shaped[AnyArray, "batch 2"]
) -> Key[Array, " batch"]:
    """The key of each record: `fold_in(fold_in(key, epoch), index)`.

    Args:
        key: of the run.
        ids: whole numbers, the epoch and the record's index in the data set.

    Returns:
        One key a record; the same wherever in a batch the record stands.

    Example:
        >>> keys = record_keys(jax.random.key(0), jnp.asarray([[0, 7], [1, 7]]))
        >>> keys.shape
        (2,)
    """
    epochs, records = jnp.asarray(ids).astype(jnp.uint32).T
    of_epoch = jax.vmap(functools.partial(jax.random.fold_in, key))(epochs)
    return jax.vmap(jax.random.fold_in)(of_epoch, records)


def fold(keys: Keys, number: int) -> Keys:
    """Other keys, by the same number for every record."""
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)


def normalize(
    images: Float[Array, "*batch h w c"],
    mean: Sequence[Number] = IMAGENET_MEAN,
    std: Sequence[Number] = IMAGENET_STD,
) -> Float[Array, "*batch h w c"]:
    """`(images - mean) / std` by channel, in training and in evaluation.

    Args:
        images: `[*batch, h, w, c]`, 0 to 1.
        mean: of each channel; the default is ImageNet's.
        std: of each channel.

    Returns:
        Images of the same shape.

    Raises:
        ValueError: unless there is one mean and one deviation a channel.

    Example:
        >>> normalize(jnp.full((1, 2, 2, 1), 0.75), (0.5,), (0.25,)).max()
        Array(1., dtype=float32)
    """
    channels = images.shape[-1]
    if not len(mean) == len(std) == channels:
        raise ValueError(
            f"normalize takes a mean and a std for each of the {channels} channels, "
            f"but mean={tuple(mean)} and std={tuple(std)} came. ImageNet's constants "
            "are for three channels: give your own, such as mean=(0.5,), std=(0.5,)."
        )
    shape = (1,) * (images.ndim - 1) + (channels,)
    centre, scale = (jnp.asarray(v, images.dtype).reshape(shape) for v in (mean, std))
    return (images - centre) / scale


def check_option(fine: bool, option: str, value: Any, expected: str) -> None:
    """Raises unless an option of an augmentation can be meant.

    Raises:
        ValueError: with what came and what was expected.
    """
    if not fine:
        raise ValueError(f"{option}={value}: expected {expected}.")


def is_mask(label: Array) -> bool:
    """Whether one record's label is a mask, rather than a row of classes."""
    return label.ndim == 2
