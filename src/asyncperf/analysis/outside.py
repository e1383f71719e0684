"""Where nothing that is watched explains a rate: what requests wait for outside of that.

In a closed load that is the users' own limit, by the law of their turns: X = N / (R + Z), with
R as it was measured (Lazowska et al., 1984, section 3.4). Unless it takes longer than without
load: then there is a queue, in the app or behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from asyncperf.analysis.breakdown import STARVED
from asyncperf.analysis.capacity import (
    COMPUTES,
    EXPLAINED,
    next_limiter,
    standing,
    tightest_first,
)
from asyncperf.analysis.findings.words import share, spoken
from asyncperf.analysis.limits import ALL_WAITING, Limits
from asyncperf.analysis.prediction import later
from asyncperf.explanation import Breakdown
from asyncperf.model import LoadPlan
from asyncperf.results import Figures, Limiter
from asyncperf.samples import Samples

# What takes so much longer than all of a single user's request queues for something ...
GROWN = 1.5
# ... and is why the rate is low where it is most of the latency; but not where the event loop, for
# whose turn each await waits too, or threads are busy or have no CPU for so much of the time.
MOSTLY = 0.5
# ... nor where a single user's few requests may have been as quick by chance.
CHANCE = 0.01


@dataclass(frozen=True)
class Alone:
    """An endpoint without load: the median response time of so many `requests`, and the
    probability that as many of those under load had all been as quick as the slowest of them."""

    response_s: float
    requests: int
    by_chance: float


def alone_of(
    response_s: float | None, unloaded: Sequence[Samples], loaded: Sequence[Samples]
) -> Alone | None:
    """`loaded` are the successes of the steady windows. Without the first request of each single
    user, which may have been slow for being the first."""
    times_s = np.concatenate([later(part.latency_s[part.ok]) for part in unloaded])
    counts = [np.ones(len(p)) if p.weight is None else p.weight for p in loaded]
    if response_s is None or not len(times_s) or not sum(map(len, counts)):
        return None
    slowest_s, weight = times_s.max(), np.concatenate(counts)
    as_quick = np.concatenate([part.latency_s for part in loaded]) <= slowest_s
    part = float(np.average(as_quick, weights=weight))
    return Alone(response_s, len(times_s), part ** len(times_s))


def by_what_it_waits_for(
    limits: Limits,
    plan: LoadPlan,
    steady: Figures | None,
    parts: Breakdown | None,
    alone: Alone | None,
    seen: Sequence[Limiter],
    shared: bool,
) -> Limits:
    """Limits with a limiter where there was none; without one, as they are, where the loop or the
    threads are too busy to tell. Where several endpoints have `shared` the load, whose limiter is
    that of all of them, with no more than a word."""
    if limits.limiter is not None or limits.note is None or parts is None or alone is None:
        return limits
    if steady is None or steady.rate_rps is None:
        return limits
    busy = [max(each.each) for each in seen if each.kind in COMPUTES and each.each]
    if max([*busy, parts.starved.loop]) > MOSTLY:
        return limits
    grown = _grown(parts, alone) if alone.by_chance < CHANCE else None
    if grown is None:
        return limits if shared else _by_users(limits, plan, steady, parts, alone, seen)
    took_s, why = grown
    if shared:
        return replace(limits, note=f"{why}; {limits.note}")
    # Little's law: so many requests were there at a time.
    limiter = Limiter("awaited", steady.rate_rps * took_s, took_s)
    return replace(limits, limiter=limiter, note=why)


def _grown(parts: Breakdown, alone: Alone) -> tuple[float, str] | None:
    """What of a request takes longer than without load, how long, and what that means."""
    least_s = max(GROWN * alone.response_s, MOSTLY * parts.mean_s)
    if parts.await_s >= least_s:
        longest = parts.awaits[0] if parts.awaits else None
        what, took_s = "it awaits", parts.await_s
        if longest is not None and longest.mean_s >= MOSTLY * parts.await_s:
            place = f"{longest.file.rpartition('/')[2]}:{longest.line}"
            what = f"{place} ({longest.text or longest.function}) awaits"
            took_s = min(took_s, longest.mean_s)
        why = "who answers there has a queue"
    elif parts.pool_run_s >= least_s:
        what, took_s = "it runs on threads", parts.pool_run_s
        why = "there they wait for each other (a lock, Python's own), or for who answers them"
    else:
        return None
    return took_s, (
        f"what {what} takes {spoken(took_s)}, where all of a single user's request takes "
        f"{spoken(alone.response_s)}: {why}"
    )


def _by_users(
    limits: Limits,
    plan: LoadPlan,
    steady: Figures,
    parts: Breakdown,
    alone: Alone,
    seen: Sequence[Limiter],
) -> Limits:
    """Where requests wait for nothing in the app but what they do themselves, more users would be
    answered as soon."""
    own_s = parts.await_s + parts.pool_run_s + parts.loop_cpu_s
    rate_rps, succeeded = steady.rate_rps or 0.0, steady.requests - steady.failures
    turn_s = parts.mean_s + plan.think_time_s
    waiting = rate_rps * steady.requests / max(1, succeeded) * turn_s
    if plan.model != "closed" or waiting < ALL_WAITING * plan.users:
        return limits
    if own_s < EXPLAINED * parts.mean_s or succeeded < EXPLAINED * steady.requests:
        return limits
    limiter = Limiter(
        "users", plan.users, turn_s, utilization=rate_rps * turn_s / plan.users, wait_s=0.0
    )
    others = standing(tightest_first(seen), rate_rps)
    return Limits(
        limiter=limiter,
        ceiling_rps=limiter.ceiling_rps,
        next_limiter=next_limiter([limiter, *others], turn_s),
        note=_varied(parts, alone),
    )


def _varied(parts: Breakdown, alone: Alone) -> str:
    why = "what it waits for varies"
    if parts.starved.loop > STARVED:
        why += f", and {share(parts.starved.loop)} of the time the event loop had no CPU"
    elif alone.by_chance < CHANCE:
        why = "what it waits for is slower under load"
    return (
        f"a request takes {spoken(parts.mean_s)} on average, where a single user's took "
        f"{spoken(alone.response_s)} (the median of {alone.requests}): {why}"
    )
