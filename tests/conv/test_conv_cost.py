"""What partial convolution costs, by the compiler's own count."""

import jax
import jax.numpy as jnp
import pytest

import jaxpad


def cost(padding: str, backward: bool, batch: int = 8) -> dict[str, float]:
    """FLOPs and bytes of convolution, bias and ReLU, perhaps with all gradients."""

    def layer(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return jax.nn.relu(jaxpad.conv(x, kernel, padding=padding, bias=bias))

    function = layer
    if backward:

        def loss(*arguments: jax.Array) -> jax.Array:
            return jnp.sum(layer(*arguments) ** 2)

        function = jax.value_and_grad(loss, argnums=(0, 1, 2))
    shapes = [(batch, 56, 56, 64), (3, 3, 64, 64), (64,)]
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    analysis = jax.jit(function).lower(*arguments).compile().cost_analysis()
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


@pytest.mark.parametrize(("batch", "bound"), [(1, 1.13), (2, 1.07), (8, 1.02)])
def test_what_the_documentation_says_of_small_batches(batch: int, bound: float):
    zero, partial = cost("zero", True, batch), cost("partial", True, batch)
    ratio = partial["bytes accessed"] / zero["bytes accessed"]
    print(f"bytes of partial, batch {batch}: {ratio:.3f} times zero's")
    assert bound - 0.02 < ratio < bound
