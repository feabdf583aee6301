"""Parts of a sweep's report: maps, lines, the baseline, the looks of arms."""

from typing import Any

import numpy as np
import pytest

from jaxpad.reports.figure import painted
from jaxpad.reports.statistics import by_seed, seeds_needed
from jaxpad.reports.sweeps.heat import maps
from jaxpad.reports.sweeps.key import looks
from jaxpad.reports.sweeps.lines import line
from jaxpad.reports.sweeps.metrics import Metric, Row, Table, default_baseline, tables
from jaxpad.reports.sweeps.read import Arm, read_sweep
from jaxpad.reports.sweeps.verdicts import too_few
from tests.reports.sweeps import write_sweep


@pytest.mark.parametrize("value", [0.0, 2.0, -1.0])
def test_equal_maps_have_equal_colours(tmp_path, value):
    write_sweep(tmp_path, {"zero": [0.5], "partial": [0.6]}, borders=True, steps=3)
    for path in tmp_path.glob("*/borders.npz"):
        flat: Any = {"blank/stem": np.full((4, 4), value)}
        np.savez(path, **flat)
    (plate,) = maps(read_sweep(tmp_path))
    with painted(plate.paint, plate.width, plate.height) as figure:
        images = [image for axes in figure.axes for image in axes.images]
        colours = {tuple(i.cmap(i.norm(value))) for i in images}
    assert len(images) == 2
    assert len(colours) == 1


def test_answers_that_were_not_shifted_are_in_no_mean(tmp_path):
    write_sweep(tmp_path, {"zero": [0.5], "partial": [0.6]}, borders=True, steps=3)
    found = {t.metric.key: t for t in tables(read_sweep(tmp_path), "padding=zero")}
    shares = [0.97, 0.95, 0.93, 0.9]  # of the shifts by 1 to 4 pixels
    for row in found["shift_consistency"].rows:
        assert row.mean == pytest.approx(100 * np.mean(shares))


def test_lines_leave_out_what_no_seed_knows():
    found = line(
        "a", [([0, 1, 2], [1.0, None, 2.0]), ([2, 0, 1, 9], [4.0, 3.0, None, 5])]
    )
    assert found is not None
    assert found.x.tolist() == [0, 2]
    assert found.mean.tolist() == [2, 3]
    np.testing.assert_allclose(found.deviation, [2**0.5, 2**0.5])
    alone = line("a", [([0], [1.0])])
    assert alone is not None
    assert np.isnan(alone.deviation).all()
    assert line("a", [([0], [None])]) is None
    assert line("a", []) is None


def test_the_baseline_is_zero_or_the_first():
    arms = [Arm(name, {}) for name in ("padding=partial", "padding=zero zero=3")]
    assert default_baseline(arms, None) == "padding=zero zero=3"
    assert default_baseline(arms[:1], None) == "padding=partial"
    assert default_baseline(arms, "padding=partial") == "padding=partial"
    with pytest.raises(ValueError, match=r"no finished arm is 'zero'.*--baseline"):
        default_baseline(arms, "zero")


def test_thirty_arms_look_different():
    found = looks([str(number) for number in range(30)], "4")
    assert len(set(found.values())) == 30
    assert found["4"].colour == "#000000"


def test_seeds_that_only_the_correction_finds_too_few_are_told():
    """Eight seeds would do for one arm; for twelve they do not."""
    each = dict(enumerate(np.array([1.0, 0.2, 0.9, 0.1, 1.1, 0.3, 0.8, 0.2])))
    found = by_seed(each, dict.fromkeys(each, 0.0))
    needed = [seeds_needed(found.effect, 0.05 / arms) for arms in (1, 12)]
    assert needed[0] is not None
    assert needed[1] is not None
    assert needed[0] <= 8 < needed[1]
    metric = Metric("final", "Test accuracy", "%", 100, True, lambda result: None)
    nothing = {"values": {}, "mean": 0.0, "deviation": 0.0, "seeds": 8}
    row = Row(
        "b",
        **nothing,
        against=found,
        corrected=0.06,
        needed=needed[0],
        needed_corrected=needed[1],
    )
    assert len(too_few(Table(metric, [row]))) == 1
    assert not too_few(Table(metric, [row._replace(corrected=0.01)]))
