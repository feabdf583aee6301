"""What stands on the page, read back from its HTML and its pictures."""

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from jaxpad.reports import write_report
from jaxpad.reports.folder import FILES
from tests.reports.pages import Page, read_page, read_png, svg_texts
from tests.reports.runs import make_results


KINDS = {
    "usual": {},
    "no errors": {"errors": 0},
    "no border groups": {"border": None},
    "one step": {"steps": 1, "every": 1},
    "no evaluation": {"steps": 5, "every": 0, "best": None},
    "empty log": {"steps": 0, "best": None},
    "masks": {"task": "segmentation"},
    "no masks": {"task": "segmentation", "examples": 0, "steps": 0, "best": None},
}


@pytest.mark.parametrize("kind", KINDS)
def test_page_is_well_formed_and_fetches_nothing(make_run, kind):
    path = write_report(make_run(**KINDS[kind]))
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert path.name == "report.html"
    assert "http" not in text
    assert not re.search(r"@import|url\(|fetch|XMLHttp|import\(", text)
    assert not {"link", "iframe"} & {tag for tag, _ in page.elements}
    assert [attrs for tag, attrs in page.elements if tag == "script"] == [{}]
    for tag, attrs in page.elements:
        assert "href" not in attrs
        assert attrs.get("src", "data:").startswith("data:")
        assert tag != "img" or attrs["alt"]
    for svg in page.images("svg+xml"):
        assert svg.startswith(b"<svg")
        for element in ET.fromstring(svg).iter():
            links = [value for key, value in element.items() if key.endswith("href")]
            assert all(link.startswith(("#", "data:")) for link in links)


@pytest.mark.parametrize("kind", ["usual", "masks"])
def test_same_files_give_the_same_bytes(make_run, kind):
    one, other = (make_run(name, **KINDS[kind]) for name in ("one", "other"))
    assert write_report(one).read_bytes() == write_report(other).read_bytes()
    left = {path.name for path in one.iterdir()} - {"errors.npz"}
    assert left == {*FILES, "examples.npz", "report.html"}


def test_summary_equals_the_results(make_run):
    page = read_page(make_run())
    assert dict(zip(page.of("dt"), page.of("dd"), strict=True)) == {
        "test accuracy": "86.67%",
        "trivial predictor's accuracy": "33.33%",
        "best epoch's accuracy": "91.23% (epoch 3)",
        "test loss": "0.4321",
        "epochs": "4",
        "steps": "1,234",
        "training time": "60.2 s",
        "parameters": "77,850",
        "device": "cpu x1",
        "padding": "partial",
        "seed": "7",
    }
    assert page.of("h1") == ["partial padding: two_layers on tiny"]
    assert (
        "86.67% of the test images are right: 26 of 30, 95% interval 70.32% to 94.69%. "
        "The best answer that is the same for every image is right on 33.33%."
        in page.text
    )
    assert page.text.index("seed") < page.text.index("Paper lies outside.")
    assert page.text.index("Paper lies outside.") < page.text.index("Learning curves")


def test_best_epoch_is_not_shown_where_there_is_none(make_run):
    page = read_page(make_run(every=0, best=None))
    figures = dict(zip(page.of("dt"), page.of("dd"), strict=True))
    assert figures["best epoch's accuracy"] == "none"
    assert "flatters" not in page.text


def test_text_is_escaped(make_run):
    classes = ["<b>", "$x_1$ &", "猫"]
    folder = make_run(
        dataset={
            "name": "<i>d</i>",
            "task": "classification",
            "classes": classes,
            "note": "<script>1</script>",
        },
        padding="<u>",
        config={"<s>": "</table>"},
    )
    page = read_page(folder)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"b", "i", "u", "s"}
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert "✗ said $x_1$ & (97%), true 猫, test image 211" in page.text
    assert page.of("th")[-1] == "<s>"
    assert page.of("td")[-1] == '"</table>"'
    assert "<b> $x_1$ & 1 10.0%" in page.text
    assert page.of("h1") == ["<u> padding: two_layers on <i>d</i>"]
    assert set(classes) <= set(svg_texts(page.images("svg+xml")[5]))


def test_curves_are_labelled_in_the_order_of_the_page(make_run):
    page = read_page(make_run(steps=80, every=20))
    texts = [svg_texts(svg) for svg in page.images("svg+xml")]
    units = ["mean loss per example", "accuracy (%)", "part of the time (%)"]
    units += ["learning rate", "gradient norm (L2)"]
    for unit, found in zip(units, texts, strict=False):
        assert {unit, "epoch"} <= set(found)
    assert {"training, each step", "training, mean of 3 steps"} <= set(texts[0])
    assert "test, last 0.125" in texts[0]
    assert {"test, last 89.38", "trivial predictor, 33.33"} <= set(texts[1])


