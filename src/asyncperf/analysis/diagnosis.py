"""From a `Run` to a `Diagnosis`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from asyncperf.analysis import statistics
from asyncperf.analysis.budget import judge
from asyncperf.analysis.findings import find, generator_limit
from asyncperf.analysis.inside import breakdown_of, predicted_of, stations_of
from asyncperf.analysis.limits import explain
from asyncperf.analysis.mixture import Mix, mix_of
from asyncperf.analysis.published import published_for
from asyncperf.analysis.repetition import pooled, unsteady
from asyncperf.analysis.stations import merged
from asyncperf.analysis.steady import LoadView, NotSteady, find_window
from asyncperf.analysis.unloaded import unloaded_response_s
from asyncperf.judgement import Budget
from asyncperf.model import Diagnosis, EndpointResult, Limiter, Load, Measured, Run, Window
from asyncperf.samples import joined


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
    """One endpoint in one load, with that load's steady window, and what was busy in the
    workers meanwhile."""

    load: Load
    measured: Measured
    window: Window | NotSteady
    seen: tuple[Limiter, ...] = ()

    @property
    def part(self) -> tuple[Load, Window | None]:
        return self.load, self.window if isinstance(self.window, Window) else None


# A load's name, a method and a path: what repetitions have in common.
Key = tuple[str, str, str]


def measurements(run: Run) -> dict[Key, list[Measurement]]:
    """Everything measured, an entry per endpoint and load name with all its repetitions."""
    found: dict[Key, list[Measurement]] = {}
    for load in run.loads:
        view = view_of(load.measured, load.ramp_end_s, end_of(run, load), run.plan.think_time_s)
        window = find_window(view)
        seen = stations_of(run, load, window if isinstance(window, Window) else None)
        for measured in load.measured:
            key = (load.name, measured.endpoint.method, measured.endpoint.path)
            found.setdefault(key, []).append(Measurement(load, measured, window, seen))
    return found


def named(load: Load) -> str:
    """A load's name, with its number from the second repetition on."""
    return load.name if load.repetition == 1 else f"{load.name}, repetition {load.repetition}"


def result_of(run: Run, group: Sequence[Measurement]) -> EndpointResult:
    """What one or more repetitions say about one endpoint."""
    results = [endpoint_result(run, m, mix_of(run, [m.part], m.seen)) for m in group]
    if len(results) == 1:
        return results[0]
    samples = [statistics.until(m.measured.samples, end_of(run, m.load)) for m in group]
    together = pooled(results, samples, [result.window for result in results])
    busy = [m.load.machine_cpu for m in group if m.load.machine_cpu is not None]
    seen = merged([m.seen for m in group])
    load = replace(group[0].load, generator=together.generator, machine_cpu=max(busy, default=None))
    limits = explain(
        run,
        load,
        together.endpoint,
        together.unloaded_s,
        together.steady,
        together.no_window_why,
        mix_of(run, [m.part for m in group], seen),
        seen,
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
    samples = joined([statistics.until(m.samples, duration_s) for m in measured])
    order = np.argsort(samples.end_s, kind="stable")
    responses = (unloaded_response_s(m.unloaded) for m in measured)
    return LoadView(
        start_s=samples.start_s[order],
        latency_s=samples.latency_s[order],
        ramp_end_s=ramp_end_s,
        duration_s=duration_s,
        response_s=tuple(think_s + response for response in responses if response is not None),
        weight=None if samples.weight is None else samples.weight[order],
        cell_s=0.0 if samples.precision is None else samples.precision.time_s,
    )


def endpoint_result(run: Run, found: Measurement, mix: Mix | None) -> EndpointResult:
    load, measured, window = found.load, found.measured, found.window
    samples = statistics.until(measured.samples, end_of(run, load))
    steady = histogram = no_window_why = None
    if isinstance(window, Window):
        inside = statistics.completed_within(samples, window)
        steady = statistics.steady_figures(inside, window)
        histogram = statistics.histogram(inside.where(inside.ok))
    else:
        no_window_why = window.why
    unloaded_s = unloaded_response_s(measured.unloaded)
    limits = explain(
        run, load, measured.endpoint, unloaded_s, steady, no_window_why, mix, found.seen
    )
    parts, no_breakdown_why = breakdown_of(run, load, measured, found.part[1], steady)
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
        folded=statistics.folded([samples]),
        loaded=load.was_made,
        breakdown=parts,
        breakdown_note=no_breakdown_why,
        predicted=predicted_of(run, load, measured, mix),
    )
