"""What each load measured: by endpoint, level and repetition, with its steady window."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from asyncperf.analysis import statistics
from asyncperf.analysis.findings import generator_limit
from asyncperf.analysis.inside import breakdown_of, predicted_of, stations_of
from asyncperf.analysis.limits import Limits, explain
from asyncperf.analysis.mixture import Mix, mix_of
from asyncperf.analysis.outside import alone_of, by_what_it_waits_for
from asyncperf.analysis.published import published_for
from asyncperf.analysis.repetition import pooled
from asyncperf.analysis.stations import merged
from asyncperf.analysis.steady import MORE_TIME, LoadView, NotSteady, find_window
from asyncperf.analysis.unloaded import unloaded_response_s
from asyncperf.levels import Held, Level
from asyncperf.model import Load, Measured, Run
from asyncperf.results import EndpointResult, Limiter, Window
from asyncperf.samples import Samples, joined

# What helps a stage, where a load of one level needs `MORE_TIME`.
HOLD_LONGER = "hold it for longer (--stages)"


@dataclass(frozen=True, eq=False)
class Measurement:
    """One endpoint in one load at one level, with that level's steady window and what was
    `seen` busy in the workers meanwhile; `held` is None where the load held no other level
    than the plan's."""

    load: Load
    measured: Measured
    window: Window | NotSteady
    held: Held | None = None
    seen: tuple[Limiter, ...] = ()

    @property
    def part(self) -> tuple[Load, Window | None]:
        return self.load, self.window if isinstance(self.window, Window) else None


# A load's name, a method and a path: what repetitions have in common.
Key = tuple[str, str, str]


def measurements(run: Run) -> dict[Key, list[Measurement]]:
    """Everything that the headline figures are of, an entry per endpoint and load name with
    all its repetitions: of several levels the last."""
    return {key: levels[-1] for key, levels in levels_of(run).items()}


def levels_of(run: Run) -> dict[Key, list[list[Measurement]]]:
    """Everything measured: by endpoint and load name a list of its levels, each with all of
    its repetitions."""
    found: dict[Key, dict[Level | int, list[Measurement]]] = {}
    for load in run.loads:
        for number, held in enumerate(load.levels or (None,)):
            window = find_level_window(run, load, held)
            seen = stations_of(run, load, window if isinstance(window, Window) else None)
            # A search loads each of its levels by itself.
            level = held.level if held and not run.plan.stages else number
            for measured in load.measured:
                key = (load.name, measured.endpoint.method, measured.endpoint.path)
                measurement = Measurement(load, measured, window, held, seen)
                found.setdefault(key, {}).setdefault(level, []).append(measurement)
    return {key: list(levels.values()) for key, levels in found.items()}


def find_level_window(run: Run, load: Load, held: Held | None) -> Window | NotSteady:
    """The steady window of a load, or of one of its levels."""
    view = view_of(load.measured, load.ramp_end_s, end_of(run, load, held), run.plan.think_time_s)
    if held is None or not run.plan.stages:
        return find_window(view)
    if held.reached_s is None or held.reached_s >= held.ends_s:
        return NotSteady(f"its level was not reached before it was over; {HOLD_LONGER}")
    # What was over before the change to this level says nothing of when it had settled.
    view = view.where(view.end_s >= held.begins_s)
    found = find_window(replace(view, ramp_end_s=held.reached_s))
    if isinstance(found, NotSteady):
        return NotSteady(found.why.replace(MORE_TIME, HOLD_LONGER))
    return found


def of_all_levels(
    run: Run, levels: Sequence[Sequence[Measurement]], shown: Level | None = None
) -> EndpointResult:
    """What an endpoint says at one of its levels, with every level's own result beside it:
    of a load in stages at the last, else at the one `shown`."""
    if levels[-1][0].held is None:
        return result_of(run, levels[-1])
    results = tuple(result_of(run, group) for group in levels)
    if not run.plan.stages:
        results = tuple(sorted(results, key=_amount))
        at_it = (result for result in results if result.held and result.held.level == shown)
        return replace(next(at_it, results[-1]), levels=results)
    whole = result_of(run, [replace(m, held=None) for m in levels[-1]])
    return replace(
        results[-1],
        whole=whole.whole,
        in_flight_at_end=whole.in_flight_at_end,
        errors=whole.errors,
        redirects=whole.redirects,
        timeline=whole.timeline,
        folded=whole.folded,
        levels=results,
    )


