"""Users' packers have names here, as the built-in ones do."""

import pytest

from jaxpad.batching import PACKERS

from .subjects import OWN


@pytest.fixture(autouse=True, scope="module")
def _own_packers():
    for name, packer in OWN.items():
        PACKERS.register(packer, name=name)
    yield
    for name in OWN:
        PACKERS._entries.pop(name)
