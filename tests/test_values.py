"""What a single value may be."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.values import duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("1m500ms", 60.5),
        ("0.5s", 0.5),
        (" 5M ", 300),
        (300, 300),
        (0.5, 0.5),
        ("168h", 7 * 86400),
    ],
)
def test_duration(value, seconds):
    assert duration(value) == seconds


@given(st.text(max_size=20) | st.floats() | st.integers() | st.booleans() | st.none())
def test_duration_is_positive_or_refused(value):
    with contextlib.suppress(ValueError):
        assert 0 < duration(value) <= 7 * 86400
