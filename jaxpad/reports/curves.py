"""Learning curves: what was logged during training, step by step."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from jaxpad.reports.figure import BLUE, GREY, ORANGE, Picture, draw
from jaxpad.reports.folder import Run


class Curve(NamedTuple):
    """The finite values of one logged quantity, and how they are put on the axes."""

    paint: Callable[[Axes, "Curve"], None]
    name: str
    epoch: np.ndarray
    value: np.ndarray


def learning_curves(run: Run) -> list[Picture]:
    """Draws what was logged against the epoch.

    Args:
        run: the run.

    Returns:
        Loss, mIoU in segmentation, accuracy, the part of time spent waiting for data,
        learning rate and gradient norm.
    """
    train = partial(_curve, run.train)
    test = partial(_curve, run.test, _points, "test")
    level = partial(_level, run)
    masks = run.results["dataset"]["task"] == "segmentation"
    loss = [train(_noisy, "training", "loss"), test("test_loss")]
    miou = [test("test_miou", 100), level("miou")] if masks else []
    accuracy = [
        train(_noisy, "training", "accuracy", 100),
        test("test_accuracy", 100),
        level("accuracy"),
    ]
    waiting = [train(_part, "waiting", "data_wait", 100)]
    rate = [train(_line, "learning rate", "learning_rate")]
    norm = [train(_noisy, "gradient norm", "grad_norm")]
    unit = "pixel accuracy (%)" if masks else "accuracy (%)"
    return [
        _picture("Loss", f"mean loss per {'pixel' if masks else 'example'}", loss, 2.8),
        *([_picture("Mean IoU", "mIoU (%)", miou, 2.8)] if masks else []),
        _picture("Pixel accuracy" if masks else "Accuracy", unit, accuracy, 2.8),
        _picture("Time spent waiting for data", "part of the time (%)", waiting, 2.0),
        _picture("Learning rate", "learning rate", rate, 2.0),
        _picture("Gradient norm", "gradient norm (L2)", norm, 2.0),
    ]


def gaps(run: Run) -> list[str]:
    """Says in words which logged values are missing or not finite.

    Args:
        run: the run.

    Returns:
        One sentence for each quantity that has such values; none where all is well.
    """
    sentences = []
    for log in (run.train, run.test):
        for key, value in log.items():
            (bad,) = np.nonzero(~np.isfinite(value))
            if bad.size:
                sentences.append(
                    f"{key}: {bad.size} of {value.size} values are missing or not "
                    f"finite, the first at step {log['step'][bad[0]]:.0f}."
                )
    return sentences


def smooth(value: np.ndarray, window: int) -> np.ndarray:
    """Averages over a moving window centred on each value.

    Args:
        value: array [n].
        window: odd number of values, at most n.

    Returns:
        Array [n]; near an end the mean of the part of the window that is there.

    Example:
        >>> smooth(np.array([1.0, 3.0, 5.0]), 3).tolist()
        [2.0, 3.0, 4.0]
    """
    ones = np.ones(window)
    # Not a difference of cumulative sums: there one huge value spoils all later ones.
    return np.convolve(value, ones, "same") / np.convolve(0 * value + 1, ones, "same")


def thin(curve: Curve, most: int = 800) -> Curve:
    """Keeps a long curve light: the lowest and the highest point of each stretch.

    Args:
        curve: a curve of any length.
        most: how many points may stay, an even number.

    Returns:
        The curve with at most that many points; spikes stay.
    """
    if curve.value.size <= most:
        return curve
    keep = [
        stretch[pick(curve.value[stretch])]
        for stretch in np.array_split(np.arange(curve.value.size), most // 2)
        for pick in (np.argmin, np.argmax)
    ]
    keep = np.unique(keep)
    return curve._replace(epoch=curve.epoch[keep], value=curve.value[keep])


def _curve(
    log: dict[str, np.ndarray],
    paint: Callable[[Axes, Curve], None],
    name: str,
    key: str,
    scale: int = 1,
) -> Curve:
    finite = np.isfinite(log[key]) & np.isfinite(log["epoch"])
    return Curve(paint, name, log["epoch"][finite], scale * log[key][finite])


def _level(run: Run, key: str) -> Curve:
    """The trivial predictor's figure, as wide as the run."""
    epoch = np.concatenate([run.train["epoch"], run.test["epoch"]])
    epoch = epoch[np.isfinite(epoch)]
    value = run.results["trivial"][key]
    ends = epoch[[epoch.argmin(), epoch.argmax()]] if epoch.size else epoch
    values = np.full(ends.shape, np.nan if value is None else 100 * value)
    there = np.isfinite(values)
    return Curve(_dashes, "trivial predictor", ends[there], values[there])


def _picture(title: str, unit: str, curves: list[Curve], height: float) -> Picture:
    alt = f"{unit} against the epoch. {' '.join(map(_in_words, curves))}"
    return Picture(title, draw(partial(_paint, unit, curves), 4.2, height), alt)


def _in_words(curve: Curve) -> str:
    value = curve.value
    if not value.size:
        return f"{curve.name}: no values."
    return (
        f"{curve.name}: {value.size} values, first {value[0]:.4g}, last "
        f"{value[-1]:.4g}, lowest {value.min():.4g}, highest {value.max():.4g}."
    )


def _paint(unit: str, curves: list[Curve], axes: Axes) -> None:
    axes.set(xlabel="epoch", ylabel=unit)
    curves = [curve for curve in curves if curve.value.size]
    if not curves:
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center")
        axes.set(xticks=[], yticks=[])
        return
    least = min(curve.value.min() for curve in curves)
    most = max(curve.value.max() for curve in curves)
    if "%" not in unit and least > 0 and most > 30 * least:
        axes.set(yscale="log", ylabel=f"{unit}\n(log scale)")
        # Over two decades the powers of ten alone are too few to read a value off.
        steps = (1, 2, 5) if most < 300 * least else (1,)
        axes.yaxis.set_major_locator(LogLocator(subs=steps))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    for curve in curves:
        curve.paint(axes, curve)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()


def _plot(axes: Axes, curve: Curve, **options: Any) -> None:
    marker = "o" if curve.value.size <= 60 else None
    thinned = thin(curve)
    axes.plot(thinned.epoch, thinned.value, marker=marker, markersize=3, **options)


def _line(axes: Axes, curve: Curve) -> None:
    _plot(axes, curve, color=BLUE)


def _part(axes: Axes, curve: Curve) -> None:
    _line(axes, curve)
    axes.set_ylim(0, max(5.0, 1.1 * curve.value.max()))


def _dashes(axes: Axes, curve: Curve) -> None:
    label = f"{curve.name}, {curve.value[-1]:.4g}"
    axes.plot(curve.epoch, curve.value, "--", color=GREY, linewidth=1.2, label=label)
    if curve.value[-1] < 50:  # else two close levels would fill the axis
        axes.set_ylim(bottom=0)


def _points(axes: Axes, curve: Curve) -> None:
    label = f"{curve.name}, last {curve.value[-1]:.4g}"
    _plot(axes, curve, color=ORANGE, label=label)


def _noisy(axes: Axes, curve: Curve) -> None:
    window = min(curve.value.size // 40, 1000) | 1
    if window == 1:
        _plot(axes, curve, color=BLUE, label=f"{curve.name}, each step")
        return
    mean = curve._replace(value=smooth(curve.value, window))
    label = f"{curve.name}, each step"
    _plot(axes, curve, color=BLUE, alpha=0.3, linewidth=0.8, label=label)
    label = f"{curve.name}, mean of {window} steps"
    _plot(axes, mean, color=BLUE, label=label)
