"""Windows cover every pixel; what they say is the mean; odd sizes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, strategies as st

from jaxpad.models import MODELS
from jaxpad.train.segmentation import cross_entropy
from jaxpad.train.tasks import TASKS
from jaxpad.train.windows import averaged, resize, sliding, window_starts


def images(*size: int, channels: int = 2, n: int = 2) -> jax.Array:
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.normal(size=(n, *size, channels)), jnp.float32)


def mmseg_starts(size: int, window: int, stride: int) -> list[int]:
    """The published rule: a grid whose last window is moved back."""
    count = max(size - window + stride - 1, 0) // stride + 1
    ends = [min(i * stride + window, size) for i in range(count)]
    return [max(end - window, 0) for end in ends]


@given(st.integers(1, 60), st.integers(1, 40), st.data())
def test_windows_are_mmsegs_and_cover_every_pixel(size: int, window: int, data: Any):
    stride = data.draw(st.integers(1, window))
    starts = window_starts(size, window, stride)
    assert starts == mmseg_starts(size, window, stride)
    covered = np.zeros(size, bool)
    for start in starts:
        assert start + min(window, size) <= size
        covered[start : start + window] = True
    assert covered.all()


def test_windows_of_cityscapes():
    assert window_starts(1025, 769, 513) == [0, 256]
    assert window_starts(2049, 769, 513) == [0, 513, 1026, 1280]


@pytest.mark.parametrize("stride", [0, 5])
def test_stride_that_leaves_pixels_out_is_refused(stride: int):
    with pytest.raises(
        ValueError, match=f"stride={stride} with window=4: expected 1 to"
    ):
        sliding(lambda x: x, images(9, 9), window=(4, 4), stride=stride)


def position(x: jax.Array) -> jax.Array:
    """Logits that depend on the place in the window, as under zero padding."""
    ramp = jnp.arange(x.shape[1] * x.shape[2], dtype=x.dtype)
    return x * ramp.reshape(1, *x.shape[1:3], 1)


@pytest.mark.parametrize("size", [(9, 13), (5, 13), (3, 4), (8, 5)])
def test_sliding_is_the_mean_over_the_windows_of_a_pixel(size: tuple[int, int]):
    x, window, stride = images(*size), (5, 6), 3
    found = sliding(jax.jit(position), x, window=window, stride=stride)
    total, count = np.zeros(x.shape), np.zeros((1, *size, 1))
    for row in mmseg_starts(size[0], window[0], stride):
        for column in mmseg_starts(size[1], window[1], stride):
            place = np.s_[:, row : row + window[0], column : column + window[1]]
            total[place] += np.asarray(position(x[place]))
            count[place] += 1
    assert count.min() >= 1
    np.testing.assert_allclose(found, total / count, rtol=1e-5, atol=1e-5)


def test_one_window_where_one_fits():
    x = images(5, 6)
    whole = position(x)
    np.testing.assert_array_equal(sliding(position, x, window=(5, 6), stride=3), whole)
    np.testing.assert_array_equal(sliding(position, x, window=(9, 9), stride=3), whole)


def test_what_each_pixel_says_alone_is_said_by_any_windows():
    x = images(11, 7)
    found = sliding(lambda x: x[..., :1] * 3, x, window=(4, 3), stride=2)
    np.testing.assert_allclose(found, x[..., :1] * 3, rtol=1e-6)


def test_cityscapes_size_compiles_one_window_once():
    """1025 x 2049 in windows of 769, one channel; all windows have one shape."""
    shapes = []

    def predict(x):
        shapes.append(x.shape)
        return x

    x = jnp.ones((1, 1025, 2049, 1))
    found = sliding(jax.jit(predict), x, window=(769, 769), stride=513)
    assert shapes == [(1, 769, 769, 1)]
    np.testing.assert_allclose(found, x)


def test_program_holds_the_network_once_however_many_windows_there_are():
    """Under jit, with a model that has batch statistics, as the trainer calls it."""
    model = MODELS.resolve("unet(width=2, depth=1)")(3, 2, rngs=nnx.Rngs(0))
    model.eval()
    graph, variables = nnx.split(model)
    x = images(65, 129, channels=3)

    def predict(x: jax.Array) -> jax.Array:
        return nnx.merge(graph, variables, copy=True)(x)

    def convolutions(function: Any, x: jax.Array) -> int:
        text = jax.jit(function).lower(x).as_text()
        return text.count("stablehlo.convolution")

    one = convolutions(predict, x[:, :32, :32])
    assert one > 1
    many = lambda x: sliding(predict, x, window=(32, 32), stride=20)  # noqa: E731
    assert convolutions(many, x) == one
    single = lambda x: sliding(predict, x, window=(65, 129), stride=20)  # noqa: E731
    np.testing.assert_allclose(single(x), predict(x), atol=1e-5)


def test_window_that_is_no_pair_is_refused():
    with pytest.raises(ValueError, match=r"window=\(4, 4, 4\): expected height and"):
        sliding(position, images(9, 9), window=(4, 4, 4), stride=2)


@pytest.mark.parametrize("name", ["sliding", "averaged"])
def test_scores_of_images_are_refused(name: str):
    def classify(x: jax.Array) -> jax.Array:
        return x.mean((1, 2))

    found = {
        "sliding": lambda: sliding(classify, images(9, 9), window=(4, 4), stride=2),
        "averaged": lambda: averaged(classify, images(9, 9), flip=True),
    }
    message = rf"'{name}' is for scores of each pixel.*\(2, 2\): use 'whole'"
    with pytest.raises(ValueError, match=message):
        found[name]()


def bilinear(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Half-pixel bilinear interpolation, axis by axis in float64."""
    for axis, n in enumerate(size, start=1):
        old = x.shape[axis]
        at = np.clip((np.arange(n) + 0.5) * old / n - 0.5, 0, old - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, old - 1)
        part = (at - low).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
        x = (1 - part) * x.take(low, axis) + part * x.take(high, axis)
    return x


