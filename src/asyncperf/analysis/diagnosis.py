"""From a `Run` to a `Diagnosis`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from asyncperf.analysis import statistics
from asyncperf.analysis.budget import judge
from asyncperf.analysis.capacity import (
    EXPLAINED,
    Demand,
    limiters,
    next_limiter,
    standing,
    under_load,
)
from asyncperf.analysis.findings import find, generator_limit
from asyncperf.analysis.published import published_for
from asyncperf.analysis.repetition import pooled, unsteady
from asyncperf.analysis.steady import LoadView, NotSteady, find_window
from asyncperf.judgement import Budget
from asyncperf.model import (
    Diagnosis,
    Endpoint,
    EndpointResult,
    Figures,
    Limiter,
    Load,
    Measured,
    NextLimiter,
    Run,
    Samples,
    Window,
)

# A machine this busy makes everything on it wait for a CPU now and then.
MACHINE_BUSY = 0.9
# In a closed load without think time all users wait for the app, but for the moments that
# the generator takes between two requests.
ALL_WAITING = 0.95
LIMITER_NAMES = {"users": "the users", "thread_pool": "the thread pool"}


def diagnose(run: Run, budgets: Sequence[Budget] = ()) -> Diagnosis:
    """Explain a run: the figures of its steady windows, their limits, the findings, and
    whether the budgets were kept."""
    results = tuple(result_of(run, group) for group in measurements(run).values())
    limits = ((named(load), generator_limit(load.generator)) for load in run.loads)
    limited = [f"{name}: {why}" for name, why in limits if why is not None]
    left_out = (unsteady(result) for result in results)
    return Diagnosis(
        run=run,
        endpoints=results,
        findings=find(results),
        valid=not limited,
        warnings=(*limited, *run.warnings, *(text for text in left_out if text is not None)),
        budgets=judge(budgets, results),
    )


@dataclass(frozen=True, eq=False)
class Measurement:
    """One endpoint in one load, with that load's steady window."""

    load: Load
    measured: Measured
    window: Window | NotSteady


# A load's name, a method and a path: what repetitions have in common.
Key = tuple[str, str, str]


def measurements(run: Run) -> dict[Key, list[Measurement]]:
    """Everything measured, an entry per endpoint and load name with all its repetitions."""
    found: dict[Key, list[Measurement]] = {}
    for load in run.loads:
        view = view_of(load.measured, load.ramp_end_s, end_of(run, load), run.plan.think_time_s)
        window = find_window(view)
        for measured in load.measured:
            key = (load.name, measured.endpoint.method, measured.endpoint.path)
            found.setdefault(key, []).append(Measurement(load, measured, window))
    return found


def named(load: Load) -> str:
    """A load's name, with its number from the second repetition on."""
    return load.name if load.repetition == 1 else f"{load.name}, repetition {load.repetition}"


def result_of(run: Run, group: Sequence[Measurement]) -> EndpointResult:
    """What one or more repetitions say about one endpoint."""
    results = [endpoint_result(run, m.load, m.measured, m.window) for m in group]
    if len(results) == 1:
        return results[0]
    samples = [statistics.until(m.measured.samples, end_of(run, m.load)) for m in group]
    together = pooled(results, samples, [result.window for result in results])
    busy = [m.load.machine_cpu for m in group if m.load.machine_cpu is not None]
    load = replace(group[0].load, generator=together.generator, machine_cpu=max(busy, default=None))
    limits = explain(
        run,
        load,
        together.endpoint,
        together.unloaded_s,
        together.steady,
        together.no_window_why,
    )
    return replace(
        together,
        limiter=limits.limiter,
        limiter_note=limits.note,
        ceiling_rps=limits.ceiling_rps,
        next_limiter=limits.next_limiter,
    )


def end_of(run: Run, load: Load) -> float:
    """When a load was over. What is answered while the generator stops its users was still
    in flight then; counted, it would stretch the run by a moment that nobody asked for."""
    return min(load.duration_s, run.plan.run_time_s or load.duration_s)


def view_of(
    measured: Sequence[Measured],
    ramp_end_s: float | None,
    duration_s: float,
    think_s: float = 0.0,
) -> LoadView:
    """All of a load's requests together, in order of completion; `think_s` is how long a
    user waits between an answer and the next request, on average."""
    samples = [statistics.until(m.samples, duration_s) for m in measured]
    start_s = np.concatenate([np.empty(0), *(s.start_s for s in samples)])
    latency_s = np.concatenate([np.empty(0), *(s.latency_s for s in samples)])
    order = np.argsort(start_s + latency_s, kind="stable")
    responses = (unloaded_response_s(m.unloaded) for m in measured)
    return LoadView(
        start_s=start_s[order],
        latency_s=latency_s[order],
        ramp_end_s=ramp_end_s,
        duration_s=duration_s,
        response_s=tuple(think_s + response for response in responses if response is not None),
    )


def unloaded_response_s(alone: Samples) -> float | None:
    """The median response time of the single user; the first request, which also pays for
    connecting and for caches, counts only if there is no other."""
    times = alone.latency_s[alone.ok]
    if len(times) == 0:
        return None
    return float(np.median(times[1:] if len(times) > 1 else times))


