"""What partial convolution costs, by the compiler's own count."""

import jax
import jax.numpy as jnp
import pytest

import jaxpad


SHAPES = [(8, 56, 56, 64), (3, 3, 64, 64), (64,)]


def cost(padding: str, backward: bool) -> dict[str, float]:
    """FLOPs and bytes of convolution, bias and ReLU, perhaps with all gradients."""

    def layer(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return jax.nn.relu(jaxpad.conv(x, kernel, padding=padding, bias=bias))

    function = layer
    if backward:

        def loss(*arguments: jax.Array) -> jax.Array:
            return jnp.sum(layer(*arguments) ** 2)

        function = jax.value_and_grad(loss, argnums=(0, 1, 2))
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in SHAPES]
    analysis = jax.jit(function).lower(*shapes).compile().cost_analysis()
    assert analysis is not None
    return {key: float(analysis[key]) for key in ("flops", "bytes accessed")}


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_partial_costs_what_zero_costs(backward: bool):
    zero, partial = cost("zero", backward), cost("partial", backward)
    circular = cost("circular", backward)
    for key in zero:
        assert zero[key] > 0
        assert partial[key] <= 1.05 * zero[key], (key, partial[key] / zero[key])
    # The count does see a padded copy.
    assert circular["bytes accessed"] > 1.05 * zero["bytes accessed"]
