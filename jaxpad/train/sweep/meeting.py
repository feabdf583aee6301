"""Threads that wait for each other, so that one program does a step of all of them."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from .lanes import Lanes


class Meeting:
    """Calls of the same functions by several threads, done together.

    A call waits until every thread has called something, or has left. Then what was
    called runs once: threads that called something else, or nothing, have zeros for
    arguments there, and what comes of them is dropped. As a rule all call the same;
    only runs that go on from different steps do not.

    Args:
        functions: by name, each of all threads' arguments.
        devices: one for each thread.
    """

    def __init__(self, functions: Mapping[str, Lanes], devices: Sequence[Any]):
        self._functions, self._devices = functions, list(devices)
        self._here = set(range(len(self._devices)))
        self._calls: dict[int, tuple[str, tuple[Any, ...]]] = {}
        self._found: dict[int, Any] = {}
        self._changed = threading.Condition()

    def function(self, name: str, lane: int) -> Callable[..., Any]:
        """A function as one of the threads calls it."""

        def call(*args: Any) -> Any:
            with self._changed:
                self._calls[lane] = name, args
                self._meet()
                self._changed.wait_for(lambda: lane in self._found)
                found = self._found.pop(lane)
            if isinstance(found, Exception):
                raise found
            return found

        return call

    def leave(self, lane: int) -> None:
        """Waits for this thread no longer."""
        with self._changed:
            self._here.discard(lane)
            self._meet()

    def _meet(self) -> None:
        """Does what was called, if nobody is missing."""
        if not self._calls or self._here - set(self._calls):
            return
        alike: dict[Any, list[int]] = {}
        for lane, (name, args) in sorted(self._calls.items()):
            shapes = [(x.shape, x.dtype) for x in jax.tree.leaves(args)]
            alike.setdefault((name, tuple(shapes)), []).append(lane)
        for (name, _), lanes in alike.items():
            self._do(name, {n: self._calls[n][1] for n in lanes})
        self._calls = {}
        self._changed.notify_all()

    def _do(self, name: str, calls: dict[int, tuple[Any, ...]]) -> None:
        some = next(iter(calls.values()))
        try:
            found = self._functions[name](
                [
                    calls[n] if n in calls else _zeros(some, device)
                    for n, device in enumerate(self._devices)
                ]
            )
        except Exception as error:
            self._found |= dict.fromkeys(calls, error)
        else:
            self._found |= {n: found[n] for n in calls}


def _zeros(like: Any, device: Any) -> Any:
    """Arguments for a call that nobody made."""

    def zeros(x: Any) -> Any:
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            return jax.device_put(jnp.broadcast_to(jax.random.key(0), x.shape), device)
        return jax.device_put(jnp.zeros(x.shape, x.dtype), device)

    return jax.tree.map(zeros, like)
