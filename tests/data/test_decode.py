"""Decoding: what every kind of file becomes, and what is refused."""

import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from jaxpad.data import decode as decoding, resize as resizing
from jaxpad.data.decode import decode, image_size, read_box, read_mask
from jaxpad.data.resize import decoder_name, fast_libraries, resize
from tests.data.files import encoded, palette, photograph, saved


PHOTO = photograph(60, 81)


def close(found: np.ndarray, wanted: np.ndarray, most: float = 4.0) -> None:
    assert found.shape == wanted.shape
    assert found.dtype == np.uint8
    assert np.abs(found.astype(float) - wanted).mean() < most


def pil(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (decoding, resizing):
        monkeypatch.setattr(module, "fast_libraries", lambda: None)


@pytest.fixture(params=["turbo", "pil"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pil":
        pil(monkeypatch)
    return request.param


@pytest.mark.parametrize("kind", ["jpeg", "png", "bmp", "webp", "tiff"])
def test_kinds_of_files(decoder: str, kind: str):
    data = encoded(PHOTO, kind, **({"lossless": True} if kind == "webp" else {}))
    assert image_size(data) == (60, 81)
    close(decode(data), PHOTO)


def test_both_decoders_are_one_library(monkeypatch: pytest.MonkeyPatch):
    data = encoded(PHOTO, subsampling=2)
    fast = decode(data)
    pil(monkeypatch)
    assert np.abs(fast.astype(int) - decode(data)).max() <= 2


def test_grey_is_repeated(decoder: str):
    grey = PHOTO[..., 0]
    for kind in ("jpeg", "png"):
        found = decode(encoded(grey, kind))
        close(found, np.repeat(grey[..., None], 3, -1))
        np.testing.assert_array_equal(found[..., 0], found[..., 2])


def test_cmyk(decoder: str):
    data = saved(Image.fromarray(PHOTO).convert("CMYK"), "jpeg")
    assert image_size(data) == (60, 81)
    close(decode(data), PHOTO)


def test_the_upper_8_of_16_bits(decoder: str):
    grey = PHOTO[..., 0].astype(np.uint16) * 256 + 200
    found = decode(encoded(grey, "png"))
    np.testing.assert_array_equal(found, np.repeat(PHOTO[..., :1], 3, -1))


def test_transparency_is_dropped(decoder: str):
    clear = np.concatenate([PHOTO, np.zeros((60, 81, 1), np.uint8)], -1)
    np.testing.assert_array_equal(decode(encoded(clear, "png")), PHOTO)


def test_palette_becomes_colours(decoder: str):
    data = saved(Image.fromarray(PHOTO).quantize(256), "png")
    close(decode(data), PHOTO, 8)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_one_pixel(decoder: str, kind: str):
    data = encoded(np.full((1, 1, 3), 200, np.uint8), kind)
    close(decode(data), np.full((1, 1, 3), 200))
    close(read_box(data, (0, 0, 1, 1), (4, 5)), np.full((4, 5, 3), 200))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_was_turned(decoder: str, orientation: int):
    """The tag says how row 0 and column 0 of the file lie in the scene."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    scene = PHOTO
    # (row 0 is, column 0 is): 1 top left, 2 top right, 3 bottom right, 4 bottom left,
    # 5 left top, 6 right top, 7 right bottom, 8 left bottom.
    stored = {
        1: scene,
        2: scene[:, ::-1],
        3: scene[::-1, ::-1],
        4: scene[::-1],
        5: scene.swapaxes(0, 1),
        6: scene.swapaxes(0, 1)[::-1],
        7: scene.swapaxes(0, 1)[::-1, ::-1],
        8: scene.swapaxes(0, 1)[:, ::-1],
    }[orientation]
    data = encoded(np.ascontiguousarray(stored), exif=exif)
    assert image_size(data) == (60, 81)
    close(decode(data), scene)
    close(read_box(data, (10, 5, 40, 60), (40, 60)), scene[10:50, 5:65])


def test_an_orientation_that_is_none_turns_nothing(decoder: str):
    exif = Image.Exif()
    exif[0x0112] = 128
    data = encoded(PHOTO, exif=exif)
    assert image_size(data) == decode(data).shape[:2] == PHOTO.shape[:2]


@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.98])
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_truncated_file_is_refused(decoder: str, kind: str, part: float):
    data = encoded(PHOTO, kind)
    with pytest.raises(ValueError, match=r"no image|broken"):
        decode(data[: int(len(data) * part)])


def test_noise_is_refused(decoder: str):
    noise = np.random.default_rng(0).bytes(500)
    with pytest.raises(ValueError, match=r"500 bytes that begin with .* no image"):
        image_size(noise)


def test_32_bits_are_refused(decoder: str):
    data = saved(Image.fromarray(PHOTO[..., 0].astype(np.float32)), "tiff")
    with pytest.raises(ValueError, match="32 bits, whose white is unknown"):
        decode(data)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("factor", [1, 2, 5, 9])
def test_box_is_a_crop_and_a_resize(decoder: str, kind: str, factor: int):
    """Against PIL's antialiased resize of the whole, at every scale of the DCT."""
    large = photograph(40 * factor + 11, 50 * factor + 7)
    box = (6, 3, 40 * factor, 50 * factor)
    found = read_box(encoded(large, kind), box, (40, 50))
    how = Image.Resampling.BOX if decoder == "turbo" else Image.Resampling.BILINEAR
    edges = (3, 6, 3 + box[3], 6 + box[2])
    wanted = np.asarray(Image.fromarray(large).resize((50, 40), how, box=edges))
    close(found, wanted, 3 if factor == 1 else 8)


def test_a_smooth_image_is_resized_at_pixel_centres(decoder: str):
    """A ramp stays the same ramp of the scene, whichever way it was shrunk."""
    ramp = np.repeat(np.linspace(0, 240, 320)[None, :, None], 240, 0).astype(np.uint8)
    data = encoded(np.repeat(ramp, 3, -1))
    for wide in (40, 64, 100, 160, 250):
        found = read_box(data, (0, 0, 240, 320), (wide * 3 // 4, wide))
        wanted = (np.arange(wide) + 0.5) * 320 / wide * 240 / 320
        assert np.abs(found[10, 2:-2, 0] - wanted[2:-2]).max() < 2.5


def test_resize_keeps_channels_and_copies_nothing_at_its_own_size(decoder: str):
    one = PHOTO[..., :1]
    assert resize(one, (60, 81)) is one
    assert resize(one, (13, 17)).shape == (13, 17, 1)
    four = np.concatenate([PHOTO, one], -1)
    np.testing.assert_array_equal(
        resize(four, (30, 50))[..., :3], resize(PHOTO, (30, 50))
    )


def test_masks_are_numbers():
    mask = np.arange(60, dtype=np.uint8).reshape(6, 10)
    for data in (encoded(mask, "png"), palette(mask)):
        np.testing.assert_array_equal(read_mask(data), mask)
    wide = mask.astype(np.uint16) * 1000
    np.testing.assert_array_equal(read_mask(encoded(wide, "png")), wide)
    assert read_mask(mask) is mask


def test_a_mask_of_colours_is_refused():
    with pytest.raises(ValueError, match="mode 'RGB': expected one channel"):
        read_mask(encoded(PHOTO, "png"))


def test_without_the_libraries_pil_decodes_after_one_warning(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    fast_libraries.cache_clear()
    data = encoded(PHOTO)
    with pytest.warns(UserWarning, match="pip install simplejpeg opencv") as caught:
        pixels = decode(data)
    close(pixels, PHOTO)
    assert decoder_name() == "pil"
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decode(data)
    fast_libraries.cache_clear()


@pytest.mark.parametrize("wide", [20, 41, 60, 150])
def test_the_edges_of_a_scaled_box_lie_where_they_were_asked_for(
    decoder: str, wide: int
):
    """Between the pixels that the DCT leaves; on average to a tenth of a pixel."""
    ramp = np.repeat(np.linspace(0, 240, 161)[None, :, None], 120, 0).round()
    data = encoded(np.repeat(ramp, 3, -1).astype(np.uint8))
    found = read_box(data, (1, 3, 110, 154), (wide * 110 // 154, wide))
    wanted = 1.5 * (3 + (np.arange(wide) + 0.5) * 154 / wide - 0.5)
    error = (found[5, 2:-2, 0] - wanted[2:-2]) / 1.5
    assert abs(error.mean()) < 0.2
