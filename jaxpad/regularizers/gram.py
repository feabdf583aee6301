"""Products of a matrix with itself, differentiated with one product instead of two."""

import jax
import jax.numpy as jnp

from ..typing import Array


@jax.custom_jvp
def gram(x: Array) -> Array:
    """`x x^H` over the last two axes; the derivative is `d x^H` plus its own adjoint.

    Differentiating the product operand by operand would cost two products each way.
    """
    return jnp.matmul(x, _adjoint(x), precision="highest")


@gram.defjvp
def _(primals, tangents):
    (x,), (dx,) = primals, tangents
    half = jnp.matmul(dx, _adjoint(x), precision="highest")
    return gram(x), half + _adjoint(half)


def distance(x: Array) -> Array:
    """`||x x^H - I||_F^2` of each matrix `[..., rows, columns]`."""
    unit = jnp.eye(x.shape[-2], dtype=x.dtype)
    difference = gram(x) - jnp.expand_dims(unit, range(x.ndim - 2))
    return jnp.sum(jnp.square(difference.real) + jnp.square(difference.imag), (-2, -1))


def _adjoint(x: Array) -> Array:
    return jnp.swapaxes(x, -1, -2).conj()
