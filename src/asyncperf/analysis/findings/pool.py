"""The thread pool: full, or visited by what needs no thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from asyncperf.analysis.capacity import THREAD_TOKENS
from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.analysis.findings.holders import piles_up
from asyncperf.analysis.findings.inside import Inside
from asyncperf.analysis.findings.words import spoken, times
from asyncperf.analysis.prediction import LOOP, THREADS_CPU
from asyncperf.analysis.prediction import THREADS as THREADS_QUEUE
from asyncperf.insight import Records, Resource, Site
from asyncperf.probe.places import is_users
from asyncperf.probe.record_format import DEFAULT_POOL, THREADS, TRIP_KINDS
from asyncperf.results import Finding

# The pool is worth a finding when the next limit would allow a tenth more.
WORTHWHILE = 1.1
# ... and when requests do wait for a thread: by this share of the time they hold it.
QUEUED = 0.05
# A thread that has to be woken is waited for as well, for a fraction of a millisecond, and
# longer where Python's lock is contended; a wait of this length is a queue.
LEAST_WAIT_S = 0.005
# A pool that is used for less than this has free threads; what is waited for there is Python's
# lock or a CPU. (Bursts fill a pool that is idle most of the time; hence so little.)
LEAST_USED = 0.2
# A pool that makes requests wait is seen full at more ticks than this; one that never is has free
# threads, and what is waited for is that a thread gets Python's lock or a CPU.
LEAST_FULL = 0.01
# A thread that is held so much longer than without load waits for Python's lock: it computes.
COMPUTES = 2.0
# Why a bigger pool is no fix.
LOCKED = "more threads would wait for Python's lock"
NO_CPU = "more threads would wait for a CPU"
CONNECTIONS_FIRST = "more threads would wait for the same connections"
# A function that is done in so short a time waits for nothing, and needs no thread.
QUICK_S = 0.001
# Who sends functions to a thread that need not go there: dependencies, for which it is enough to
# be `async def`; and FastAPI itself, which validates what a `def` endpoint returns.
DEPENDENCIES = tuple(map(TRIP_KINDS.index, ("dependency", "generator dependency enter")))
GENERATOR_EXIT = TRIP_KINDS.index("generator dependency exit")
VALIDATION = TRIP_KINDS.index("response validation")
# What a trip takes of the event loop, to send it and to come back: four of them took 0.25 ms.
ON_LOOP_S = 62e-6
# In so many requests of ten at least: otherwise it is not the endpoint's way.
USUAL = 0.5
# Of a request's time, what its trips for nothing have to take to be more than a remark.
REMARKABLE = 0.05


@dataclass(frozen=True, eq=False)
class Visits:
    """All trips of an endpoint's recorded requests to run one function, on average for each
    request."""

    cause: int
    site: Site | None
    trips: Records
    requests: int

    @property
    def each(self) -> float:
        return len(self.trips) / self.requests

    @property
    def kind(self) -> int:
        """Who sent most of them: an index into `TRIP_KINDS`."""
        return int(np.bincount(self.trips["kind"]).argmax())

    @property
    def usual(self) -> bool:
        seen = np.unique(self.trips[["worker", "request"]])
        return len(seen) >= USUAL * self.requests

    @property
    def mean_run_s(self) -> float:
        ran = self.trips["run_s"][np.isfinite(self.trips["run_s"])]
        return float(ran.mean()) if len(ran) else 0.0

    @property
    def wait_s(self) -> float:
        return float(self.trips["wait_s"].sum()) / self.requests

    @property
    def run_s(self) -> float:
        return float(np.nansum(self.trips["run_s"])) / self.requests

    @property
    def extra_s(self) -> float:
        """What a request pays for the way, there and back."""
        return self.wait_s + float(np.nansum(self.trips["resume_s"])) / self.requests


def pool_saturated(evidence: Evidence) -> Iterable[Finding]:
    seen = visits(evidence)
    if seen:
        yield from _seen(evidence, seen)
    else:
        yield from _from_outside(evidence)


def pool_trips(evidence: Evidence) -> Iterable[Finding]:
    """Functions that are quick, and wait for a thread each time: `def` dependencies mostly."""
    for found in visits(evidence):
        if not found.usual or not len(found.trips):
            continue
        if found.mean_run_s + exit_run_s(evidence, found) > QUICK_S:
            continue
        if found.kind == VALIDATION:
            spot, what = evidence.handler, "FastAPI's check of what the endpoint returns runs"
            advice = (
                "Return a `Response`, or make the endpoint `async def` if nothing in it blocks."
            )
        elif found.kind in DEPENDENCIES and found.site and not is_users(found.site.file):
            spot, what = evidence.handler, f"{_named(found.site)}, on which it depends, runs"
            advice = (
                "Depend on an `async def` of your own that calls it, on the event loop, at once."
            )
        elif found.kind in DEPENDENCIES:
            spot, what = evidence.spot(found.site), "It runs"
            advice = (
                "Make it `async def`, if nothing in it blocks: then it runs on the event loop, at "
                "once."
            )
        else:
            continue  # the endpoint's own work, or what asks for a thread by name
        steady = evidence.result.steady
        mean_s = steady.latency.mean_s if steady and steady.latency else None
        # The check is FastAPI's way with every `def` endpoint, and no fault of this one's.
        theirs = found.kind != VALIDATION
        remarkable = theirs and mean_s is not None and found.extra_s >= REMARKABLE * mean_s
        share = evidence.shares[evidence.index]
        on_loop_s = found.each * ON_LOOP_S
        alone_s = evidence.unloaded(found.extra_s) + on_loop_s
        spared_s = on_loop_s * share
        queues_s = {LOOP: spared_s, THREADS_CPU: spared_s}
        cost = evidence.cost(found.extra_s * share, alone_s * share, queues_s)
        yield Finding(
            code="pool-trips",
            severity="warning" if remarkable else "info",
            endpoint=evidence.label,
            **spot._asdict(),
            message=(
                f"{what} for {spoken(found.mean_run_s)}, in a thread of the pool: "
                f"{times(found.each)} a request, which pays {spoken(found.extra_s)} for the "
                "way there and back."
            ),
            advice=f"{advice}{cost.sentence * remarkable}",
            evidence={
                "trips": found.each,
                "run_s": found.mean_run_s,
                "extra_s": found.extra_s,
            },
            fix_kind="async-def",
            predicted=cost.predicted,
            cost_ms_per_request=1000 * found.extra_s,
            cost_rps=cost.rps,
        )


def visits(evidence: Evidence) -> list[Visits]:
    """By what was run in threads, what held them longest first; none without the probe."""
    inside, requests = evidence.inside, evidence.requests
    if inside is None or requests is None:
        return []
    trips = inside.of(inside.trips, evidence.index)
    pools = inside.insight.resources
    limited = [n for n, pool in enumerate(pools) if pool.kind == THREADS and pool.capacity]
    trips = trips[np.isin(trips["pool"], limited)]
    found = [
        Visits(int(cause), inside.site(int(cause)), trips[trips["cause"] == cause], len(requests))
        for cause in np.unique(trips["cause"])
    ]
    return sorted(found, key=lambda each: -each.run_s)


def _named(site: Site) -> str:
    """A library's function, or class, by its name."""
    name = site.function.removesuffix(".__init__")
    return "A class" if "<locals>" in name else name


