"""Repeated loads: what is pooled, what is a mean, and what is kept apart."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.analysis.diagnosis import diagnose
from asyncperf.analysis.repetition import worst
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
