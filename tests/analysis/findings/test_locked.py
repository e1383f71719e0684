"""A thread that keeps Python's lock, while the loop stands at whatever line it was at."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.insight import Site
from asyncperf.probe.record_format import LOCKED, TRIP_KINDS

from ...builders import figures, result_of
from .seen import FILE, codes, found, insight_of, requests, stalls, table, threads, ticks

SLOW = result_of(steady=figures(rate_rps=20.0, requests=1000))
PARSES = Site(FILE, 20, None, "parse", None)
LIBRARYS = Site("/venv/lib/python3.11/site-packages/library.py", 1, None, "work", None)


def locked_out(count=100, length_s=0.05, trips=True, sites=(PARSES,)):
    rows = stalls(count, length_s, kind=LOCKED)
    runs = [
        {"asked": row["start"] - 0.01, "wait_s": 0.01, "run_s": length_s, "request": row["request"]}
        for row in rows
    ]
    return insight_of(
        requests=requests(),
        stalls=rows,
        trips=runs if trips else (),
        sites=sites,
        resources=(threads(),),
    )


@pytest.mark.parametrize(
    ("count", "length_s", "expected"),
    [(100, 0.05, ["loop-busy"]), (3, 0.1, ["loop-busy"]), (20, 0.0249, []), (2, 10.0, [])],
)
def test_it_is_reported_when_it_matters_and_the_loops_line_is_not_blamed(count, length_s, expected):
    assert codes(locked_out(count, length_s), SLOW) == expected


def test_the_function_on_the_thread_is_named():
    (finding,) = found(locked_out(), SLOW)
    assert (finding.file, finding.line, finding.function) == ("shop.py", 20, "parse")
    assert "Other threads keep Python's lock for 50 ms at a time, 100 times" in finding.message
    assert "parse ran on one then" in finding.message
    # 100 of 50 ms, over 1,000 requests.
    assert finding.cost_ms_per_request == pytest.approx(5)


@pytest.mark.parametrize("how", [{"trips": False}, {"sites": (LIBRARYS,)}])
def test_without_a_function_of_the_users_no_line_is_named(how):
    (finding,) = found(locked_out(**how), SLOW)
    assert finding.line is None


@pytest.mark.parametrize(
    ("kind", "said"), [("endpoint", "parse ran on one"), ("background task", "parse, a background")]
)
def test_a_background_task_on_a_thread_goes_by_its_endpoint(kind, said):
    insight = locked_out()
    insight.trips["kind"] = TRIP_KINDS.index(kind)
    (finding,) = found(insight, SLOW)
    assert said in finding.message
    assert finding.endpoint == "GET /items"


def test_several_threads_that_take_turns_are_counted():
    insight = locked_out()
    threefold = replace(insight, trips=np.concatenate([insight.trips] * 3))
    assert "parse ran on 3 of them then" in found(threefold, SLOW)[0].message


@pytest.mark.parametrize(
    ("cpu", "delay", "severity", "said"),
    [
        (0.3, 0.09, "error", False),
        (0.3, 0.11, "error", True),
        (0.3, 0.31, "info", True),  # the machine, rather
    ],
)
def test_on_a_busy_machine_whoever_has_the_lock_waits_as_well(cpu, delay, severity, said):
    every = found(replace(locked_out(), ticks=table("ticks", ticks(cpu, delay))), SLOW)
    (finding,) = [finding for finding in every if "keep Python's lock" in finding.message]
    assert finding.severity == severity
    assert ("of the time no CPU was free for the event loop" in finding.message) is said
