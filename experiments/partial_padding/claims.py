"""What the paper says, as differences of what was measured, and the verdicts.

Differences are taken seed by seed. Where a claim is of several settings, its pairs are
all their seeds, so the interval is of seeds and not of networks that were not tried.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxpad.reports.statistics import Comparison, by_seed, seeds_needed


Settings = Mapping[str, Mapping[str, Mapping[str, Any]]]


class Claim(NamedTuple):
    """A sentence, the difference that it is about, and how it turned out.

    Attributes:
        says: what is claimed.
        found: the difference, in points.
        verdict: "holds", "does not hold" or "cannot be told".
        needed: pairs that would find the difference seen, four times in five.
    """

    says: str
    found: Comparison
    verdict: str
    needed: int | None


def claims(settings: Settings) -> list[Claim]:
    """Every claim that the settings have numbers for."""
    normed = {n: s for n, s in settings.items() if "without" not in n}
    plain = {n: s for n, s in settings.items() if "without" in n}
    classify = {n: s for n, s in normed.items() if n.startswith(("ResNet", "VGG"))}
    segment = {n: s for n, s in normed.items() if n not in classify}
    pairs = [
        ("partial is better than zero: images", gains(classify, "partial"), 1),
        ("partial is better than zero: pixels", gains(segment, "partial"), 1),
        ("it gains more in VGG than in ResNet", vgg_more(classify), 1),
        ("reflect is no better than zero", gains(normed, "reflect"), -1),
        ("replicate is no better than zero", gains(normed, "replicate"), -1),
        (
            "partial learns faster: mean over epochs",
            gains(normed, "partial", "mean of epochs"),
            1,
        ),
        (
            "partial has fewer errors at the border",
            gains(segment, "partial", ERRORS),
            -1,
        ),
        ("and the gain is of the border: centre's taken off", of_border(segment), -1),
        ("trained with zero, tested under partial, falls", crossed(normed), -1),
        ("partial_sqrt is better than partial", roots(normed), 1),
        ("without batch norms partial is better than zero", gains(plain, "partial"), 1),
    ]
    return [judge(*each) for each in pairs if len(each[1]) > 1]


ERRORS = "border errors"


def judge(says: str, differences: Mapping[Any, float], sign: int) -> Claim:
    """The verdict on a claim that the differences have a sign.

    It holds if the whole 95% interval is on the claim's side of zero, and does not if
    the whole interval is on the other.
    """
    found = by_seed(
        dict(enumerate(differences.values())),
        dict.fromkeys(range(len(differences)), 0.0),
    )
    ends = sorted((sign * found.low, sign * found.high))
    verdict = "holds" if ends[0] > 0 else "does not hold" if ends[1] < 0 else ""
    needed = seeds_needed(found.effect)
    return Claim(says, found, verdict or "cannot be told", needed)


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
        found |= {(name, seed): ours - own for seed, ours, own in pairs}
    return found


def roots(settings: Settings) -> dict[Any, float]:
    """The square root of partial's ratio minus the ratio."""
    return gains(settings, "partial_sqrt", than="partial")


def comparison(arms: Mapping[str, Any], padding: str, figure: str) -> Comparison:
    """A padding against zero in one setting."""
    return by_seed(by_number(arms[padding], figure), by_number(arms["zero"], figure))
