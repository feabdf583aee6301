"""Feature maps of a model, and their picture."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxpad
from jaxpad.analysis import feature_maps, plot_spectra
from jaxpad.layers import Conv
from jaxpad.models import MODELS
from jaxpad.spectral.propagate import log_magnitude, low_share


class Twice(nnx.Module):
    """One layer called twice, and a dropout that evaluation turns off."""

    def __init__(self, rngs: nnx.Rngs):
        self.conv = Conv(2, 2, (3, 3), padding="circular", rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return self.conv(self.drop(nnx.relu(self.conv(x))))


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_feature_maps_are_what_the_layers_make():
    model, x = Twice(nnx.Rngs(0)), images(2, 5, 6, 2)
    found = feature_maps(model, x)
    assert list(found) == ["input", "conv", "conv (2)"]
    state: Any = nnx.state(model.conv)
    kernel, bias = (state[name][...] for name in ("kernel", "bias"))
    once = jaxpad.conv(x, kernel, bias=bias, padding="circular")
    again = jaxpad.conv(nnx.relu(once), kernel, bias=bias, padding="circular")
    for name, value in zip(found, (x, once, again), strict=True):
        np.testing.assert_allclose(found[name], value, atol=1e-5)


def test_the_model_stays_as_it_is():
    model, x = Twice(nnx.Rngs(0)), images(1, 4, 4, 2)
    before, y = model.conv.kernel[...].copy(), model(x)
    feature_maps(model, x)
    assert type(model.conv) is Conv
    assert not model.drop.deterministic
    assert not np.array_equal(model(x), y)  # still drops
    after = nnx.state(model)["conv"]["kernel"][...]
    np.testing.assert_array_equal(before, after)


def test_a_layer_alone_and_flax_s_own():
    layer = nnx.Conv(2, 3, (3, 3), rngs=nnx.Rngs(0))
    found = feature_maps(layer, images(1, 4, 4, 2))
    assert {name: x.shape for name, x in found.items()} == {
        "input": (1, 4, 4, 2),
        "Conv": (1, 4, 4, 3),
    }


def test_a_residual_network_has_all_its_convolutions():
    model = MODELS["resnet20"](channels=3, classes=10, rngs=nnx.Rngs(0))
    found = feature_maps(model, images(1, 16, 16, 3))
    convolutions = [m for _, m in nnx.iter_modules(model) if isinstance(m, Conv)]
    assert len(found) == 1 + len(convolutions)
    assert not any("(2)" in name for name in found)


def test_the_picture_shows_the_maps():
    maps = {"a": images(2, 8, 6, 3), "b": images(1, 8, 8, 1)}
    figure = plot_spectra(maps)
    for axes, x in zip(figure.axes, maps.values(), strict=True):
        (drawn,) = axes.get_images()
        shown: Any = drawn.get_array()
        np.testing.assert_allclose(shown, log_magnitude(x))
        top = float(log_magnitude(x).max())
        assert drawn.get_clim() == pytest.approx((top - 4, top))
        low = float(jnp.mean(low_share(x)))
        assert axes.get_title().endswith(f"\nlow {low:.0%}")


def test_a_model_and_its_images_in_one_call():
    figure = plot_spectra(Twice(nnx.Rngs(0)), images(1, 8, 8, 2))
    titles = [axes.get_title().partition("\n")[0] for axes in figure.axes]
    assert titles == ["input", "conv", "conv (2)"]


def test_a_signal_is_a_line():
    wave = np.cos(2 * np.pi * 2 * np.arange(8) / 8)[None, :, None]
    (axes,) = plot_spectra({"wave": wave}).axes
    (line,) = axes.get_lines()
    data: Any = line.get_data()
    assert [f for f, h in zip(*data, strict=True) if h > -1] == [-2, 2]


def test_what_cannot_be_drawn_is_told():
    with pytest.raises(ValueError, match=r"images is None.*model, images"):
        plot_spectra(Twice(nnx.Rngs(0)))
    with pytest.raises(ValueError, match="volume has 3 space axes; a picture has one"):
        plot_spectra({"volume": images(1, 4, 4, 4, 1)})
