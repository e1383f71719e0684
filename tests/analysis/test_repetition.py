"""Repeated loads: what is pooled, what is a mean, and what is kept apart."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.analysis.diagnosis import diagnose
from asyncperf.analysis.repetition import PARTS, broken_down, worst
from asyncperf.explanation import AwaitPart, Breakdown
from asyncperf.model import Endpoint, GeneratorHealth

from .synthetic import ITEMS, load, run, samples

OTHER = Endpoint("GET", "/other")


def steady(latency_s, repetition=1, endpoint=ITEMS, requests=2000):
    return load(samples(np.full(requests, latency_s)), repetition, endpoint)


def test_a_load_that_was_not_repeated_has_no_repetitions():
    [result] = diagnose(run(steady(0.1))).endpoints
    assert (result.repetition, result.repetitions) == (1, ())


def test_repetitions_become_one_result_per_endpoint():
    found = diagnose(
        run(
            steady(0.10, 1),
            steady(0.20, 1, OTHER),
            steady(0.11, 2),
            steady(0.20, 2, OTHER),
        )
    )
    assert [result.endpoint.path for result in found.endpoints] == ["/items", "/other"]
    assert [r.repetition for r in found.endpoints[0].repetitions] == [1, 2]


def test_requests_are_pooled_and_a_rate_is_the_mean_of_the_rates():
    [result] = diagnose(run(steady(0.1, 1), steady(0.2, 2))).endpoints
    first, second = result.repetitions
    assert result.steady.rate_rps == pytest.approx(
        (first.steady.rate_rps + second.steady.rate_rps) / 2
    )
    assert result.steady.rate_rps == pytest.approx(150, rel=0.01)
    assert result.steady.requests == first.steady.requests + second.steady.requests
    assert (result.steady.latency.min_s, result.steady.latency.max_s) == pytest.approx((0.1, 0.2))
    assert result.whole.requests == 4000
    assert result.unloaded_s == pytest.approx(0.15)
    assert result.unloaded_requests == 10


def test_more_requests_know_further_percentiles():
    [result] = diagnose(run(*(steady(0.1, n, requests=600) for n in (1, 2, 3)))).endpoints
    assert all(r.steady.latency.percentiles_s[99.9] is None for r in result.repetitions)
    assert result.steady.latency.percentiles_s[99.9] == pytest.approx(0.1)


def test_the_limiter_is_explained_once_for_all():
    [result] = diagnose(run(steady(0.1, 1), steady(0.1, 2))).endpoints
    assert result.limiter.kind == "users"
    assert result.measured_over_ceiling == pytest.approx(1, rel=0.02)


def test_a_machine_that_was_busy_once_explains_a_low_rate():
    slow = [replace(steady(0.2, n), machine_cpu=busy) for n, busy in ((1, 0.2), (2, 0.98))]
    alone = steady(0.1).measured[0].unloaded
    loads = [replace(x, measured=(replace(x.measured[0], unloaded=alone),)) for x in slow]
    [result] = diagnose(run(*loads)).endpoints
    assert "the machine's CPUs were 98% busy" in result.limiter_note


def test_a_repetition_without_a_window_is_left_out_and_said():
    unsteady = replace(steady(0.1, 2), ramp_end_s=None)
    found = diagnose(run(steady(0.1, 1), unsteady, steady(0.1, 3)))
    [result] = found.endpoints
    assert result.steady.requests < result.whole.requests * 2 / 3
    assert result.no_window_why is None
    assert found.warnings == (
        "GET /items: 1 of 3 repetitions are in no steady figure "
        "(the load ended before all users had started)",
    )


def test_what_is_drawn_is_of_a_repetition_that_has_a_window():
    unsteady = replace(steady(0.3, 1), ramp_end_s=None)
    [result] = diagnose(run(unsteady, steady(0.1, 2))).endpoints
    assert result.repetition == 2
    assert (result.window, result.timeline) == (
        result.repetitions[1].window,
        result.repetitions[1].timeline,
    )


def test_without_any_window_there_is_no_figure():
    none = [replace(steady(0.1, n), ramp_end_s=None) for n in (1, 2)]
    found = diagnose(run(*none))
    [result] = found.endpoints
    assert (result.steady, result.window, result.histogram) == (None, None, None)
    assert result.no_window_why == "the load ended before all users had started"
    assert found.warnings == ()  # said in the verdict


def test_trouble_of_one_repetition_is_named():
    died = replace(steady(0.1, 2), trouble="the server exited")
    [result] = diagnose(run(steady(0.1, 1), died)).endpoints
    assert result.trouble == "repetition 2: the server exited"


def test_a_generator_that_was_the_limit_once_is_the_limit():
    busy = replace(steady(0.1, 2), generator=GeneratorHealth(1.0, 0.5))
    found = diagnose(run(steady(0.1, 1), busy))
    assert not found.valid
    assert found.warnings[0].startswith("GET /items, repetition 2: the load generator used")
    assert found.endpoints[0].limiter is None


def test_the_worst_health_is_the_one_in_doubt():
    calm, busy = GeneratorHealth(0.2, 0.9), GeneratorHealth(0.8, 0.1)
    unknown, four = GeneratorHealth(None, None), GeneratorHealth(1.5, 0.1, processes=4)
    limited = GeneratorHealth(0.95, 0.1)
    assert worst([calm, busy, unknown]) == busy
    assert worst([four, limited]) == limited
    assert worst([unknown]) == unknown


FETCH = AwaitPart("shop.py", 7, 5, "items", "fetch()", 0.06, 1.0)
OTHERS = AwaitPart("shop.py", 9, 5, "items", "others()", 0.02, 2.0)


def parted(result, await_s, awaits, loop_wait_s=0.01):
    """The result of a repetition whose breakdown was seen."""
    mean_s = result.steady.latency.mean_s
    known_s = (loop_wait_s or 0.0) + await_s
    found = Breakdown(
        mean_s, loop_wait_s, 0, 0, 0, 0, await_s, 0, 0, mean_s - known_s, 100, 200, awaits
    )
    return replace(result, breakdown=found)


def repetitions(*latencies_s, requests=(2000, 1000)):
    loads = (
        steady(latency_s, number, requests=count)
        for number, (latency_s, count) in enumerate(zip(latencies_s, requests, strict=True), 1)
    )
    [result] = diagnose(run(*loads)).endpoints
    return result


def total(found):
    known = sum(getattr(found, name) for name in PARTS)
    return known + (found.loop_wait_s or 0.0) + found.other_s


def test_the_parts_of_all_repetitions_add_up_to_the_pooled_mean():
    pooled = repetitions(0.1, 0.2)
    first, second = pooled.repetitions
    share = first.steady.requests / (first.steady.requests + second.steady.requests)
    each = [parted(first, 0.08, (FETCH, OTHERS)), parted(second, 0.18, (FETCH,))]
    found = broken_down(each, pooled.steady)
    assert found.mean_s == pytest.approx(pooled.steady.latency.mean_s)
    assert total(found) == pytest.approx(found.mean_s)
    assert found.await_s == pytest.approx(share * 0.08 + (1 - share) * 0.18)
    assert (found.requests, found.of_requests) == (200, 400)
    assert [(part.text, part.mean_s) for part in found.awaits] == [
        ("fetch()", pytest.approx(0.06)),
        ("others()", pytest.approx(share * 0.02)),
    ]


def test_a_repetition_of_which_too_little_was_seen_counts_in_the_sum_alone():
    pooled = repetitions(0.1, 0.2)
    first, second = pooled.repetitions
    found = broken_down([parted(first, 0.09, ()), second], pooled.steady)
    assert total(found) == pytest.approx(pooled.steady.latency.mean_s)
    assert found.await_s == pytest.approx(0.09)
    assert found.other_s == pytest.approx(pooled.steady.latency.mean_s - 0.1)
    assert "neither in the app nor before it" in found.notes[0]


def test_waits_for_the_loop_that_no_engine_told_of_stay_unknown():
    pooled = repetitions(0.1, 0.1)
    each = [parted(result, 0.08, (), loop_wait_s=None) for result in pooled.repetitions]
    found = broken_down(each, pooled.steady)
    assert found.loop_wait_s is None
    assert total(found) == pytest.approx(found.mean_s)


def test_repetitions_without_a_probe_say_why_they_have_no_breakdown():
    found = repetitions(0.1, 0.1)
    assert found.breakdown is None
    assert found.breakdown_note is not None
