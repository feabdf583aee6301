"""A report read back from its HTML and its pictures."""

import base64
import html.parser
import io
import runpy
import sys
import xml.etree.ElementTree as ET

import matplotlib.image
import numpy as np

from jaxpad.reports import write_report


VOID = {"meta", "img", "br", "hr", "link", "input", "wbr"}


class Page(html.parser.HTMLParser):
    """The elements of a page; refuses tags that do not close in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        quiet = ("style", "script", "title")
        if self.open and self.open[-1] not in quiet and data.strip():
            self.texts.append((self.open[-1], " ".join(data.split())))

    @property
    def text(self):
        return " ".join(text for _, text in self.texts)

    def of(self, tag):
        return [text for name, text in self.texts if name == tag]

    def images(self, kind):
        sources = [attrs["src"] for tag, attrs in self.elements if tag == "img"]
        start = f"data:image/{kind};base64,"
        return [
            base64.b64decode(source.removeprefix(start), validate=True)
            for source in sources
            if source.startswith(start)
        ]


def run_main(monkeypatch, *arguments):
    """`python -m jaxpad.reports` with these words."""
    monkeypatch.setattr(sys, "argv", ["reports", *map(str, arguments)])
    runpy.run_module("jaxpad.reports", run_name="__main__")


def read_page(folder):
    return Page(write_report(folder).read_text(encoding="utf-8"))


def read_png(png):
    shown = matplotlib.image.imread(io.BytesIO(png), format="png")[..., :3]
    return np.round(255 * shown)


def svg_texts(svg):
    return [element.text for element in ET.fromstring(svg).iter() if element.text]