def test_a_loss_that_is_not_finite_is_told(make_run):
    folder = make_run()
    path = folder / "results.json"
    results = json.loads(path.read_text())
    results["test"]["loss"] = None
    path.write_text(json.dumps(results))
    assert "not finite" in read_page(folder).of("dd")


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_the_stored_pixels(make_run, channels):
    folder = make_run(examples=2, errors=3, channels=channels)
    page = read_page(folder)
    images = []
    for name in ("examples.npz", "errors.npz"):
        with np.load(folder / name) as stored:
            images += list(stored["image"])
    for png, image in zip(page.images("png"), images, strict=True):
        np.testing.assert_array_equal(read_png(png), image + np.zeros(3))
    assert "✗ said 1 (97%), true 8, test image 211" in page.text
    assert "✓ said 1 (40%), test image 212" in page.text
    assert "image-rendering: pixelated" in (folder / "report.html").read_text()


def test_at_most_24_mistakes_are_shown(make_run):
    test = make_results()["test"] | {"examples": 99, "correct": 60}
    page = read_page(make_run(examples=0, errors=30, test=test))
    assert len(page.images("png")) == 24
    assert "24 of 39" in page.text
    assert "There are no images to show." in page.text


def test_no_mistakes_is_said_in_words(make_run):
    page = read_page(make_run(examples=0, errors=0))
    assert not page.images("png")
    assert "There are no errors to show." in page.text


def test_no_border_groups_is_said_in_words(make_run):
    page = read_page(make_run(border=None))
    assert "this data set gives no border groups" in page.text
    assert len(page.images("svg+xml")) == 6


def border_with(*groups):
    keys = ("label", "examples", "correct", "accuracy", "interval")
    found = [
        dict(zip(keys, group, strict=True)) | {"range": [0, 1]} for group in groups
    ]
    return {"width": 2, "quantity": "a share", "groups": found}


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        ([0.5, 0.9], "The two intervals overlap"),
        ([0.99, 1.0], "The two intervals overlap"),
        ([0.5, 0.8], "The two intervals overlap"),
        ([0.5, 0.79], "The two intervals do not overlap"),
        ([0.995, 1.0], "The two intervals do not overlap"),
    ],
)
def test_sentence_says_whether_the_intervals_overlap(make_run, edge, words):
    border = border_with(
        ("centre", 20, 18, 0.9, [0.8, 0.99]),
        ("empty", 0, 0, None, None),
        ("edge", 10, 7, 0.7, edge),
    )
    page = read_page(make_run(border=border))
    assert words in page.text
    assert (
        "90.0% in the group 'centre' (18 of 20, 95% interval 80.0% to 99.0%) and 70.0% "
        "in the group 'edge' (7 of 10," in page.text
    )
    found = svg_texts(page.images("svg+xml")[6])
    assert {"n = 20", "n = 0", "n = 10", "90.0%", "70.0%"} <= set(found)


def test_one_group_is_not_compared(make_run):
    border = border_with(("centre", 9, 9, 1.0, [0.8, 1]), ("edge", 0, 0, None, None))
    assert "nothing to compare" in read_page(make_run(border=border)).text


def test_config_is_flat_and_collapsed(make_run):
    config = {
        "seed": 0,
        "model": {
            "name": "a",
            "widths": [1, 2],
            "extra": {},
            "norm": {"x": {"y": None}},
        },
    }
    page = read_page(make_run(config=config))
    assert list(zip(page.of("th")[-5:], page.of("td")[-5:], strict=True)) == [
        ("seed", "0"),
        ("model.name", '"a"'),
        ("model.widths", "[1, 2]"),
        ("model.extra", "{}"),
        ("model.norm.x.y", "null"),
    ]
    assert ("details", {}) in page.elements  # without `open` a browser shows it closed


def test_values_that_are_not_finite_are_told(make_run):
    folder = make_run()
    path = folder / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[4]["loss"], lines[5]["loss"] = float("nan"), float("inf")
    path.write_text("\n".join(map(json.dumps, lines)))
    told = read_page(folder).of("li")[0]
    assert (
        told == "loss: 2 of 12 values are missing or not finite, the first at step 4."
    )


def test_failed_writing_leaves_the_old_page(make_run, monkeypatch):
    folder = make_run()
    path = folder / "report.html"
    path.write_text("old")
    files = sorted(folder.iterdir())

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(folder)
    assert path.read_text() == "old"
    assert sorted(folder.iterdir()) == files
