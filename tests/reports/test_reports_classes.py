"""Tables of classes, and which of them are taken for which."""

import pytest

from tests.reports.pages import read_page, svg_texts
from tests.reports.runs import many_classes


def test_confusion_matrix_shows_counts_and_the_worst_in_words(make_run):
    page = read_page(make_run(config={}))
    found = svg_texts(page.images("svg+xml")[5])
    assert {"9", "10", "3", "7", "true class", "predicted class"} <= set(found)
    assert page.of("td")[-8:] == ["8", "1", "3", "30.0%", "0", "1", "1", "10.0%"]


@pytest.mark.parametrize(("count", "rows"), [(21, 10), (40, 10), (41, 40), (1000, 40)])
def test_confusions_of_many_classes_are_listed(make_run, count, rows):
    page = read_page(make_run(border=None, config={}, **many_classes(count)))
    svgs = page.images("svg+xml")[5:]
    assert len(svgs) == (count <= 40)
    for svg in svgs:
        assert {"c0", f"c{count - 1}"} <= set(svg_texts(svg))
        assert not {"0", "1"} & set(svg_texts(svg))
    pairs = page.of("td")[3 * count :]
    assert pairs[:4] == ["c0", "c1", "1", "50.0%"]
    assert len(pairs) == 4 * rows


def test_no_confusions_is_said_in_words(make_run):
    assert "No class was taken for another." in read_page(make_run(confusions=[])).text


def test_classes_come_worst_first(make_run):
    page = read_page(make_run(config={}))
    assert page.of("th")[:3] == ["8", "0", "1"]
    assert page.of("td")[:6] == ["70.0%", "10", "33.3%", "90.0%", "10", "33.3%"]
    values = [a["data-value"] for _, a in page.elements if "data-value" in a]
    assert values[:4] == ["2", "0.7", "10", str(1 / 3)]
