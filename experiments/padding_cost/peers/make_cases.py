"""Writes what jaxpad computes on a grid of configurations, for its peers to check.

    python make_cases.py cases.pkl        # where jaxpad is installed
    python check_cases.py cases.pkl --nvidia partialconv    # where torch is

Each case is a dictionary: its family, its arguments, float64 inputs in jaxpad's layout
(channels last), and jaxpad's output. A few minutes on two CPU cores.
"""

import argparse
import itertools
import pickle
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

import jaxpad


Case = dict[str, Any]

MODES = ["zero", "circular", "reflect", "replicate"]
RNG = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray:
    """Normal numbers in float64."""
    return RNG.normal(size=shape)


def image(rank: int, channels: int) -> np.ndarray:
    """Two images of other sizes along each axis."""
    return numbers(2, *(9, 8, 7)[:rank], channels)


def sample(count: int, *options: list) -> list[tuple]:
    """So many combinations of the options, spread over all of them."""
    grid = list(itertools.product(*options))
    chosen = RNG.choice(len(grid), min(count, len(grid)), replace=False)
    return [grid[i] for i in sorted(chosen)]


def convolutions() -> Iterator[Case]:
    """Every mode of PyTorch's layers, with its usual padding."""
    for mode, rank in itertools.product(MODES, [1, 2, 3]):
        for k, s, d, g in sample(20, [2, 3, 5], [1, 2, 3], [1, 2], [1, 2]):
            x, kernel, bias = (
                image(rank, 4),
                numbers(*(k,) * rank, 4 // g, 6),
                numbers(6),
            )
            amount = (d * (k - 1) + 1) // 2
            arguments = {"stride": s, "dilation": d, "groups": g, "amount": amount}
            y = jaxpad.conv(x, kernel, bias=bias, padding=mode, **arguments)
            case = {"x": x, "kernel": kernel, "bias": bias, "y": y, "mode": mode}
            yield {"family": "conv", "rank": rank, **case, **arguments}


def lopsided() -> Iterator[Case]:
    """Other widths on every side, which PyTorch pads in a step of its own."""
    for mode, rank, s in itertools.product(MODES, [1, 2, 3], [1, 2]):
        widths = ((1, 2), (3, 0), (0, 4))[:rank]
        x, kernel, bias = image(rank, 2), numbers(*(3, 2, 4)[:rank], 2, 3), numbers(3)
        y = jaxpad.conv(x, kernel, bias=bias, padding=mode, stride=s, amount=widths)
        case = {"x": x, "kernel": kernel, "bias": bias, "y": y, "mode": mode}
        yield {"family": "lopsided", "stride": s, "amount": widths, **case}


def transposed() -> Iterator[Case]:
    """Transposed convolution under zeros, the only padding that PyTorch has there."""
    for rank in (1, 2, 3):
        options = sample(24, [2, 3, 4], [1, 2, 3], [1, 2], [1, 2], [0, 1], [0, 1, 2])
        for k, s, d, g, p, extra in options:
            extra = min(extra, s - 1)
            x, bias = image(rank, 4), numbers(6)
            kernel = numbers(*(k,) * rank, 4, 6 // g)
            arguments = {"stride": s, "dilation": d, "groups": g, "amount": p}
            arguments["output_padding"] = extra
            y = jaxpad.conv_transpose(x, kernel, bias=bias, **arguments)
            case = {"x": x, "kernel": kernel, "bias": bias, "y": y}
            yield {"family": "transposed", "rank": rank, **case, **arguments}


def one_more(n: int, k: int, s: int, p: int) -> bool:
    """Whether PyTorch's ceil_mode makes the windows that one more cell after makes.

    It drops a window that begins beyond the image and the padding before it.
    """
    more = ((n + 2 * p - k) // s + 1) * s < n + p
    return s == 2 and ((n + 2 * p - k) % s == 0 or more)


def pools() -> Iterator[Case]:
    """Maximum, and means with and without the padded cells."""
    kinds = {
        "max": (jaxpad.max_pool, "zero"),
        "mean": (jaxpad.avg_pool, "zero"),
        "mean of those there": (jaxpad.avg_pool, "partial"),
    }
    for kind, rank, k, s, p in itertools.product(
        kinds, [1, 2, 3], [2, 3], [1, 2], [0, 1]
    ):
        pool, padding = kinds[kind]
        x = image(rank, 3)
        y = pool(x, (k,) * rank, stride=s, padding=padding, amount=p)
        arguments = {"rank": rank, "window": k, "stride": s, "amount": p, "ceil": False}
        yield {"family": "pool", "kind": kind, "x": x, "y": y, **arguments}
        if kind == "mean" or not all(one_more(n, k, s, p) for n in x.shape[1:-1]):
            continue  # of a mean over padded cells, ceil_mode counts by another rule
        y = pool(x, (k,) * rank, stride=s, padding=padding, amount=(p, p + 1))
        arguments["ceil"] = True
        yield {"family": "pool", "kind": kind, "x": x, "y": y, **arguments}


def unfolded() -> Iterator[Case]:
    """Patches of two-dimensional images."""
    for k, s, d, p in itertools.product([2, 3], [1, 2], [1, 2], [0, 1]):
        x = image(2, 3)
        y = jaxpad.patches(x, (k, k), stride=s, dilation=d, amount=p)
        arguments = {"window": k, "stride": s, "dilation": d, "amount": p}
        yield {"family": "patches", "x": x, "y": y, **arguments}


def partial_convolutions() -> Iterator[Case]:
    """With and without masks and bias. Left out: what NVIDIA's layers do wrongly

    (a mask per channel with groups, a fractional mask, other modes).
    """
    for rank, masked, biased in itertools.product(
        [2, 3], ["none", "one", "each"], [False, True]
    ):
        for k, s, d, g in sample(
            12 if rank == 2 else 4, [2, 3, 5], [1, 2], [1, 2], [1, 2]
        ):
            g = 1 if masked == "each" else g
            x, kernel = image(rank, 4), numbers(*(k,) * rank, 4 // g, 6)
            bias = numbers(6) if biased else None
            mask = None
            if masked != "none":
                channels = 4 if masked == "each" else 1
                mask = RNG.random((*x.shape[:-1], channels)) < 0.4
                mask[:, :4] = False  # windows that see no cell
            window = {"stride": s, "dilation": d, "amount": (d * (k - 1) + 1) // 2}
            y = jaxpad.conv(
                x, kernel, bias=bias, mask=mask, groups=g, padding="partial", **window
            )
            case = {"x": x, "kernel": kernel, "bias": bias, "mask": mask, "y": y}
            if mask is not None:
                seen = mask.any(-1, keepdims=True)
                case["next_mask"] = np.asarray(
                    jaxpad.propagate_mask(seen, (k,) * rank, **window)
                )
            yield {"family": "partial", "rank": rank, "groups": g, **case, **window}


def main() -> None:
    """Runs every family and writes the cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    cases: list[Case] = []
    with jax.enable_x64(True):
        for family in (
            convolutions,
            lopsided,
            transposed,
            pools,
            unfolded,
            partial_convolutions,
        ):
            cases += [{**case, "y": np.asarray(case["y"])} for case in family()]
    with open(parser.parse_args().file, "wb") as file:
        pickle.dump(cases, file)
    print(f"jax {jax.__version__}, jaxpad {jaxpad.__version__}: {len(cases)} cases")


if __name__ == "__main__":
    main()
