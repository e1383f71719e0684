"""The thread pool as the probe sees it: who waits for it, and who need not go there."""

from dataclasses import replace

import pytest

from asyncperf.insight import Resource, Site
from asyncperf.probe.record_format import TRIP_KINDS
from asyncperf.sites import Verdicts

from ...builders import BLOCKING, PLAN, figures, result_of
from .seen import FILE, codes, found, insight_of, requests, table, threads, ticks

ENDPOINT, DEPENDENCY = TRIP_KINDS.index("endpoint"), TRIP_KINDS.index("dependency")
HANDLER = Site(FILE, 29, None, "blocking", None)
CHECK = Site(FILE, 50, None, "check", None)
RESULT = result_of(BLOCKING, steady=figures(rate_rps=80.0, requests=4000), unloaded_s=0.5)


def trips(count, *, wait_s, run_s, cause=0, first=0, resume_s=0.0001):
    return [
        {
            "asked": 20.0,
            "wait_s": wait_s,
            "run_s": run_s,
            "resume_s": resume_s,
            "request": first + i,
            "cause": cause,
            "kind": (ENDPOINT, DEPENDENCY)[cause],
        }
        for i in range(count)
    ]


def seen(rows, count=100, **changes):
    how = {"sites": (HANDLER, CHECK), "resources": (threads(),)} | changes
    return insight_of(
        requests=requests(count, route=1, pool_run_s=0.5, answered=59.0), trips=rows, **how
    )


@pytest.mark.parametrize(
    ("wait_s", "run_s", "expected"),
    [
        (1.0, 0.5, ["pool-saturated"]),
        (0.026, 0.5, ["pool-saturated"]),
        (0.024, 0.5, []),  # less than a twentieth of the hold
        (0.0051, 0.1, ["pool-saturated"]),
        (0.0049, 0.0501, []),  # a thread that has to be woken
        (1.0, 0.049, []),  # in a pool with free threads, which is another queue
    ],
)
def test_pool_saturated(wait_s, run_s, expected):
    result = replace(RESULT, steady=figures(rate_rps=80.0, requests=8000))
    assert codes(seen(trips(100, wait_s=wait_s, run_s=run_s)), result) == expected


def test_the_wait_the_line_and_the_gain():
    (finding,) = found(seen(trips(100, wait_s=2.0, run_s=0.5)), RESULT)
    assert (finding.file, finding.line, finding.function) == ("shop.py", 30, "blocking")
    assert "waits 2.00 s for one of 40 threads" in finding.message
    assert finding.cost_ms_per_request >= 2000
    # 40 threads for half a second are 80 req/s; the 500 users would get 1,000.
    assert finding.predicted["rate_rps"] == pytest.approx(1000)
    assert "has to bear" in finding.advice


@pytest.mark.parametrize(
    ("cpus", "why_not"), [(0.98, "wait for Python's lock"), (1.9, "wait for a CPU")]
)
def test_a_bigger_pool_is_no_advice_for_threads_that_compute(cpus, why_not):
    clocks = [{**tick, "process_cpu_s": cpus * tick["at"]} for tick in busy(40)]
    (finding,) = found(seen(trips(100, wait_s=2.0, run_s=1.1), ticks=clocks), RESULT)
    assert "A bigger pool gains nothing" in finding.advice
    assert finding.predicted is None
    assert why_not in finding.why_not


def test_a_dependency_that_holds_the_threads_is_the_line_to_change():
    rows = trips(100, wait_s=0.5, run_s=0.5, cause=1)
    (finding,) = found(seen(rows), RESULT)
    assert (finding.line, finding.function) == (50, "check")


def test_a_pool_without_a_limit_is_never_full():
    rows = trips(100, wait_s=1.0, run_s=0.5)
    assert codes(seen(rows, resources=(threads(None),)), RESULT) == []


