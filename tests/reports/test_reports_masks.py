"""What the page of a segmentation shows, and its pictures of masks."""

import base64
import io

import matplotlib.image
import numpy as np

from jaxpad.reports import masks
from jaxpad.reports.arrays import Masks
from tests.reports.pages import read_page, read_png, svg_texts


def test_summary_of_masks(make_run):
    page = read_page(make_run(task="segmentation"))
    figures = dict(zip(page.of("dt"), page.of("dd"), strict=True))
    assert list(figures.items())[:6] == [
        ("test mIoU", "70.00%"),
        ("trivial predictor's mIoU", "45.00%"),
        ("best epoch's mIoU", "71.23% (epoch 3)"),
        ("pixel accuracy", "92.00%"),
        ("trivial predictor's pixel accuracy", "90.00%"),
        ("mean accuracy of classes", "76.00%"),
    ]
    assert "9 images, 100,000 pixels that count" in page.text
    assert "the same for every pixel has 45.00%" in page.text
    assert "border" not in page.text
    texts = svg_texts(page.images("svg+xml")[1])
    assert {"mIoU (%)", "test, last 75.83", "trivial predictor, 45"} <= set(texts)


def test_classes_of_masks_without_a_figure_come_last(make_run):
    page = read_page(make_run(task="segmentation", config={}))
    assert page.of("th")[:3] == ["cat", "background", "dog"]
    assert page.of("td")[:4] == ["50.0%", "56.0%", "10,000", "10.0%"]
    assert page.of("td")[8:12] == ["no figure", "no figure", "0", "0.0%"]
    texts = svg_texts(page.images("svg+xml")[6])
    assert {"96", "4", "<1", "44", "56"} <= set(texts)


def test_masks_lie_over_their_images(make_run):
    folder = make_run(task="segmentation", examples=2)
    page = read_page(folder)
    assert page.of("h3") == [
        "Test image 0: 90.0% of the pixels that count are right",
        "Test image 30: 90.0% of the pixels that count are right",
    ]
    image, truth, said, difference = map(read_png, page.images("png")[:4])
    with np.load(folder / "examples.npz") as stored:
        np.testing.assert_array_equal(image, stored["image_0"])
        label, prediction = stored["label_0"], stored["prediction_0"]
    uncounted, wrong = label == 255, (label != prediction) & (label != 255)
    assert (difference[wrong] == masks.WRONG).all()
    assert (difference[uncounted] == masks.UNCOUNTED).all()
    assert (truth[uncounted] == masks.UNCOUNTED).all()
    right = ~wrong & ~uncounted
    np.testing.assert_array_equal(truth[right], said[right])
    assert (difference[right].min(-1) > 150).all()
    assert (truth[wrong] != said[wrong]).any(-1).all()
    legend = [text for text in page.of("li") if text]
    assert legend == ["background", "cat", "dog", "does not count", "wrong"]


def test_at_most_512_pixels_are_shown():
    image = np.full((700, 1400, 3), 90, np.uint8)
    image[:, 700:] = 200
    label = (image[..., 0] > 100).astype(np.uint8)
    (found,) = masks.overlays([Masks(0, image, label, label)], ["a", "b"])
    for picture in found.pictures:
        start = "data:image/jpeg;base64,"
        shown = base64.b64decode(picture.source.removeprefix(start))
        pixels = matplotlib.image.imread(io.BytesIO(shown), format="jpeg")
        assert pixels.shape == (256, 512, 3)
        jump = np.abs(np.diff(pixels.astype(int).sum(-1)))
        assert (jump.argmax(-1) == 255).all()  # the classes still meet in the middle
        assert (jump[:, :240] < 20).all()


def test_colours_of_classes_differ():
    colours = masks.palette([f"c{number}" for number in range(150)])
    assert len({tuple(colour) for colour in colours.tolist()}) == 150
    spread = colours.max(-1).astype(int) - colours.min(-1)
    assert (spread > 60).all()  # none is grey
