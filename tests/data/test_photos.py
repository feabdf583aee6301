"""The offline data sets: whose pixels are whose, and labels that fit the image."""

import numpy as np
import pytest

from jaxpad.data import DATASETS, as_arrays
from jaxpad.data.photos import GAP, NAMES, SIZE, _photographs, halves
from jaxpad.data.scenes import DIMMED, SCENES, _enlarged, _Pile, _scene


def windows(image: np.ndarray) -> set[bytes]:
    """Every square of an image."""
    rows, columns = image.shape[0] - SIZE + 1, image.shape[1] - SIZE + 1
    return {
        image[r : r + SIZE, c : c + SIZE].tobytes()
        for r in range(rows)
        for c in range(columns)
    }


def test_halves_are_means_of_the_photographs_with_a_gap():
    for photograph, (left, right) in zip(_photographs(), halves(), strict=True):
        height, width = photograph.shape[0] // 2, photograph.shape[1] // 2
        assert left.shape[1] + GAP + right.shape[1] == width
        for half, start in ((left, 0), (right, width - right.shape[1])):
            for row, column in ((0, 0), (height - 1, half.shape[1] - 1), (50, 60)):
                c = 2 * (start + column)
                block = photograph[2 * row : 2 * row + 2, c : c + 2]
                mean = block.reshape(4, -1).mean(0)
                assert np.all(np.abs(half[row, column] - mean) <= 0.5)


def test_crops_come_from_their_half():
    data = DATASETS["photos10"]()
    for source, side, each in ((data.train, 0, 120), (data.test, 1, 40)):
        images, labels = as_arrays(source)
        assert images.shape == (10 * each, SIZE, SIZE, 3)
        np.testing.assert_array_equal(np.bincount(labels), [each] * 10)
        for label in (2, 8):
            own = windows(halves()[label][side])
            assert all(image.tobytes() in own for image in images[labels == label])


def test_no_crop_is_there_twice():
    images, _ = as_arrays(DATASETS["photos10"]().train)
    assert len({image.tobytes() for image in images}) == len(images)


def test_offline_data_are_the_same_everywhere():
    """Numbers of this install; a change of them is a change of the data sets."""
    assert DATASETS["photos10"]().classes == NAMES
    found = {name: DATASETS[name]().fingerprint() for name in FINGERPRINTS}
    assert found == FINGERPRINTS


FINGERPRINTS = {
    "digits": "c0d880f2c6b40ed8",
    "photos10": "482f4c666a826b63",
    "digit_scenes": "3db86d83f97a8f9e",
}


def test_scenes_have_all_classes_and_no_others():
    data = DATASETS["digit_scenes"]()
    for source, count in ((data.train, SCENES["train"]), (data.test, SCENES["test"])):
        _, labels = as_arrays(source)
        assert labels.shape == (count, SIZE, SIZE)
        share = np.bincount(labels.ravel(), minlength=11) / labels.size
        assert len(share) == len(data.classes) == 11
        assert 0.8 < share[0] < 0.95
        assert share[1:].min() > 0.004


@pytest.mark.parametrize("label", [0, 9])
def test_a_label_is_where_the_ink_is(label: int):
    """Scenes made of one digit: the rest of the photograph is untouched."""
    digit = np.zeros((1, 8, 8, 1), np.uint8)
    digit[0, 2:6, 3:5] = 255
    pile = _Pile(digit, np.asarray([label]), side=0)
    for seed in range(5):
        image, labels = _scene(pile, (0, seed))
        assert set(np.unique(labels)) == {0, label + 1}
        around = [
            np.abs(image.astype(int) - window).sum(-1) > 0 for window in near(image)
        ]
        touched = min(around, key=np.sum)
        assert np.all(touched[labels > 0])
        assert touched.sum() < 3 * (labels > 0).sum()


def near(image: np.ndarray) -> list[np.ndarray]:
    """The windows of dimmed left halves that share the scene's corners."""
    corners = [(0, 0), (0, -1), (-1, 0), (-1, -1)]
    found = []
    for left in ((half * DIMMED).round().astype(np.uint8) for half, _ in halves()):
        rows, columns = left.shape[0] - SIZE + 1, left.shape[1] - SIZE + 1
        same = np.zeros((rows, columns), int)
        for r, c in corners:
            r0, c0 = r % SIZE, c % SIZE
            part = left[r0 : r0 + rows, c0 : c0 + columns]
            same += np.all(part == image[r, c], -1)
        found += [left[r : r + SIZE, c : c + SIZE] for r, c in np.argwhere(same >= 3)]
    return found


def test_enlarging_is_bilinear():
    from PIL import Image

    digit = as_arrays(DATASETS["digits"]().train)[0][5, ..., 0]
    wanted = Image.fromarray(digit.astype(np.float32)).resize(
        (29, 29), Image.Resampling.BILINEAR
    )
    found = _enlarged(digit, 29) * 255
    np.testing.assert_allclose(found, np.asarray(wanted), atol=1e-3)
