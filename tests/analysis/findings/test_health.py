"""Healthy is said too, of what was seen, and of nothing else."""

from dataclasses import replace

import pytest

from asyncperf.analysis.findings import find, healthy
from asyncperf.model import GeneratorHealth
from asyncperf.results import Limiter

from ...builders import BLOCKING, result_of
from .seen import evidence, insight_of, requests, stalls, table, threads, ticks
from .test_pool import CHECK, HANDLER, trips


def messages(insight, *results):
    every = evidence(insight, *results)
    return [line.message for line in healthy(every, find(every))]


def test_a_quiet_loop():
    rows = [{"start": 20.0, "duration_s": 0.05, "on_loop": 1}]
    insight = insight_of(requests=requests(), ticks=ticks(), collections=rows)
    assert messages(insight) == [
        "event loop: no stall of 20 ms; garbage collection 0.1% of the time"
    ]


def test_a_stall_that_is_no_finding_is_named():
    insight = insight_of(requests=requests(), ticks=ticks(), stalls=stalls(1, 0.031))
    assert messages(insight)[0].startswith("event loop: longest stall 31 ms")


def test_nothing_is_called_healthy_that_is_not_or_was_not_seen():
    blocked = insight_of(requests=requests(), ticks=ticks(), stalls=stalls(100, 0.1))
    assert messages(blocked) == []
    assert messages(insight_of(requests=requests(), ticks=ticks()[:100])) == []
    assert messages(None) == []


@pytest.mark.parametrize(
    ("kind", "count"), [("loop_blocked", 0), ("loop_cpu", 0), ("gc", 0), ("users", 1)]
)
def test_a_loop_that_is_the_limit_is_not_in_good_order(kind, count):
    """Though no stall was seen, and nothing else of it."""
    limited = replace(result_of(), limiter=Limiter(kind, 1, 0.01))
    insight = insight_of(requests=requests(), ticks=ticks())
    assert len(messages(insight, limited)) == count


def test_what_the_generator_limited_is_not_called_healthy():
    insight = insight_of(requests=requests(), ticks=ticks())
    busy = GeneratorHealth(cpu=1.0, max_drift_s=0.5)
    assert messages(insight, result_of(generator=busy)) == []


def test_a_pool_that_nobody_waits_for():
    insight = insight_of(
        requests=requests(route=1),
        sites=(HANDLER,),
        resources=(threads(),),
        trips=trips(100, wait_s=0.0002, run_s=0.5),
    )
    assert messages(insight, result_of(BLOCKING)) == ["thread pool: longest wait 0.2 ms"]
    busy = [row | {"threads_busy": 27} for row in ticks()[:100]]
    insight = replace(insight, ticks=table("ticks", busy))
    assert messages(insight, result_of(BLOCKING)) == ["thread pool: at most 27 of 40 threads busy"]


def test_a_pool_in_which_quick_functions_queue_is_not_in_good_order():
    insight = insight_of(
        requests=requests(route=1),
        sites=(HANDLER, CHECK),
        resources=(threads(),),
        trips=trips(100, wait_s=0.06, run_s=0.0001, cause=1),
    )
    assert messages(insight, result_of(BLOCKING)) == []