def exit_run_s(evidence: Evidence, entered: Visits) -> float:
    """How long a generator dependency runs after the answer: what it does there, such as giving
    a connection back, would run on the event loop as well if it were `async def`."""
    inside = evidence.inside
    if inside is None:
        return 0.0
    trips = inside.of(inside.trips, evidence.index)
    exits = trips[(trips["kind"] == GENERATOR_EXIT) & (trips["cause"] == entered.cause)]
    return float(np.nanmean(exits["run_s"])) if np.isfinite(exits["run_s"]).any() else 0.0


def ever_full(inside: Inside, pool: Resource) -> bool:
    """Whether the default pool had no free thread at any worker's ticks but a few. True where
    that is not known."""
    if pool.name != DEFAULT_POOL or pool.capacity is None or not len(inside.ticks):
        return True
    full = inside.ticks["threads_busy"] >= pool.capacity
    return any(
        float(full[inside.ticks["worker"] == worker].mean()) > LEAST_FULL
        for worker in np.unique(inside.ticks["worker"])
    )


def _seen(evidence: Evidence, seen: list[Visits]) -> Iterable[Finding]:
    """The pool that this endpoint waits for longest, and what holds its threads."""
    inside, result, longest = evidence.inside, evidence.result, seen[0]
    if inside is None or evidence.requests is None:
        return
    trips = np.concatenate([each.trips for each in seen])
    # What is run after the answer keeps threads from others, and no answer waits for it.
    late = not inside.keeps_answers(trips, trips["asked"] + trips["wait_s"])
    waiting = trips if late else trips[~inside.after_answer(trips, trips["asked"])]
    wait_s = float(waiting["wait_s"].sum()) / longest.requests
    run_s = sum(each.run_s for each in seen)
    if wait_s < max(LEAST_WAIT_S, QUEUED * run_s):
        return
    numbers, counts = np.unique(trips["pool"], return_counts=True)
    number = int(numbers[np.argmax(counts)])
    pool = inside.insight.resources[number]
    places = (pool.capacity or THREAD_TOKENS) * inside.workers
    held_s = float(np.nansum(inside.trips[inside.trips["pool"] == number]["run_s"]))
    used = evidence.of_each_recorded * held_s / (inside.span_s * places)
    if used < LEAST_USED or not ever_full(inside, pool):
        return
    share, own = evidence.shares[evidence.index], evidence.own
    taken_s = own.queues[THREADS_QUEUE].demand_s if own and THREADS_QUEUE in own.queues else run_s
    cost = evidence.cost(wait_s * share, queues_s={THREADS_QUEUE: taken_s * share})
    handler, site = result.endpoint.handler, longest.site
    # A builtin is sent by a library, for the endpoint.
    of_handler = handler is not None and (
        site is None or _is(site, handler.file, handler.name) or not is_users(site.file)
    )
    spot = evidence.handler if of_handler else evidence.spot(site)
    conn_wait_s = float(evidence.requests["thread_conn_wait_s"].mean())
    queues = conn_wait_s > run_s / 2
    for_answer_s = float(np.nansum(waiting["run_s"])) / longest.requests - conn_wait_s
    computes = result.unloaded_s is not None and for_answer_s > COMPUTES * result.unloaded_s
    waits_for = NO_CPU if inside.on_several_cpus else LOCKED
    why_not = CONNECTIONS_FIRST if queues else waits_for if computes else None
    waits = (
        f"waits {spoken(wait_s)} for one of {places // inside.workers} threads per worker, then "
        f"holds it for {spoken(run_s)}."
    )
    found = Finding(
        code="pool-saturated",
        severity="error",
        endpoint=evidence.label,
        **spot._asdict(),
        message=f"Each request {waits}",
        advice=_advice(why_not, conn_wait_s, cost.gain),
        evidence={
            "capacity": float(places),
            "hold_s": run_s,
            "wait_s": wait_s,
            "utilization": used,
        },
        fix_kind=None if why_not else "async-or-bigger-pool",
        predicted=None if why_not else cost.predicted,
        why_not=why_not,
        cost_ms_per_request=max(1000 * wait_s, 0.0 if why_not else cost.ms_per_request),
        cost_rps=None if why_not else cost.rps,
    )
    if not late:
        yield found
        return
    yield replace(
        found,
        severity="warning",
        message=f"After its answer each request {waits}",
        advice=(
            f"{piles_up(trips['asked'], trips['asked'] + trips['wait_s'])} Make it `async def` and "
            "await what it waits for, or hand it to a queue with workers of its own."
        ),
        fix_kind=None,
        predicted=None,
        why_not=None,
        cost_ms_per_request=0.0,
        cost_rps=None,
    )


