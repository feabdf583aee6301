"""Drawings in text and SVG show each cell, window and copy, all within the picture."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from jaxpad import arith
from jaxpad.arith import ONE_CELL, conv_track, draw_axis, draw_grid, draw_svg
from jaxpad.arith.scene import frame, letters, scene_of, still


def reflect(i, n):
    return [(1, -i if i < 0 else 2 * (n - 1) - i)]


def odd_reflect(i, n):
    """Twice the edge less the mirror image; in a row a, b, c, d, e: 2 a - b."""
    edge = 0 if i < 0 else n - 1
    return [(2, edge), (-1, 2 * edge - i)]


TRACKS = {
    "zero": conv_track(5, 3, 2, 1),
    "reflect": conv_track(5, 3, 2, 1, source=reflect),
    "uneven": conv_track(6, 2, 3, (0, 4)),
    "small input, large output": arith.transposed_track(2, 5, 2),
    "odd": conv_track(5, 3, 2, 1, source=odd_reflect),
    "cropped": arith.transposed_track(5, 2, 1, 2),
    "dilated": conv_track(7, 3, 1, 0, 2),
}
PLANES = [*((t, t) for t in TRACKS.values()), (ONE_CELL, TRACKS["reflect"])]
every_plane = pytest.mark.parametrize(("rows", "columns"), PLANES)
SIDES = ("width", "height")
NUMBER = r"-?\d+(?:\.\d+)?"


def test_an_axis_in_text():
    assert draw_axis(conv_track(5, 2, 3, (1, 2), source=reflect)).splitlines() == [
        "cells      |b|a b c d e|d c|",
        "output 0    ^ ^",
        "output 1          ^ ^",
        "output 2                ^ ^",
        "not read        -     -",
    ]


def test_a_transposed_axis_in_text():
    assert draw_axis(arith.transposed_track(2, 2, 2)).splitlines()[0] == (
        "cells      |0|a|0|b|0|"
    )


def test_a_cell_made_from_several_is_a_star():
    track = conv_track(3, 3, padding=1, source=lambda i, n: [(0.5, 0), (0.5, n - 1)])
    assert draw_axis(track).splitlines()[:2] == [
        "cells      |*|a b c|*|",
        "*          0.5 a + 0.5 c",
    ]
    assert "[*][*][*] *  *" in draw_grid(track, track)


def test_sums_have_their_weights_and_signs_in_text():
    track = conv_track(5, 5, padding=2, source=odd_reflect)
    assert draw_axis(track).splitlines()[:2] == [
        "cells      |* *|a b c d e|* *|",
        "*          2 a - c, 2 a - b, 2 e - d, 2 e - c",
    ]
    mean = conv_track(
        6, 3, padding=1, source=lambda i, n: [(1 / n, c) for c in range(n)]
    )
    assert "*          0.167 a + 0.167 b + ... + 0.167 f" in draw_axis(mean)
    negated = conv_track(3, 3, padding=1, source=lambda i, n: [(-1, i % n)])
    assert draw_axis(negated).splitlines()[:2] == [
        "cells      |*|a b c|*|",
        "*          - c, - a",
    ]


def test_many_sums_take_several_lines():
    track = conv_track(9, 17, padding=8, source=odd_reflect)
    lines = [line for line in draw_axis(track).splitlines() if line[0] == "*"]
    assert len(lines) == 3
    assert all(len(line) <= 80 for line in lines)
    sums = [line[11:].removesuffix(",").split(", ") for line in lines]
    assert list(itertools.chain(*sums)) == [
        *(f"2 a - {mirror}" for mirror in "ihgfedcb"),
        *(f"2 i - {mirror}" for mirror in "hgfedcba"),
    ]


def test_a_plane_in_text():
    track = conv_track(3, 2, 2, (1, 0), source=reflect)
    assert draw_grid(track, track).splitlines() == [
        "first window   taps on added cells, of 4",
        "[e][d] e  f     3  2",
        "[b][a] b  c     2  0",
        " e  d  e  f",
        " h  g  h  i",
    ]


def test_many_cells_have_no_letters():
    track = conv_track(8, 3, padding=1, source=reflect)
    assert "[+][+][+] +" in draw_grid(track, track)
    assert "[+][#][#] #" in draw_grid(track, track)
    assert not letters(scene_of(track, track))


def outputs_of(rows, columns):
    return itertools.product(range(len(rows.windows)), range(len(columns.windows)))


def path_count(svg, color):
    """Cells in the path of one colour."""
    return sum(p.count("M") for p in re.findall(rf'd="([^"]*)" fill="{color}"', svg))


@every_plane
def test_every_cell_is_drawn(rows, columns):
    drawn = still(scene_of(rows, columns))
    real = [sum(c is not None for c in track.cells) for track in (rows, columns)]
    assert path_count(drawn, "#8fc7ee") == real[0] * real[1]
    assert path_count(drawn, "#86d6c6") == len(rows.windows) * len(columns.windows)
    full = [sum(bool(c) for c in track.copies) for track in (rows, columns)]
    assert path_count(drawn, "#fbd9a2") == full[0] * full[1] - real[0] * real[1]


@every_plane
def test_every_tap_is_shaded_and_every_copy_tied(rows, columns):
    scene = scene_of(rows, columns)
    for f, g in outputs_of(rows, columns):
        drawn = frame(scene, (f, g))
        taps = list(itertools.product(rows.windows[f], columns.windows[g]))
        assert path_count(drawn, "#073642") == len(taps) + 1
        copies = [
            (y, x)
            for y, x in taps
            if (rows.cells[y] is None or columns.cells[x] is None)
            and rows.copies[y]
            and columns.copies[x]
        ]
        sums = [len(rows.copies[y]) * len(columns.copies[x]) for y, x in copies]
        assert drawn.count("Q") == sum(sums)


def test_a_copy_is_tied_to_the_cell_that_it_copies():
    """Under the first window of one axis, cell -1 is tied to cell 1."""
    scene = scene_of(ONE_CELL, TRACKS["reflect"])
    (tie,) = re.findall(r'd="(M[^"]*Q[^"]*)"', frame(scene, (0, 0)))
    first, *_, end_x, end_y = (float(n) for n in re.findall(NUMBER, tie))
    assert first == scene.input.point(0.5, 0.5)[0]
    assert (end_x, end_y) == scene.input.point(0.5, 2.5)


def test_what_is_subtracted_is_dashed_and_told():
    track = conv_track(5, 3, padding=1, source=odd_reflect)
    scene = scene_of(ONE_CELL, track)
    styles = r'<path d="([^"]*Q[^"]*)" stroke="(#\w+)"([^>]*)'
    (plus, red, solid), (minus, other, dashed) = re.findall(
        styles, frame(scene, (0, 0))
    )
    assert red != other
    assert "dasharray" in dashed
    assert "dasharray" not in solid
    for tie, cell in ((plus, 0), (minus, 1)):
        end = tuple(float(n) for n in re.findall(NUMBER, tie)[-2:])
        assert end == scene.input.point(0.5, cell + 1.5)
    assert re.findall(">([*a-e])<", letters(scene)) == list("*abcde*")
    texts = re.findall(">([^<]+)</text>", draw_svg(ONE_CELL, track, "caption"))
    told = ["in a row a ... e: * = 2 a - b, 2 e - d", "dashed: subtracted"]
    assert texts[-3:] == ["caption", *told]


@every_plane
def test_nothing_is_drawn_outside(rows, columns):
    scene = scene_of(rows, columns)
    parts = [still(scene), letters(scene)]
    parts += [frame(scene, output) for output in outputs_of(rows, columns)]
    for path in re.findall(r'd="([^"]*)"', "".join(parts)):
        numbers = [float(n) for n in re.findall(NUMBER, path)]
        assert 0 < min(numbers[::2]) <= max(numbers[::2]) < scene.width
        assert 0 < min(numbers[1::2]) <= max(numbers[1::2]) < scene.height


@pytest.mark.parametrize("outputs", [1, 2, 9, 30])
def test_a_single_row_of_frames_is_wrapped(outputs):
    track = conv_track(outputs + 2, 3)
    scene = scene_of(ONE_CELL, track)
    svg = draw_svg(ONE_CELL, track)
    found = re.findall(rf"translate\(({NUMBER}) ({NUMBER})\)", svg)
    places = [(float(x), float(y)) for x, y in found]
    assert len(set(places)) == len(places) == outputs
    assert places == sorted(places, key=lambda place: place[::-1])
    (width,), (height,) = (re.findall(rf'<svg.* {n}="({NUMBER})"', svg) for n in SIDES)
    assert max(x for x, _ in places) + scene.width <= float(width)
    assert max(y for _, y in places) + scene.height <= float(height)
    assert float(width) <= max(960, scene.width)


@every_plane
def test_the_planes_do_not_overlap(rows, columns):
    scene = scene_of(rows, columns)
    assert scene.output.point(len(rows.windows), 0)[1] < scene.input.top


@every_plane
@pytest.mark.parametrize("animate", [False, True])
def test_svg_can_be_read(rows, columns, animate):
    root = ET.fromstring(draw_svg(rows, columns, "k < 3 & more", animate=animate))
    space = "{http://www.w3.org/2000/svg}"
    title = root.find(f"{space}title")
    assert title is not None
    assert title.text == "k < 3 & more"
    rect = root.find(f"{space}rect")
    assert rect is not None
    assert rect.get("fill") == "#fff"
    frames = root.findall(f"{space}g")
    outputs = len(rows.windows) * len(columns.windows)
    count = [g for g in frames if g.get("visibility") or g.get("transform")]
    assert len(count) == outputs
    assert not animate or root.get("width") == f"{scene_of(rows, columns).width:g}"


def test_a_long_caption_widens_the_picture():
    svg = draw_svg(ONE_CELL, TRACKS["zero"], "w" * 200, animate=True)
    left, _, width, _ = re.findall(NUMBER, re.findall(r'viewBox="([^"]*)"', svg)[0])
    assert float(width) > 200 * 5
    scene = scene_of(ONE_CELL, TRACKS["zero"])
    assert float(left) == pytest.approx((scene.width - float(width)) / 2, abs=0.01)


def test_one_frame_is_visible_at_a_time():
    svg = draw_svg(TRACKS["zero"], TRACKS["zero"], animate=True)
    found = re.findall(r'values="([\w;]+)" keyTimes="([\d.;]+)"', svg)
    assert len(found) == 9
    for moment in range(18):
        shown = []
        for values, times in found:
            starts = [float(t) for t in times.split(";")]
            assert starts[0] == 0
            now = max(n for n, t in enumerate(starts) if t <= (moment + 0.5) / 18)
            shown.append(values.split(";")[now])
        assert shown.index("visible") == moment // 2
        assert shown.count("visible") == 1
    # Where nothing moves, the first frame is there.
    assert re.findall(r'<g visibility="(\w+)"', svg) == ["visible"] + ["hidden"] * 8


def test_letters_only_where_cells_are_copied():
    zero, copied = TRACKS["zero"], TRACKS["reflect"]
    assert "<text" not in draw_svg(zero, zero)
    assert draw_svg(copied, copied).count("<text") == 7 * 7


def test_too_many_frames_are_refused():
    track = conv_track(20, 3)
    with pytest.raises(ValueError, match="18 x 18 outputs are too many frames"):
        draw_svg(track, track)
