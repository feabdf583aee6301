"""How many 500x375 JPEGs a core decodes, crops, resizes to 224 and flips in a second.

Command: python benchmarks/decode.py [--rounds N]
Device:  one CPU core; under a minute
Expect:  jaxpad.data at least 1.8 times as fast as PIL, the path of most pipelines
"""

import argparse
import datetime
import io
import platform
import time
from collections.abc import Callable

import cv2
import numpy as np
import PIL
from PIL import Image
from rounds import interval, say
from skimage import data
from sklearn.datasets import load_sample_image

from jaxpad.data.crops import random_box, random_resized_crop
from jaxpad.data.resize import fast_libraries


SIZE = 224
SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)
DRAWS = 25  # crops of each image a round


def files() -> list[bytes]:
    """Photographs of the install at the size of ImageNet's, JPEG quality 90."""
    landscapes = [data.coffee(), data.chelsea(), data.rocket(), data.astronaut()]
    landscapes += [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    return [_jpeg(Image.fromarray(photograph)) for photograph in landscapes]


def _jpeg(image: Image.Image) -> bytes:
    high = round(image.width * 3 / 4)
    top = max(0, (image.height - high) // 2)
    part = image.crop((0, top, image.width, min(image.height, top + high)))
    file = io.BytesIO()
    part.resize((500, 375), Image.Resampling.LANCZOS).save(file, "JPEG", quality=90)
    return file.getvalue()


def ours(file: bytes, rng: np.random.Generator) -> np.ndarray:
    """The crop as the trainer makes it; in training the flip is the device's."""
    pixels, _ = random_resized_crop(
        file, None, rng, size=SIZE, scale=SCALE, ratio=RATIO
    )
    return cv2.flip(pixels, 1) if rng.random() < 0.5 else pixels


def with_pil(file: bytes, rng: np.random.Generator) -> np.ndarray:
    """As torchvision does it on PIL images."""
    image = Image.open(io.BytesIO(file)).convert("RGB")
    top, left, high, wide = random_box((image.height, image.width), rng, SCALE, RATIO)
    image = image.crop((left, top, left + wide, top + high))
    image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(image)


def seconds(path: Callable, inputs: list[bytes], seed: int) -> float:
    """Of this process on the CPU for one image, whatever else the machine does."""
    rng = np.random.default_rng(seed)
    began = time.process_time()
    for _ in range(DRAWS):
        for file in inputs:
            path(file, rng)
    return (time.process_time() - began) / (DRAWS * len(inputs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    inputs, order = files(), np.random.default_rng(0)
    paths = {"PIL": with_pil, "jaxpad.data": ours}
    taken: dict[str, list[float]] = {name: [] for name in paths}
    for turn in range(-1, arguments.rounds):
        say(f"round {turn + 1} of {arguments.rounds}")
        # Both draw the same crops, in a random order of the two.
        for name in order.permutation(list(paths)):
            found = seconds(paths[name], inputs, turn + 1)
            if turn >= 0:  # the first warms up
                taken[name].append(found)
    versions = ", ".join(
        f"{lib.__name__} {lib.__version__}" for lib in fast_libraries() or ()
    )
    size = round(np.mean([len(file) for file in inputs]) / 1e3)
    print(f"\r{platform.machine()}, PIL {PIL.__version__}, {versions}, ", end="")
    print(f"{size} kB a file, {datetime.date.today()}\n")
    print("| path | images per second and core | times PIL |\n| --- | --- | --- |")
    base = np.asarray(taken["PIL"])
    for name, own in taken.items():
        middle, low, high = interval(base / np.asarray(own))
        rate = 1 / np.median(own)
        print(f"| {name} | {rate:.0f} | {middle:.2f} ({low:.2f} to {high:.2f}) |")


if __name__ == "__main__":
    main()