def _amount(result: EndpointResult) -> float:
    return result.held.level.amount if result.held else 0.0


def result_of(run: Run, group: Sequence[Measurement]) -> EndpointResult:
    """What one or more repetitions say about one endpoint at one level."""
    run = at_level(run, group[0].held)
    results = [endpoint_result(run, m, mix_of(run, [m.part], m.seen)) for m in group]
    if len(results) == 1:
        return results[0]
    samples = [samples_of(run, m) for m in group]
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
    return by_waits(run, group, limited_by(together, limits), seen)


def at_level(run: Run, held: Held | None) -> Run:
    """The run as if that level had been its plan."""
    return run if held is None else replace(run, plan=run.plan.at(held.level))


def end_of(run: Run, load: Load, held: Held | None = None) -> float:
    """When a load, or one of its levels, was over. What is answered while the generator stops
    its users was still in flight then; counted, it would stretch the run by a moment that
    nobody asked for."""
    if held is not None:
        return held.ends_s
    return min(load.duration_s, run.plan.run_time_s or load.duration_s)


def samples_of(run: Run, found: Measurement) -> Samples:
    """The requests of a level, those of the change to it included."""
    samples = statistics.until(found.measured.samples, end_of(run, found.load, found.held))
    return samples if found.held is None else statistics.since(samples, found.held.begins_s)


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
    load, measured, window, held = found.load, found.measured, found.window, found.held
    samples = samples_of(run, found)
    steady = histogram = no_window_why = None
    if isinstance(window, Window):
        inside = statistics.completed_within(samples, window)
        steady = statistics.steady_figures(samples, window)
        histogram = statistics.histogram(inside.where(inside.ok))
    else:
        no_window_why = window.why
    unloaded_s = unloaded_response_s(measured.unloaded)
    limits = explain(
        run, load, measured.endpoint, unloaded_s, steady, no_window_why, mix, found.seen
    )
    parts, no_breakdown_why = breakdown_of(run, load, measured, found.part[1], steady)
    result = EndpointResult(
        endpoint=measured.endpoint,
        load=load.name,
        whole=statistics.whole_run(samples, held.begins_s if held else 0.0),
        steady=steady,
        window=window if isinstance(window, Window) else None,
        no_window_why=no_window_why,
        in_flight_at_end=len(samples.cut_off_s),
        errors=statistics.merged_errors(measured.unloaded.errors, samples.errors),
        redirects=statistics.redirects(measured.unloaded) + statistics.redirects(samples),
        unloaded_s=unloaded_s,
        unloaded_requests=len(measured.unloaded),
        limiter=limits.limiter,
        limiter_note=limits.note,
        ceiling_rps=limits.ceiling_rps,
        next_limiter=limits.next_limiter,
        generator=load.generator,
        timeline=statistics.timeline(samples, end_of(run, load, held)),
        histogram=histogram,
        published=published_for(run, measured.endpoint.path, unloaded_s) if not held else None,
        trouble=load.trouble,
        repetition=load.repetition,
        folded=statistics.folded([samples]),
        loaded=load.was_made,
        held=held,
        breakdown=parts,
        breakdown_note=no_breakdown_why,
        predicted=predicted_of(run, load, measured, mix),
    )
    return by_waits(run, [found], result, found.seen)


def by_waits(
    run: Run, group: Sequence[Measurement], result: EndpointResult, seen: Sequence[Limiter]
) -> EndpointResult:
    """The result of one or more repetitions, its limiter by what requests wait for where nothing
    else explains the rate; not where the generator was the limit."""
    if generator_limit(result.generator) is not None:
        return result
    limits = Limits(result.limiter, result.ceiling_rps, result.next_limiter, result.limiter_note)
    steady = [
        statistics.completed_within(samples_of(run, m), m.window)
        for m in group
        if isinstance(m.window, Window)
    ]
    loaded = [samples.where(samples.ok) for samples in steady]
    alone = alone_of(result.unloaded_s, [m.measured.unloaded for m in group], loaded)
    shared = len(group[0].load.measured) > 1
    found = by_what_it_waits_for(
        limits, run.plan, result.steady, result.breakdown, alone, seen, shared
    )
    return limited_by(result, found)


def limited_by(result: EndpointResult, limits: Limits) -> EndpointResult:
    return replace(
        result,
        limiter=limits.limiter,
        limiter_note=limits.note,
        ceiling_rps=limits.ceiling_rps,
        next_limiter=limits.next_limiter,
    )
