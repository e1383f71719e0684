"""What is found without a probe: the load itself, and the pool by arithmetic."""

from dataclasses import replace

import pytest

from asyncperf.analysis.findings import evidence_of, generator_limit
from asyncperf.analysis.findings import find as find_in
from asyncperf.model import GeneratorHealth
from asyncperf.results import Limiter, NextLimiter

from ...builders import BLOCKING, HEALTHY, ITEMS, result_of, run_of

POOL = Limiter("thread_pool", 80, 15.0, utilization=1.0, wait_s=78.75)
USERS_NEXT = NextLimiter("users", 500 / 15, 500)
SATURATED = result_of(BLOCKING, limiter=POOL, ceiling_rps=80 / 15, next_limiter=USERS_NEXT)


def next_at(share):
    """The users would allow `share` times what the pool does."""
    return NextLimiter("users", share * POOL.ceiling_rps, 500)


def find(results):
    return find_in(evidence_of(run_of(), results))


def codes(*results):
    return [finding.code for finding in find(results)]


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (SATURATED, ["pool-saturated"]),
        (replace(SATURATED, next_limiter=next_at(1.11)), ["pool-saturated"]),
        (replace(SATURATED, next_limiter=next_at(1.09)), []),
        (replace(SATURATED, next_limiter=None), []),
        (replace(SATURATED, limiter=Limiter("users", 500, 15.0)), []),
        # Below the ceiling, the diagnosis names no limiter.
        (replace(SATURATED, limiter=None, limiter_note="59 % of the ceiling"), []),
        # Too little data.
        (replace(SATURATED, steady=None, window=None), ["too-little-data"]),
        (replace(SATURATED, limiter=replace(POOL, wait_s=None)), ["pool-saturated"]),
    ],
)
def test_pool_saturated(result, found):
    assert codes(result) == found


def test_pool_saturated_says_where_how_long_and_what_else():
    (finding,) = find([SATURATED])
    assert finding.severity == "error"
    assert (finding.file, finding.line, finding.function) == ("shop.py", 30, "blocking")
    assert "78.75 s" in finding.message
    assert "40 threads" in finding.message
    assert "15.00 s" in finding.message
    assert "33.3 req/s" in finding.advice
    assert finding.evidence == {
        "capacity": 80.0,
        "hold_s": 15.0,
        "wait_s": 78.75,
        "utilization": 1.0,
    }
    assert finding.predicted == {"rate_rps": 500 / 15}


@pytest.mark.parametrize(
    ("cpu", "processes", "limited"),
    [
        (0.9, 1, True),
        (1.0, 1, True),
        (0.89, 1, False),
        (0.0, 1, False),
        (3.6, 4, True),
        (3.5, 4, False),
        (None, 1, False),  # too short to tell
    ],
)
def test_generator_saturated(cpu, processes, limited):
    health = GeneratorHealth(cpu=cpu, max_drift_s=0.5, processes=processes)
    assert (generator_limit(health) is not None) is limited
    assert codes(result_of(generator=health)) == ["generator-saturated"] * limited


@pytest.mark.parametrize(
    ("late", "starts", "limited"),
    [
        (0, 0, False),
        # One hiccup, however few the requests.
        (1, 1, False),
        (1, 10, False),
        (2, 10, False),
        (3, 10, True),
        (2, 2, True),
        # A share of 1 % itself is none too many; the more requests, the sooner a little more is.
        (10, 1000, False),
        (20, 1000, False),
        (30, 1000, True),
        (10_000, 1_000_000, False),
        (10_500, 1_000_000, True),
        (1_000_000, 1_000_000, True),
    ],
)
def test_late_starts_count_where_chance_does_not_explain_them(late, starts, limited):
    health = GeneratorHealth(cpu=0.1, max_drift_s=0.05, starts=starts, late_starts=late)
    assert (generator_limit(health) is not None) is limited
    assert codes(result_of(generator=health)) == ["generator-saturated"] * limited


def test_late_starts_are_counted_in_words():
    health = GeneratorHealth(cpu=0.1, max_drift_s=0.05, starts=1000, late_starts=30)
    assert generator_limit(health) == (
        "the load generator began 30 of 1,000 requests more than 10 ms late"
    )


def test_a_saturated_generator_is_the_only_thing_said():
    """What it measured is its own queue, so nothing follows from it."""
    busy = GeneratorHealth(cpu=1.0, max_drift_s=0.5)
    assert codes(replace(SATURATED, generator=busy)) == ["generator-saturated"]
    assert codes(result_of(steady=None, generator=busy)) == ["generator-saturated"]


def test_users_lost_with_a_process_are_no_finding_but_make_the_load_another():
    lost = GeneratorHealth(cpu=0.1, max_drift_s=0.001, users_lost=250)
    assert "lost 250 users" in generator_limit(lost)
    assert codes(replace(SATURATED, generator=lost)) == []


@pytest.mark.parametrize(
    ("steady", "why", "trouble", "found"),
    [
        (None, "the load ended before all users had started", None, ["too-little-data"]),
        (None, None, None, ["too-little-data"]),
        (None, "no requests", "interrupted", []),  # its trouble is reported instead
        (result_of().steady, None, None, []),
    ],
)
def test_too_little_data(steady, why, trouble, found):
    result = result_of(steady=steady, no_window_why=why, trouble=trouble)
    assert codes(result) == found


def test_too_little_data_says_why():
    (finding,) = find([result_of(steady=None, no_window_why="99 requests, 100 are needed")])
    assert finding.severity == "warning"
    assert "99 requests, 100 are needed" in finding.message


def test_errors_come_before_warnings_and_endpoints_keep_their_order():
    unclear = result_of(ITEMS, steady=None)
    assert codes(unclear, SATURATED, unclear) == [
        "pool-saturated",
        "too-little-data",
        "too-little-data",
    ]


def test_an_endpoint_in_good_order_has_no_finding():
    assert codes(result_of(generator=HEALTHY)) == []
