"""How text is broken into lines: never within a place in a file."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from asyncperf.report.layout import INDENT, Page, is_place, prose, table, titled, wrap
from asyncperf.report.terminal import render
from asyncperf.report.units import TIE

from .cases import CASES

LONG = "services/warehouse/inventory/reservation/repository/queries.py:1234"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["one two", "three"]),
        ("one  two three", ["one  two", "three"]),
        ("", []),
        (f"see {LONG} there", ["see", LONG, "there"]),
        (f"see ({LONG}), there", ["see", f"({LONG}),", "there"]),
        (f"12{TIE}ms and 1{TIE}s", [f"12{TIE}ms", f"and 1{TIE}s"]),
        ("a-word-that-is-longer", ["a-word-t", "hat-is-l", "onger"]),
        ("漢字漢字漢字", ["漢字漢字", "漢字"]),
    ],
)
def test_lines_break_at_blanks_and_in_words_that_are_too_long(text: str, lines: list[str]) -> None:
    assert wrap(text, 8) == lines


def test_later_lines_hang() -> None:
    assert wrap("one two three", 9, "  ", "    ") == ["  one two", "    three"]


@given(st.lists(st.text("ab漢é-/.:1 ", max_size=30), max_size=8).map(" ".join), st.integers(6, 40))
def test_nothing_is_lost_and_only_places_are_wider(text: str, width: int) -> None:
    lines = wrap(text, width, "  ", "    ")
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert cell_len(line) <= width or is_place(line)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("app.py:12", True),
        ("(src/shop/app.py:12,", True),
        (r"C:\shop\app.py:12", True),
        ("/items/{key}", False),
        ("12:30", False),
        ("http://127.0.0.1:8000/items", False),
        ("shop.main:app", False),
    ],
)
def test_a_place_is_a_line_of_a_file(word: str, expected: bool) -> None:
    assert is_place(word) is expected


def shown(content: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(Page(content), crop=False, end="")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_place_is_whole_in_prose_and_in_the_words_of_a_table() -> None:
    assert f"    {LONG}" in shown(prose(f"see {LONG} there", 40, indent="    "), 40)
    found = shown(table("", ("", "why"), [("GET /", f"asked at {LONG}")], 40, words=1), 40)
    assert any(line.endswith(LONG) for line in found)


def test_a_title_has_a_place_that_does_not_fit_on_a_line_of_its_own() -> None:
    title = titled(Text("! sequential-loop"), [LONG, "reserve", "GET /stock"], 60)
    assert title.plain.split("\n") == [
        "! sequential-loop",
        INDENT + LONG,
        f"{INDENT}reserve  GET /stock",
    ]
    short = titled(Text("! loop-busy"), ["app.py:3", "home"], 60)
    assert short.plain == "! loop-busy  app.py:3  home"


@pytest.mark.parametrize("width", [40, 80])
def test_a_report_in_a_narrow_stream_cuts_no_place(width: int) -> None:
    diagnosis = CASES["findings"]()
    found = [
        replace(each, file=f"{'deep/' * 20}app.py", message=f"Held at {LONG} for long.")
        for each in diagnosis.findings
        if each.file == "shop/rates.py"
    ]
    assert found
    file = io.StringIO()
    render(replace(diagnosis, findings=tuple(found)), Console(file=file, width=width))
    lines = file.getvalue().splitlines()
    for each in found:
        assert any(f"{each.file}:{each.line}" in line for line in lines)
    assert any(LONG in line for line in lines)
