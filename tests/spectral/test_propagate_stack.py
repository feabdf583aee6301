"""Spectra through stacks of convolutions, against the convolutions themselves."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxpad
from jaxpad.spectral import transfer
from jaxpad.spectral.propagate import Layer, spectrum, stack_transfer, through


def random_layers(rng: Any, rank: int, plan: list[dict[str, Any]]) -> list[Layer]:
    """Layers of 4 channels (the first of 2), with what the plan says of each."""
    layers, features = [], 2
    for options in plan:
        window = rng.integers(1, 5, rank)
        groups = options.get("groups", 1)
        kernel = rng.normal(size=(*window, features // groups, 4))
        layers.append(Layer(kernel, rng.normal(size=4), **options))
        features = 4
    return layers


def run(x: Any, layers: list[Layer]) -> Any:
    """The convolutions one after the other, in the space domain."""
    for kernel, bias, stride, dilation, groups, amount in layers:
        x = jaxpad.conv(
            x,
            kernel,
            bias=bias,
            stride=stride,
            dilation=dilation,
            groups=groups,
            amount=amount,
            padding="circular",
        )
    return np.asarray(x)


PLANS = {
    "one": [{}],
    "plain": [{}, {}, {}],
    "groups": [{"groups": 2}, {"groups": 4}],
    "dilated": [{"dilation": 2}, {"dilation": 3}],
    "amounts": [{"amount": "same_lower"}, {"amount": "causal"}, {}],
    "strided": [{"stride": 2}],
    "strides in turn": [{"stride": 2}, {}, {"stride": 3, "groups": 2}],
    "a stride last": [{}, {"stride": 3, "dilation": 2}],
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("rank", [1, 2])
def test_a_stack_is_its_convolutions(rank: int, plan: list[dict[str, Any]]):
    """Corollary 3.3, with strides, dilation, groups and amounts beyond it."""
    rng = np.random.default_rng(len(plan))
    with jax.enable_x64(True):
        layers, size = random_layers(rng, rank, plan), (12, 6)[:rank]
        x = rng.normal(size=(2, *size, 2))
        found = through(stack_transfer(layers, size), spectrum(x))
        expected = np.fft.fftn(run(x, layers), axes=range(1, rank + 1))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_windows_wider_than_a_small_image():
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        layers = [Layer(rng.normal(size=(5, 1, 1)), amount=(4, 0))] * 2
        x = rng.normal(size=(1, 3, 1))
        found = through(stack_transfer(layers, 3), spectrum(x))
        expected = np.fft.fft(run(x, layers), axis=1)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_a_stride_agrees_with_the_polyphase_transfer():
    """The folded frequencies are the phases in another basis: `F` of each phase."""
    rng, n, s = np.random.default_rng(1), 12, 3
    with jax.enable_x64(True):
        kernel = rng.normal(size=(4, 2, 3))
        layer = Layer(kernel, stride=s, amount=(0, 3))
        matrix = np.asarray(stack_transfer([layer], n).transfer)
        blocks = np.asarray(transfer(kernel, n, stride=s))[:, 0].reshape(4, 3, 2, s)
    for f in range(n):
        wave = np.exp(2j * np.pi * f * np.arange(s) / n) / s
        np.testing.assert_allclose(matrix[f], blocks[f % 4] @ wave, atol=1e-12)


def test_the_transfer_can_be_jitted_and_differentiated():
    kernel = jnp.asarray(np.random.default_rng(2).normal(size=(3, 1, 1)), jnp.float32)

    @jax.jit
    @jax.grad
    def slope(kernel: Any) -> Any:
        stack = stack_transfer([Layer(kernel), Layer(kernel)], 8)
        return jnp.sum(jnp.abs(stack.transfer) ** 2)

    # By Parseval, the energy of the kernel's own convolution: y[o] = sum k[t] k[o - t].
    def energy(kernel: Any) -> Any:
        return 8 * jnp.sum(jnp.convolve(kernel[:, 0, 0], kernel[:, 0, 0]) ** 2)

    np.testing.assert_allclose(slope(kernel), jax.grad(energy)(kernel), rtol=1e-5)


def test_what_does_not_fit_is_told():
    one = functools.partial(np.ones, dtype=np.float32)
    with pytest.raises(ValueError, match="layers is empty"):
        stack_transfer([], 4)
    with pytest.raises(ValueError, match=r"layers\[1\] takes 3 channels.* makes 2"):
        stack_transfer([Layer(one((1, 1, 2))), Layer(one((1, 3, 1)))], 4)
    with pytest.raises(ValueError, match=r"layers\[0\] makes \(2,\) outputs of \(5,\)"):
        stack_transfer([Layer(one((2, 1, 1)), stride=3)], 5)
    with pytest.raises(ValueError, match="do not go round"):
        stack_transfer([Layer(one((2, 1, 1)), amount="valid")], 5)
    with pytest.raises(ValueError, match=r"bias has shape \(2,\); expected \(1,\)"):
        stack_transfer([Layer(one((2, 1, 1)), one(2))], 5)
    stack = stack_transfer([Layer(one((2, 1, 1)))], 5)
    with pytest.raises(ValueError, match=r"shape \(1, 4, 1\).*\[batch, \*\(5,\), 1\]"):
        through(stack, jnp.ones((1, 4, 1), complex))
