"""Where no limiter is known: what requests wait for outside of what is watched."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.analysis.limits import Limits
from asyncperf.analysis.outside import Alone, alone_of, by_what_it_waits_for
from asyncperf.explanation import AwaitPart, Breakdown, Starved
from asyncperf.results import Limiter

from ..builders import PLAN, alone, figures, samples

NOTE = "20% of the ceiling that the users would allow: ..."
UNKNOWN = Limits(ceiling_rps=100.0, note=NOTE)
FETCH = AwaitPart("/home/me/shop.py", 45, 5, "items", "await client.get(URL)", 0.11, 1.0)
LOOP = Limiter("loop_cpu", 1, 0.001, each=(0.1,))


def parts(await_s=0.0, pool_run_s=0.0, awaits=(FETCH,), starved=0.0):
    found = Breakdown(
        mean_s=0.12,
        loop_wait_s=0.001,
        pool_wait_s=0.0,
        pool_run_s=pool_run_s,
        connection_wait_s=0.0,
        lock_wait_s=0.0,
        await_s=await_s,
        loop_cpu_s=0.001,
        gc_s=0.0,
        other_s=0.0,
        requests=100,
        of_requests=100,
        awaits=awaits,
        notes=(),
        starved=Starved(0.0, starved),
        steps=3.0,
    )
    return found


# Ten users who wait all the time: 10 / 0.12 s.
PLAN_OF_TEN = replace(PLAN, users=10)
STEADY = figures(rate_rps=10 / 0.12, requests=1000)
QUEUED = 0.0  # by chance no load is so much slower


def explained(
    found,
    response_s,
    *,
    by_chance=QUEUED,
    plan=PLAN_OF_TEN,
    seen=(LOOP,),
    steady=STEADY,
    shared=False,
    limits=UNKNOWN,
):
    before = None if response_s is None else Alone(response_s, 10, by_chance)
    return by_what_it_waits_for(limits, plan, steady, found, before, seen, shared)


@pytest.mark.parametrize(
    ("grown", "alone_s", "note"),
    [
        (
            parts(await_s=0.115),
            0.02,
            "what shop.py:45 (await client.get(URL)) awaits takes 110 ms, where all of a single "
            "user's request takes 20 ms: who answers there has a queue",
        ),
        (parts(await_s=0.115, awaits=()), 0.02, "what it awaits takes 115 ms, where all of"),
        # Two of many: neither is it.
        (parts(await_s=0.3), 0.02, "what it awaits takes 300 ms"),
        (parts(pool_run_s=0.11), 0.02, "what it runs on threads takes 110 ms, where all of"),
    ],
)
def test_what_takes_longer_than_without_load_has_a_queue_and_is_the_limiter(grown, alone_s, note):
    found = explained(grown, alone_s)
    assert found.note.startswith(note)
    assert found.limiter.kind == "awaited"
    # Little's law: so many were there at a time.
    assert found.limiter.capacity == pytest.approx(found.limiter.hold_s * 10 / 0.12)
    assert found.ceiling_rps == UNKNOWN.ceiling_rps


@pytest.mark.parametrize(
    ("found", "alone_s", "how"),
    [
        (parts(await_s=0.115), 0.08, {}),  # not so much longer
        (parts(await_s=0.115), 0.02, {"by_chance": 0.02}),  # it varies, for all that is known
        (parts(pool_run_s=0.11), 0.08, {}),
        (parts(await_s=0.05, pool_run_s=0.06), 0.02, {"by_chance": 0.5}),
    ],
)
def test_where_requests_wait_for_nothing_in_the_app_the_users_are_the_limit(found, alone_s, how):
    limits = explained(found, alone_s, **how)
    assert (limits.limiter.kind, limits.limiter.capacity) == ("users", 10)
    assert limits.limiter.utilization == pytest.approx(1.0)
    assert limits.ceiling_rps == pytest.approx(10 / 0.12)
    assert limits.next_limiter.kind == "loop_cpu"
    assert limits.note.startswith("a request takes 120 ms on average, where a single user's took")


def test_think_time_is_a_part_of_a_users_turn():
    plan = replace(PLAN_OF_TEN, users=20, think_time_s=0.12)
    limits = explained(parts(await_s=0.115), 0.1, plan=plan)
    assert limits.limiter.hold_s == pytest.approx(0.24)
    assert limits.limiter.utilization == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("found", "alone_s", "how"),
    [
        (parts(await_s=0.05), 0.02, {}),  # most of it is somewhere else
        (parts(await_s=0.1), 0.08, {}),
        (parts(await_s=0.115, starved=0.6), 0.02, {}),  # the machine's
        (parts(await_s=0.115), 0.02, {"seen": [replace(LOOP, each=(0.1, 0.6))]}),
        (parts(await_s=0.115), 0.08, {"seen": [replace(LOOP, kind="threads_cpu", each=(0.6,))]}),
        (parts(await_s=0.115), None, {}),
        (None, 0.02, {}),
        (parts(await_s=0.115), 0.02, {"steady": None}),
        # Half of them failed.
        (parts(await_s=0.115), 0.08, {"steady": figures(5 / 0.12, 1000, 500)}),
        # Some of the users were in the load generator.
        (parts(await_s=0.115), 0.08, {"plan": replace(PLAN, users=11)}),
        (parts(await_s=0.115), 0.08, {"plan": replace(PLAN_OF_TEN, model="open", rate_rps=90.0)}),
        (parts(await_s=0.115), 0.08, {"shared": True}),
        (parts(await_s=0.115), 0.02, {"limits": replace(UNKNOWN, limiter=LOOP)}),
    ],
)
def test_else_it_stays_as_it_is(found, alone_s, how):
    assert explained(found, alone_s, **how) == how.get("limits", UNKNOWN)


def test_of_a_shared_load_the_limiter_is_that_of_all():
    found = explained(parts(await_s=0.115), 0.02, shared=True)
    assert found.limiter is None
    assert found.note.startswith("what shop.py:45")
    assert found.note.endswith(NOTE)


@pytest.mark.parametrize(
    ("times", "loaded_s", "by_chance"),
    [
        (10, [0.4, 0.5], 0.0),
        (10, [0.1, 0.3], 0.5**9),
        (2, [0.1, 0.3], 0.5),  # too few to tell
        (10, [0.1, 0.15], 1.0),
    ],
)
def test_how_likely_a_single_user_was_as_quick_by_chance(times, loaded_s, by_chance):
    loaded = [samples(np.zeros(100), np.repeat(loaded_s, 50))]
    found = alone_of(0.2, [alone(0.2, times)], loaded)  # the first of which took 0.3 s
    assert (found.requests, found.by_chance) == (times - 1, pytest.approx(by_chance))


def test_without_a_load_nothing_is_likely():
    assert alone_of(0.2, [alone(0.2)], []) is None
    assert alone_of(None, [alone(0.2)], [samples([0.0], [0.2])]) is None
