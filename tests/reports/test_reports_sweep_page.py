"""What stands on the page of a sweep, in its figures and in its numbers."""

import json
import re

import numpy as np
import pytest
from scipy import stats

from jaxpad.reports.sweeps import write_sweep_report
from tests.reports.browser import find_browser, running
from tests.reports.pages import Page, svg_texts
from tests.reports.sweeps import write_run, write_sweep


EVIL = "<script>alert(1)<i>"
ZERO = [0.80, 0.83, 0.79, 0.81]
ARMS = {
    "reflect": [0.81, 0.82, 0.80, None],
    "zero": ZERO,
    "partial": [0.851, 0.879, 0.842, 0.859],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a report of three arms that were looked at near borders."""
    path = write_sweep(tmp_path_factory.mktemp("sweep"), ARMS, borders=True)
    assert write_sweep_report(path) == path / "report.html"
    return path


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def numbers(folder):
    return json.loads((folder / "report.json").read_text())


def test_the_page_fetches_nothing(folder, page):
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "http" not in text
    assert not re.search(r"@import|url\(|<script|<link|<iframe", text)
    links = [attrs["href"] for _, attrs in page.elements if "href" in attrs]
    assert len(links) == 11
    assert all(link.endswith("-0123abcd/report.html") for link in links)
    for tag, attrs in page.elements:
        assert attrs.get("src", "data:").startswith("data:")
        assert tag != "img" or attrs["alt"]


def test_numbers_equal_scipys(numbers):
    final = numbers["metrics"][0]
    assert (final["key"], final["unit"]) == ("final_accuracy", "%")
    reflect, zero, partial = final["arms"]
    theirs = stats.ttest_rel(ARMS["partial"], ZERO)
    interval = theirs.confidence_interval()
    assert partial["p"] == pytest.approx(theirs.pvalue, abs=1e-10)
    assert partial["interval"] == pytest.approx([100 * i for i in interval], abs=1e-9)
    other = stats.ttest_rel(ARMS["reflect"][:3], ZERO[:3]).pvalue
    assert partial["p_corrected"] == pytest.approx(2 * theirs.pvalue, abs=1e-10)
    assert reflect["p_corrected"] == pytest.approx(other, abs=1e-10)
    assert (reflect["compared"], reflect["compared_seeds"]) == ("paired", 3)
    assert zero["deviation"] == pytest.approx(100 * np.std(ZERO, ddof=1))
    assert zero["values"] == pytest.approx(
        {str(s): 100 * v for s, v in enumerate(ZERO)}
    )
    assert "p" not in zero


def test_final_and_best_epoch_are_both_there(page):
    heads = [text for text in page.of("h3") if "Test image" not in text]
    assert heads[:3] == [
        "Test accuracy, final epoch (%)",
        "Test accuracy, best epoch (%)",
        "Test loss, final epoch",
    ]
    assert "The best epoch was found by looking at the test images" in page.text
    assert "is not to be reported alone" in page.text


def test_the_table_says_what_was_found(page):
    cells = page.of("td")
    assert cells[:4] == ["3", "81.00", "1.00", "+0.33"]
    assert cells[9:12] == ["4", "80.75", "1.71"]
    assert cells[13:17] == ["4", "85.78", "1.58", "+5.03"]
    assert cells[20] == "paired, n = 4"
    low, high = stats.ttest_rel(ARMS["partial"], ZERO).confidence_interval()
    said = f"95% interval {100 * low:+.2f} to {100 * high:+.2f}, corrected p"
    assert said in page.text
    assert "better, by more than chance explains" in page.text


def test_too_few_seeds_are_warned_about_with_the_number_needed(page, numbers):
    reflect = numbers["metrics"][0]["arms"][0]
    assert reflect["seeds_needed"] < reflect["seeds_needed_corrected"]
    assert (
        "padding=reflect: 3 seeds are too few to tell +0.333 points from chance."
        in page.text.replace("+0.33 ", "+0.333 ")
    )
    assert f"about {reflect['seeds_needed']} seeds an arm would find it" in page.text
    assert "padding=partial: " not in page.text


def test_runs_that_are_missing_stand_on_the_page(page, numbers):
    assert "Not in the tables: 1 run." in page.text
    assert "): not finished (broken off)" in page.text
    assert numbers["missing"][0]["folder"] == "padding=reflect,seed=3-0123abcd"


def test_figures_are_files_as_well(folder, page, numbers):
    svgs = page.images("svg+xml")
    assert len(numbers["figures"]) == len(svgs) == 22
    for name in numbers["figures"]:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert len(list((folder / "figures").iterdir())) == 22


def test_pictures_name_axes_units_arms_and_spread(page):
    texts = [" ".join(svg_texts(svg)) for svg in page.images("svg+xml")]
    lines = [text for text in texts if "band: ± 1 sample standard deviation" in text]
    assert len(lines) == 9
    for text in lines:
        assert {"padding=zero (n = 4)", "padding=reflect (n = 3)"} <= set(
            re.findall(r"padding=\w+ \(n = \d\)", text)
        )
    for unit in (
        *("epoch", "test accuracy (%)", "mean test loss", "shift (pixels)"),
        *("begins (pixels from the border)", "same answer (%)", "tested under"),
        *("trained with", "times used", "mean |activation|", "difference (points)"),
        *("its 95% interval", "± 1 sample standard deviation over the n seeds"),
    ):
        assert any(unit in text for text in texts), unit


def test_curves_are_means_with_deviations(numbers):
    (chart,) = [c for c in numbers["lines"] if c["name"] == "curve_accuracy"]
    zero = chart["arms"][1]
    assert zero["x"] == [1, 2, 3, 4]
    assert zero["deviation"] == pytest.approx([100 * np.std(ZERO, ddof=1)] * 4)


def test_the_matrix_is_a_mean_over_seeds(numbers):
    grid = numbers["cross"]["accuracy"]
    assert grid["columns"] == ["zero", "partial", "reflect", "valid"]
    assert grid["rows"][1] == "padding=zero"
    assert grid["mean"][1][0] == pytest.approx(90, abs=2)
    assert grid["mean"][1][3] is None
    assert grid["seeds"][0] == [3, 3, 3, 0]


def test_why_a_padding_cannot_be_tested_stands_below_the_matrix(page):
    assert "padding=zero under valid: 8 pixels are few" in page.of("li")


def test_confusions_are_summed_over_seeds(page):
    svgs = page.images("svg+xml")[-3:]
    assert {"27", "30", "21"} <= set(svg_texts(svgs[0]))
    assert {"36", "40", "28"} <= set(svg_texts(svgs[1]))


def test_costs_stand_beside_the_baselines(page, numbers):
    assert [cost["key"] for cost in numbers["costs"]] == [
        *("step_ms", "memory_mib", "minutes", "parameters")
    ]
    assert "11 (0.96 x)" in page.of("td")
    assert "77,850 (1.00 x)" in page.of("td")


def test_same_files_give_the_same_bytes(strange):
    before = {p: p.read_bytes() for p in sorted(strange.rglob("*")) if p.is_file()}
    write_sweep_report(strange)
    assert before == {path: path.read_bytes() for path in before}


def test_masks_without_borders(tmp_path):
    arms = {"a": [0.5, 0.6], "b": [0.52, 0.6]}
    write_sweep(tmp_path, arms, task="segmentation", listed=False, steps=3)
    page = Page(write_sweep_report(tmp_path).read_text(encoding="utf-8"))
    assert "Near borders" not in page.text
    assert page.of("h3")[0] == "Test mIoU, final epoch (%)"
    assert "Pixel accuracy (%)" in page.of("h3")
    assert "does not count" in page.text
    assert "corrected p 0.500: no difference is shown" in page.text


def test_one_seed_and_diverged_seeds_are_told(tmp_path):
    test = {"examples": 30, "correct": 26, "accuracy": 0.8, "interval": [0.7, 0.9]}
    test |= {"class_accuracy": [1, 1, 1], "class_examples": [10] * 3, "loss": None}
    write_sweep(tmp_path, {"zero": [0.8], "b": [0.9]}, steps=3)
    path = tmp_path / "padding=b,seed=0-0123abcd" / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"test": test}))
    page = Page(write_sweep_report(tmp_path).read_text(encoding="utf-8"))
    assert "of one seed: nothing can be said of a difference" in page.text
    assert "train at least 5 seeds an arm" in page.text
    assert "line: the one seed of each arm; there is no band" in svg_texts(
        page.images("svg+xml")[3]
    )
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["metrics"][2]["arms"][1]["mean"] is None


@pytest.fixture(scope="module")
def strange(tmp_path_factory):
    """A folder of runs with names that are markup, and its report."""
    folder = tmp_path_factory.mktemp("strange")
    config = {"seed": 0, "<b>": EVIL, "padding": EVIL}
    names = {"name": EVIL, "task": "classification", "classes": ["<b>&", "$x$", "8"]}
    dataset = names | {"note": "<u>"}
    write_run(folder / "a<b>", config, 0.8, steps=3, dataset=dataset)
    write_run(folder / "b", config | {"padding": "zero"}, 0.8, steps=3)
    (folder / "c<s>").mkdir()
    (folder / "c<s>" / "config.json").write_text("<s>")
    write_sweep_report(folder)
    return folder


def test_text_is_escaped(strange):
    page = Page((strange / "report.html").read_text(encoding="utf-8"))
    assert not {"script", "i", "b", "u", "s"} & {tag for tag, _ in page.elements}
    assert f"padding={EVIL}" in page.of("th")
    assert "<b>&" in set(svg_texts(page.images("svg+xml")[-2]))
    assert "c<s>" in page.text


@pytest.mark.skipif(
    find_browser() is None, reason="there is no Chromium; name one in JAXPAD_CHROMIUM"
)
@pytest.mark.parametrize("width", [390, 1200])
def test_in_a_browser(folder, tmp_path, width):
    path = find_browser()
    assert path is not None
    with running(path, tmp_path) as browser:
        seen = browser.open(folder / "report.html", width)
    assert seen["scrolled"] <= seen["width"] <= width
    assert seen["images"] > 22
    assert seen["blank"] == seen["small"] == 0
    assert seen["requests"] == [(folder / "report.html").resolve().as_uri()]
    assert seen["errors"] == []


def test_maps_are_in_the_numbers(folder, numbers):
    found = np.array(numbers["maps"]["mean"]["stem"]["padding=zero"])
    runs = folder.glob("padding=zero,*/borders.npz")
    stored = [np.load(path)["mean/stem"] for path in runs]
    np.testing.assert_allclose(found, np.mean(stored, axis=0), rtol=1e-4)
    assert set(numbers["maps"]) == {"mean", "blank", "foveation"}


@pytest.mark.slow
def test_pictures_of_an_earlier_page_go(tmp_path):
    write_sweep(tmp_path, {"zero": [0.8, 0.7], "b": [0.9, 0.8]}, borders=True, steps=3)
    write_sweep_report(tmp_path)
    before = set((tmp_path / "figures").iterdir())
    mine = tmp_path / "figures" / "mine.png"
    mine.touch()
    for path in tmp_path.glob("*/borders.*"):
        path.unlink()
    write_sweep_report(tmp_path)
    after = set((tmp_path / "figures").iterdir())
    assert after - {mine} < before
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert {str(p.relative_to(tmp_path)) for p in after - {mine}} == set(
        numbers["figures"]
    )
    assert mine in after
