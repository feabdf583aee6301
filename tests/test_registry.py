"""Registries: names, options, imports, and the errors that help to find them."""

import functools
from typing import Any

import pytest

from jaxpad.batching import PACKERS, POLICIES
from jaxpad.padding import LAWS, MODES, PADDINGS
from jaxpad.padding.partial import REWEIGHTS
from jaxpad.registry import Registry, parse_call


every_registry = pytest.mark.parametrize(
    "registry", [MODES, PADDINGS, REWEIGHTS, PACKERS, POLICIES], ids=lambda r: r.kind
)


def grey(*, level: float = 0.5, shift: int = 0) -> float:
    return level + shift


@pytest.fixture
def colours() -> Registry:
    registry = Registry("colour")
    registry.register(grey)
    registry.register(name="any")(lambda **options: options)
    return registry


@every_registry
def test_names_are_unique_and_resolve_to_their_entries(registry: Registry):
    names = list(registry)
    assert len(set(names)) == len(names) == len(registry) > 0
    for name in names:
        assert name in registry
        assert registry.resolve(name) == registry[name]


@every_registry
def test_every_registry_names_its_kind_and_its_entries(registry: Registry):
    with pytest.raises(ValueError, match=f"unknown {registry.kind} 'nonsense'") as e:
        registry.resolve("nonsense")
    assert all(repr(name) in str(e.value) for name in registry)
    with pytest.raises(KeyError, match="nonsense"):
        registry["nonsense"]
    with pytest.raises(TypeError, match=f"a {registry.kind} is a name or a callable"):
        registry.resolve(3)


@every_registry
def test_a_taken_name_is_refused(registry: Registry):
    for name in registry:
        with pytest.raises(ValueError, match=f"{name!r} is registered already"):
            registry.register(lambda: None, name=name)


def test_decorated_functions_stay_what_they_are(colours: Registry):
    assert colours["grey"] is grey
    assert list(colours) == ["grey", "any"]


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("grey", 0.5),
        ("grey()", 0.5),
        ("grey(level=0.25)", 0.25),
        ("grey( shift = -2, level=1e1 )", 8.0),
        (grey, 0.5),
        (functools.partial(grey, shift=1), 1.5),
    ],
)
def test_resolve(colours: Registry, spec: Any, value: float):
    assert colours.resolve(spec)() == value


def test_resolve_literals(colours: Registry):
    spec = "any(a=(1, 2), b='x)', c=[None, True], d={'e': -1.5})"
    expected = {"a": (1, 2), "b": "x)", "c": [None, True], "d": {"e": -1.5}}
    assert colours.resolve(spec)() == expected


def test_resolve_imports(colours: Registry):
    assert colours.resolve("math:sqrt") is __import__("math").sqrt
    assert colours.resolve("os:path.join") is __import__("os").path.join
    assert colours.resolve("functools:partial(func=1)").keywords == {"func": 1}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("gray", "unknown colour 'gray'. Did you mean 'grey'"),
        ("GREY", "Did you mean 'grey'"),
        ("grey(0.5)", r"cannot read colour 'grey\(0.5\)'"),
        ("grey(level=x)", "options by name and literal values"),
        ("grey(level=0.5", "cannot read colour"),
        ("grey(level=0.5) + 1", "cannot read colour"),
        ("grey(levl=0.5)", "has no option 'levl'; it takes level, shift"),
        ("no_such_module:grey", "cannot import colour 'no_such_module:grey'"),
        ("math:no_such_name", 'Expected "package.module:attribute"'),
        (":", "cannot import colour ':'"),
    ],
)
def test_refusals(colours: Registry, spec: str, text: str):
    with pytest.raises(ValueError, match=text):
        colours.resolve(spec)


@pytest.mark.parametrize("name", ["shade", "Shade"])
def test_a_hint_for_a_name_that_is_none(name: str):
    tones = Registry("tone", hints={"shade": "Write 'grey'."})
    tones.register(grey)
    text = rf"unknown tone '{name}'\. Write 'grey'\. The names are 'grey'"
    with pytest.raises(ValueError, match=text):
        tones.resolve(name)


@pytest.mark.parametrize("name", ["great", "g"])
def test_a_name_that_is_not_near_gets_no_hint(colours: Registry, name: str):
    with pytest.raises(ValueError, match=rf"colour '{name}'\. The names are"):
        colours.resolve(name)


@pytest.mark.parametrize(
    "spec", ["a(__import__('os').getcwd())", "a(b=__import__('os'))", "a(b=1)(c=2)"]
)
def test_only_literals_are_read(spec: str):
    with pytest.raises(ValueError, match="cannot read"):
        parse_call(spec)


def test_a_base_lends_its_names(colours: Registry):
    shades = Registry("shade", base=colours, wrap=lambda name: f"shade of {name}")
    shades.register(object(), name="dark")
    assert list(shades) == ["dark", "grey", "any"]
    assert shades["grey"] == "shade of grey"
    assert "dark" not in colours
    colours.register(grey, name="late")
    assert shades["late"] == "shade of late"


def test_a_mode_that_is_no_rule_claims_only_the_laws_it_names():
    modes = type(MODES)()

    @modes.register(laws=["interior"])
    def still(x, widths):
        return x

    modes.register(MODES["circular"], name="wrap")
    modes.register(still, name="other")
    assert modes.laws == {"still": ("interior",), "wrap": tuple(LAWS), "other": ()}


def test_an_unknown_law_is_refused():
    with pytest.raises(ValueError, match=r"unknown laws \['inner'\]; there are"):
        MODES.register(lambda x, widths: x, name="never", laws=["inner"])
