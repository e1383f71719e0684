"""What was busy inside the workers, and which of it is called the limiter."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.analysis.diagnosis import diagnose
from asyncperf.analysis.stations import Processors, is_shared, merged, stations
from asyncperf.model import Measured
from asyncperf.results import Window

from ..builders import BLOCKING, ITEMS, alone, load_of, run_of
from ..insights import answered, blocked, insight, pool, records, requests, ticks, trips, uses
from .closed_load import ClosedLoad, fixed, simulate

WINDOW = Window(10.0, 30.0, 0.1, 200)
# Ten requests a second over each of two workers.
AT = np.arange(0.0, 40.0, 0.1)


def seen(rows=None, requests_seen=400, workers=2, machine=0.5, **parts):
    rows = steady_rows() if rows is None else rows
    parts.setdefault("ticks", np.concatenate([ticks(40.0, 0.1, worker=w) for w in (0, 1)]))
    inside = insight(2, requests=rows, **parts)
    rate_rps = requests_seen / WINDOW.length_s
    return stations(inside, WINDOW, requests_seen, rate_rps, workers, Processors(4, machine))


def steady_rows(loop_s=0.01, **columns):
    rows = [requests(AT, inside_s=loop_s, loop_s=loop_s, worker=w, **columns) for w in (0, 1)]
    return np.concatenate(rows)


def both(cpu, queued=0.0):
    return np.concatenate([ticks(40.0, cpu, queued, worker=w) for w in (0, 1)])


@pytest.mark.parametrize(
    ("loop_s", "cpu", "queued", "collecting", "kind", "hold_s", "each"),
    [
        # The loop's own work, with what the server does between the steps.
        (0.01, 0.15, 0.0, 0.0, "loop_cpu", 0.015, 0.15),
        (0.09, 0.95, 0.0, 0.0, "loop_cpu", 0.095, 0.95),
        # Steps that took time and no CPU.
        (0.09, 0.05, 0.0, 0.0, "loop_blocked", 0.09, 0.9),
        # Waits for a CPU count where the loop has no time left, and not else.
        (0.09, 0.70, 0.28, 0.0, "loop_cpu", 0.098, 0.98),
        (0.01, 0.10, 0.60, 0.0, "loop_cpu", 0.010, 0.10),
        # Collections are part of the CPU's time.
        (0.09, 0.95, 0.0, 0.6, "gc", 0.095, 0.95),
        (0.09, 0.95, 0.0, 0.3, "loop_cpu", 0.095, 0.95),
        # Where the system does not say how long it waited, it was blocked.
        (0.09, 0.30, np.nan, 0.0, "loop_blocked", 0.09, 0.9),
    ],
)
def test_the_event_loop(loop_s, cpu, queued, collecting, kind, hold_s, each):
    at = np.arange(0.0, 40.0, 0.5)
    collections = [
        records("collections", 80, start=at, duration_s=collecting / 2, on_loop=1, worker=worker)
        for worker in (0, 1)
    ]
    (loop,) = seen(
        steady_rows(loop_s), ticks=both(cpu, queued), collections=np.concatenate(collections)
    )
    assert (loop.kind, loop.capacity) == (kind, 2)
    assert loop.hold_s == pytest.approx(hold_s, rel=0.01)
    assert loop.each == pytest.approx((each, each), rel=0.01)
    assert loop.utilization == pytest.approx(20 * loop.hold_s / 2, rel=0.01)


def test_on_a_busy_machine_that_does_not_say_who_waited_nobody_was_blocked():
    (loop,) = seen(steady_rows(0.09), ticks=both(0.3, np.nan), machine=1.0)
    assert loop.kind == "loop_cpu"


def test_a_stall_says_what_the_steps_do_not():
    """A timer's callback that blocks: no request's step."""
    stalls = blocked(np.arange(10.0, 30.0), 0.95)
    (loop,) = seen(steady_rows(0.001), ticks=both(0.01), stalls=stalls)
    assert loop.kind == "loop_blocked"
    assert loop.each[0] == pytest.approx(0.96, abs=0.01)


def test_requests_that_were_not_recorded_count_as_well():
    (loop,) = seen(steady_rows(0.001), requests_seen=4000, ticks=both(0.005))
    assert loop.kind == "loop_blocked"
    assert loop.hold_s == pytest.approx(0.001, rel=0.01)
    assert loop.each == pytest.approx((0.1, 0.1), rel=0.01)


def test_a_worker_that_was_never_called_is_idle():
    (loop,) = seen(workers=3)
    assert (loop.capacity, len(loop.each), loop.each[2]) == (3, 3, 0.0)


def test_all_trips_of_a_request_count_as_its_stay_on_threads():
    """Two of 0.5 s and 0.25 s, after 0.1 s and 0.2 s of waiting."""
    rows = [
        table
        for worker in (0, 1)
        for table in (
            trips(AT, 0.1, 0.5, worker=worker),
            trips(AT + 0.6, 0.2, 0.25, worker=worker),
            # One that was given up before it began, and held nothing.
            trips(AT[:50], 0.1, np.nan, worker=worker),
        )
    ]
    _, threads = seen(trips=np.concatenate(rows), resources=(pool(capacity=8),))
    assert (threads.kind, threads.capacity) == ("thread_pool", 16)
    assert threads.hold_s == pytest.approx(0.75, rel=0.01)
    assert threads.wait_s == pytest.approx(0.3, rel=0.01)
    assert threads.each == pytest.approx((7.5 / 8,) * 2, rel=0.01)


@pytest.mark.parametrize(
    ("kind", "limiter"),
    [("connections", "connections"), ("lock", "lock"), ("semaphore", "lock")],
)
def test_connections_and_locks_are_held_from_when_they_were_got(kind, limiter):
    """Three holds of 0.05 s at a pool of 2; the last never came back."""
    rows = [uses(AT + 0.1 * i, 0.02, 0.05, worker=worker) for worker in (0, 1) for i in range(3)]
    held = uses([28.0], 0.0, np.nan)
    made = pool(kind, 2, "main")
    _, found = seen(uses=np.concatenate(rows), resources=(made,))
    assert (found.kind, found.capacity, found.name) == (limiter, 4, "main")
    assert found.hold_s == pytest.approx(0.15, rel=0.01)
    assert found.wait_s == pytest.approx(0.06, rel=0.01)
    _, found = seen(uses=np.concatenate([*rows, held]), resources=(made,))
    assert found.each == pytest.approx((0.75 + 2 / 40, 0.75), rel=0.01)


@pytest.mark.parametrize(("after_s", "count"), [(0.005, 2), (0.02, 1)])
def test_a_place_that_only_background_tasks_take_is_no_station(after_s, count):
    """Requests are answered after 0.01 s, and what they hold is got before that or after it."""
    numbers = np.arange(len(AT))
    rows = [uses(AT, after_s, 0.09, worker=worker, request=numbers) for worker in (0, 1)]
    assert len(seen(uses=np.concatenate(rows), resources=(pool("lock", 1),))) == count
    rows = [trips(AT, after_s, 0.09, worker=worker, request=numbers) for worker in (0, 1)]
    assert len(seen(trips=np.concatenate(rows), resources=(pool(capacity=1),))) == count


def test_what_comes_to_a_place_ever_later_than_the_answers_is_awaited_by_none_of_them():
    """Tasks that nothing awaits: in the beginning they get it in time, and then no more."""
    numbers = np.arange(len(AT))
    wait_s = np.where(numbers < len(AT) / 2, 0.0, 0.02)
    for made, parts in (
        (pool("lock", 1), {"uses": uses(AT, wait_s, 0.09, request=numbers)}),
        (pool(capacity=1), {"trips": trips(AT, wait_s, 0.09, request=numbers)}),
    ):
        assert len(seen(resources=(made,), **parts)) == 1


def test_what_its_own_use_exceeds_is_several_that_look_alike():
    """A semaphore that an app makes for each request."""
    rows = [uses(AT, 0.0, 0.5, worker=worker) for worker in (0, 1)]
    assert len(seen(uses=np.concatenate(rows), resources=(pool("semaphore", 1),))) == 1


def test_a_limit_that_is_not_known_is_no_station():
    rows = trips(AT, 0.1, 0.5)
    assert len(seen(trips=rows, resources=(pool(capacity=None),))) == 1


def test_without_requests_nothing_is_known():
    assert seen(requests(AT[:0])) == ()
    assert seen(requests_seen=0) == ()


def test_repetitions_are_merged_by_station():
    (first,), (second,) = seen(ticks=both(0.1)), seen(ticks=both(0.3))
    (together,) = merged([(first,), (replace(second, kind="gc"),)])
    assert together.hold_s == pytest.approx((first.hold_s + second.hold_s) / 2)
    assert together.each == pytest.approx((0.2, 0.2), rel=0.01)


# From a run to its limiter.


def of_closed_load(endpoint, users, response_s, places, **parts):
    """A closed load of 60 s on one worker with so many places, and what was seen of it."""
    loaded = simulate(ClosedLoad(users, 50, fixed(response_s), places), 60.0)
    sent = loaded.start_s
    rows = requests(
        sent, inside_s=loaded.latency_s, loop_s=parts.pop("loop_s", 0.0), **parts.pop("columns", {})
    )
    inside = insight(1, requests=rows, **parts)
    load = load_of(
        Measured(endpoint, alone(response_s), answered(rows)), insight=inside, ramp_end_s=1.0
    )
    run = run_of(load)
    run = replace(
        run,
        target=replace(run.target, workers=1),
        plan=replace(run.plan, users=users, probed=True),
    )
    (result,) = diagnose(run).endpoints
    return result


@pytest.mark.parametrize(
    ("cpu", "kind", "reached"),
    [(0.97, "loop_cpu", 0.97), (0.02, "loop_blocked", 1.0)],
)
def test_a_loop_that_has_no_time_left_is_the_limiter(cpu, kind, reached):
    """20 users, 50 ms each, one at a time: 20 a second."""
    result = of_closed_load(ITEMS, 20, 0.05, 1, loop_s=0.05, ticks=ticks(60.0, cpu))
    assert result.limiter.kind == kind
    assert result.limiter_note is None
    assert result.ceiling_rps == pytest.approx(20.0, rel=0.02)
    assert result.limiter.utilization >= reached - 0.01
    assert (result.next_limiter.kind, result.next_limiter.users) == ("users", 20)


def test_waves_of_which_one_more_fits_into_the_window_refute_no_ceiling():
    """What a request holds goes by the rate that is quoted, and not by the count."""
    inside = insight(2, requests=steady_rows(), ticks=both(0.95))
    made = stations(inside, WINDOW, 380, 20.0, 2, Processors(4, 0.5))
    assert made[0].ceiling_rps == pytest.approx(20 / 0.95, rel=0.01)


def test_a_loop_with_time_left_comes_after_the_users():
    result = of_closed_load(ITEMS, 20, 0.5, None, loop_s=0.005, ticks=ticks(60.0, 0.3))
    assert result.limiter.kind == "users"
    following = result.next_limiter
    assert following.kind == "loop_cpu"
    # 0.3 of a core for 40 requests a second.
    assert following.ceiling_rps == pytest.approx(40 / 0.3, rel=0.02)
    assert following.users == pytest.approx(0.5 * 40 / 0.3, rel=0.03)


def test_a_measured_pool_replaces_the_guess_from_the_response_time():
    """A `def` handler that holds a thread for 0.1 of its 0.5 s: 40 users fit."""
    loaded_at = np.arange(0.0, 60.0, 0.0125)
    result = of_closed_load(
        BLOCKING,
        60,
        0.5,
        None,
        trips=trips(loaded_at, 0.0, 0.1),
        resources=(pool(),),
        ticks=ticks(60.0, 0.1),
    )
    assert result.limiter.kind == "users"
    assert result.next_limiter.kind == "thread_pool"
    assert result.next_limiter.ceiling_rps == pytest.approx(600, rel=0.02)


def test_a_connection_pool_with_no_connection_left_is_the_limiter():
    """Four connections, 0.2 s each, 20 users."""
    loaded = simulate(ClosedLoad(20, 50, fixed(0.2), 4), 60.0)
    got = loaded.end_s - 0.2
    made = uses(loaded.start_s, got - loaded.start_s, 0.2)
    made["released"] = made["got"] + 0.2
    result = of_closed_load(
        ITEMS,
        20,
        0.2,
        4,
        uses=made,
        resources=(pool("connections", 4, "main"),),
        ticks=ticks(60.0, 0.05),
    )
    assert (result.limiter.kind, result.limiter.name) == ("connections", "main")
    assert result.limiter.wait_s == pytest.approx(0.8, rel=0.05)
    assert result.ceiling_rps == pytest.approx(20.0, rel=0.02)


def test_loops_that_wait_for_a_cpu_are_said_where_nothing_else_explains_the_rate():
    result = of_closed_load(ITEMS, 20, 0.5, 5, loop_s=0.005, ticks=ticks(60.0, 0.1, 0.6))
    assert result.limiter is None
    assert "the event loop 10% busy" in result.limiter_note
    assert "waited 60% of the time for a CPU" in result.limiter_note


def test_one_full_worker_is_enough():
    """Its users stay there, whatever room the other has."""
    rows = np.concatenate(
        [
            requests(np.arange(0.0, 60.0, 0.05), inside_s=0.5, loop_s=0.05, worker=0),
            requests(np.arange(0.0, 60.0, 0.1), inside_s=0.1, loop_s=0.05, worker=1),
        ]
    )
    inside = insight(
        2, requests=rows, ticks=np.concatenate([ticks(60.0, 1.0), ticks(60.0, 0.5, worker=1)])
    )
    measured = Measured(ITEMS, alone(0.05), answered(rows))
    run = run_of(load_of(measured, insight=inside, ramp_end_s=1.0))
    run = replace(run, plan=replace(run.plan, users=11, probed=True))
    (result,) = diagnose(run).endpoints
    assert result.limiter.kind == "loop_cpu"
    assert result.limiter.each == pytest.approx((1.0, 0.5), rel=0.02)


@pytest.mark.parametrize(
    ("instances", "workers", "shared"),
    [
        ([1, 1, 1], [0, 0, 0], True),
        ([1, 1, 9, 9], [0, 0, 1, 1], True),  # one in each worker
        ([1, 2, 3], [0, 0, 0], False),  # each request made its own
        ([], [], True),
    ],
)
def test_what_each_request_makes_for_itself_is_not_shared(instances, workers, shared):
    found = uses(np.zeros(len(instances)), 0.0, 0.1, instance=instances, worker=workers)
    assert is_shared(found) is shared


@pytest.mark.parametrize(
    ("loop", "process", "share"),
    [
        (0.1, 0.98, 0.98),
        (0.1, 0.5, 0.5),  # they have room
        (0.1, 0.19, None),  # mostly the event loop's
        (0.1, 1.2, None),  # native code that gives Python's lock away
    ],
)
def test_threads_that_compute_have_one_cpu_a_worker(loop, process, share):
    counted = both(loop)
    counted["process_cpu_s"] = process * (counted["at"] + 1.0)
    found = [each for each in seen(ticks=counted) if each.kind == "threads_cpu"]
    assert [each.utilization for each in found] == [pytest.approx(share)] * (share is not None)
    for each in found:
        assert each.capacity == 2
        assert each.hold_s == pytest.approx(2 * share * WINDOW.length_s / 400)


@pytest.mark.parametrize(
    ("process", "machine", "left"),
    [
        (1.2, 0.6, 4.0),  # nobody else computes
        (1.2, 0.7, 3.6),  # others use 2.8 - 2.4 of the four
        (1.9, 1.0, 3.8),
        (1.9, None, 4.0),
        (2.1, 0.9, 4.2),  # two clocks differ a little
        (0.98, 0.9, None),  # Python's own threads
    ],
)
def test_threads_without_pythons_lock_have_the_cpus_that_others_leave(process, machine, left):
    counted = both(0.1)
    counted["process_cpu_s"] = process * (counted["at"] + 1.0)
    found = [each for each in seen(ticks=counted, machine=machine) if each.kind == "machine_cpu"]
    assert [each.capacity for each in found] == [pytest.approx(left)] * (left is not None)
    for each in found:
        assert each.utilization == pytest.approx(2 * process / left)
        assert each.each == pytest.approx([each.utilization] * 2)
        assert each.hold_s == pytest.approx(2 * process * WINDOW.length_s / 400)


def test_a_run_of_before_all_threads_were_counted_has_no_station_of_them():
    counted = both(0.1)
    counted["process_cpu_s"] = counted["at"] + 1.0
    old = [name for name in counted.dtype.names if name != "process_cpu_s"]
    assert "threads_cpu" in {each.kind for each in seen(ticks=counted)}
    assert "threads_cpu" not in {each.kind for each in seen(ticks=counted[old])}
