"""What caps a mix: the whole's limits, and each endpoint's share of them."""

from dataclasses import replace

import pytest

from asyncperf.analysis.diagnosis import diagnose
from asyncperf.analysis.mixture import mix_of
from asyncperf.model import Measured, SentRequest
from asyncperf.results import Window

from ..builders import BLOCKING, ITEMS, alone, load_of, run_of, samples

WINDOW = Window(20.0, 60.0, 1.0, 40)


def sent(endpoint, weight=1.0):
    return SentRequest("GET", endpoint.path, endpoint.path, (), 0, weight)


def steady(rate_rps, latency_s, offset=0.0, **how):
    starts = [offset + number / rate_rps for number in range(int(60 * rate_rps))]
    return samples([start for start in starts if start + latency_s < 60], latency_s, **how)


def mixed(items, blocking, items_s=1.0, blocking_s=1.0, weights=(1, 1), workers=2, users=500):
    """500 users share two endpoints; `items` and `blocking` are their samples."""
    load = load_of(
        Measured(ITEMS, alone(items_s), items),
        Measured(BLOCKING, alone(blocking_s), blocking),
        name="mix",
        ramp_end_s=5.0,
    )
    run = run_of(load)
    target = replace(
        run.target,
        workers=workers,
        sent=(sent(ITEMS, weights[0]), sent(BLOCKING, weights[1])),
    )
    return replace(run, target=target, plan=replace(run.plan, users=users)), load


def test_without_a_window_shares_are_the_weights():
    run, load = mixed(samples(), samples(), weights=(3, 1), items_s=1.0, blocking_s=5.0)
    mix = mix_of(run, [(load, None)])
    assert (mix.share(ITEMS), mix.share(BLOCKING)) == (0.75, 0.25)
    pool, users = mix.limiters  # 80 threads / (5 s / 4), 500 users / (0.75 + 1.25 s)
    assert (pool.kind, pool.ceiling_rps) == ("thread_pool", 64.0)
    assert (users.kind, users.ceiling_rps) == ("users", 250.0)
    assert mix.whole is None


def test_in_a_window_shares_are_what_was_sent():
    run, load = mixed(steady(30, 1.0), steady(10, 1.0), weights=(2, 2))
    mix = mix_of(run, [(load, WINDOW)])
    assert mix.share(ITEMS) == pytest.approx(0.75, abs=0.01)
    assert mix.whole.rate_rps == pytest.approx(40, rel=0.02)
    assert mix.whole.mean_s == pytest.approx(1.0)


@pytest.mark.parametrize("workers", [None, 2])
def test_the_pool_is_a_limit_only_where_the_workers_are_known(workers):
    run, load = mixed(samples(), samples(), workers=workers)
    kinds = {limiter.kind for limiter in mix_of(run, [(load, None)]).limiters}
    assert kinds == ({"users"} if workers is None else {"users", "thread_pool"})


def test_what_is_no_mix():
    run, load = mixed(samples(), samples())
    assert mix_of(run, [(load_of(), None)]) is None  # one endpoint
    locustfile = replace(run, target=replace(run.target, sent=()))
    assert mix_of(locustfile, [(load, None)]) is None  # it decides itself
    unknown = replace(load, measured=(*load.measured[:1], Measured(BLOCKING, samples(), samples())))
    assert mix_of(run, [(unknown, None)]) is None  # no response time without load


def test_endpoints_have_shares_of_one_ceiling():
    """Two users' worth of flow: 40 users, 1 s a request, 40 req/s in all."""
    run, load = mixed(steady(30, 1.0), steady(10, 1.0, 0.01), users=40)
    items, blocking = diagnose(replace(run, loads=(load,))).endpoints
    assert items.limiter.kind == blocking.limiter.kind == "users"
    assert items.ceiling_rps == pytest.approx(30, rel=0.03)
    assert blocking.ceiling_rps == pytest.approx(10, rel=0.03)
    assert items.measured_over_ceiling == pytest.approx(1, abs=0.02)
    assert items.next_limiter.kind == "thread_pool"
    assert items.limiter_note == "in a mix of 2 endpoints, 75% of its requests"


def test_a_full_pool_is_found_at_the_endpoint_that_uses_it():
    run, load = mixed(steady(32, 0.5), steady(32, 15.0, 0.01), items_s=0.5, blocking_s=2.5)
    diagnosis = diagnose(replace(run, loads=(load,)))
    items, blocking = diagnosis.endpoints
    assert items.limiter.kind == blocking.limiter.kind == "thread_pool"
    [finding] = diagnosis.findings
    assert (finding.code, finding.endpoint) == ("pool-saturated", BLOCKING.label)
    assert finding.evidence["hold_s"] == 2.5
    assert finding.evidence["wait_s"] == pytest.approx(12.5)
    assert finding.predicted["rate_rps"] == pytest.approx(500 / 1.5 / 2, rel=0.1)


def test_what_the_limits_do_not_explain_is_not_guessed():
    run, load = mixed(steady(20, 1.0), steady(20, 1.0, 0.01))
    for result in diagnose(replace(run, loads=(load,))).endpoints:
        assert result.limiter is None
        assert result.limiter_note.startswith("in a mix of 2 endpoints, 50% of its requests: ")
        assert "of the ceiling that" in result.limiter_note


def test_failures_anywhere_in_the_mix_are_no_throughput():
    run, load = mixed(steady(30, 1.0), steady(10, 1.0, ok=False), users=40)
    items, blocking = diagnose(replace(run, loads=(load,))).endpoints
    assert items.limiter is None
    assert "requests failed" in items.limiter_note
    assert blocking.limiter_note == "no request succeeded in the steady state"