def test_too_few_requests_say_nothing_of_the_pool():
    insight = seen(trips(19, wait_s=1.0, run_s=0.5), count=19)
    assert codes(insight, RESULT) == ["too-little-data"]


@pytest.mark.parametrize(
    ("count", "run_s", "cause", "expected"),
    [
        (100, 0.0001, 1, ["pool-trips"]),
        (100, 0.0011, 1, []),  # perhaps it blocks
        (100, 0.0001, 0, []),  # the endpoint itself
        (50, 0.0001, 1, ["pool-trips"]),
        (49, 0.0001, 1, []),  # not usual
    ],
)
def test_pool_trips(count, run_s, cause, expected):
    rows = trips(count, wait_s=0.0002, run_s=run_s, cause=cause)
    assert codes(seen(rows), RESULT) == expected


def test_what_a_def_endpoint_returns_is_checked_in_a_thread():
    rows = trips(100, wait_s=0.0002, run_s=0.0001, cause=1)
    for row in rows:
        row["kind"] = TRIP_KINDS.index("response validation")
    (finding,) = found(seen(rows), RESULT)
    assert (finding.line, finding.function) == (30, "blocking")
    assert "Return a `Response`" in finding.advice


def test_a_trip_for_nothing_is_a_remark_unless_it_is_a_good_part_of_the_request():
    quick = found(seen(trips(100, wait_s=0.0002, run_s=0.0001, cause=1)), RESULT)
    assert [(f.severity, f.line, f.function) for f in quick] == [("info", 50, "check")]
    assert quick[0].cost_ms_per_request == pytest.approx(0.3, rel=0.01)
    (queued,) = found(seen(trips(100, wait_s=0.004, run_s=0.0001, resume_s=0.047, cause=1)), RESULT)
    assert queued.severity == "warning"


def test_fastapis_own_check_is_a_remark_however_long_it_waits():
    rows = trips(100, wait_s=0.004, run_s=0.0001, resume_s=0.047, cause=1)
    for row in rows:
        row["kind"] = TRIP_KINDS.index("response validation")
    (finding,) = found(seen(rows), RESULT)
    assert (finding.code, finding.severity) == ("pool-trips", "info")


def busy(threads_busy, share=1.0):
    """Ticks of which that share saw so many threads busy, the others none."""
    rows = ticks()
    return [
        row | {"threads_busy": threads_busy if i < share * len(rows) else 0}
        for i, row in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (busy(40), ["pool-saturated"]),
        (busy(40, 0.05), ["pool-saturated"]),  # in bursts
        (busy(39), []),  # what is waited for is Python's lock
        (busy(40, 0.005), []),
        ([], ["pool-saturated"]),  # not known
    ],
)
def test_a_pool_that_is_never_full_is_not_saturated(rows, expected):
    assert codes(seen(trips(100, wait_s=1.0, run_s=0.5), ticks=rows), RESULT) == expected


def test_a_full_pool_of_another_worker_counts():
    rows = busy(10) + [row | {"worker": 1} for row in busy(40)]
    insight = seen(trips(100, wait_s=2.0, run_s=0.5), ticks=rows, workers=2)
    assert codes(insight, RESULT) == ["pool-saturated"]


def test_threads_that_wait_for_connections_are_not_said_to_compute():
    rows = requests(100, route=1, pool_run_s=1.1, thread_conn_wait_s=0.9)
    insight = replace(seen([]), requests=table("requests", rows))
    insight = replace(insight, trips=table("trips", trips(100, wait_s=2.0, run_s=1.1)))
    (finding,) = found(insight, RESULT)
    assert "waits 900 ms for a connection: mend that first" in finding.advice
    assert finding.predicted is None
    assert finding.why_not == "more threads would wait for the same connections"


