"""An image split over eight devices is convolved as on one."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.sharding import AxisType, Mesh

import jaxpad
from jaxpad.layers import Conv
from tests.subjects import MODE_SPECS, integers, sixteenths


CASES = {
    "stride": dict(stride=2),
    "even": dict(amount="same_lower", window=(2, 4)),
    "dilated": dict(dilation=2),
    "half": dict(stride=2, amount="half", window=(3, 3)),
    "uneven": dict(amount=((7, 1), (1, 0)), window=(1, 2)),
}


def mesh_of(**axes: int) -> Mesh:
    kinds = (AxisType.Auto,) * len(axes)
    return jax.make_mesh(tuple(axes.values()), tuple(axes), axis_types=kinds)


def both(
    mesh: Mesh, axis: Any, x: Any, kernel: Any, **options: Any
) -> tuple[jax.Array, jax.Array]:
    """The convolution under `halo`, and on one device."""
    conv = functools.partial(jaxpad.conv, **options)
    with jax.set_mesh(mesh):
        split = jax.jit(functools.partial(conv, strategy=jaxpad.halo(axis)))
        found = split(x, kernel)
    return found, conv(x, kernel, strategy="explicit")


def close(got: jax.Array, expected: jax.Array) -> None:
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("padding", [*MODE_SPECS, "partial", jnp.pad])
def test_every_mode(padding: Any):
    x, kernel = integers((2, 16, 7, 2)), integers((3, 3, 2, 2), seed=1)
    got, expected = both(mesh_of(spatial=8), "spatial", x, kernel, padding=padding)
    assert got.addressable_shards[0].data.shape[1] == 2
    close(got, expected)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("padding", ["circular", "reflect", "zero"])
def test_strides_and_windows(name: str, padding: str):
    options = CASES[name]
    window = options.get("window", (3, 3))
    options = {k: v for k, v in options.items() if k != "window"}
    x, kernel = integers((2, 32, 5, 2)), integers((*window, 2, 2), seed=1)
    got, expected = both(
        mesh_of(spatial=8), "spatial", x, kernel, padding=padding, **options
    )
    close(got, expected)


def test_parts_of_other_sizes_than_their_outputs():
    """Windows of device r begin r cells before or after its own first."""
    x, kernel = integers((2, 16, 5, 2)), integers((5, 1, 2, 2), seed=1)
    got, expected = both(
        mesh_of(a=4, b=2), "a", x, kernel, padding="reflect", amount=((0, 0), (0, 0))
    )
    assert got.shape[1] == 12
    close(got, expected)


@pytest.mark.parametrize("padding", [("reflect", "circular"), "replicate", jnp.pad])
def test_rows_and_columns(padding: Any):
    x, kernel = integers((2, 8, 16, 2)), integers((3, 3, 2, 2), seed=1)
    mesh = mesh_of(rows=2, columns=4)
    close(*both(mesh, ("rows", "columns"), x, kernel, padding=padding))
    close(*both(mesh, (None, "columns"), x, kernel, padding=padding))


def test_a_halo_wider_than_a_part():
    x, kernel = integers((2, 16, 5, 2)), integers((7, 1, 2, 2), seed=1)
    close(*both(mesh_of(spatial=8), "spatial", x, kernel, padding="circular"))


@pytest.mark.parametrize("padding", ["circular", "reflect", "constant(value=2.0)"])
def test_gradients(padding: str):
    x, kernel = integers((2, 16, 5, 2)), integers((3, 3, 2, 2), seed=1)

    def loss(strategy: Any, x: Any, kernel: Any) -> jax.Array:
        y = jaxpad.conv(x, kernel, padding=padding, strategy=strategy)
        return jnp.sum(jnp.cos(y / 10))

    def gradients(strategy: Any) -> Any:
        return jax.jit(jax.grad(functools.partial(loss, strategy), (0, 1)))(x, kernel)

    with jax.set_mesh(mesh_of(data=2, spatial=4)):
        split = gradients(jaxpad.halo("spatial"))
    whole = gradients("explicit")
    for got, expected in zip(split, whole, strict=True):
        close(got, expected)


def test_sizes_that_cannot_be_shared():
    x, kernel = jnp.ones((1, 12, 4, 1)), jnp.ones((3, 3, 1, 1))
    with jax.set_mesh(mesh_of(spatial=8)):
        with pytest.raises(
            ValueError, match=r"12 cells and 12 outputs.*these sizes can: \[8, 16, 24\]"
        ):
            jaxpad.conv(x, kernel, strategy=jaxpad.halo())
        with pytest.raises(ValueError, match="names 3 axes, but the image has 2"):
            jaxpad.conv(x, kernel, strategy=jaxpad.halo(("spatial", None, None)))
        with pytest.raises(ValueError, match=r'no size can; amount="same" makes'):
            jaxpad.conv(x, kernel, amount="valid", strategy="halo")


def test_axes_that_are_none():
    with pytest.raises(TypeError, match="expected the name of a mesh axis"):
        jaxpad.halo(())
    with pytest.raises(ValueError, match="names a mesh axis twice"):
        jaxpad.halo(("rows", "rows"))


def test_by_name():
    x, kernel = integers((1, 16, 4, 1)), integers((3, 3, 1, 1), seed=1)
    for name, axis in (("halo", "spatial"), ("halo(axis='rows')", "rows")):
        with jax.set_mesh(mesh_of(**{axis: 8})):
            call = functools.partial(jaxpad.conv, padding="linear", strategy=name)
            y = jax.jit(call)(x, kernel)
        assert len(y.addressable_shards) == 8
        close(y, jaxpad.conv(x, kernel, padding="linear"))


@pytest.mark.parametrize("mode", ["random", "distribution", "median"])
def test_a_layer_whose_mode_is_a_function(mode: str):
    options: Any = {"padding": mode, "amount": 1, "kernel_init": sixteenths}
    layer = Conv(2, 3, (3, 3), rngs=nnx.Rngs(0, padding=1), strategy="halo", **options)
    whole = Conv(2, 3, (3, 3), rngs=nnx.Rngs(0, padding=1), **options)
    x = integers((2, 16, 6, 2))
    with jax.set_mesh(mesh_of(spatial=8)):
        y = layer(x)
    close(y, whole(x))


@pytest.mark.parametrize("kind", [AxisType.Explicit, None])
def test_a_mesh_without_the_axis(kind: AxisType | None):
    mesh = mesh_of(rows=8)
    if kind:
        mesh = jax.make_mesh((8,), ("spatial",), axis_types=(kind,))
    x, kernel = jnp.ones((1, 16, 4, 1)), jnp.ones((3, 3, 1, 1))
    with jax.set_mesh(mesh), pytest.raises(ValueError, match="of type Auto was exp"):
        jaxpad.conv(x, kernel, strategy=jaxpad.halo("spatial"))


def test_sums_over_devices_in_half_precision():
    """A mean of ones is one, though 1 / 224 in bfloat16 is not."""
    x, kernel = jnp.full((1, 224, 1, 1), 3, jnp.bfloat16), jnp.ones((3, 1, 1, 1))
    kernel = kernel.astype(x.dtype)
    got, expected = both(mesh_of(spatial=8), "spatial", x, kernel, padding="mean")
    np.testing.assert_array_equal(np.float32(got), np.float32(expected))
    np.testing.assert_array_equal(np.float32(got), 9)
