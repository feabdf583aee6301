"""Which square kernels can be trained to orthogonal ones: how the determinant winds."""

from typing import NamedTuple

import numpy as np

from ..spectral import read_kernel, responses
from ..typing import Array, Kernel, PerAxis
from .architecture import Architecture
from .kernel import feasible


# Complex numbers in the matrices of one axis: 64 MiB of complex128.
_BUDGET = 1 << 22
# Points for each wave of the determinant; a root beside the circle turns it fast.
_FINER = 64


class Winding(NamedTuple):
    """How the determinant of a square kernel's frequency response winds round 0.

    Attributes:
        lowest: `[groups, axes]`, the least number of turns along a line parallel to
            the axis; of a lone tap `t` it is `t` times the channels of the output.
        highest: `[groups, axes]`, the greatest.
        signs: `[groups]`, the product of the determinant's signs at the real
            frequencies, 0 or pi along each axis.
    """

    lowest: np.ndarray
    highest: np.ndarray
    signs: np.ndarray

    @property
    def reachable(self) -> bool:
        """Whether it is the same along all lines, as of every orthogonal kernel.

        Not of a kernel that is singular at a real frequency, whose sign there is 0.
        """
        return bool(np.all(self.lowest == self.highest) and np.all(self.signs != 0))


def winding(kernel: Kernel, *, stride: PerAxis = 1, groups: int = 1) -> Winding:
    """How often the determinant of a square kernel turns as the frequency goes round.

    A layer with as many outputs as inputs, `M = C prod(stride)`, has a square frequency
    response `T(w)`. If it is orthogonal, `det T(w)` has modulus 1 everywhere. It is a
    trigonometric polynomial, so it is one wave `+- e^{i n.w}`: along each line of
    frequencies that is parallel to axis `a` it turns `n_a` times, and in two or three
    dimensions the signs at the real frequencies have the product 1. (In one there is
    one line, and every kernel passes.)

    The determinant of other kernels has zeros, where lines of different turns meet. A
    path of kernels changes the turns only where the determinant vanishes somewhere, so
    training from an uneven start has to cross singular kernels. Under `lorth` it mostly
    does not: such runs end in a minimum that is not orthogonal.
    `jaxpad.orthogonal.delta_orthogonal` is an even start.

    The turns are counted along lines on a grid. On large layers it has fewer lines than
    the determinant has waves, so that a pair of zeros can hide between two of them. It
    runs outside jit, and a dilation that has no divisor in common with the stride
    changes nothing but the unit of the turns.

    Args:
        kernel: `[*window, in / groups, out]`.
        stride: cells between windows.
        groups: of channels; each has a determinant of its own.

    Returns:
        A `Winding`; `reachable` says whether an orthogonal kernel may be near.

    Raises:
        ValueError: for a kernel that is not square, or that no orthogonal one has the
            shape of.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> centre = jnp.zeros((3, 3, 4, 4)).at[1, 1].set(jnp.eye(4))
        >>> winding(centre).lowest
        array([[4, 4]])
        >>> winding(centre).reachable
        True
        >>> winding(jax.random.normal(jax.random.key(0), (3, 3, 4, 4))).reachable
        False
    """
    kernel, groups = read_kernel("winding", kernel, groups)
    *window, per_group, out = kernel.shape
    arch = feasible(per_group * groups, out, tuple(window), stride, 1, groups)
    if arch.outputs != arch.cells:
        raise ValueError(
            f"winding: kernel of shape {kernel.shape} has {arch.outputs} outputs for "
            f"{arch.cells} input numbers in each group, but only a square layer has a "
            "determinant that could wind; from others training meets no such wall."
        )
    turns = [_turns(kernel, arch, axis) for axis in range(len(window))]
    real = [np.array([0, np.pi])] * len(window)
    signs = np.real(_determinant(kernel, arch, real)[0])
    return Winding(
        np.stack([line.min(0) for line in turns], -1),
        np.stack([line.max(0) for line in turns], -1),
        np.rint(signs.reshape(-1, arch.groups).prod(0)).astype(int),
    )


def _turns(kernel: Array, arch: Architecture, axis: int) -> np.ndarray:
    """`[lines, groups]`: how often the determinant turns along lines of an axis."""
    # The determinant has at most so many waves, so as many values tell all others.
    counts = [1 + arch.outputs * ((a.taps - 1) // a.stride) for a in arch.axes]
    lines = _BUDGET // (counts[axis] * arch.groups * arch.outputs**2)
    most = max(8, int(lines ** (1 / max(len(counts) - 1, 1))))
    counts = [n if a == axis else min(4 * n, most) for a, n in enumerate(counts)]
    # Off the real frequencies, where symmetric kernels have their zeros.
    angles = [2 * np.pi * (np.arange(n) + 0.3) / n for n in counts]
    sign, logarithm = _determinant(kernel, arch, angles)
    top = np.max(logarithm, axis, keepdims=True)  # of each line; -inf of a singular one
    values = np.moveaxis(sign * np.exp(logarithm - np.maximum(top, -1e3)), axis, 0)
    waves = np.fft.fft(values, axis=0)
    phase = np.fft.fft(waves, _FINER * len(waves), axis=0)[::-1]
    steps = np.angle(np.roll(phase, -1, 0) * phase.conj())
    return np.rint(steps.sum(0) / (2 * np.pi)).astype(int).reshape(-1, arch.groups)


def _determinant(
    kernel: Array, arch: Architecture, angles: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """`[*angles, groups]`: its sign on the unit circle, or 0, and log modulus."""
    stride = [axis.stride for axis in arch.axes]
    matrices = responses(kernel, angles, stride=stride, groups=arch.groups)
    return np.linalg.slogdet(np.asarray(matrices, np.complex128))
