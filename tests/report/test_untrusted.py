"""Names from the app under test do no harm and still fit."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from asyncperf.report.untrusted import clean, fold, short_place, shorten, spreadsheet_safe


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("GET /items", "GET /items"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]8;;http://evil\x07link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;never ended", ""),
        ("\x1bcreset", "reset"),
        ("a\r\n\tb", "a b"),
        ("bell\x07null\x00", "bellnull"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\ud800", ""),
        ("[red]markup[/red]", "[red]markup[/red]"),
        ("/café/日本", "/café/日本"),
    ],
)
def test_clean_strips_what_a_terminal_would_act_on(text, cleaned):
    assert clean(text) == cleaned


@given(st.text())
def test_clean_text_is_one_line_that_any_stream_takes(text):
    assert not any(unicodedata.category(c).startswith("C") for c in clean(text))
    clean(text).encode()


@given(st.text(), st.integers(2, 60), st.integers(1, 4))
def test_shortened_and_folded_labels_fit(text, width, lines):
    text = clean(text)
    assert cell_len(shorten(text, width)) <= width
    assert all(cell_len(line) <= width for line in fold(text, width, lines).split("\n"))


def test_a_label_is_folded_where_it_can_be_read():
    assert fold("/async_independent", 16, 3) == "/async_\nindependent"
    assert shorten("/api/v1/organizations/members", 15) == "/api/…s/members"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", " =1", "\x1b[0m=1"])
def test_no_cell_starts_a_formula(text):
    assert spreadsheet_safe(text).startswith("'")


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (80, "/srv/shop/orders/routes.py:41"),
        (29, "/srv/shop/orders/routes.py:41"),
        (28, "…/shop/orders/routes.py:41"),
        (22, "…/orders/routes.py:41"),
        (15, "…/routes.py:41"),
        (5, "…/routes.py:41"),  # the rest is what one looks for
    ],
)
def test_a_place_loses_its_first_folders_alone(width, told):
    assert short_place("/srv/shop/orders/routes.py:41", width) == told
