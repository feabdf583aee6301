"""What a run does near borders; `python -m jaxpad.train.borders` measures it too."""

from .write import write_borders as write_borders
