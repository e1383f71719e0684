"""Collections in other threads: how much of a stall they are, and what is recorded of them."""

import pytest

from asyncperf.probe import elsewhere
from asyncperf.probe.elsewhere import Elsewhere


class Table:
    def __init__(self):
        self.rows = []

    def add(self, *row):
        self.rows.append(row)


class Clock:
    """Of a thread that waited so long for a CPU since it was read first."""

    def __init__(self, delay_s):
        self.delay_s = delay_s

    def raw(self):
        return 0.0

    def since(self, raw):
        return 0.0, self.delay_s[0]

    def close(self):
        pass


@pytest.fixture
def collected(monkeypatch):
    """Collections from one time to another."""
    found = Elsewhere()
    now, delay_s = [0.0], [0.0]
    monkeypatch.setattr(elsewhere, "perf_counter", lambda: now[0])
    monkeypatch.setattr(elsewhere, "ThreadClock", lambda: Clock(delay_s))

    def collect(since, until, generation=2, waited_s=0.0):
        delay_s[0] = waited_s
        now[0] = since
        found.begin(generation)
        now[0] = until
        found.end(3, generation)
        return found

    return collect


@pytest.mark.parametrize(
    ("since", "until", "within_s"),
    [(0.0, 5.0, 0.0), (0.0, 1.5, 0.0), (10.0, 13.0, 1.0), (10.5, 10.75, 0.25), (9.0, 30.0, 3.0)],
)
def test_the_part_of_a_time_that_lies_in_them(collected, since, until, within_s):
    collected(10.0, 11.0)
    assert collected(20.0, 22.0).within_s(since, until) == pytest.approx(within_s)


def test_each_is_recorded_once_as_none_of_the_loops(collected):
    collected(10.0, 11.0)
    table = Table()
    collected(20.0, 20.0005, 0).record(table)  # too short to keep anyone waiting
    assert table.rows == [(10.0, 1.0, 3, 2, False)]
    collected(30.0, 31.0).record(table)
    assert [row[0] for row in table.rows] == [10.0, 30.0]


def test_what_it_waited_for_a_cpu_is_the_machines_but_the_loop_stood_as_long(collected):
    found = collected(10.0, 11.0, waited_s=0.75)
    table = Table()
    found.record(table)
    assert table.rows == [(10.0, 0.25, 3, 2, False)]
    assert found.within_s(0.0, 20.0) == 1.0
