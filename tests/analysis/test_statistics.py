"""Exact figures, held against definitions written out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.analysis.statistics import (
    begun_within,
    completed_within,
    histogram,
    merged_errors,
    steady_figures,
    timeline,
    whole_run,
)
from asyncperf.ranks import Ranks, latency
from asyncperf.results import PERCENTILES, Window
from asyncperf.samples import Samples

from ..builders import samples

latencies = st.lists(st.floats(0, 1e6, width=32), min_size=1, max_size=300)


def nearest_rank(values, percent):
    """The least value that at least so many percent of the values do not exceed, by trial."""
    for value in sorted(values):
        if 100 * sum(other <= value for other in values) >= percent * len(values):
            return value
    raise AssertionError


@given(latencies, st.sampled_from(PERCENTILES))
def test_percentile_is_the_least_value_that_enough_do_not_exceed(values, percent):
    found = Ranks(np.array(values)).percentile(percent)
    assert found is None or found == nearest_rank(values, percent)


@pytest.mark.parametrize(
    ("percent", "enough"),
    [
        *[(50, 2), (66, 3), (75, 4), (80, 5), (90, 10), (95, 20), (98, 50), (99, 100)],
        *[(99.9, 1000), (99.99, 10_000)],
    ],
)
def test_percentile_needs_one_sample_expected_beyond_it(percent, enough):
    """None below n (1 - p) = 1; from there on a value, and it is not the maximum."""
    ordered = np.arange(1.0, enough + 1)
    assert Ranks(ordered[:-1]).percentile(percent) is None
    found = Ranks(ordered).percentile(percent)
    assert found is not None
    assert found < ordered[-1]


def test_percentile_of_nothing_is_none():
    assert Ranks(np.empty(0)).percentile(50) is None


@given(latencies)
def test_latency_takes_values_in_any_order(values):
    found = latency(samples([0.0] * len(values), values))
    assert found is not None
    assert (found.min_s, found.max_s) == (min(values), max(values))
    assert found.mean_s == pytest.approx(np.mean(values))
    known = [value for value in found.percentiles_s.values() if value is not None]
    assert known == sorted(known)
    assert all(found.min_s <= value <= found.max_s for value in known)


def test_latency_of_nothing_is_none():
    assert latency(Samples.none()) is None


def test_latency_is_not_rounded():
    found = latency(samples([0.0, 0.0], [0.001499937, 0.001499938]))
    assert found is not None
    assert found.median_s == 0.001499937


def test_whole_run_counts_as_locust_does():
    """Failures and the ramp included; the rate is up to the last completion."""
    found = whole_run(
        samples([0, 1, 2, 3], [1, 1, 1, 2], ok=[True, False, True, True], cut_off_s=[4, 4])
    )
    assert (found.requests, found.failures) == (4, 1)
    assert found.rate_rps == 4 / 5
    assert found.latency is not None
    assert found.latency.mean_s == 1.25


def test_whole_run_of_nothing_has_no_rate():
    found = whole_run(Samples.none())
    assert (found.requests, found.failures) == (0, 0)
    assert found.rate_rps is None
    assert found.latency is None


def test_completed_within_takes_the_start_and_leaves_the_end():
    found = samples([0.5, 1.5, 2.5, 3.5], 0.5, ok=[True, False, True, True], cut_off_s=[3.9])
    inside = completed_within(found, Window(1.0, 3.0, 1.0, 2))
    assert inside.end_s.tolist() == [1.0, 2.0]
    assert inside.ok.tolist() == [True, False]
    assert inside.status.tolist() == [200, 500]
    assert len(inside.received_bytes) == 2


def test_what_was_sent_counts_from_its_start_answered_or_not():
    starts, cut_off = [0.9, 1.0, 1.5, 2.9, 3.0], [2.0, 3.5]
    found = samples(starts, 5.0, ok=[True, True, False, True, True], cut_off_s=cut_off)
    window = Window(1.0, 3.0, 1.0, 2)
    assert begun_within(found, window) == 4
    assert begun_within(found, window, before_s=1.0) == 3
    folded = replace(found, weight=np.array([1, 10, 1, 1, 1]))
    assert begun_within(folded, window) == 13


def test_of_an_even_load_as_many_were_sent_as_were_answered():
    found = samples(np.arange(0.0, 9.8, 0.1), 0.25, cut_off_s=[9.8, 9.9])
    figures = steady_figures(found, Window(2.0, 10.0, 1.0, 8))
    assert figures.sent == figures.requests == 80


def test_steady_figures_are_of_the_successes():
    """A fast error is no fast answer; it still counts as a request that failed."""
    start = np.arange(0.0, 10.0, 0.1)
    ok = np.arange(100) % 4 != 0
    found = samples(start, np.where(ok, 0.05, 0.001), ok=ok)
    window = Window(1.0, 9.0, 1.0, 8)
    figures = steady_figures(completed_within(found, window), window)
    assert (figures.requests, figures.failures) == (80, 20)
    assert figures.rate_rps == pytest.approx(7.5, rel=0.01)
    assert figures.latency is not None
    assert figures.latency.max_s == 0.05
    assert figures.latency.min_s == 0.05


def test_steady_figures_where_all_failed_have_a_rate_of_zero_and_no_latency():
    window = Window(0.0, 10.0, 1.0, 10)
    found = steady_figures(samples(range(10), 0.01, ok=False), window)
    assert (found.requests, found.failures, found.rate_rps) == (10, 10, 0.0)
    assert found.latency is None


@given(st.lists(st.floats(0, 10, width=32), max_size=100))
def test_timeline_counts_every_completion_once(starts):
    found = timeline(samples(starts, 0.0), 10.0)
    assert found.bin_s * len(found.rates_rps) == pytest.approx(10.0)
    assert sum(found.rates_rps) * found.bin_s == pytest.approx(len(starts))


@pytest.mark.parametrize("duration_s", [0.0, -1.0])
def test_timeline_of_a_load_that_never_was_is_flat(duration_s):
    assert set(timeline(Samples.none(), duration_s).rates_rps) == {0.0}


@given(latencies)
def test_histogram_counts_every_latency_once(values):
    found = histogram(samples([0.0] * len(values), values))
    assert found is not None
    assert sum(found.counts) == len(values)
    assert len(found.edges_s) == len(found.counts) + 1
    assert found.edges_s[0] == min(values)
    assert found.edges_s[-1] >= max(values)


def test_histogram_of_nothing_is_none():
    assert histogram(Samples.none()) is None


def test_errors_are_added_up_most_frequent_first():
    merged = merged_errors({"HTTP 500": 2, "refused": 1}, {"refused": 4})
    assert list(merged.items()) == [("refused", 5), ("HTTP 500", 2)]
