"""The models by name, for the config's `model`."""

from typing import Any

from ..registry import Registry


# Each is `name(channels, classes, *, padding="zero", dtype=None, rngs, **options)`.
MODELS: Registry[Any] = Registry("model")
