"""Learning curves: what was logged during training, step by step."""

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from jaxpad.reports.figure import Picture, draw
from jaxpad.reports.folder import Run
from jaxpad.reports.strokes import (
    Curve,
    dashes,
    line,
    noisy,
    paint_curves,
    part,
    points,
)


UNITS = {"classification": "example", "segmentation": "pixel", "language": "token"}


def learning_curves(run: Run) -> list[Picture]:
    """Draws what was logged against the epoch.

    Args:
        run: the run.

    Returns:
        Loss, mIoU in segmentation, accuracy, the part of time spent waiting for data,
        learning rate and gradient norm.
    """
    train = partial(_curve, run.train)
    test = partial(_curve, run.test, points, "test")
    level = partial(_level, run)
    masks = run.results["dataset"]["task"] == "segmentation"
    loss = [train(noisy, "training", "loss"), test("test_loss")]
    miou = [test("test_miou", 100), level("miou")] if masks else []
    accuracy = [
        train(noisy, "training", "accuracy", 100),
        test("test_accuracy", 100),
        level("accuracy"),
    ]
    waiting = [train(part, "waiting", "data_wait", 100)]
    rate = [train(line, "learning rate", "learning_rate")]
    norm = [train(noisy, "gradient norm", "grad_norm")]
    unit = "pixel accuracy (%)" if masks else "accuracy (%)"
    each = UNITS[run.results["dataset"]["task"]]
    return [
        _picture("Loss", f"mean loss per {each}", loss, 2.8),
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
    return Curve(dashes, "trivial predictor", ends[there], values[there])


def _picture(title: str, unit: str, curves: list[Curve], height: float) -> Picture:
    alt = f"{unit} against the epoch. {' '.join(map(_in_words, curves))}"
    return Picture(title, draw(partial(paint_curves, unit, curves), 4.2, height), alt)


def _in_words(curve: Curve) -> str:
    value = curve.value
    if not value.size:
        return f"{curve.name}: no values."
    return (
        f"{curve.name}: {value.size} values, first {value[0]:.4g}, last "
        f"{value[-1]:.4g}, lowest {value.min():.4g}, highest {value.max():.4g}."
    )
