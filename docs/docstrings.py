"""What mkdocstrings has to be told about our docstrings."""

import re
from typing import Any

import griffe


class ExampleSections(griffe.Extension):
    """Reads the section "Example:" as the "Examples:" that griffe knows."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for every object that griffe has read."""
        if obj.docstring:
            value = obj.docstring.value
            obj.docstring.value = re.sub(
                r"^(\s*)Example:$", r"\1Examples:", value, flags=re.MULTILINE
            )
