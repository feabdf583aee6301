"""Named strategies: one registry per kind, one function per entry.

A registry is a mapping from the name that a config uses to the thing it names.
Adding a strategy is one decorated function; tests and docs iterate over the
registry, so nothing else has to change.
"""

import ast
import contextlib
import contextvars
import difflib
import functools
import importlib
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

from .untrusted import parsing


T = TypeVar("T")

# What a name may import; None for whatever it says.
_IMPORTS: contextvars.ContextVar[Collection[str] | None] = contextvars.ContextVar(
    "imports", default=None
)


@contextlib.contextmanager
def restored(imports: Collection[str] = ()) -> Iterator[None]:
    """Inside, names come from a restored file, which may not choose what code runs.

    Whatever resolves names that were read from a run's folder does so in here.

    Args:
        imports: names `"package.module:attribute"` that the user gave himself; no
            other is imported.

    Example:
        >>> with restored():
        ...     Registry("mode").resolve("os:system")
        Traceback (most recent call last):
        ValueError: 'os:system' would import code, ...
    """
    before = _IMPORTS.set(imports)
    try:
        yield
    finally:
        _IMPORTS.reset(before)


class Registry(Mapping[str, T], Generic[T]):
    """Names of one kind of strategy.

    Args:
        kind: what an entry is, in words; it appears in error messages.
        base: a registry whose names are valid here too ...
        wrap: ... once this has turned the name into an entry of this kind.
        hints: from a name that is none, in lower case, to what the error says of it.

    Example:
        >>> COLOURS = Registry("colour")
        >>> @COLOURS.register
        ... def grey(*, level=0.5):
        ...     return (level,) * 3
        >>> COLOURS.resolve("grey(level=0.25)")()
        (0.25, 0.25, 0.25)
    """

    def __init__(
        self,
        kind: str,
        *,
        base: "Registry[Any] | None" = None,
        wrap: Callable[[str], T] | None = None,
        hints: Mapping[str, str] | None = None,
    ):
        self.kind = kind
        self._base, self._wrap, self._hints = base, wrap, hints or {}
        self._entries: dict[str, T] = {}

    def register(self, entry: Any = None, /, *, name: str | None = None) -> Any:
        """Adds an entry under its own name, or under `name`; usable as a decorator.

        Raises:
            ValueError: if the name is taken.
        """
        if entry is None:
            return functools.partial(self.register, name=name)
        key = str(name or entry.__name__)
        if key in self:
            raise ValueError(
                f"{self.kind} {key!r} is registered already; choose another name."
            )
        self._entries[key] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        if name in self._entries:
            return self._entries[name]
        if self._base is not None and self._wrap is not None and name in self._base:
            return self._wrap(name)
        raise KeyError(self._unknown(name))

    def __iter__(self) -> Iterator[str]:
        yield from self._entries
        yield from self._base or ()

    def __len__(self) -> int:
        return len(self._entries) + len(self._base or ())

    def resolve(self, spec: Any) -> Any:
        """Returns what a config means by `spec`.

        Args:
            spec: a name, `"name(option=value)"` with literal values,
                `"package.module:attribute"` to import, or the thing itself,
                which is returned as it is.

        Returns:
            The entry; with options, a `functools.partial` of it.

        Raises:
            ValueError: for an unknown name or option, or one that cannot be parsed.
            TypeError: if `spec` is neither a string nor callable.
        """
        if not isinstance(spec, str):
            if callable(spec):
                return spec
            raise TypeError(
                f"a {self.kind} is a name or a callable, but {spec!r} came; "
                f"the names are {self._names()}."
            )
        name, options = parse_call(spec, self.kind)
        if ":" in name:
            entry: Any = _import(name, self.kind)
        elif name in self:
            entry = self[name]
        else:
            raise ValueError(self._unknown(name))
        if not options:
            return entry
        _check_options(entry, options, f"{self.kind} {name!r}")
        return functools.partial(entry, **options)

    def _names(self) -> str:
        return ", ".join(repr(name) for name in sorted(self))

    def _unknown(self, name: str) -> str:
        hint = self._hint(str(name).lower())
        return f"unknown {self.kind} {name!r}.{hint} The names are {self._names()}."

    def _hint(self, name: str) -> str:
        if name in self._hints:
            return f" {self._hints[name]}"
        # Below 0.75 "nearest" would be "linear".
        near = difflib.get_close_matches(name, list(self), n=1, cutoff=0.75)
        return f" Did you mean {near[0]!r}?" if near else ""


def parse_call(spec: str, kind: str = "strategy") -> tuple[str, dict[str, Any]]:
    """Splits `"name(a=1, b='x')"` into its name and its options.

    Raises:
        ValueError: if `spec` has another form, or a value is no Python literal.

    Example:
        >>> parse_call("constant(value=1.0)")
        ('constant', {'value': 1.0})
    """
    name, bracket, rest = spec.partition("(")
    if not bracket:
        return name.strip(), {}
    try:
        with parsing(spec):
            options = _options(rest)
    except ValueError as e:
        raise ValueError(
            f'cannot read {kind} {spec!r}: write it as "name" or '
            f'"name(option=1.0)", with options by name and literal values.'
        ) from e
    return name.strip(), options


def _options(rest: str) -> dict[str, Any]:
    """Of a call, from what follows its opening bracket."""
    call = ast.parse(f"f({rest}", mode="eval").body
    if not isinstance(call, ast.Call) or call.args or not rest.endswith(")"):
        raise ValueError("positional or trailing text")
    if not isinstance(call.func, ast.Name):
        raise ValueError("a call of the result")
    names = [k.arg for k in call.keywords]
    if None in names or len({*names}) < len(names):
        raise ValueError("an option without a name, or twice")
    return {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}


def _import(spec: str, kind: str) -> Any:
    allowed = _IMPORTS.get()
    if allowed is not None and spec not in allowed:
        raise ValueError(
            f"{spec!r} would import code, and this {kind} is named by a restored file, "
            f"not by you. If you trust that code, type --import {spec}"
        )
    module, _, attribute = spec.partition(":")
    try:
        return functools.reduce(
            getattr, attribute.split("."), importlib.import_module(module)
        )
    except (ImportError, AttributeError, TypeError, ValueError) as e:
        raise ValueError(
            f"cannot import {kind} {spec!r}: {e}. Expected "
            '"package.module:attribute" of something on the Python path.'
        ) from e


def _check_options(entry: Any, options: Mapping[str, Any], what: str) -> None:
    try:
        parameters = inspect.signature(entry).parameters.values()
    except ValueError:  # some built-in types do not tell; the call will
        return
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    wrong = [name for name in options if name not in known]
    if wrong:
        takes = ", ".join(known) if known else "no options"
        raise ValueError(f"{what} has no option {wrong[0]!r}; it takes {takes}.")
