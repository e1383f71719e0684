"""What has a limited number of places: connections of a pool, locks, semaphores."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from asyncperf.analysis.findings.deadlock import is_deadlocked
from asyncperf.analysis.findings.evidence import Evidence, Spot
from asyncperf.analysis.findings.gains import Cost, with_queue, without
from asyncperf.analysis.findings.holders import (
    LEAST_WAIT_S,
    held_by,
    mean_s,
    piles_up,
    requests_of,
    suffering,
)
from asyncperf.analysis.findings.holding import Idle, idle
from asyncperf.analysis.findings.loop import BUSY
from asyncperf.analysis.findings.words import damage_said, rate, share, spoken
from asyncperf.analysis.mva import Queue
from asyncperf.analysis.prediction import name_of
from asyncperf.insight import Records, Resource
from asyncperf.probe.record_format import (
    CAPACITY_LIMITER,
    CONNECTIONS,
    LOCK,
    MAX_CONCURRENCY,
    SEMAPHORE,
)
from asyncperf.results import Finding, FindingCode, Severity

LOCKS = (LOCK, SEMAPHORE, CAPACITY_LIMITER, MAX_CONCURRENCY)
# Locks that an app makes for each request bound what that request does at a time, and no one
# waits for another. Of a shared one there are fewer than requests by this factor.
SHARED_BY = 2
# A queue, and no chance meeting: by this share of the time that a place is held, and longer than
# `LEAST_WAIT_S`.
QUEUED = 0.05
# Places that are free for half of the time are waited for in bursts only (of M/M/c, Lazowska et
# al., 1984, section 3.3, hardly one request in ten waits for one of five).
OFTEN_FREE = 0.5
# A pool that is used for less than this has free connections: what is waited for there is the
# client's own doing, or the event loop. (Bursts fill a pool that is idle most of the time.)
LEAST_USED = 0.1
# Who waits for a connection finds all of them taken. Where those who waited found fewer than this
# share taken, on average, they waited for something else: the pool asks a connection whether it
# still works before it lends it (SQLAlchemy's `pool_pre_ping`), and a thread waits for its turn.
# So little, because of many requests only some are recorded.
FOUND_TAKEN = 0.5
# A place that is held so much longer than without load is not the cause: what its holder does
# meanwhile has become slow.
SLOWED = 2.0
# Who holds less than this part of what another endpoint holds waits for that one.
OTHERS_HOLD = 0.25
# Fewer stays than this say nothing of how long they usually are.
LEAST_STAYS = 20
COSTS_NOTHING = Cost(0.0)
HOLD_LESS = (
    "Hold it for less (do nothing slow inside it), or have one for each thing that it guards."
)
LET_MORE_IN = (
    "Let it do less (its place is taken while it runs, and if it yields until FastAPI leaves it), "
    "or let more in."
)


@dataclass(frozen=True, eq=False)
class Stays:
    """The stays of an endpoint's requests with one resource; `capacity` is a worker's."""

    number: int
    resource: Resource
    capacity: int
    records: Records
    requests: int
    wait_s: float
    hold_s: float
    alone_s: float | None  # the hold of the single user's requests, where that is known
    late: bool  # only after the answers, by background tasks and what else goes on

    @property
    def who(self) -> str:
        return "After its answer each request" if self.late else "Each request"

    @property
    def severity(self) -> Severity:
        return "warning" if self.late else "error"

    @property
    def slowed(self) -> bool:
        return self.alone_s is not None and self.hold_s > SLOWED * self.alone_s

    @property
    def queued(self) -> bool:
        return self.wait_s >= max(LEAST_WAIT_S, QUEUED * self.hold_s)


@dataclass(frozen=True)
class Place:
    """Something with so many `places`, over all workers, of which a request of the load takes
    one for `demand_s`; `used` is the share that is taken."""

    places: int
    demand_s: float
    used: float

    @property
    def most_rps(self) -> float:
        """The utilisation law: X <= c / D."""
        return self.places / self.demand_s if self.demand_s > 0 else math.inf


def connections_saturated(evidence: Evidence) -> Iterable[Finding]:
    for stays in _stays(evidence, (CONNECTIONS,)):
        if not stays.queued or is_deadlocked(evidence, stays.number):
            continue  # that is told as what it is
        place = _place(evidence, stays)
        if place.used < LEAST_USED or found_taken(evidence, stays) < FOUND_TAKEN:
            continue
        unused = idle(evidence, stays.records)
        yield _saturated(
            evidence,
            stays,
            place,
            "connections-saturated",
            f"{stays.who} waits {spoken(stays.wait_s)} for one of {stays.capacity} connections "
            f"per worker ({stays.resource.name}), then holds it for {spoken(stays.hold_s)}; they "
            f"are busy for {share(min(1.0, place.used))} of the time."
            f"{_meanwhile(evidence, unused)}",
            f"{_capped(stays, place)}{_shorter(unused)}; a bigger pool moves the queue to what is "
            "behind it, which has to bear that as well.",
        )


def _capped(stays: Stays, place: Place) -> str:
    if stays.late:
        return ""
    return (
        f"Held so long, they cap it at {rate(place.most_rps)}, however the queries are arranged: "
        "gathering them gains nothing. "
    )


def _meanwhile(evidence: Evidence, unused: Idle | None) -> str:
    if unused is None:
        return ""
    site = unused.site
    return (
        f" For {spoken(unused.time_s)} of it nothing is asked of the connection: the request "
        f"awaits `{(site.text or '').removeprefix('await ')}` "
        f"({evidence.shown(site.file)}:{site.line})."
    )


def _shorter(unused: Idle | None) -> str:
    if unused is None:
        return "Hold a connection for less time"
    return "Give it back before that await (end the transaction, close the session)"


def lock_saturated(evidence: Evidence) -> Iterable[Finding]:
    for stays in _stays(evidence, LOCKS):
        if not stays.queued:
            continue
        place = _place(evidence, stays)
        most = "" if stays.late else f": at most {rate(place.most_rps)}"
        yield _saturated(
            evidence,
            stays,
            place,
            "lock-saturated",
            f"{stays.who} waits {spoken(stays.wait_s)} for {_named(stays)}, then holds it for "
            f"{spoken(stays.hold_s)}{most}.",
            f"{LET_MORE_IN if _is_fastapis(stays) else HOLD_LESS} If it protects something behind "
            "it, that is the limit.",
        )


def _is_fastapis(stays: Stays) -> bool:
    return stays.resource.kind == MAX_CONCURRENCY


def _named(stays: Stays) -> str:
    resource = stays.resource
    if _is_fastapis(stays):
        return f"`{resource.name}`, whose `max_concurrency` is {stays.capacity}"
    kind = resource.kind.replace("_", " ").replace("-", " ")
    return f"a {kind}" + (f" of {stays.capacity}" if stays.capacity > 1 else "")


def _asked_at(evidence: Evidence, stays: Stays) -> Spot:
    """Where it is asked for. FastAPI asks by itself, for the function that it is to call."""
    number = stays.resource.site
    if not _is_fastapis(stays) or evidence.inside is None or number is None:
        return evidence.asked_at(stays.records)
    return evidence.spot(evidence.inside.site(number))


def _saturated(
    evidence: Evidence, stays: Stays, place: Place, code: FindingCode, message: str, advice: str
) -> Finding:
    cost = COSTS_NOTHING if stays.late else _cost(evidence, stays, place)
    suffers = {}
    parts = held_by(evidence, stays.number)
    most = max(parts, key=lambda label: parts[label])
    if parts[evidence.label] < OTHERS_HOLD * parts[most]:
        message += f" {most} has {share(parts[most])} of what is held: that is to be mended."
    elif most == evidence.label:
        suffers = suffering(evidence, stays.number)
        message += damage_said(suffers)
    behind_loop = evidence.loop_share >= BUSY
    piles = f"{piles_up(stays.records['asked'], stays.records['got'])} " * stays.late
    advice = f"{piles}{advice}{cost.sentence}"
    if behind_loop:
        message += (
            f" But who holds one waits for the event loop, which had work for "
            f"{share(min(1.0, evidence.loop_share))} of the time."
        )
        advice = "Mend the event loop first: more places would only wait there as well."
    return Finding(
        code=code,
        severity="info" if behind_loop or place.used < OFTEN_FREE else stays.severity,
        endpoint=evidence.label,
        **_asked_at(evidence, stays)._asdict(),
        message=message,
        advice=f"{_slowed(stays)} {advice}" if stays.slowed and not behind_loop else advice,
        suffers=suffers,
        evidence={
            "capacity": float(stays.capacity),
            "hold_s": stays.hold_s,
            **({"hold_alone_s": stays.alone_s} if stays.alone_s is not None else {}),
            "wait_s": stays.wait_s,
            "utilization": place.used,
            "loop_share": evidence.loop_share,
        },
        fix_kind=None if behind_loop or stays.late else "hold-shorter",
        predicted=None if behind_loop else cost.predicted,
        cost_ms_per_request=0.0 if stays.late else 1000 * stays.wait_s,
        cost_rps=None if behind_loop else cost.rps,
    )


def _stays(evidence: Evidence, kinds: tuple[str, ...]) -> Iterable[Stays]:
    inside = evidence.inside
    if inside is None:
        return
    uses = inside.of(inside.uses, evidence.index)
    early = inside.of(inside.alone, evidence.index)
    for number, resource in enumerate(inside.insight.resources):
        mine = uses[uses["resource"] == number]
        if resource.kind not in kinds or not resource.capacity or len(mine) < LEAST_STAYS:
            continue
        requests = len(requests_of(mine))
        if SHARED_BY * _instances(mine) > requests:
            continue
        wait_s, hold_s = mean_s(mine, inside.end_s)
        alone = early[early["resource"] == number]
        alone_s = mean_s(alone, 0.0)[1] if len(alone) else None
        late = not inside.keeps_answers(mine, mine["got"])
        yield Stays(
            number, resource, resource.capacity, mine, requests, wait_s, hold_s, alone_s, late
        )


def _slowed(stays: Stays) -> str:
    return (
        f"Without load it is held for {spoken(stays.alone_s or 0.0)}: first mend what is slow "
        "meanwhile (the event loop, a thread's turn, the CPUs, or what is at the other end)."
    )


def _cost(evidence: Evidence, stays: Stays, place: Place) -> Cost:
    """What this endpoint's stays cost the load: without them the others' are left."""
    share, now, own = evidence.shares[evidence.index], evidence.demands, evidence.own
    if now is None:
        return evidence.cost(stays.wait_s * share)
    name = name_of(stays.number, stays.resource)
    if name not in now.queues:  # several that look alike, or too short for a single user
        each = max(1, round(place.places / evidence.workers))
        now = with_queue(now, name, Queue(place.demand_s, each))
    held_s = own.queues[name].demand_s if own and name in own.queues else stays.hold_s
    after = without(now, queues_s={name: held_s * share})
    return evidence.cost_of(now, after, stays.wait_s * share)


def _place(evidence: Evidence, stays: Stays) -> Place:
    """What the requests of the load take of it, all endpoints together."""
    inside = evidence.inside
    if inside is None:
        return Place(stays.capacity, 0.0, 0.0)
    all_uses = inside.uses[inside.uses["resource"] == stays.number]
    got = np.where(np.isnan(all_uses["got"]), inside.end_s, all_uses["got"])
    left = np.where(np.isnan(all_uses["released"]), inside.end_s, all_uses["released"])
    held_s = float(np.maximum(0.0, left - got).sum())
    places = stays.capacity * _instances(all_uses)
    used = evidence.of_each_recorded * held_s / (inside.span_s * places)
    demand_s = held_s / max(1, len(inside.requests))
    return Place(places, demand_s, used)


def found_taken(evidence: Evidence, stays: Stays) -> float:
    """The share of a worker's places that were taken, on average, at the end of each wait for
    one, that one's own included: all of them, where it was a place that was waited for."""
    inside, records = evidence.inside, stays.records
    if inside is None:
        return 0.0
    never = np.isnan(records["got"])
    until = np.where(never, records["asked"], records["got"])
    waited = never | (until - records["asked"] >= LEAST_WAIT_S)
    taken = np.zeros(len(records))
    every = inside.uses[inside.uses["resource"] == stays.number]
    for pool in np.unique(records[["worker", "instance"]]):
        mine = records[["worker", "instance"]] == pool
        its = every[every[["worker", "instance"]] == pool]
        # What was never got, or not given back, sorts behind everything.
        got, left = np.sort(its["got"]), np.sort(its["released"])
        at = until[mine]
        taken[mine] = np.searchsorted(got, at, "right") - np.searchsorted(left, at, "right")
    if not waited.any():
        return 0.0
    return float(taken[waited].mean()) * evidence.of_each_recorded / stays.capacity


def _instances(uses: Records) -> int:
    """How many locks or pools they are, over all workers."""
    return len(np.unique(uses[["worker", "instance"]]))
