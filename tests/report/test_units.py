"""Figures for people."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.report import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (math.nan, "-"),
        (math.inf, "-"),
        (0, "0"),
        (0.0001, "<0.001"),
        (0.0333, "0.033"),
        (5.3333, "5.333"),
        (9.99949, "9.999"),
        (9.9996, "10.00"),
        (33.3333, "33.33"),
        (99.996, "100.0"),
        (119.366, "119.4"),
        (999.96, "1,000"),
        (6412.3, "6,412"),
        (1e300, "1e+300"),
        (-5.0, "-5.000"),
    ],
)
def test_number_has_four_significant_digits(value, text):
    assert units.number(value) == text


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (None, "-"),
        (0, "0 s"),
        (0.00031, "0.310 ms"),
        (0.5023, "502.3 ms"),
        (0.99994, "999.9 ms"),
        (0.99996, "1.000 s"),
        (15.0021, "15.00 s"),
        (78.741, "78.74 s"),
        (4000, "4,000 s"),
    ],
)
def test_seconds_turn_to_milliseconds_below_one(time_s, text):
    assert units.seconds(time_s).replace(units.TIE, " ") == text


@pytest.mark.parametrize(
    ("share", "text"), [(None, "-"), (0.998, "99.8 %"), (1.0, "100.0 %"), (12.5, "1,250.0 %")]
)
def test_percent(share, text):
    assert units.percent(share).replace(units.TIE, " ") == text


def test_in_words():
    assert units.in_words(["a"]) == "a"
    assert units.in_words(["a", "b"]) == "a and b"
    assert units.in_words(["a", "b", "c"]) == "a, b and c"


def test_span():
    assert units.span("1", "2") == "1 to 2"
    assert units.span("1", "1") == "1"


def test_plural():
    assert units.plural(1, "user").replace(units.TIE, " ") == "1 user"
    assert units.plural(1500, "user").replace(units.TIE, " ") == "1,500 users"


@given(st.floats(min_value=0.001, max_value=1e11))
def test_number_is_right_to_four_digits(value):
    read = float(units.number(value).replace(",", ""))
    assert read == pytest.approx(value, rel=0.5e-3, abs=0.5e-3)
