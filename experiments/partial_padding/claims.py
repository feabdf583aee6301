"""What the paper says, as differences of what was measured, and the verdicts.

Differences are taken seed by seed. Where a claim is of several settings, its pairs are
all their seeds, so the interval is of seeds and not of networks that were not tried.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxpad.reports.statistics import Comparison, by_seed, holm, seeds_needed


Settings = Mapping[str, Mapping[str, Mapping[str, Any]]]


ERRORS = "border errors"
LEVEL = 0.05
UNKNOWN = "cannot be told"


class Claim(NamedTuple):
    """A sentence, the difference that it is about, and how it turned out.

    Attributes:
        says: what is claimed.
        found: the difference, in points.
        corrected: its p-value, by Holm over all claims.
        verdict: "holds", "does not hold" or "cannot be told".
        needed: pairs that would find the difference seen, four times in five.
    """

    says: str
    found: Comparison
    corrected: float
    verdict: str
    needed: int | None


def claims(settings: Settings) -> list[Claim]:
    """Every claim that the settings have numbers for."""
    normed = {n: s for n, s in settings.items() if "without" not in n}
    plain = {n: s for n, s in settings.items() if "without" in n}
    images = {n: s for n, s in normed.items() if n.startswith(("ResNet", "VGG"))}
    pixels = {n: s for n, s in normed.items() if n not in images}
    found = {
        "images: partial is better than zero": (gains(images, "partial"), 1),
        "images: it gains more in VGG than in ResNet": (vgg_more(images), 1),
        "images: reflect is worse than zero": (gains(images, "reflect"), -1),
        "images: replicate is worse than zero": (gains(images, "replicate"), -1),
        "images: partial is ahead earlier than in the end": (faster(images), 1),
        "images: zero falls when it is tested under partial": (crossed(images), -1),
        "images: partial_sqrt is better than partial": (roots(images), 1),
        "images, no norms: partial is better than zero": (gains(plain, "partial"), 1),
        "pixels: partial is better than zero": (gains(pixels, "partial"), 1),
        "pixels: it has fewer errors at the border": (
            gains(pixels, "partial", ERRORS),
            -1,
        ),
        "pixels: fewer still than in the centre": (of_border(pixels), -1),
    }
    known = {says: each for says, each in found.items() if len(each[0]) > 1}
    compared = {says: against_nothing(pairs) for says, (pairs, _) in known.items()}
    corrected = holm(np.array([c.p for c in compared.values()]))
    return [
        judge(says, compared[says], sign, float(p))
        for (says, (_, sign)), p in zip(known.items(), corrected, strict=True)
    ]


def against_nothing(differences: Mapping[Any, float]) -> Comparison:
    """Student's t of differences beside zero."""
    numbered = dict(enumerate(differences.values()))
    return by_seed(numbered, dict.fromkeys(numbered, 0.0))


def judge(says: str, found: Comparison, sign: int, corrected: float) -> Claim:
    """The verdict on a claim that a difference has a sign.

    It cannot be told unless Holm's p over all claims is at most 5%. Then it holds, or
    the difference has the other sign.
    """
    verdict = "holds" if sign * found.mean > 0 else "does not hold"
    if not corrected <= LEVEL:
        verdict = UNKNOWN
    return Claim(says, found, corrected, verdict, seeds_needed(found.effect))


def gains(
    settings: Settings, padding: str, figure: str = "final", than: str = "zero"
) -> dict[Any, float]:
    """(setting, seed) -> the padding's figure minus the other's."""
    found = {}
    for name, arms in settings.items():
        if padding not in arms or than not in arms:
            continue
        ours, theirs = (by_number(arms[p], figure) for p in (padding, than))
        for seed in ours.keys() & theirs.keys():
            found[name, seed] = ours[seed] - theirs[seed]
    return dict(sorted(found.items()))


def by_number(arm: Mapping[str, Any], figure: str) -> dict[int, float]:
    """Seed -> figure, of the seeds that have one."""
    values = zip(arm["seeds"], arm.get(figure, [None] * len(arm["seeds"])), strict=True)
    return {seed: value for seed, value in values if value is not None}


def vgg_more(settings: Settings) -> dict[Any, float]:
    """VGG's gain minus ResNet's on images of the same size."""
    found = gains(settings, "partial")
    return {
        (name, seed): gain - found[name.replace("VGG", "ResNet"), seed]
        for (name, seed), gain in found.items()
        if name.startswith("VGG") and (name.replace("VGG", "ResNet"), seed) in found
    }


def faster(settings: Settings) -> dict[Any, float]:
    """How much further ahead partial is on average over the epochs than in the end."""
    early, final = (
        gains(settings, "partial", "mean of epochs"),
        gains(settings, "partial"),
    )
    return {key: early[key] - final[key] for key in early}


def of_border(settings: Settings) -> dict[Any, float]:
    """How much more errors fall at the border than in the centre."""
    border = gains(settings, "partial", ERRORS)
    centre = gains(settings, "partial", "centre errors")
    return {key: border[key] - centre[key] for key in border}


def crossed(settings: Settings) -> dict[Any, float]:
    """Of nets trained with zero: tested under partial minus under zero."""
    found = {}
    for name, arms in settings.items():
        cross = arms.get("zero", {}).get("cross") or {}
        if not {"zero", "partial"} <= cross.keys():
            continue
        pairs = zip(arms["zero"]["seeds"], cross["partial"], cross["zero"], strict=True)
        found |= {
            (name, seed): ours - own
            for seed, ours, own in pairs
            if ours is not None and own is not None
        }
    return found


def roots(settings: Settings) -> dict[Any, float]:
    """The square root of partial's ratio minus the ratio."""
    return gains(settings, "partial_sqrt", than="partial")


def comparison(arms: Mapping[str, Any], padding: str, figure: str) -> Comparison:
    """A padding against zero in one setting."""
    return by_seed(by_number(arms[padding], figure), by_number(arms["zero"], figure))
