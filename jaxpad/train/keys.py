"""The keys of a config: which there are, and which values cannot be meant."""

import contextlib
import difflib
import math
import numbers
from collections.abc import Iterator
from typing import Any, get_args

from ..data.examples import Policy
from ..data.records import check_one_of


KEYS = (
    *("seed", "dataset", "train_crop", "test_crop", "augment", "normalize"),
    *("batch_size", "workers", "on_error"),
    *("batching", "capacity", "rescale", "objective", "loss"),
    *("model", "padding", "dtype", "weights", "new_head"),
    *("epochs", "steps", "optimizer", "schedule", "learning_rate", "warmup_epochs"),
    *("label_smoothing", "regularizer", "parts", "average"),
    *("max_skips", "skip_spikes"),
    *("eval_epochs", "eval_batch_size", "eval_multiple", "predict"),
    *("borders", "cross_paddings"),
    *("checkpoint_steps", "checkpoints_kept", "trackers"),
    *("mesh", "sharding", "zero", "zero_coverage", "offload"),
)
# Those that a run may go on with changed, for it learns and is tested on the same, but
# for the rounding of sums: how fast it reads, how often it is tested and saved, what
# is measured when it is done, who is told, and where arrays lie. Not eval_multiple,
# which moves the border of test images, nor parts, which batch statistics are taken of;
# nor epochs and steps, over which the learning rate falls.
SAFE = (
    *("workers", "eval_epochs", "eval_batch_size", "borders", "cross_paddings"),
    *("checkpoint_steps", "checkpoints_kept", "trackers"),
    *("mesh", "sharding", "zero", "zero_coverage", "offload"),
)
# The smallest legal value of whole numbers.
LEAST = {
    "seed": 0,
    "batch_size": 1,
    "capacity": 1,
    "workers": 0,
    "epochs": 1,
    "steps": 0,
    "parts": 1,
    "max_skips": 0,
    "eval_epochs": 1,
    "eval_batch_size": 0,
    "eval_multiple": 1,
    "checkpoint_steps": 1,
    "checkpoints_kept": 1,
}
REALS = (
    *("learning_rate", "warmup_epochs", "label_smoothing", "average"),
    *("skip_spikes", "zero_coverage"),
)


@contextlib.contextmanager
def named(key: str, config: Any) -> Iterator[None]:
    """Says which key of the config an error is about."""
    try:
        yield
    except (TypeError, ValueError, ImportError) as error:
        raise ValueError(f"config.{key}={config[key]!r}: {error}") from error


def check_keys(config: Any) -> None:
    """Raises for a key that means nothing, or one that is missing.

    Raises:
        ValueError: with the nearest key that means something.
    """
    for key in config:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            hint = f" Did you mean config.{near[0]}?" if near else ""
            raise ValueError(f"the config has a key {key!r} that means nothing.{hint}")
    if missing := [key for key in KEYS if key not in config]:
        raise ValueError(
            f"the config lacks config.{missing[0]}: begin with the config of "
            "configs/default.py, which has every key, and change some."
        )


def check_values(config: Any) -> None:
    """Raises for numbers out of range, and for words that mean nothing.

    Raises:
        ValueError: with what was expected.
    """
    _check_types(config)
    check_one_of("config.on_error", config.on_error, get_args(Policy))
    for key, least in LEAST.items():
        if config[key] < least:
            raise ValueError(
                f"config.{key}={config[key]}: expected at least {least}."
                if least
                else f"config.{key}={config[key]}: expected 0 or more."
            )
    if config.seed >= 2**32:
        raise ValueError(
            f"config.seed={config.seed}: expected less than 2**32 = {2**32}."
        )
    for key in ("learning_rate", "warmup_epochs", "skip_spikes"):
        if not 0 <= config[key] < math.inf:
            raise ValueError(f"config.{key}={config[key]}: expected 0 or more.")
    for key in ("label_smoothing", "average"):
        if not 0 <= config[key] < 1:
            raise ValueError(
                f"config.{key}={config[key]}: expected 0 or more and less than 1."
            )
    if config.batch_size % config.parts:
        raise ValueError(
            f"config.parts={config.parts} does not divide config.batch_size="
            f"{config.batch_size}: parts of a batch are equal."
        )


def _check_types(config: Any) -> None:
    """Raises for what is no number: in a config from a file, anything may stand."""
    mesh = config.to_dict()["mesh"]
    if not isinstance(mesh, dict):
        raise ValueError(f"config.mesh={mesh!r}: expected devices by axis.")
    whole = {key: config[key] for key in (*LEAST, "zero")}
    whole |= {f"mesh.{axis}": count for axis, count in mesh.items()}
    real = {key: config[key] for key in REALS}
    for values, kind, what in (
        (whole, numbers.Integral, "a whole number"),
        (real, numbers.Real, "a number"),
    ):
        for key, value in values.items():
            if isinstance(value, bool) or not isinstance(value, kind):
                raise ValueError(f"config.{key}={value!r}: expected {what}.")