def _advice(why_not: str | None, conn_wait_s: float, gained: str) -> str:
    if why_not == CONNECTIONS_FIRST:
        return (
            f"Of that it waits {spoken(conn_wait_s)} for a connection: mend that first. More "
            "threads would only wait there."
        )
    if why_not == LOCKED:
        return (
            "It holds a thread far longer than without load: it computes, and Python runs one "
            "thread at a time. A bigger pool gains nothing; compute less, or in more processes."
        )
    if why_not == NO_CPU:
        return (
            "It holds a thread far longer than without load: it computes in code that gives "
            "Python's lock away, as hashing does, on all CPUs that it gets. A bigger pool gains "
            "nothing; compute less, or on more CPUs."
        )
    gain = f" would allow {gained}" if gained else " would end the wait"
    return (
        f"Awaited tasks in an `async def`, or a bigger pool,{gain}; what it waits for (a database, "
        "a service) has to bear that as well."
    )


def _from_outside(evidence: Evidence) -> Iterable[Finding]:
    """By arithmetic alone: the pool is the limiter that explains the rate."""
    result = evidence.result
    limiter, following = result.limiter, result.next_limiter
    handler, steady = result.endpoint.handler, result.steady
    if limiter is None or limiter.kind != "thread_pool" or following is None:
        return
    if handler is None or handler.is_async:
        return  # in a mix the pool holds back an endpoint that does not use it
    ceiling_rps = result.ceiling_rps or limiter.ceiling_rps
    if steady is None or following.ceiling_rps < WORTHWHILE * ceiling_rps:
        return
    if limiter.wait_s is not None and limiter.wait_s < QUEUED * limiter.hold_s:
        return
    # Beside a note the limiter is a whole mix's, and its hold the mean of all endpoints.
    hold_s = (result.limiter_note and result.unloaded_s) or limiter.hold_s
    yield Finding(
        code="pool-saturated",
        severity="error",
        endpoint=evidence.label,
        file=handler.file,
        line=handler.line,
        function=handler.name,
        message=(
            f"Each request waits {spoken(limiter.wait_s or 0)} for one of {THREAD_TOKENS} threads "
            f"per worker, then holds it for {spoken(hold_s)}."
        ),
        advice=(
            f"Awaited tasks in an `async def`, or a bigger pool, would let {following.users:,} "
            f"users have {following.ceiling_rps:.1f} req/s instead of {ceiling_rps:.1f}."
        ),
        evidence={
            "capacity": float(limiter.capacity),
            "hold_s": hold_s,
            "wait_s": limiter.wait_s or 0.0,
            "utilization": limiter.utilization or 0.0,
        },
        fix_kind="async-or-bigger-pool",
        predicted={"rate_rps": following.ceiling_rps},
        cost_ms_per_request=1000 * (limiter.wait_s or 0.0),
        cost_rps=max(0.0, following.ceiling_rps - ceiling_rps),
    )


def _is(site: Site, file: str, name: str) -> bool:
    return site.file.endswith(file) and site.function.rpartition(".")[2] == name
