"""What untrained networks do to the frequencies of photographs."""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_sample_images

import jaxpad
from jaxpad.spectral.propagate import (
    leakage,
    low_share,
    own_share,
    spectrum,
    upsample,
)


SIZE, IMAGES, CHANNELS = 32, 32, 16
LAYERS = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50)
# The paper's network, and the same without what its theorems leave out.
NETWORKS = {
    "zero, ReLU": ("zero", True),
    "circular, ReLU": ("circular", True),
    "zero, linear": ("zero", False),
    "circular, linear": ("circular", False),
}
MODES = ("zero", "circular", "reflect", "replicate", "partial")
MEANS = (0.0, 0.001, 0.01)
KERNELS = (1, 3, 5)


def photographs(seed: int) -> np.ndarray:
    """Pieces of the two photographs that come with scikit-learn, in [0, 1].

    Returns:
        float32 `[32, 32, 32, 3]`, each cell a mean over 4 x 4 pixels.
    """
    rng, pieces = np.random.default_rng((seed, 0)), []
    for number in range(IMAGES):
        photo = load_sample_images().images[number % 2] / 255
        top, left = (rng.integers(n - 4 * SIZE) for n in photo.shape[:2])
        piece = photo[top : top + 4 * SIZE, left : left + 4 * SIZE]
        pieces.append(piece.reshape(SIZE, 4, SIZE, 4, 3).mean(axis=(1, 3)))
    return np.stack(pieces).astype(np.float32)


def inputs(seed: int) -> dict[str, np.ndarray]:
    """Photographs, whose energy is at low frequencies, and noise that has it at all."""
    photos = photographs(seed)
    noise = np.random.default_rng((seed, 4)).normal(size=photos.shape)
    return {"photographs": photos, "noise": noise.astype(np.float32)}


def kernels(
    seed: int, depth: int, k: int, *, mean: float = 0.0, std: float | None = None
) -> list[np.ndarray]:
    """Random kernels; without a std He's, which keeps the size of features."""
    rng = np.random.default_rng((seed, 1))
    features = [3, *[CHANNELS] * depth]
    return [
        rng.normal(mean, std or np.sqrt(2 / (k * k * c)), (k, k, c, d)).astype("f4")
        for c, d in itertools.pairwise(features)
    ]


@functools.partial(jax.jit, static_argnames=("padding", "relu"))
def layer(x: Any, kernel: Any, *, padding: str, relu: bool) -> Any:
    y = jaxpad.conv(x, kernel, padding=padding, amount="half")
    return jax.nn.relu(y) if relu else y


def features(
    x: Any, stack: Sequence[np.ndarray], padding: str, *, relu: bool
) -> list[Any]:
    """The images and what each layer makes of them; the last layer has no ReLU."""
    found = [jnp.asarray(x)]
    for number, kernel in enumerate(stack, 1):
        found.append(
            layer(found[-1], kernel, padding=padding, relu=relu and number < len(stack))
        )
    return found


@jax.jit
def low(x: Any) -> tuple[Any, Any]:
    """The share of low frequencies, in percent, the mean over the images.

    The second number leaves out frequency 0, which has most of the energy.
    """
    centered = x - x.mean(axis=(1, 2), keepdims=True)
    return tuple(100 * jnp.mean(low_share(image)) for image in (x, centered))


