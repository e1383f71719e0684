"""What a cause costs: the load foretold with it and without it."""

from dataclasses import replace

import pytest

from asyncperf.analysis.findings.gains import Cost, Measured, cost, without
from asyncperf.analysis.mva import Queue
from asyncperf.analysis.prediction import Demands

from ...builders import PLAN


def demands(response_s=15.0, **queues):
    return Demands(response_s, {name: Queue(*queue) for name, queue in queues.items()}, 0.0, 10)


def found(now, after, own_s=0.0, rate_rps=None, latency_s=None, workers=1, **plan):
    measured = Measured(rate_rps, latency_s)
    return cost(now, after, replace(PLAN, **plan), workers, own_s, measured)


def test_the_awaits_of_the_experiment():
    gained = found(demands(), without(demands(), response_s=10.0), 10.0, 33.3, 15.0)
    assert gained.rate_rps == pytest.approx(99.9)
    assert gained.ms_per_request == pytest.approx(10_000)
    assert gained.then is None


def test_the_threads_of_the_experiment_give_way_to_its_users():
    now = demands(threads=(15.0, 40))
    gained = found(now, without(now, queues_s={"threads": 15.0}), 78.0, 5.333, 93.75, workers=2)
    assert gained.rate_rps == pytest.approx(33.33, rel=1e-3)
    assert gained.ms_per_request == pytest.approx(93_750 - 15_000, rel=1e-3)


@pytest.mark.parametrize(
    ("connections", "rate_rps", "then"),
    [
        (1000, 500 / 1.0, None),
        (100, 100.0, "connections 0"),  # its queue moves to the database
        (5, 5.0, "connections 0"),  # as tight as the lock was
    ],
)
def test_the_next_queue_caps_the_gain(connections, rate_rps, then):
    now = demands(1.0, **{"lock 1": (0.2, 1), "connections 0": (1.0, connections)})
    gained = found(now, without(now, queues_s={"lock 1": 0.2}), 0.8, 5.0, 100.0)
    assert gained.rate_rps == pytest.approx(rate_rps, rel=0.01)
    assert gained.then == then


def test_gathering_over_one_pool_gains_nothing_at_its_cap():
    """Three holds of 50 ms over 20 connections: 133 a second, however they are arranged."""
    now = demands(0.15, **{"connections 0": (0.15, 20)})
    gathered = without(now, response_s=0.1)
    many, few = (
        found(now, gathered, 0.1, rate, users / rate, users=users)
        for users, rate in ((200, 133.0), (5, 33.0))
    )
    assert many.rps == pytest.approx(0.0, abs=0.01)
    assert few.rate_rps == pytest.approx(99.0)


def test_queues_that_are_longer_than_foretold_shrink_with_the_cause():
    """Four users in a bunch: each 60 ms elsewhere, then one after another 38 ms on the loop."""
    now = demands(0.098, loop=(0.038, 1))
    after = without(now, response_s=0.038, queues_s={"loop": 0.038})
    gained = found(now, after, 0.038, 4 / 0.212, 0.212, users=4)
    assert gained.rate_rps == pytest.approx(4 / 0.060, rel=0.01)


def test_what_is_no_bound_costs_no_rate_and_its_own_time():
    now = demands(loop=(0.0001,))
    gained = found(now, without(now, queues_s={"loop": 0.00005}), 0.00005, 33.3, 15.0)
    assert (gained.rps, gained.ms_per_request) == (0.0, pytest.approx(0.05))


def test_think_time_is_no_latency():
    now = demands(1.0, loop=(0.2,))  # 5 req/s: R = 11 s
    after = without(now, queues_s={"loop": 0.1})
    gained = found(now, after, 0.1, 5.0, 11.0, users=100, think_time_s=9.0)
    assert gained.rate_rps == pytest.approx(10, rel=0.01)
    assert gained.ms_per_request == pytest.approx(10_000, rel=0.01)  # 100 / 10 - 9 = 1 s is left


def test_a_fixed_rate_of_arrivals_gains_no_throughput():
    plan = replace(PLAN, model="open", rate_rps=20.0)
    gained = cost(demands(), without(demands(), 10.0), plan, 1, 10.0, Measured(20.0, 15.0))
    assert gained.rps == 0


def test_a_load_that_stood_still_has_what_is_foretold():
    now = demands(0.1, **{"connections 0": (0.15, 5)})
    after = without(now, queues_s={"connections 0": 0.05})
    gained = found(now, after, 1.0, 0.0, None, users=5)
    assert (gained.rate_rps, gained.rps) == (pytest.approx(50.0), pytest.approx(50.0))


@pytest.mark.parametrize("now", [None, demands()])
def test_without_figures_only_its_own_time_is_known(now):
    assert found(now, now, 0.5, None, None) == Cost(500.0)


def test_what_is_left_of_the_loops_work_takes_its_time():
    now = demands(0.030, loop=(0.026,))
    after = without(now, response_s=0.030, queues_s={"loop": 0.025})
    assert after.response_s == pytest.approx(0.001)


def test_a_gain_in_words():
    assert Cost(1.0, 50.0, 100.0).sentence == " Up to 100 req/s under this load."
    assert Cost(1.0, 50.0, 100.0, "the thread pool is full").gain == (
        "up to 100 req/s, where the thread pool is full"
    )
    assert Cost(1.0).sentence == Cost(1.0, 0.0, 50.0).sentence == ""
    assert Cost(1.0, 0.01, 41.11).sentence == Cost(1.0, 0.01, 41.11).gain == ""  # 41.1 before too
