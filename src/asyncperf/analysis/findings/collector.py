"""The garbage collector: it stops the loop while it walks all that is alive."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.analysis.findings.inside import Inside
from asyncperf.analysis.findings.words import share, spoken
from asyncperf.analysis.prediction import LOOP
from asyncperf.insight import Records
from asyncperf.results import Finding

# Of the loop's time. Python's own share is about one percent; from here on tuning it gains
# more than two runs differ by chance.
LEAST_SHARE = 0.05
GRAVE = 0.2
# A pause that whoever meets it notices, and that is no accident the second time.
NOTICED_S = 0.1
LEAST_PAUSES = 2
# The generation whose collections walk all that is alive.
FULL = 2
# A full collection that takes so much of its time already where a single user is there walks what
# start-up has left, and little of what the requests keep alive.
MOSTLY = 0.5

TUNE = "call `gc.collect(); gc.freeze(); gc.set_threshold(100_000, 50, 50)` once it has started"


def gc_pauses(evidence: Evidence) -> Iterable[Finding]:
    inside = evidence.inside
    if inside is None or not evidence.first or not inside.span_s:
        return
    lengths_s = inside.collections["duration_s"].astype(float)
    part = float(lengths_s.sum()) / (inside.span_s * max(1, inside.workers))
    long = int((lengths_s >= NOTICED_S).sum())
    if len(lengths_s) < LEAST_PAUSES or (part < LEAST_SHARE and long < LEAST_PAUSES):
        return
    mean_s = float(lengths_s.sum()) / max(1, evidence.answered)
    # What the single user met of it was a part of its response time.
    cost = evidence.cost(mean_s, _unloaded(evidence, inside), {LOOP: mean_s})
    waiting = waiting_of(evidence, inside)
    without = f": {cost.gain}" if cost.gain else ""
    if evidence.run.target.gc == "tuned":
        advice = "It is tuned already: keep fewer objects alive, or fewer requests waiting."
    else:
        advice = f"Try `asyncperf run --gc tuned`, then in the app {TUNE}{without}."
    yield Finding(
        code="gc-pauses",
        severity="error" if part >= GRAVE else "warning",
        endpoint=evidence.everyone,
        message=(
            f"The garbage collector stops the event loop for {share(part)} of the time, at worst "
            f"for {spoken(float(lengths_s.max()))}, with {counted(waiting)} waiting at a "
            f"worker: {walked(inside)}."
        ),
        advice=advice,
        evidence={
            "loop_share": part,
            "collections": float(len(lengths_s)),
            "longest_s": float(lengths_s.max()),
            "in_flight": waiting,
        },
        fix_kind=None if evidence.run.target.gc == "tuned" else "tune-gc",
        predicted=cost.predicted,
        cost_ms_per_request=cost.ms_per_request,
        cost_rps=cost.rps,
    )


def waiting_of(evidence: Evidence, inside: Inside) -> float:
    """How many requests a worker had in flight when it collected, on average."""
    # The worker counts those that it records, eight in a row, and what an app does after its
    # answers; the others wait all the same, but no more of them than there are users.
    recorded = max(1, len(inside.requests))
    waiting = float(np.mean(inside.collections["in_flight"]))
    waiting *= max(1.0, evidence.answered / recorded)
    plan = evidence.run.plan
    return waiting if plan.rate_rps is not None else min(waiting, plan.users)


def walked(inside: Inside) -> str:
    """What full collections walk, by how long they took where a single user was there."""
    every = inside.insight.collections
    alone_s, loaded_s = full_s(every[every["start"] < 0]), full_s(inside.collections)
    if alone_s is None or loaded_s is None:
        return "each full collection walks all that is alive"
    if alone_s >= MOSTLY * loaded_s:
        return (
            f"a full collection takes {spoken(loaded_s)}, with a single user {spoken(alone_s)}, so "
            "what it walks is mostly what start-up has left"
        )
    return "each full collection walks all that they keep alive"


def full_s(collections: Records) -> float | None:
    """The median length of the full ones; None if there is none."""
    lengths_s = collections["duration_s"][collections["generation"] == FULL]
    return float(np.median(lengths_s)) if len(lengths_s) else None


def counted(requests: float) -> str:
    return "1 request" if round(requests) == 1 else f"{requests:,.0f} requests"


def _unloaded(evidence: Evidence, inside: Inside) -> float:
    """For how long the collector stopped each of the single user's requests, on average."""
    requests = sum(result.unloaded_requests for result in evidence.together)
    every = inside.insight.collections
    alone = every[every["start"] < 0]
    return float(alone["duration_s"].sum()) / max(1, requests)
