"""What README.md and the pages point to is there."""

import re

import pytest

from .pages import DOCS, PAGES, ROOT, TEXTS, name_of


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_links_lead_somewhere(path):
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
        target, _, anchor = "".join(link).partition("#")
        if "://" in target:
            continue
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), f"{name_of(path)}: {target}"
        # mkdocs checks the anchors of the API pages, which it makes itself.
        if anchor and "." not in anchor:
            assert anchor in anchors(there.read_text()), f"{name_of(path)}: #{anchor}"


def anchors(text: str) -> list[str]:
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    listed = re.findall(r"([\w/]+\.md)$", navigation, re.M)
    assert sorted(listed) == sorted(p.relative_to(DOCS).as_posix() for p in PAGES)


def test_pictures_are_small_and_used():
    texts = "".join(path.read_text() for path in TEXTS)
    pictures = list((DOCS / "img").iterdir())
    assert pictures
    for picture in pictures:
        assert 0 < picture.stat().st_size < 150_000, picture.name
        assert f"img/{picture.name}" in texts, picture.name