def endpoint_result(
    run: Run, load: Load, measured: Measured, window: Window | NotSteady
) -> EndpointResult:
    samples = statistics.until(measured.samples, end_of(run, load))
    steady = histogram = no_window_why = None
    if isinstance(window, Window):
        inside = statistics.completed_within(samples, window)
        steady = statistics.steady_figures(inside, window)
        histogram = statistics.histogram(inside.latency_s[inside.ok])
    else:
        no_window_why = window.why
    unloaded_s = unloaded_response_s(measured.unloaded)
    limits = explain(run, load, measured.endpoint, unloaded_s, steady, no_window_why)
    return EndpointResult(
        endpoint=measured.endpoint,
        load=load.name,
        whole=statistics.whole_run(samples),
        steady=steady,
        window=window if isinstance(window, Window) else None,
        no_window_why=no_window_why,
        in_flight_at_end=len(samples.cut_off_s),
        errors=statistics.merged_errors(measured.unloaded.errors, samples.errors),
        unloaded_s=unloaded_s,
        unloaded_requests=len(measured.unloaded),
        limiter=limits.limiter,
        limiter_note=limits.note,
        ceiling_rps=limits.ceiling_rps,
        next_limiter=limits.next_limiter,
        generator=load.generator,
        timeline=statistics.timeline(samples, end_of(run, load)),
        histogram=histogram,
        published=published_for(run, measured.endpoint.path, unloaded_s),
        trouble=load.trouble,
        repetition=load.repetition,
    )


@dataclass(frozen=True)
class Limits:
    """What limits an endpoint; `note` says why where `limiter` is None."""

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
) -> Limits:
    """The tightest known limiter, if it explains the measured rate and is not refuted by it."""
    if unloaded_s is None:
        return Limits(note="its response time without load was not measured")
    if len(load.measured) > 1:
        return Limits(note=f"{len(load.measured)} endpoints share the users of {load.name}")
    if run.plan.rate_rps is not None:
        return offered(run.plan.rate_rps, steady, no_window_why)
    handler = endpoint.handler
    demand = Demand(
        is_async=handler.is_async if handler else None,
        response_s=unloaded_s,
        users=run.plan.users,
        workers=run.target.workers,
        think_s=run.plan.think_time_s,
    )
    ordered = limiters(demand)
    if steady is None or not steady.rate_rps or steady.latency is None:
        why = no_window_why or "no request succeeded in the steady state"
        return Limits(None, ordered[0].ceiling_rps, next_limiter(ordered, demand), why)
    ordered = standing(ordered, steady.rate_rps)
    if not ordered:
        return Limits(note="it was faster under load than with a single user")
    ceiling_rps = ordered[0].ceiling_rps
    known = Limits(ceiling_rps=ceiling_rps, next_limiter=next_limiter(ordered, demand))
    if generator_limit(load.generator):
        return replace(known, note="the load generator was the limit, not the app")
    if steady.rate_rps < EXPLAINED * ceiling_rps:
        return replace(known, note=unexplained(run, load, ordered, steady, steady.rate_rps))
    mean_s = steady.latency.mean_s
    return replace(known, limiter=under_load(ordered[0], steady.rate_rps, mean_s, demand.think_s))


def offered(rate_rps: float, steady: Figures | None, no_window_why: str | None) -> Limits:
    """An open load has no ceiling but the rate at which requests arrive."""
    if steady is None or not steady.rate_rps:
        why = no_window_why or "no request succeeded in the steady state"
        return Limits(ceiling_rps=rate_rps, note=why)
    share = steady.rate_rps / rate_rps
    kept = "all of it was answered" if share > EXPLAINED else f"{share:.0%} of it was answered"
    return Limits(ceiling_rps=rate_rps, note=f"open load of {rate_rps:g} req/s: {kept}")


def unexplained(
    run: Run, load: Load, ordered: Sequence[Limiter], steady: Figures, rate_rps: float
) -> str:
    """Where the rest of a ceiling went, as far as a look from outside can tell."""
    ceiling_rps, users = ordered[0].ceiling_rps, run.plan.users
    known = " and ".join(LIMITER_NAMES[limiter.kind] for limiter in ordered)
    reached = f"{rate_rps / ceiling_rps:.0%} of the ceiling that {known} would allow"
    failed_rps = rate_rps * steady.failures / max(1, steady.requests - steady.failures)
    if rate_rps + failed_rps >= EXPLAINED * ceiling_rps:
        return f"{steady.failures:,} of {steady.requests:,} requests failed"
    # Little's law: so many of the users were waiting for the app at any time.
    waiting = (rate_rps + failed_rps) * (steady.latency.mean_s if steady.latency else 0.0)
    thinking = (rate_rps + failed_rps) * run.plan.think_time_s
    if waiting + thinking < ALL_WAITING * users:
        return (
            f"{reached}: only {waiting:.0f} of {users} users were waiting for the app, the others "
            "were in the load generator, or in their own wait time"
        )
    if load.machine_cpu is not None and load.machine_cpu > MACHINE_BUSY:
        busy = f"{load.machine_cpu:.0%}"
        return f"{reached}: the machine's CPUs were {busy} busy, by whatever runs on it"
    return (
        f"{reached}: something inside the app or its workers' CPU holds it back, "
        "which a look from outside cannot name"
    )
