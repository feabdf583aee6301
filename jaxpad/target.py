"""The backend that programs are traced for."""

import contextlib
import contextvars
from collections.abc import Iterator

import jax


_target: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "target", default=None
)


@contextlib.contextmanager
def target(backend: str) -> Iterator[None]:
    """Programs traced in here are for a backend that need not be this machine's.

    Args:
        backend: "cpu", "gpu" or "tpu".

    Example:
        >>> with target("tpu"):
        ...     target_backend()
        'tpu'
    """
    token = _target.set(backend)
    try:
        yield
    finally:
        _target.reset(token)


def target_backend() -> str:
    """What programs are traced for: jax's default backend, but in a `target`."""
    return _target.get() or jax.default_backend()
