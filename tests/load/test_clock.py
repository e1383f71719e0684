"""A worker's clock beside the master's, whatever the way between them does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.load.clock import DRIFT_S, PINGS_KEPT, Clock, Ping

NOW = 1_795_000_000.0
MS = 0.001


def ping(at, there_s, back_s, ahead_s=0.0):
    """Sent at the master's time `at` by a clock that is so much ahead of it."""
    answered = at + there_s
    return Ping(at + ahead_s, answered, answered + back_s + ahead_s)


def clock_of(*pings):
    clock = Clock()
    for each in pings:
        clock.add(each)
    return clock


def test_a_clock_that_was_never_compared_is_the_masters():
    assert (Clock().offset_s, Clock().uncertainty_s) == (0.0, 0.0)


@pytest.mark.parametrize("ahead_s", [0.0, 3600.0, -86400.0, 0.0004])
def test_a_symmetric_way_gives_the_offset(ahead_s):
    clock = clock_of(ping(NOW, 2 * MS, 2 * MS, ahead_s))
    assert clock.offset_s == pytest.approx(-ahead_s, abs=1e-6)
    assert clock.uncertainty_s == pytest.approx(2 * MS, abs=1e-6)


def test_the_least_round_trip_is_believed():
    """One that waited on its way says little, however often that happens."""
    busy = [ping(NOW + i, 80 * MS, 1 * MS, 5.0) for i in range(20)]
    clock = clock_of(*busy, ping(NOW + 20, 1 * MS, 1 * MS, 5.0), *busy)
    assert clock.offset_s == pytest.approx(-5.0, abs=1e-6)
    assert clock.uncertainty_s == pytest.approx(1 * MS, abs=1e-6)


@given(
    ahead_s=st.floats(-1e6, 1e6),
    ways=st.lists(st.tuples(st.floats(1e-5, 2.0), st.floats(1e-5, 2.0)), min_size=1, max_size=80),
)
def test_the_error_is_never_beyond_the_uncertainty(ahead_s, ways):
    clock = clock_of(*(ping(NOW + i, *way, ahead_s) for i, way in enumerate(ways)))
    assert abs(clock.offset_s + ahead_s) <= clock.uncertainty_s + 1e-5


def test_a_drift_is_followed():
    """50 us a second over ten minutes are 30 ms."""
    clock = Clock()
    for second in range(600):
        clock.add(ping(NOW + second, MS, MS, ahead_s=50e-6 * second))
    assert clock.offset_s == pytest.approx(-50e-6 * 600, abs=50e-6 * PINGS_KEPT + MS)


def test_a_clock_that_was_set_is_known_anew():
    before = [ping(NOW + i, MS, MS, ahead_s=100.0) for i in range(10)]
    clock = clock_of(*before, ping(NOW + 10, 5 * MS, 5 * MS, ahead_s=0.0))
    assert clock.offset_s == pytest.approx(0.0, abs=DRIFT_S)
    assert clock.uncertainty_s == pytest.approx(5 * MS, abs=1e-6)


def test_a_message_that_came_back_before_it_was_sent_says_nothing():
    assert clock_of(Ping(NOW, NOW, NOW - 1)).offset_s == 0.0
