"""The command `python -m jaxpad.arith`."""

import re
import subprocess
import sys

import pytest

from jaxpad.arith.__main__ import main


CONV = "conv --input 5 --kernel 3 --stride 2 --padding 1"


def say(capsys, words):
    main(words.split(" "))
    return capsys.readouterr().out


def test_a_convolution(capsys):
    assert (
        say(capsys, CONV)
        == """\
outputs       3 = floor((5 + 1 + 1 - 3) / 2) + 1
added         1 before, 1 after
window        3 cells from its first to its last tap
not reached   0 at the end
same outputs  from 5 to 6 cells
from padding  1/3, 0, 1/3 of each output's taps
on average    22.2% of an axis, 39.5% of a plane

cells      |0|a b c d e|0|
output 0    ^ ^ ^
output 1        ^ ^ ^
output 2            ^ ^ ^

first window            taps on added cells, of 9
[0][0][0] 0  0  0  0     5  3  5
[0][a][b] c  d  e  0     3  0  3
[0][f][g] h  i  j  0     5  3  5
 0  k  l  m  n  o  0
 0  p  q  r  s  t  0
 0  u  v  w  x  y  0
 0  0  0  0  0  0  0
"""
    )


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (f"{CONV} --mode reflect", ["|b|a b c d e|d|", "[g][f][g] h"]),
        (f"{CONV} --mode constant(value=1.0)", ["|0|a b c d e|0|"]),
        (f"{CONV} --axes 1 --mode circular", ["|e|a b c d e|a|"]),
        ("conv --input 4 --kernel 3 --padding 0,2", ["0 before, 2 after", "d|0 0|"]),
        ("conv --input 4 --kernel 3 --padding causal", ["2 before, 0 after"]),
        ("conv --input 9 --kernel 3 --dilation 2", ["5 cells from", "5 = ", "9 cells"]),
        (
            "conv --input 3 --kernel 3 --stride 2 --padding 1 --transposed "
            "--output_padding 1",
            ["6 = 2 (3 - 1) + 3 - 1 - 1 + 1", "|0|a|0|b|0|c|0 0|", "from 6 cells to 3"],
        ),
        ("pool --input 7 --kernel 2", ["3 = floor((7 + 0 + 0 - 2) / 2) + 1", "1 at"]),
        (
            "pool --input 7 --kernel 2 --ceil_mode",
            ["4 in ceil mode", "hangs over    1"],
        ),
        (
            "conv --input 224 --kernel 7 --stride 2 --padding 3",
            ["3/7, 1/7, 0, 0, ..., 0, 0, 0, 2/7", "more than 80 columns"],
        ),
        ("conv --input 20000 --kernel 3", ["19998 = ", "more than 80 columns"]),
        ("solve --input 7 --kernel 3 --stride 2", ["7 cells to 14", "padding = 0,1"]),
        ("solve --input 7 --kernel 3 --stride 2 --output 13", ["output_padding = 0"]),
    ],
)
def test_answers(capsys, words, lines):
    said = say(capsys, words)
    for line in lines:
        assert line in said
    assert max(map(len, said.splitlines())) <= 80
    assert said.isascii()


def test_zeros_between_cells_are_not_called_padding(capsys):
    words = "conv --input 3 --kernel 3 --stride 2 --dilation 2 --padding 2 --transposed"
    said = say(capsys, words)
    # |0 0|a|0|b|0|c|0 0|, of which output f reads f, f + 2 and f + 4
    assert "added zeros   1/3, 1, 0, 1, 1/3 of each output's taps\n" in said
    assert "53.3% of an axis, 78.2% of a plane, between cells and around\n" in said
    assert "from padding" not in said
    assert "from padding" in say(capsys, CONV)


def test_layers_in_sequence(capsys):
    main(["field", "7/2/3 3/2/0,1", "--input", "224"])
    assert capsys.readouterr().out.splitlines() == [
        "layer    sees  stride  padding  outputs  not reached  from padding",
        "7/2/3       7       2        3      112            1          0.8%",
        "3/2/0,1    11       4        3       56            0          1.1%",
        "no cell is left over from an input of 223 or 227",
    ]
    main(["field", "3 3"])
    assert capsys.readouterr().out.splitlines()[-1] == "3           5       1        0"


def test_layers_whose_amount_follows_the_input(capsys):
    main(["field", "7/2/same 3/2/same_lower 3/1/same", "--input", "225"])
    assert capsys.readouterr().out.splitlines() == [
        "layer          sees  stride  padding  outputs  not reached  from padding",
        "7/2/same          7       2        3      113            0          1.0%",
        "3/2/same_lower   11       4        5       57            0          2.0%",
        "3/1/same         19       4        9       57            0          2.6%",
    ]
    main(["field", "3/1/same 3/2/1", "--input", "9"])
    assert "left over from an input of 9" in capsys.readouterr().out


@pytest.mark.parametrize("animate", [False, True])
def test_a_picture(capsys, tmp_path, animate):
    path = tmp_path / "conv.svg"
    words = f"{CONV} --mode reflect --svg {path}" + " --animate" * animate
    assert say(capsys, words).endswith(f"wrote {path}\n")
    picture = path.read_text()
    assert "<title>reflect, i = 5, k = 3, s = 2, p = 1, o = 3</title>" in picture
    assert ("<animate" in picture) is animate


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("", "required: conv|pool|field|solve"),
        ("conv --input 5", "required: --kernel"),
        ("conv --input five --kernel 3", "invalid int value: 'five'"),
        ("conv --input 2 --kernel 7", "spans 7 cells.*i=2"),
        ("conv --input 5 --kernel 3 --padding sane", "unknown amount 'sane'"),
        ("conv --input 5 --kernel 3 --padding 1,2,3", "1,2,3: expected one number, or"),
        ("conv --input 5 --kernel 3 --stride 0", "stride=0 must be at least 1"),
        (f"{CONV} --mode sane", "unknown padding mode 'sane'"),
        (f"{CONV} --mode numpy:pad", "only a mode made by `source` or `affine`"),
        (f"{CONV} --mode reflect --transposed", "--mode with --transposed"),
        (f"{CONV} --output_padding 1", "--output_padding is for --transposed"),
        (f"{CONV} --animate", "--animate needs a file"),
        (f"{CONV} --svg /nowhere/at/all.svg", "No such file"),
        ("conv --input 20 --kernel 3 --svg x.svg", "too many frames"),
        ("conv --input 3 --kernel 9 --padding full --mode reflect", "too wide"),
        ("pool --input 5 --kernel 0", "must be at least 1"),
        ("pool --input 5 --kernel 2 --stride 0", "stride=0 must be at least 1"),
        ("conv --input 0 --kernel 3 --padding 3", "i=0 must be at least 1"),
        ("field 3/2/same", "'same' at stride 2 depends"),
        ("field 3/2/1,2,3", "layer '3/2/1,2,3': expected kernel/stride"),
        ("field ", "no layers: write some"),
        ("field 3/two", "layer '3/two': expected kernel/stride"),
        ("field 3/1/1/1/1", "expected kernel/stride"),
        ("solve --input 4 --kernel 1 --stride 3 --output 14", "out of reach"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(capsys, monkeypatch, tmp_path, words, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(words.split(" ") if words else [])
    printed = capsys.readouterr()
    assert stop.value.code == 2
    assert not printed.out
    assert len(printed.err.splitlines()) == 1
    assert re.search(text.replace("|", r"\|"), printed.err)
    assert not list(tmp_path.iterdir())


def test_it_is_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "jaxpad.arith", *CONV.split()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("outputs       3 = ")
