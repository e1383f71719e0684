"""What ten requests foretell, against exact loads and a simulation."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.analysis.mva import Queue
from asyncperf.analysis.prediction import (
    THREADS_CPU,
    Demands,
    demands_of,
    predict,
    together,
    without_overlap,
)
from asyncperf.samples import Samples

from ..builders import BLOCKING, ITEMS, PLAN, alone, samples
from ..insights import answered, insight, pool, records, requests, trips, uses
from .closed_load import ClosedLoad, exponential, fixed, simulate

ALONE = np.arange(-20.0, -10.0)


def foretold(endpoint, unloaded, users=500, workers=2, inside=None, **plan):
    demands = demands_of(inside, endpoint, unloaded, Samples.none())
    return predict(demands, replace(PLAN, users=users, **plan), workers)


@pytest.mark.parametrize(
    ("endpoint", "response_s", "users", "rate_rps"),
    [
        # The experiment as published.
        (BLOCKING, 15.0, 500, 80 / 15),
        (ITEMS, 15.0, 500, 500 / 15),
        (ITEMS, 5.0, 500, 100.0),
        # At the knee, where times that do not vary reach the bound.
        (BLOCKING, 0.5, 80, 160.0),
        (BLOCKING, 0.5, 79, 158.0),
    ],
)
def test_fixed_times_reach_their_bounds(endpoint, response_s, users, rate_rps):
    found = foretold(endpoint, alone(response_s), users)
    assert found.rate_rps == pytest.approx(rate_rps, rel=1e-3)
    assert found.latency_s == pytest.approx(users / rate_rps, rel=1e-3)
    assert found.low_rps <= found.rate_rps <= found.high_rps
    truth = simulate(
        ClosedLoad(users, 1000, fixed(response_s), 80 if endpoint is BLOCKING else None),
        40 * response_s,
    )
    late = truth.end_s > 20 * response_s
    assert late.sum() / (20 * response_s) == pytest.approx(rate_rps, rel=0.05)


def test_without_any_answer_nothing_is_foretold():
    assert demands_of(None, ITEMS, Samples.none(), Samples.none()) is None


@pytest.mark.parametrize(
    ("process_cpu", "loop_cpu", "computed_s"),
    [
        # A request a second, all of it on a thread; where the clocks are read is not where
        # the requests begin and end.
        (0.9, 0.1, 0.9),
        (0.3, 0.1, 0.3),
        (0.15, 0.1, None),  # the loop computes
        (0.0, 0.0, None),
    ],
)
def test_threads_that_compute_have_one_cpu_together(process_cpu, loop_cpu, computed_s):
    rows = requests(ALONE, inside_s=1.0, loop_s=0.01, pool_run_s=0.95)
    at = np.arange(-21.0, 0.0, 0.05)
    ticks = records("ticks", len(at), at=at, cpu_s=loop_cpu * at, process_cpu_s=process_cpu * at)
    inside = insight(requests=rows, ticks=ticks, resources=(pool(capacity=40),))
    queues = demands_of(inside, BLOCKING, answered(rows), Samples.none()).queues
    found = queues.get(THREADS_CPU)
    assert (found and found.demand_s) == (computed_s and pytest.approx(computed_s, rel=0.15))
    if found:
        many = foretold(BLOCKING, answered(rows), 100, 1, inside)
        assert many.rate_rps == pytest.approx(1 / found.demand_s, rel=0.02)


@pytest.mark.parametrize(("parallel", "cpus"), [(0.4, 1), (1.02, 1), (1.6, 2), (3.7, 4)])
def test_threads_that_give_the_lock_away_have_as_many_cpus_as_the_ramp_showed(parallel, cpus):
    rows = requests(ALONE, inside_s=1.0, loop_s=0.01, pool_run_s=0.95)
    at = np.arange(-21.0, 5.0, 0.05)
    process_cpu_s = np.where(at < 0, 0.9, parallel) * at
    ticks = records("ticks", len(at), at=at, cpu_s=0.01 * at, process_cpu_s=process_cpu_s)
    inside = insight(requests=rows, ticks=ticks, resources=(pool(capacity=40),))
    found = demands_of(inside, BLOCKING, answered(rows), Samples.none()).queues[THREADS_CPU]
    assert found.servers == cpus
    many = foretold(BLOCKING, answered(rows), 100, 1, inside)
    assert many.rate_rps == pytest.approx(cpus / found.demand_s, rel=0.02)


def test_demands_are_what_was_held():
    """0.01 s on the loop, two trips of 0.1 s to threads, 0.05 s of a connection: 0.5 s."""
    rows = requests(ALONE, inside_s=0.5, loop_s=0.01, pool_run_s=0.2)
    inside = insight(
        requests=rows,
        trips=trips(np.repeat(ALONE, 2), 0.0, 0.1, request=np.repeat(np.arange(10), 2)),
        uses=uses(ALONE + 0.1, 0.0, 0.05, request=np.arange(10), resource=1),
        resources=(pool(capacity=30), pool("connections", 5, "main")),
    )
    found = demands_of(inside, ITEMS, answered(rows), Samples.none())
    assert found.response_s == pytest.approx(0.5)
    assert {name: (q.demand_s, q.servers) for name, q in found.queues.items()} == {
        "loop": (pytest.approx(0.01), 1),
        "threads": (pytest.approx(0.2), 30),
        "connections 1": (pytest.approx(0.05), 5),
    }
    assert (found.variation, found.requests) == (pytest.approx(0.0), 9)


def test_a_connection_held_on_a_thread_counts_once():
    rows = requests(ALONE, inside_s=0.5, loop_s=0.01, pool_run_s=0.49)
    inside = insight(
        requests=rows,
        uses=uses(ALONE + 0.1, 0.0, 0.4, request=np.arange(10), resource=1),
        resources=(pool(), pool("connections", 5, "main")),
    )
    found = demands_of(inside, ITEMS, answered(rows), Samples.none())
    assert list(without_overlap(found.queues, found.response_s)) == ["loop", "connections 1"]
    assert predict(found, PLAN, 2).rate_rps == pytest.approx(2 * 5 / 0.4)


def test_what_is_held_several_times_at_once_keeps_its_ceiling():
    """Three queries of 50 ms over ten connections, together: 66.7 a second, not 200."""
    demands = Demands(0.05, {"loop": Queue(0.001), "connections 0": Queue(0.15, 10)}, 0.0, 10)
    found = predict(demands, PLAN, 1)
    assert found.high_rps == pytest.approx(10 / 0.15)
    assert found.rate_rps == pytest.approx(10 / 0.15)


@pytest.mark.parametrize(
    ("alone_s", "foretold_s"),
    [
        (0.01, 0.000625),  # cold: of the ramp's, 0 to 2.5 ms in its first half second
        (0.0004, 0.0004),  # disturbed are the ramp's
    ],
)
def test_a_step_takes_what_it_does_undisturbed(alone_s, foretold_s):
    alone, ramp = (
        requests(np.arange(-12.0, 0.0), inside_s=0.5, loop_s=alone_s),
        requests(np.arange(60.0) / 50, inside_s=0.5, loop_s=np.arange(60) * 1e-4),
    )
    rows = np.concatenate([alone, ramp])
    found = demands_of(insight(requests=rows), ITEMS, answered(alone), answered(ramp))
    assert found.queues["loop"].demand_s == pytest.approx(foretold_s)


def test_of_a_slow_ramp_the_first_ten_count():
    alone, ramp = (
        requests(np.arange(-2.0, 0.0), inside_s=0.5, loop_s=0.01),
        requests(np.arange(1.0, 61.0), inside_s=0.5, loop_s=np.arange(60) * 1e-4),
    )
    rows = np.concatenate([alone, ramp])
    found = demands_of(insight(requests=rows), ITEMS, answered(alone), answered(ramp))
    assert found.queues["loop"].demand_s == pytest.approx(0.000225)  # of 0 to 0.9 ms


@pytest.mark.parametrize(
    ("loop_s", "users", "rate_rps"), [(0.02, 50, 100.0), (0.001, 50, 50 / 0.1)]
)
def test_the_loop_of_each_worker_serves_one_at_a_time(loop_s, users, rate_rps):
    rows = requests(ALONE, inside_s=0.1, loop_s=loop_s)
    found = foretold(ITEMS, answered(rows), users, inside=insight(requests=rows))
    assert found.rate_rps == pytest.approx(rate_rps, rel=1e-6)


def test_exponential_times_are_foretold_by_mean_value_analysis():
    """Against loads simulated exactly: 10 users before 8 places, one worker."""
    times = np.random.default_rng(3).exponential(0.5, 400)
    demands = demands_of(None, BLOCKING, samples(np.arange(400.0) - 500, times), Samples.none())
    assert demands.variation == pytest.approx(1.0, abs=0.35)
    demands = Demands(0.5, {"threads": Queue(0.5, 8)}, 1.0, 10)
    found = predict(demands, replace(PLAN, users=10, think_time_s=0.1), 1)
    assert found.rate_rps == pytest.approx(found.low_rps)
    loads = [simulate(ClosedLoad(10, 1000, exponential(0.5, seed), 8), 2000.0) for seed in range(2)]
    full = predict(demands, replace(PLAN, users=10), 1)
    truth = np.mean([len(load) / 2000.0 for load in loads])
    assert full.rate_rps == pytest.approx(truth, rel=0.02)


def test_think_times_that_vary_cost_throughput_at_the_knee():
    """Ten users who think 0.9 s on average, 0.1 s of one loop: 8.706 a second by simulation
    (M/D/1//10). Between the two answers, and here, at the knee itself, the worst there is."""
    demands = Demands(0.1, {"loop": Queue(0.1)}, 0.0, 10)
    plan = replace(PLAN, users=10, think_time_s=0.9)
    steady, varied = (
        predict(demands, replace(plan, think_time=kind), 1) for kind in ("fixed", "exponential")
    )
    assert steady.rate_rps == pytest.approx(10.0)
    assert varied.low_rps < 8.706 < varied.rate_rps < varied.high_rps
    assert varied.rate_rps == pytest.approx(8.706, rel=0.07)
    assert steady.latency_s == pytest.approx(0.1)


def test_an_open_load_has_its_rate_up_to_the_ceiling():
    demands = Demands(0.1, {"loop": Queue(0.01)}, 0.0, 10)
    below, above = (predict(demands, replace(PLAN, rate_rps=rate), 2) for rate in (150.0, 500.0))
    assert (below.rate_rps, below.latency_s) == (150.0, None)
    assert above.rate_rps == pytest.approx(200.0)


def test_a_mix_needs_the_mean_of_its_demands():
    slow = Demands(1.0, {"threads": Queue(1.0, 40)}, 0.0, 5)
    fast = Demands(0.1, {"loop": Queue(0.01)}, 0.0, 5)
    found = together([(0.25, slow), (0.75, fast)])
    assert found.response_s == pytest.approx(0.325)
    assert found.queues["threads"] == Queue(0.25, 40)
    assert found.queues["loop"].demand_s == pytest.approx(0.0075)
    # Their times differ from each other, though neither varies.
    assert found.variation == pytest.approx((0.25 + 0.0075) / 0.325**2 - 1)


@pytest.mark.parametrize(("after_s", "rate_rps"), [(0.05, 10.0), (0.15, 1000.0)])
def test_what_background_tasks_hold_is_no_queue_of_the_answers(after_s, rate_rps):
    """They are answered after 0.1 s; a lock is held for as long, or a thread."""
    numbers = np.arange(len(ALONE))
    held = uses(ALONE, after_s, 0.1, request=numbers)
    ran = trips(ALONE + after_s, 0.0, 0.1, request=numbers)
    for kind, parts, pool_run_s in (
        ("lock", {"uses": held}, 0.0),
        ("threads", {"trips": ran}, 0.1),
    ):
        rows = requests(ALONE, inside_s=0.1, pool_run_s=pool_run_s)
        rows["end"] += 1.0
        inside = insight(requests=rows, resources=(pool(kind, 1),), **parts)
        found = foretold(ITEMS, answered(rows), 100, 1, inside)
        assert found.high_rps == pytest.approx(rate_rps, rel=0.05), kind


@pytest.mark.parametrize(
    ("got_after_s", "rate_rps"),
    [
        (0.05, 10.0),  # as for the single user: the answer may well wait for it
        (0.15, 1000.0),  # answered before it got it: whoever set out on that awaits no such thing
    ],
)
def test_what_a_task_takes_that_no_answer_waits_for_is_no_queue(got_after_s, rate_rps):
    """The single user's requests get a lock, or a thread, at once and hold it for 0.1 s; they are
    answered after as long. What the load's requests get in its later half tells who waits."""
    loaded = np.arange(0.0, 20.0, 0.1)
    early = np.where(loaded < 10.0, 0.05, got_after_s)
    sent, wait_s = np.concatenate([ALONE, loaded]), np.concatenate([np.zeros(10), early])
    numbers = np.arange(len(sent))
    for kind, parts, pool_run_s in (
        ("lock", {"uses": uses(sent, wait_s, 0.1, request=numbers)}, 0.0),
        ("threads", {"trips": trips(sent, wait_s, 0.1, request=numbers)}, 0.1),
    ):
        rows = requests(sent, inside_s=0.1, pool_run_s=pool_run_s)
        inside = insight(requests=rows, resources=(pool(kind, 1),), **parts)
        found = foretold(ITEMS, answered(rows[:10]), 100, 1, inside)
        assert found.high_rps == pytest.approx(rate_rps, rel=0.05), kind
