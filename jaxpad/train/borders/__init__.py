"""What a finished run does near borders; `python -m jaxpad.train.borders` measures it."""

from .write import write_borders as write_borders
