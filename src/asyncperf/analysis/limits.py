"""What limits an endpoint, and how sure that is: arithmetic beside what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from asyncperf.analysis.capacity import (
    EXPLAINED,
    MACHINE_BUSY,
    Demand,
    answered_sooner,
    explains,
    limiters,
    next_limiter,
    standing,
    under_load,
    without_kept,
)
from asyncperf.analysis.findings import generator_limit
from asyncperf.analysis.mixture import Mix, Whole
from asyncperf.model import Endpoint, Load, Run
from asyncperf.results import Figures, Limiter, LimiterKind, NextLimiter

# In a closed load without think time all users wait for the app, but for the moments that
# the generator takes between two requests.
ALL_WAITING = 0.95
LIMITER_NAMES: dict[LimiterKind, str] = {
    "users": "the users",
    "rate": "the arrival rate",
    "thread_pool": "the thread pool",
    "connections": "the connections",
    "lock": "the lock",
    "threads_cpu": "the CPU time of its threads",
    "machine_cpu": "the machine's CPUs",
    "loop_cpu": "the event loop",
    "loop_blocked": "the event loop",
    "gc": "the event loop, mostly with garbage collection,",
    "awaited": "what it waits for",
}


@dataclass(frozen=True)
class Limits:
    """What limits an endpoint; `note` says why where `limiter` is None, or what qualifies it."""

    limiter: Limiter | None = None
    ceiling_rps: float | None = None
    next_limiter: NextLimiter | None = None
    note: str | None = None


def explain(
    run: Run,
    load: Load,
    endpoint: Endpoint,
    unloaded_s: float | None,
    steady: Figures | None,
    no_window_why: str | None,
    mix: Mix | None,
    seen: Sequence[Limiter] = (),
) -> Limits:
    """The tightest known limiter that explains the measured rate and is not refuted by it;
    `seen` are the stations measured inside the workers.

    In a mix that is the whole's limiter, by the whole's rate; the ceilings are the
    endpoint's share of it.
    """
    if unloaded_s is None:
        return Limits(note="its response time without load was not measured")
    if len(load.measured) > 1 and mix is None:
        return Limits(note=f"{len(load.measured)} endpoints share the users of {load.name}")
    plan = run.plan
    if mix is None:
        ordered = limiters(demand_of(run, endpoint, unloaded_s), seen)
        whole, share, turn_s = whole_of(steady), 1.0, unloaded_s + plan.think_time_s
    else:
        ordered, whole = mix.limiters, mix.whole
        share, turn_s = mix.share(endpoint), mix.response_s + plan.think_time_s
    within = None
    if mix is not None:
        within = f"in a mix of {len(load.measured)} endpoints, {share:.0%} of its requests"
    if steady is None or steady.latency is None or whole is None:
        why = no_window_why or "no request succeeded in the steady state"
        return limited_to(ordered, share, turn_s, why)
    sooner = answered_sooner(ordered, whole.rate_rps)
    ordered = without_kept(standing(ordered, whole.rate_rps))
    if not ordered and sooner is None:
        return Limits(note="it was faster under load than with a single user")
    if generator_limit(load.generator):
        why = "the load generator was the limit, not the app"
        return limited_to(ordered, share, turn_s, why)
    found = next((each for each in ordered if explains(each, whole.rate_rps)), sooner)
    if found is None:
        why = unexplained(run, load, ordered, whole)
        return limited_to(ordered, share, turn_s, f"{within}: {why}" if within else why)
    limiter = under_load(found, whole.rate_rps, whole.mean_s, plan.think_time_s)
    if limiter.kind == "rate":
        answered = whole.requests - whole.failures
        limiter = replace(limiter, sent_rps=whole.rate_rps * whole.sent / answered)
    if mix is not None and limiter.wait_s is not None and not limiter.each:
        limiter = replace(limiter, wait_s=max(0.0, steady.latency.mean_s - unloaded_s))
    others = [each for each in ordered if each is not found]
    limits = limited_to([found, *others], share, turn_s, within)
    return replace(limits, limiter=limiter)


def demand_of(run: Run, endpoint: Endpoint, unloaded_s: float) -> Demand:
    handler, plan = endpoint.handler, run.plan
    return Demand(
        is_async=handler.is_async if handler else None,
        response_s=unloaded_s,
        users=plan.users,
        workers=run.target.workers,
        think_s=plan.think_time_s,
        rate_rps=plan.rate_rps,
    )


def whole_of(steady: Figures | None) -> Whole | None:
    """An endpoint that has its load to itself."""
    if steady is None or not steady.rate_rps or steady.latency is None:
        return None
    mean_s, sent = steady.latency.mean_s, steady.sent or 0
    return Whole(steady.rate_rps, mean_s, steady.requests, steady.failures, sent)


def limited_to(ordered: Sequence[Limiter], share: float, turn_s: float, note: str | None) -> Limits:
    """The ceilings alone, `share` of what the limiters allow the whole load; the first of
    them is what was reached, or would be."""
    following = next_limiter(ordered, turn_s)
    return Limits(
        ceiling_rps=share * min(limiter.ceiling_rps for limiter in ordered),
        next_limiter=following and replace(following, ceiling_rps=share * following.ceiling_rps),
        note=note,
    )


def unexplained(run: Run, load: Load, ordered: Sequence[Limiter], whole: Whole) -> str:
    """Where the rest of a ceiling went, as far as a look from outside can tell."""
    ceiling_rps, users = ordered[0].ceiling_rps, run.plan.users
    outside = [limiter for limiter in ordered if not limiter.each]
    known = " and ".join(LIMITER_NAMES[limiter.kind] for limiter in outside or ordered)
    reached = f"{whole.rate_rps / ceiling_rps:.0%} of the ceiling that {known} would allow"
    failed_rps = whole.rate_rps * whole.failures / max(1, whole.requests - whole.failures)
    if whole.rate_rps + failed_rps >= EXPLAINED * ceiling_rps:
        return f"{whole.failures:,} of {whole.requests:,} requests failed"
    # Little's law: so many of the users were waiting for the app at any time.
    waiting = (whole.rate_rps + failed_rps) * whole.mean_s
    thinking = (whole.rate_rps + failed_rps) * run.plan.think_time_s
    said = []
    if run.plan.model == "closed" and waiting + thinking < ALL_WAITING * users:
        # Of few users a rounded number could be all of them.
        said.append(
            f"only {waiting:.{0 if users >= 100 else 1}f} of {users} users were waiting for the "
            "app, the others were in the load generator, or in their own wait time"
        )
        if whole.rate_rps + failed_rps >= EXPLAINED * ceiling_rps * (waiting + thinking) / users:
            return f"{reached}: {said[0]}"  # that is all there is to explain
    said += _held_back(run, load, ordered, whole) or [
        "something inside the app or its workers' CPU holds it back, which a look from outside "
        "cannot name"
    ]
    return f"{reached}: {'; '.join(said)}"


def _held_back(run: Run, load: Load, ordered: Sequence[Limiter], whole: Whole) -> list[str]:
    """What is known to hold a rate back that no limiter explains."""
    reasons = []
    if inside := [limiter for limiter in ordered if limiter.each]:
        most = [f"{LIMITER_NAMES[each.kind]} {max(each.each):.0%}" for each in inside]
        queued = max(each.queued_s * whole.rate_rps / each.capacity for each in inside)
        reasons.append(
            f"in the busiest worker {', '.join(most)} busy"
            + (f", and the event loops waited {queued:.0%} of the time for a CPU" * bool(queued))
        )
    seen = 0 if load.insight is None else len(load.insight.workers)
    if (anew := seen - (run.target.workers or seen)) > 0:
        workers = "worker was" if anew == 1 else "workers were"
        reasons.append(f"{anew} {workers} started anew meanwhile, and requests waited for them")
    if load.machine_cpu is not None and load.machine_cpu > MACHINE_BUSY:
        busy = f"{load.machine_cpu:.0%}"
        reasons.append(f"the machine's CPUs were {busy} busy, by whatever runs on it")
    if any(measured.endpoint.handler is None for measured in load.measured):
        reasons.append(
            "the handler is not known, so neither is whether the thread pool holds it back"
        )
    return reasons