@pytest.mark.parametrize("size", [(9, 13), (3, 3), (5, 6), (1, 20)])
def test_resize_is_bilinear(size: tuple[int, int]):
    x = images(5, 6)
    expected = bilinear(np.asarray(x, float), size)
    np.testing.assert_allclose(resize(x, size), expected, atol=1e-5)


def test_average_over_scales_and_mirror_images():
    x = images(6, 8)

    def average(**options: Any) -> jax.Array:
        return jnp.exp(averaged(position, x, **options))

    plain = average(flip=False)
    np.testing.assert_allclose(plain, jax.nn.softmax(position(x)), rtol=1e-4)
    mirrored = jax.nn.softmax(position(x[:, :, ::-1])[:, :, ::-1])
    both = average(flip=True)
    np.testing.assert_allclose(both, (plain + mirrored) / 2, rtol=1e-5)
    small = bilinear(np.asarray(x, float), (3, 4))
    said = position(jnp.asarray(small, jnp.float32))
    half = jax.nn.softmax(jnp.asarray(bilinear(np.asarray(said, float), (6, 8))))
    two = average(scales=(1.0, 0.5), flip=False)
    np.testing.assert_allclose(two, (plain + half.astype(plain.dtype)) / 2, atol=1e-5)


@pytest.mark.parametrize("size", [1.0, 20.0, 300.0])
def test_loss_of_an_average_is_that_of_its_mean_probabilities(size: float):
    """As the trainer takes it; 300 is more than a float32 probability can tell."""
    x, labels = size * images(6, 8, channels=3), np.zeros((2, 6, 8), np.int32)
    labels[:, 2:] = 1
    labels[0, 0, 0] = 255
    scores = averaged(position, x, flip=True)
    batch: Any = {"label": labels, "real": np.ones(2, bool)}
    said = TASKS["segmentation"].said(scores, jnp.asarray(labels), batch)
    logits = np.asarray([position(x), position(x[:, :, ::-1])[:, :, ::-1]], float)
    each = logits - np.logaddexp.reduce(logits, -1, keepdims=True)
    mean = np.logaddexp.reduce(each, 0) - np.log(2)
    counted = labels != 255
    chosen = np.take_along_axis(mean, np.where(counted, labels, 0)[..., None], -1)
    expected = -chosen[..., 0][counted].mean()
    np.testing.assert_allclose(said["loss"] / said["count"], expected, rtol=1e-5)
    np.testing.assert_allclose(cross_entropy(scores, labels), expected, rtol=1e-5)


def test_certain_and_right_costs_nothing():
    sure = jnp.broadcast_to(jnp.asarray([40.0, 0.0]), (1, 4, 4, 2))
    scores = averaged(lambda x: sure, images(4, 4, n=1), flip=True)
    assert float(cross_entropy(scores, jnp.zeros((1, 4, 4), jnp.int32))) == 0
