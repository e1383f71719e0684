"""Threads that wait for connections which are held by requests that wait for threads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.analysis.findings.inside import Inside
from asyncperf.analysis.findings.words import spoken
from asyncperf.insight import Records
from asyncperf.probe.record_format import CONNECTIONS, DEFAULT_POOL
from asyncperf.results import Finding

# A stop of both pools for less than this may be a slow query, or a busy machine.
LEAST_S = 1.0
# So many of the threads must be seen to wait: of a load that was fast until then the probe
# records some requests only.
MOST_THREADS = 0.5


@dataclass(frozen=True, eq=False)
class Standstill:
    """For `stood_s` nobody got a connection and no function began on a thread; `held` are the stays
    with connections of those who waited for a thread then."""

    stood_s: float
    held: Records
    waiting: int


def connection_standstill(evidence: Evidence) -> Iterable[Finding]:
    """A request that holds a connection while it goes from thread to thread (a dependency that
    queries, then the endpoint): with as many users as connections and threads together, all
    threads wait for a connection, and none of those who hold one gets a thread."""
    inside = evidence.inside
    if inside is None or not evidence.first:
        return
    for number, resource in enumerate(inside.insight.resources):
        found = standstill(inside, number)
        if found is None:
            continue
        holders = len(np.unique(found.held["request"]))
        yield Finding(
            code="connection-deadlock",
            severity="error",
            endpoint=evidence.everyone,
            **evidence.asked_at(found.held)._asdict(),
            message=(
                f"For {spoken(found.stood_s)} nothing went on: {holders:,} requests held "
                f"connections ({resource.name}, {resource.capacity} per worker) and waited for a "
                f"thread, while {found.waiting:,} threads waited for a connection."
            ),
            advice=(
                "Give the connection back before the request goes on to its next thread (end the "
                "session where it was used, or use it in one function alone), or await an "
                "asynchronous driver. A bigger pool only takes more users for the same end."
            ),
            evidence={
                "holders": float(holders),
                "waiting": float(found.waiting),
                "stood_s": found.stood_s,
                "capacity": float(resource.capacity or 0),
            },
            fix_kind="release-before-next-thread",
        )


def standstill(inside: Inside, number: int) -> Standstill | None:
    """The worst that one worker had with that pool of connections; None if it had none."""
    resources = inside.insight.resources
    pool = next((n for n, each in enumerate(resources) if each.name == DEFAULT_POOL), None)
    if resources[number].kind != CONNECTIONS or not resources[number].capacity or pool is None:
        return None
    uses, trips = inside.insight.uses, inside.insight.trips
    if not len(uses) or "on_thread" not in (uses.dtype.names or ()):  # a run of before
        return None
    uses, trips = uses[uses["resource"] == number], trips[trips["pool"] == pool]
    least = MOST_THREADS * (resources[pool].capacity or 1)
    every = [_of_worker(inside, uses, trips, worker, least) for worker in range(inside.workers)]
    return max((each for each in every if each), key=lambda each: each.stood_s, default=None)


def _of_worker(
    inside: Inside, uses: Records, trips: Records, worker: int, least: float
) -> Standstill | None:
    uses, trips = uses[uses["worker"] == worker], trips[trips["worker"] == worker]
    ended = inside.insight.requests
    ended = ended[ended["worker"] == worker]
    # What never got one has given up when its request has ended.
    ends = dict(zip(ended["number"].tolist(), ended["end"].tolist(), strict=True))
    over = np.array([ends.get(request, np.inf) for request in uses["request"].tolist()])
    got = np.where(np.isnan(uses["got"]), over, uses["got"])
    released = np.where(np.isnan(uses["released"]), over, uses["released"])
    began = trips["asked"] + trips["wait_s"]
    moves = np.concatenate([got[~np.isnan(uses["got"])], began[~np.isnan(trips["run_s"])]])
    moves = moves[(moves > inside.start_s) & (moves < inside.end_s)]
    stood_s = worst_s = 0.0
    worst: tuple[Records, int] | None = None
    for since, until in pairwise(np.sort([inside.start_s, *moves, inside.end_s]).tolist()):
        if until - since < LEAST_S:
            continue
        at = (since + until) / 2
        waiting = int(((uses["asked"] <= at) & (got > at) & (uses["on_thread"] == 1)).sum())
        starving = trips["request"][(trips["asked"] <= at) & (began > at)]
        held = uses[(uses["got"] <= at) & (released > at) & np.isin(uses["request"], starving)]
        if waiting < least or not len(held):
            continue
        stood_s += until - since
        if until - since > worst_s:
            worst_s, worst = until - since, (held, waiting)
    return Standstill(stood_s, *worst) if worst else None