def lows(images: str, last: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Both shares of some results, by the input and then by the results' names."""
    found = {name: low(x) for name, x in last.items()}
    cases = (images, f"{images}, without 0")
    return {
        case: {name: float(shares[which]) for name, shares in found.items()}
        for which, case in enumerate(cases)
    }


def depth(seed: int) -> dict[str, Any]:
    """The share of low frequencies in some of 50 layers of 3 x 3."""
    result: dict[str, Any] = {}
    stack = kernels(seed, 50, 3)
    for images, x in inputs(seed).items():
        both = result[images], result[f"{images}, without 0"] = {}, {}
        for name, (padding, relu) in NETWORKS.items():
            # Without ReLU half the variance keeps the size.
            gain = 1.0 if relu else np.float32(0.5**0.5)
            maps = features(x, [gain * kernel for kernel in stack], padding, relu=relu)
            shares = [low(maps[number]) for number in LAYERS]
            for found, share in zip(both, zip(*shares, strict=True), strict=True):
                found[name] = [float(value) for value in share]
    return result


def _log_energy(x: Any, chosen: np.ndarray) -> np.ndarray:
    """`log E |h|^2` over images and channels, of some frequencies."""
    size = jnp.max(jnp.abs(x))  # whose square may be no float32
    energy = jnp.mean(jnp.abs(spectrum(x / size)) ** 2, axis=(0, -1))
    return np.log(np.asarray(energy)[chosen[:, 0], chosen[:, 1]]) + 2 * np.log(size)


def _line(energy: np.ndarray) -> dict[str, float]:
    """How well a straight line over the layers fits each frequency's log energy."""
    depth = np.arange(len(energy))
    slopes, offsets = np.polyfit(depth, energy, 1)
    left = energy - np.multiply.outer(depth, slopes) - offsets
    fit = 1 - left.var(axis=0) / energy.var(axis=0)
    return {"slope": float(slopes.mean()), "fit": float(fit.mean())}


def scale(seed: int) -> dict[str, dict[str, float]]:
    """Log energy of 6 frequencies over 50 layers, for three variances of the weights.

    "slope" is that of a straight line over the layers, "fit" the share of the variance
    that it explains; means over the frequencies.
    """
    x = photographs(seed)
    chosen = np.random.default_rng((seed, 2)).integers(1, SIZE, (6, 2))
    lines = {}
    # PyTorch's default variance is 1 / (3 fan-in), He's 2 / fan-in.
    for name, factor in (("PyTorch's", 1 / 6), ("He's", 1.0), ("twice He's", 2.0)):
        gain = np.float32(factor**0.5)
        stack = [gain * kernel for kernel in kernels(seed, 50, 3)]
        maps = features(x, stack, "zero", relu=True)
        energy = np.array([_log_energy(y, chosen) for y in maps[1:-1]])
        lines[name] = _line(energy)
    return lines


def mean(seed: int) -> dict[str, dict[str, float]]:
    """The paper's 5 layers of 9 x 9 with weights of three means."""
    result: dict[str, Any] = {}
    for images, x in inputs(seed).items():
        last = {
            str(m): features(
                x, kernels(seed, 5, 9, mean=m, std=0.01), "zero", relu=True
            )[-1]
            for m in MEANS
        }
        result |= lows(images, last)
    return result


def padding(seed: int) -> dict[str, dict[str, float]]:
    """The paper's 5 layers of 7 x 7 under each mode."""
    result, stack = {}, kernels(seed, 5, 7)
    for images, x in inputs(seed).items():
        last = {mode: features(x, stack, mode, relu=True)[-1] for mode in MODES}
        result |= lows(images, last)
    return result


def kernel_size(seed: int) -> dict[str, dict[str, float]]:
    """The paper's 5 layers with kernels of three sizes."""
    result: dict[str, Any] = {}
    for images, x in inputs(seed).items():
        last = {
            str(k): features(x, kernels(seed, 5, k), "zero", relu=True)[-1]
            for k in KERNELS
        }
        result |= lows(images, last)
    return result


def upsampling(seed: int) -> dict[str, dict[str, float]]:
    """16 x 16 to 32 x 32: what of the repeated spectrum is left, in percent.

    "copies" is the share of energy beyond the image's own frequencies; "peaks" the
    energy at the repeats of frequency 0, over that at frequency 0; "peaks after" the
    same after one random convolution of 3 x 3 with zero padding.
    """
    x = photographs(seed).reshape(IMAGES, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    result = {}
    (kernel,) = kernels(seed, 1, 3)
    for method in ("zero", "nearest", "bilinear"):
        image = enlarge(x, method)
        big = spectrum(image)
        after = spectrum(layer(image, kernel, padding="zero", relu=False))
        energy = np.asarray(jnp.mean(jnp.abs(big) ** 2, axis=(0, 3)))
        f = np.minimum(np.arange(SIZE), SIZE - np.arange(SIZE))
        own = np.logical_and.outer(f < 8, f < 8)
        result[method] = {
            "copies": float(100 * (1 - energy[own].sum() / energy.sum())),
            "peaks": _peaks(big),
            "peaks after": _peaks(after),
        }
    return result


def enlarge(x: np.ndarray, method: str) -> Any:
    """Images of twice the size, by way of their spectrum."""
    return jnp.fft.ifft2(upsample(spectrum(x), 2, method), axes=(1, 2)).real


def _peaks(spectrum: Any) -> float:
    energy = np.asarray(jnp.mean(jnp.abs(spectrum) ** 2, axis=(0, 3)), np.float64)
    repeats = (energy[16, 0] + energy[0, 16] + energy[16, 16]) / 3
    return float(100 * repeats / energy[0, 0])


def mixing(seed: int) -> dict[str, dict[str, float]]:
    """The energy that stays at its own frequency, in percent, the mean over them."""
    kernel = np.random.default_rng((seed, 3)).normal(size=(3, 3, 1, 1)).astype("f4")
    return {
        mode: {
            str(n): float(100 * jnp.mean(own_share(leakage(kernel, n, padding=mode))))
            for n in (8, 16, 32)
        }
        for mode in MODES
    }


MEASUREMENTS = {
    "depth": depth,
    "scale": scale,
    "mean": mean,
    "padding": padding,
    "kernel size": kernel_size,
    "upsampling": upsampling,
    "mixing": mixing,
}


def combine(runs: Sequence[Any]) -> Any:
    """Numbers of several seeds, in the same nested form, as mean, std and values."""
    first = runs[0]
    if isinstance(first, dict):
        return {key: combine([run[key] for run in runs]) for key in first}
    if isinstance(first, list):
        return {"values": [[round(value, 2) for value in run] for run in runs]}
    return {
        "mean": round(float(np.mean(runs)), 4),
        "std": round(float(np.std(runs, ddof=1)), 4),
        "values": [round(float(run), 4) for run in runs],
    }