@pytest.mark.parametrize(("exit_s", "expected"), [(0.0001, ["pool-trips"]), (0.002, [])])
def test_a_generator_that_blocks_after_the_answer_needs_its_thread(exit_s, expected):
    entered = [
        row | {"kind": TRIP_KINDS.index("generator dependency enter")}
        for row in trips(100, wait_s=0.001, run_s=0.0001, cause=1)
    ]
    left = [
        row | {"kind": TRIP_KINDS.index("generator dependency exit"), "run_s": exit_s, "pool": 1}
        for row in entered
    ]
    without_limit = Resource("threads", "without a limit", None, None)
    insight = seen(entered + left, resources=(threads(), without_limit))
    assert codes(insight, RESULT) == expected


def test_a_librarys_class_as_a_dependency_is_told_of_the_endpoint_that_depends_on_it():
    form = Site("/venv/site-packages/fastapi/security/oauth2.py", 59, None, "Form.__init__", None)
    rows = trips(100, wait_s=0.001, run_s=0.0001, cause=1)
    (finding,) = found(seen(rows, sites=(HANDLER, form)), RESULT)
    assert (finding.file, finding.line) == ("shop.py", 30)
    assert finding.message.startswith("Form, on which it depends, runs for 100 us")
    assert "`async def` of your own" in finding.advice


def test_a_trip_less_gains_little_where_the_threads_compute_all_the_time():
    """Python runs one of them at a time, whoever waits for a thread meanwhile."""

    def gain_rps(process_cpu):
        clocks = [{**tick, "process_cpu_s": process_cpu * tick["at"]} for tick in ticks(cpu=0.05)]
        rows = [
            *trips(100, wait_s=0.3, run_s=0.0001, cause=1, resume_s=0.2),
            *trips(100, wait_s=0.0, run_s=0.02),
        ]
        slow = result_of(BLOCKING, unloaded_s=0.5, steady=figures(rate_rps=40.0, requests=2000))
        every = found(seen(rows, ticks=clocks), slow, plan=replace(PLAN, users=20))
        return next(finding.cost_rps for finding in every if finding.code == "pool-trips")

    assert gain_rps(0.95) < 2.0 < 10.0 < gain_rps(0.06)


def test_a_decorated_function_is_told_by_its_def():
    verdicts = Verdicts(defs={FILE: {50: 52}})
    rows = trips(100, wait_s=0.03, run_s=0.0002, cause=1)
    (finding,) = found(seen(rows), RESULT, verdicts=verdicts)
    assert (finding.code, finding.file, finding.line) == ("pool-trips", "shop.py", 52)


def test_a_pool_that_background_tasks_fill_costs_no_request_anything():
    """What is sent there is a builtin, which only a library's line is known of; and held for long
    after an answer that was quick it is no computation."""
    background = Site("/venv/site-packages/starlette/background.py", 23, None, "__call__", None)
    rows = [{**row, "asked": 60.0} for row in trips(100, wait_s=2.0, run_s=1.5)]
    insight = seen(rows, sites=(background,))
    (finding,) = found(insight, RESULT)
    assert (finding.code, finding.severity) == ("pool-saturated", "warning")
    assert (finding.file, finding.line, finding.function) == ("shop.py", 30, "blocking")
    assert finding.message.startswith("After its answer each request waits 2.00 s for one of 40")
    assert (finding.cost_ms_per_request, finding.cost_rps, finding.predicted) == (0.0, None, None)
    assert (finding.fix_kind, finding.why_not) == (None, None)


def test_the_wait_of_background_tasks_is_none_of_the_endpoints_own():
    """Both take a thread; whoever waits before the answer waits for 0.5 s."""
    rows = [{**row, "asked": 40.0} for row in trips(100, wait_s=0.5, run_s=0.5)]
    rows += [{**row, "asked": 60.0} for row in trips(100, wait_s=3.0, run_s=0.5)]
    (finding,) = found(seen(rows), RESULT)
    assert "Each request waits 500 ms for one of 40 threads" in finding.message
    assert finding.severity == "error"
