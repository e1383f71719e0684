"""What caps the throughput: limiters from arithmetic, and from what was seen inside.

Pure. From outside there are two: the load itself, and for a `def` handler the thread pool.
A probe adds the stations that it measured. The laws are those of Lazowska, Zahorjan, Graham
and Sevcik, "Quantitative System Performance", 1984.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from asyncperf.results import Limiter, LimiterKind, NextLimiter

# AnyIO's default limiter, on which Starlette runs every `def` handler.
THREAD_TOKENS = 40
# A limiter explains a rate that comes this close to its ceiling. The rest is for waves
# that do not divide evenly, for scheduling, and for requests pinned to a busy worker.
EXPLAINED = 0.9
# A rate this far above a limiter's ceiling refutes it: a request does not hold the place
# for all of its response time. (A `def` handler behind an awaiting dependency, say.)
REFUTED = 1.03
# What computes cannot seem busier than it is, but for waits for a CPU. A place can: its holder
# keeps it for as long as something else makes it wait.
COMPUTES: frozenset[LimiterKind] = frozenset(
    {"loop_cpu", "loop_blocked", "gc", "threads_cpu", "machine_cpu"}
)
PLACES: frozenset[LimiterKind] = frozenset({"thread_pool", "connections", "lock"})
# A machine this busy makes everything on it wait for a CPU now and then.
MACHINE_BUSY = 0.9
# An open load admits its rate in each second.
ARRIVALS_WINDOW_S = 1.0


@dataclass(frozen=True)
class Demand:
    """What is known of an endpoint before it is loaded.

    `is_async` is None where the handler is not known, `workers` where the server is not
    ours; `response_s` is its response time with one user, `think_s` how long a user waits
    between two requests. In an open load `rate_rps` arrive, whoever sends them.
    """

    is_async: bool | None
    response_s: float
    users: int
    workers: int | None
    think_s: float = 0.0
    rate_rps: float | None = None


def limiters(demand: Demand, seen: Sequence[Limiter] = ()) -> tuple[Limiter, ...]:
    """All known limiters, the tightest first; `seen` are the stations measured inside."""
    load = load_limiter(demand.users, demand.response_s + demand.think_s, demand.rate_rps)
    found = [load, *seen]
    if demand.is_async is False and demand.workers is not None and not measures_pool(seen):
        # A `def` handler holds its thread for as long as it runs; without contention
        # that is the response time, but for the fraction of a millisecond around it.
        tokens = demand.workers * THREAD_TOKENS
        found.append(Limiter("thread_pool", tokens, demand.response_s))
    return tightest_first(found)


def measures_pool(seen: Sequence[Limiter]) -> bool:
    return any(limiter.kind == "thread_pool" for limiter in seen)


def tightest_first(found: Sequence[Limiter]) -> tuple[Limiter, ...]:
    return tuple(sorted(found, key=lambda limiter: limiter.ceiling_rps))


def load_limiter(users: int, turn_s: float, rate_rps: float | None) -> Limiter:
    """What the load itself allows: its users, or the rate at which requests arrive."""
    if rate_rps is not None:
        return Limiter("rate", rate_rps, ARRIVALS_WINDOW_S)
    return Limiter("users", users, turn_s)


def standing(ordered: Sequence[Limiter], rate_rps: float) -> tuple[Limiter, ...]:
    """The limiters that the measured rate does not refute, in the same order. The rate at which
    requests arrive is made, not inferred: random arrivals, and the end of a stall, exceed it."""
    return tuple(
        limiter
        for limiter in ordered
        if limiter.kind == "rate" or rate_rps <= REFUTED * limiter.ceiling_rps
    )


def without_kept(ordered: Sequence[Limiter]) -> tuple[Limiter, ...]:
    """Without the measured places that are full where a loop or the CPU of threads is full too.
    Who holds them waits for that: more of them would only move the queue, and how many requests
    they would allow cannot be told."""
    full = [limiter for limiter in ordered if limiter.kind in COMPUTES]

    def kept(place: Limiter) -> bool:
        taken = [worker for worker, share in enumerate(place.each) if share >= EXPLAINED]
        return bool(taken) and any(
            all(worker < len(other.each) and other.each[worker] >= EXPLAINED for worker in taken)
            for other in full
        )

    return tuple(each for each in ordered if each.kind not in PLACES or not kept(each))


def explains(limiter: Limiter, rate_rps: float) -> bool:
    """Whether it holds this rate back. One worker whose places are all taken is enough: its
    users' connections keep them there, whatever room the others have."""
    if limiter.each:
        return max(limiter.each) >= EXPLAINED
    return rate_rps >= EXPLAINED * limiter.ceiling_rps


def answered_sooner(ordered: Sequence[Limiter], rate_rps: float) -> Limiter | None:
    """The users, where they are answered a little sooner than the single user was, which refutes
    the ceiling made of that: something disturbed the single user, and nothing makes these wait.
    Where it is much sooner, its requests were cold, and a queue may hide behind that."""
    users = next((each for each in ordered if each.kind == "users"), None)
    if users is None or not REFUTED < rate_rps / users.ceiling_rps <= 1 / EXPLAINED:
        return None
    return replace(users, hold_s=users.capacity / rate_rps)


def next_limiter(ordered: Sequence[Limiter], turn_s: float) -> NextLimiter | None:
    """What caps throughput once the tightest limiter is gone, and from how many users on, by
    Little's law; `turn_s` is the response time without contention with the think time."""
    if len(ordered) < 2:
        return None
    following = ordered[1]
    if following.kind == "users":
        users = int(following.capacity)
    else:
        # A rounding error must not ask for one user more.
        users = math.ceil(following.ceiling_rps * turn_s * (1 - 1e-12))
    return NextLimiter(following.kind, following.ceiling_rps, users)


def under_load(
    limiter: Limiter, rate_rps: float, mean_latency_s: float, think_s: float = 0.0
) -> Limiter:
    """The limiter with its utilisation (U = X s / c) and the wait for a place."""
    if limiter.each:  # both were measured
        return limiter
    if limiter.kind == "rate":  # it admits requests, and none waits for it
        return replace(limiter, utilization=rate_rps / limiter.ceiling_rps)
    is_users = limiter.kind == "users"
    turn_s = mean_latency_s + think_s if is_users else mean_latency_s
    wait_s = max(0.0, turn_s - limiter.hold_s)
    # A user is held for the whole response, however long the queue makes it.
    held_s = turn_s if is_users else limiter.hold_s
    return replace(limiter, utilization=rate_rps * held_s / limiter.capacity, wait_s=wait_s)
