"""Which limiter, which ceiling, what comes next: truth tables from arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.analysis.capacity import (
    Demand,
    answered_sooner,
    limiters,
    next_limiter,
    standing,
    under_load,
    without_kept,
)
from asyncperf.results import Limiter

DEF, ASYNC, UNKNOWN = False, True, None


@pytest.mark.parametrize(
    ("is_async", "response_s", "users", "workers", "kind", "capacity", "ceiling_rps"),
    [
        # The experiment as published: 5.33, 33.3 and 100 req/s.
        (DEF, 15.0, 500, 2, "thread_pool", 80, 80 / 15),
        (ASYNC, 15.0, 500, 2, "users", 500, 500 / 15),
        (ASYNC, 5.0, 500, 2, "users", 500, 100.0),
        # A `def` handler up to and from the size of its pool.
        (DEF, 1.0, 39, 1, "users", 39, 39.0),
        (DEF, 1.0, 40, 1, "users", 40, 40.0),
        (DEF, 1.0, 41, 1, "thread_pool", 40, 40.0),
        (DEF, 1.0, 79, 2, "users", 79, 79.0),
        (DEF, 1.0, 80, 2, "users", 80, 80.0),
        (DEF, 1.0, 81, 2, "thread_pool", 80, 80.0),
        (DEF, 1.0, 1, 1, "users", 1, 1.0),
        # The pool is no limit of an `async def`, nor of a handler that is not known.
        (ASYNC, 1.0, 81, 2, "users", 81, 81.0),
        (UNKNOWN, 1.0, 81, 2, "users", 81, 81.0),
    ],
)
def test_tightest_limiter(is_async, response_s, users, workers, kind, capacity, ceiling_rps):
    tightest = limiters(Demand(is_async, response_s, users, workers))[0]
    assert (tightest.kind, tightest.capacity) == (kind, capacity)
    assert tightest.ceiling_rps == pytest.approx(ceiling_rps)
    assert tightest.hold_s == response_s


@pytest.mark.parametrize(
    ("is_async", "users", "workers", "kind", "ceiling_rps", "takes_over_at"),
    [
        # The users are next: they already are as many as they are.
        (DEF, 500, 2, "users", 500 / 15, 500),
        (DEF, 81, 2, "users", 81 / 15, 81),
        # The pool is next: from as many users as it has places.
        (DEF, 39, 1, "thread_pool", 40 / 15, 40),
        (DEF, 40, 1, "thread_pool", 40 / 15, 40),
        (DEF, 10, 2, "thread_pool", 80 / 15, 80),
    ],
)
def test_next_limiter(is_async, users, workers, kind, ceiling_rps, takes_over_at):
    demand = Demand(is_async, 15.0, users, workers)
    following = next_limiter(limiters(demand), demand.response_s)
    assert following is not None
    assert following.kind == kind
    assert following.ceiling_rps == pytest.approx(ceiling_rps)
    assert following.users == takes_over_at


@pytest.mark.parametrize("is_async", [ASYNC, UNKNOWN])
def test_nothing_is_known_to_come_after_the_users_of_an_async_handler(is_async):
    demand = Demand(is_async, 15.0, 500, 2)
    assert next_limiter(limiters(demand), demand.response_s) is None


@given(
    response_s=st.floats(1e-4, 1e3),
    users=st.integers(1, 10**6),
    workers=st.integers(1, 1024),
)
def test_pool_takes_over_from_the_first_user_who_finds_no_thread(response_s, users, workers):
    demand = Demand(DEF, response_s, users, workers)
    tightest = limiters(demand)[0]
    assert tightest.kind == ("thread_pool" if users > 40 * workers else "users")
    following = next_limiter(limiters(demand), demand.response_s)
    assert following is not None
    if following.kind == "thread_pool":
        assert following.users == 40 * workers


@pytest.mark.parametrize(
    ("limiter", "rate_rps", "mean_latency_s", "utilization", "wait_s"),
    [
        # All threads busy; who waits is not holding one.
        (Limiter("thread_pool", 80, 15.0), 80 / 15, 93.75, 1.0, 78.75),
        (Limiter("thread_pool", 80, 15.0), 4.0, 15.0, 0.75, 0.0),
        # A user is held for as long as the answer takes.
        (Limiter("users", 500, 15.0), 500 / 15.1, 15.1, 1.0, 0.1),
        (Limiter("users", 500, 5.0), 95.0, 5.0, 0.95, 0.0),
        # More than all of it is not hidden; less than no wait is none.
        (Limiter("thread_pool", 80, 15.0), 5.4, 14.9, 1.0125, 0.0),
    ],
)
def test_under_load(limiter, rate_rps, mean_latency_s, utilization, wait_s):
    loaded = under_load(limiter, rate_rps, mean_latency_s)
    assert loaded.utilization == pytest.approx(utilization)
    assert loaded.wait_s == pytest.approx(wait_s)
    assert loaded.ceiling_rps == limiter.ceiling_rps


@pytest.mark.parametrize(
    ("rate_rps", "kinds"),
    [
        (5.3, ("thread_pool", "users")),
        (5.33 * 1.02, ("thread_pool", "users")),
        (5.33 * 1.5, ("users",)),
        (33.3 * 1.5, ()),
    ],
)
def test_a_limiter_that_the_rate_exceeds_is_refuted(rate_rps, kinds):
    ordered = limiters(Demand(is_async=False, response_s=15.0, users=500, workers=2))
    assert tuple(limiter.kind for limiter in standing(ordered, rate_rps)) == kinds


@pytest.mark.parametrize(
    ("ratio", "holds"),
    [(0.99, False), (1.02, False), (1.04, True), (1.1, True), (1.12, False)],
)
def test_users_who_are_answered_a_little_sooner_than_one_alone_wait_for_nothing(ratio, holds):
    demand = Demand(is_async=True, response_s=0.1, users=3, workers=1)
    found = answered_sooner(limiters(demand), 30.0 * ratio)
    assert (found is not None) == holds
    if found:
        assert (found.kind, found.ceiling_rps) == ("users", pytest.approx(30.0 * ratio))


def test_arrivals_are_no_users():
    demand = Demand(is_async=True, response_s=0.1, users=3, workers=1, rate_rps=30.0)
    assert answered_sooner(limiters(demand), 32.0) is None


def test_the_rate_at_which_requests_arrive_is_never_refuted():
    """Random ones are now more, now fewer; those of a stall are answered all at once."""
    demand = Demand(is_async=True, response_s=0.05, users=500, workers=2, rate_rps=200.0)
    [found] = standing(limiters(demand), 200.0 * 1.5)
    assert found.kind == "rate"


def place(kind, *each):
    return Limiter(kind, capacity=4 * len(each), hold_s=0.01, each=each)


@pytest.mark.parametrize(
    ("places", "kept"),
    [
        # Who holds a connection waits for the loop; the lock is short.
        ([place("connections", 0.99), place("lock", 0.5)], ["lock"]),
        # The loop waits for those who hold the connections.
        ([place("connections", 0.99, 0.2)], []),
        ([place("connections", 0.2, 0.99)], ["connections"]),
        ([place("thread_pool", 0.95, 0.95)], ["thread_pool"]),
    ],
)
@pytest.mark.parametrize("kind", ["loop_cpu", "loop_blocked", "gc", "threads_cpu", "machine_cpu"])
def test_a_place_that_is_full_beside_a_full_loop_is_no_limiter(kind, places, kept):
    loop = place(kind, 0.97, 0.3)
    assert [each.kind for each in without_kept([*places, loop])] == [*kept, kind]


def test_a_full_place_beside_a_loop_with_time_left_stands():
    ordered = (place("connections", 0.97), place("loop_cpu", 0.6))
    assert without_kept(ordered) == ordered
