"""Threads that wait for connections which are held by requests that wait for threads."""

import pytest

from asyncperf.insight import Resource, Site

from ...builders import result_of
from .seen import FILE, codes, found, insight_of, threads

ASKS = Site(FILE, 13, 5, "signed_in", "")
POOL = Resource("connections", "SQLAlchemy QueuePool", 2, None)
NEVER = float("nan")
THREADS = 4
# As of a load that has no steady window: it is looked at whole, for 20 s.
STUCK = result_of(steady=None, window=None, no_window_why="0 requests completed")


def stuck(since, until, *, starve=True, waiting=THREADS, on_thread=1, mended=NEVER, **changes):
    """Two requests hold the connections from `since` on and ask for a thread; then others wait
    for a connection on all threads. At `until` the first thread is given to who waits."""
    uses = [
        {"request": i, "asked": since, "got": since, "released": mended, "on_thread": 1}
        for i in range(2)
    ]
    uses += [
        {"request": 10 + i, "asked": since, "got": mended, "released": mended}
        | {"on_thread": on_thread}
        for i in range(waiting)
    ]
    trips = [
        {"request": i, "asked": since + 0.1, "wait_s": until - since - 0.1, "run_s": 0.1, "pool": 1}
        for i in range(2 * starve)
    ]
    rows = {"uses": [{**use, **changes} for use in uses], "trips": trips}
    return insight_of(resources=(POOL, threads(THREADS)), sites=(ASKS,), **rows)


@pytest.mark.parametrize(
    ("insight", "holds"),
    [
        (stuck(2.0, 5.0), True),
        (stuck(2.0, 2.9), False),  # a query may be that slow
        (stuck(2.0, 5.0, waiting=2), True),  # not all of a fast load's requests are recorded
        (stuck(2.0, 5.0, waiting=1), False),  # the other threads do something else
        (stuck(2.0, 5.0, on_thread=0), False),  # who waits on the loop keeps no thread
        (stuck(2.0, 5.0, starve=False), False),  # who holds them waits for something else
        (stuck(2.0, 5.0, resource=1), False),  # threads are no connections
    ],
)
def test_a_standstill(insight, holds):
    assert ("connection-deadlock" in codes(insight, STUCK)) == holds


def test_it_is_told_with_its_length_and_the_line_that_took_the_connection():
    [finding] = [f for f in found(stuck(2.0, 5.0), STUCK) if f.code == "connection-deadlock"]
    assert finding.severity == "error"
    assert (finding.line, finding.function) == (13, "signed_in")
    assert finding.evidence["holders"] == 2
    assert finding.evidence["waiting"] == THREADS
    assert finding.evidence["stood_s"] == pytest.approx(3.0)


def test_what_goes_on_again_is_no_standstill_from_then_on():
    [finding] = [
        f for f in found(stuck(2.0, 5.0, mended=5.0), STUCK) if f.code == "connection-deadlock"
    ]
    assert finding.evidence["stood_s"] == pytest.approx(3.0)


def test_a_run_of_before_the_probe_told_threads_apart_says_nothing_of_it():
    insight = stuck(2.0, 5.0)
    old = [name for name in insight.uses.dtype.names if name != "on_thread"]
    vars(insight)["uses"] = insight.uses[old]
    assert "connection-deadlock" not in codes(insight, STUCK)
