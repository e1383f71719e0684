"""The garbage collector: when it takes enough of the loop's time to be worth a word."""

from dataclasses import replace

import pytest

from asyncperf.analysis.findings.collector import counted

from ...builders import run_of
from .seen import codes, found, insight_of, requests, ticks


def collections(count, length_s, **changes):
    return [
        {"start": 11 + i * 45 / max(1, count), "duration_s": length_s, "on_loop": 1, **changes}
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "length_s", "severities"),
    [
        (100, 0.026, ["warning"]),  # a twentieth of 50 s is 2.5 s
        (100, 0.024, []),
        (100, 0.1, ["error"]),
        (2, 0.1, ["warning"]),  # twice a pause that is noticed
        (1, 0.5, []),
        (0, 0.0, []),
    ],
)
def test_gc_pauses(count, length_s, severities):
    insight = insight_of(requests=requests(), collections=collections(count, length_s))
    assert [(f.code, f.severity) for f in found(insight)] == [("gc-pauses", s) for s in severities]


def test_a_collection_in_another_thread_stops_the_loop_too():
    rows = collections(100, 0.1, on_loop=0)
    assert codes(insight_of(requests=requests(), collections=rows)) == ["gc-pauses"]


def test_what_mends_it_and_what_it_costs():
    insight = insight_of(
        requests=requests(1000),
        collections=collections(500, 0.05, in_flight=12),
        ticks=ticks(cpu=1.0),
    )
    (finding, *rest) = found(insight)
    assert "50% of the time" in finding.message
    assert "60 requests waiting" in finding.message
    assert "--gc tuned" in finding.advice
    assert "gc.freeze()" in finding.advice
    # 5 ms of a request's 10 on the loop: twice the rate, and half of the second that 100 wait.
    assert finding.cost_rps == pytest.approx(100, rel=0.01)
    assert finding.cost_ms_per_request == pytest.approx(500, rel=0.01)
    assert [f.code for f in rest] == ["loop-busy"]


@pytest.mark.parametrize(("rate_rps", "waiting"), [(None, "100 requests"), (50.0, "150 requests")])
def test_no_more_requests_wait_than_there_are_users(rate_rps, waiting):
    rows = collections(100, 0.1, in_flight=3)  # of one in fifty, and after their answers
    insight = insight_of(requests=requests(), collections=rows)
    plan = replace(run_of().plan, users=100, rate_rps=rate_rps)
    (finding,) = found(insight, plan=plan)
    assert f"{waiting} waiting" in finding.message


@pytest.mark.parametrize(
    ("alone_s", "generation", "said"),
    [
        (0.09, 2, "takes 100 ms, with a single user 90 ms, so what it walks is mostly what"),
        (0.04, 2, "walks all that they keep alive"),
        (None, 2, "walks all that is alive"),  # the single user met none
        (0.09, 1, "walks all that is alive"),  # none of them was a full one
    ],
)
def test_what_a_full_collection_walks(alone_s, generation, said):
    rows = collections(100, 0.1, generation=generation)
    if alone_s is not None:
        rows.append({"start": -1.0, "duration_s": alone_s, "generation": generation})
    (finding,) = found(insight_of(requests=requests(), collections=rows))
    assert said in finding.message


def test_a_collector_that_is_tuned_already():
    insight = insight_of(requests=requests(), collections=collections(100, 0.1))
    target = replace(run_of().target, gc="tuned")
    (finding,) = found(insight, target=target)
    assert "tuned already" in finding.advice
    assert finding.fix_kind is None


def test_one_request_is_not_many():
    assert (counted(0.6), counted(5000.4)) == ("1 request", "5,000 requests")
