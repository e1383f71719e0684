"""Charts show every bin once, never lose an outlier, and fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from asyncperf.report.charts import BLOCKS, HISTOGRAM_ROWS, PLAIN, histogram, timeline
from asyncperf.results import Histogram, Timeline, Window


def test_a_single_outlier_keeps_a_stroke():
    chart = histogram("x", Histogram((0.0, 0.1, 0.2), (100_000, 1)), 80).plain
    assert chart.splitlines()[-1].endswith("1 │▏")


def test_empty_bins_in_between_are_one_row():
    chart = histogram("x", Histogram((0, 1, 2, 3, 4, 5), (5, 0, 0, 0, 5)), 80, PLAIN).plain
    assert len(chart.splitlines()) == 4


def test_bins_close_together_are_told_apart():
    chart = histogram("x", Histogram((15.0001, 15.0011, 15.0021), (3, 4)), 80).plain
    assert "15.0001 – 15.0011 s" in chart


def test_nothing_to_draw_is_said():
    assert histogram("x", Histogram((), ()), 80).plain == "x: no requests"
    assert timeline("x", Timeline(1.0, (0.0, 0.0)), [], [], 80).plain == "x: no requests"


def test_ramp_and_window_are_marked_below_the_bars():
    rates = Timeline(1.0, (1.0,) * 60)
    lines = timeline(
        "x", rates, [(0.0, 10.0)], [Window(20.0, 50.0, 5.0, 6)], 80, PLAIN
    ).plain.splitlines()
    assert lines[-2].strip() == "." * 10 + " " * 10 + "=" * 30
    assert lines[-1].strip() == ". ramp to 10.00 s  = steady window 20.00 s to 50.00 s  end 60.00 s"


def test_stages_are_marked_one_by_one():
    ramps, windows = [(0.0, 5.0), (20.0, 25.0)], [Window(8, 20, 1, 12), Window(30, 40, 1, 10)]
    chart = timeline("x", Timeline(1.0, (1.0,) * 40), ramps, windows, 80, PLAIN).plain
    lines = chart.splitlines()
    assert lines[-2].strip() == "." * 5 + " " * 3 + "=" * 12 + "." * 5 + " " * 5 + "=" * 10
    assert lines[-1].strip() == ". change to the next stage  = steady windows  end 40.00 s"


def test_an_unfinished_ramp_is_said():
    assert "ramp never ended" in timeline("x", Timeline(1.0, (1.0,)), [(0.0, None)], [], 80).plain


def test_a_long_load_is_averaged_into_columns():
    chart = timeline("x", Timeline(1.0, (10.0, 20.0) * 300), [(0.0, 1.0)], [], 80).plain
    assert "x, 9.000 s a bar" in chart


@pytest.mark.parametrize("glyphs", [BLOCKS, PLAIN])
@given(
    counts=st.lists(st.integers(0, 10**9), max_size=80),
    first=st.floats(0, 1e5),
    bin_s=st.floats(1e-6, 1e4),
)
def test_histograms_fit_80_columns(glyphs, counts, first, bin_s):
    edges = tuple(first + i * bin_s for i in range(len(counts) + 1))
    lines = histogram("x", Histogram(edges, tuple(counts)), 80, glyphs).plain.splitlines()
    assert len(lines) <= HISTOGRAM_ROWS + 1
    assert all(cell_len(line) <= 80 for line in lines)


@pytest.mark.parametrize("glyphs", [BLOCKS, PLAIN])
@given(rates=st.lists(st.floats(0, 1e9), max_size=900), ramp=st.none() | st.floats(0, 1e3))
def test_timelines_fit_80_columns(glyphs, rates, ramp):
    window = Window(10.0, 20.0, 1.0, 10)
    chart = timeline("x", Timeline(1.0, tuple(rates)), [(0.0, ramp)], [window], 80, glyphs).plain
    assert all(cell_len(line) <= 80 for line in chart.splitlines())
