"""From the loads of a search to its points and its knee."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from asyncperf.analysis.backlog import answered_rps
from asyncperf.analysis.budget import judge
from asyncperf.analysis.capacity import REFUTED, limiters
from asyncperf.analysis.curve import predict, sampled
from asyncperf.analysis.findings import generator_limit
from asyncperf.analysis.knee import Search, judged, verdict
from asyncperf.analysis.limits import demand_of
from asyncperf.analysis.measurement import end_of, levels_of, result_of, view_of
from asyncperf.analysis.mixture import mix_of
from asyncperf.analysis.resampling import (
    blocks_of,
    half_width,
    response_share,
    tied,
    uncertainties,
)
from asyncperf.analysis.unloaded import unloaded_response_s
from asyncperf.judgement import Budget, Curve, Knee, Point
from asyncperf.model import Load, Run
from asyncperf.results import EndpointResult, Limiter

# The same run gives the same report each time.
SEED = 1984
OF_THE_LOAD = ("users", "rate")


def search_of(run: Run, budgets: Sequence[Budget]) -> Search:
    plan = run.plan
    most = plan.users if plan.rate_rps is None else plan.rate_rps
    return Search(plan.rate_rps is not None, most, bool(budgets))


def knees_of(run: Run, budgets: Sequence[Budget]) -> tuple[Knee, ...]:
    """A knee for each endpoint, or for the mix."""
    names = dict.fromkeys(load.name for load in run.loads)
    return tuple(
        knee_of(run, [load for load in run.loads if load.name == name], budgets) for name in names
    )


def knee_of(run: Run, loads: Sequence[Load], budgets: Sequence[Budget]) -> Knee:
    """The knee of one endpoint, or of a mix, by the loads of its search."""
    search = search_of(run, budgets)
    points = points_of(run, loads, budgets)
    curve = curve_of(run, loads, points)
    if curve is not None:
        points = tuple(_with(point, curve) for point in points)
    status, found, why = verdict(search, points)
    beyond = found.not_kept
    limited = [x for x in loads if beyond and x.levels and x.levels[0].level == beyond.level]
    return Knee(
        load=loads[0].name,
        criterion=tuple(budget.text for budget in budgets),
        status=status,
        kept=found.kept.level if found.kept else None,
        not_kept=found.not_kept.level if found.not_kept else None,
        points=points,
        curve=curve,
        predicted=sampled(curve, points[0].level, points[-1].level) if curve and points else (),
        limited_by=_limiter(run, limited),
        why=why or next((load.trouble for load in loads if load.trouble), None),
    )


def _with(point: Point, curve: Curve) -> Point:
    return replace(point, predicted=predict(curve, point.level))


def _limiter(run: Run, loads: Sequence[Load]) -> str | None:
    """What limits the app at a level, if that is known and is not the load itself."""
    for result in (result for load in loads for result in _results(run, load)):
        if result.limiter is not None and result.limiter.kind not in OF_THE_LOAD:
            return result.limiter.kind
    return None


def _results(run: Run, load: Load) -> list[EndpointResult]:
    groups = levels_of(replace(run, loads=(load,)))
    return [result_of(run, levels[0]) for levels in groups.values()]


def points_of(run: Run, loads: Sequence[Load], budgets: Sequence[Budget]) -> tuple[Point, ...]:
    """A point for each load, judged, from the lowest level to the highest."""
    return judged([_point(run, load, budgets) for load in loads if load.levels], bool(budgets))


def _point(run: Run, load: Load, budgets: Sequence[Budget]) -> Point:
    [held] = load.levels
    results = _results(run, load)
    why = generator_limit(load.generator) or load.trouble
    if why is not None:
        return Point(held.level, None, None, None, why=why)
    told = [result.steady for result in results if result.steady and result.steady.latency]
    if not results or len(told) < len(results):
        answered = _answered(run, load)
        if answered is not None:
            return Point(held.level, answered, None, None, kept=False if budgets else None)
        first = next((result.no_window_why for result in results if result.no_window_why), None)
        return Point(held.level, None, None, None, why=first or "no request succeeded")
    counts = [figures.requests - figures.failures for figures in told]
    means = [figures.latency.mean_s for figures in told if figures.latency]
    only = told[0].latency if len(told) == 1 else None
    return Point(
        level=held.level,
        rate_rps=math.fsum(figures.rate_rps or 0.0 for figures in told),
        mean_s=float(np.average(means, weights=counts)),
        p95_s=only.percentiles_s.get(95) if only else None,
        intervals=_intervals(run, load, results),
        budgets=judge(budgets, results),
    )


def _answered(run: Run, load: Load) -> float | None:
    """What was answered of an open load that fell behind, None if it did not."""
    rate_rps = load.levels[0].level.rate_rps
    if rate_rps is None:
        return None
    view = view_of(load.measured, load.ramp_end_s, end_of(run, load), run.plan.think_time_s)
    return answered_rps(view, rate_rps, run.plan.arrivals == "poisson")


def _intervals(
    run: Run, load: Load, results: Sequence[EndpointResult]
) -> Mapping[str, tuple[float, float]] | None:
    """The intervals of an endpoint's figures. The endpoints of a mix share one server, so that
    their noise does not add up as if they did not: of a mix none is given."""
    [result, *more] = results
    if more or result.window is None or result.steady is None or result.steady.latency is None:
        return None
    blocks = blocks_of(load.measured[0].samples, result.window)
    if blocks is None:
        return None
    latency = result.steady.latency
    figures = {
        "rate": result.steady.rate_rps,
        "mean": latency.mean_s,
        **{f"p{p}": latency.percentiles_s.get(p) for p in (50, 95, 99)},
    }
    found = tied(
        uncertainties([blocks], np.random.default_rng(SEED)),
        response_share(run, load, latency.mean_s),
    )
    return {
        name: (value * math.exp(-half_width(noise)), value * math.exp(half_width(noise)))
        for name, value in figures.items()
        if value and (noise := found.get(name)) is not None
    }


def curve_of(run: Run, loads: Sequence[Load], points: Sequence[Point] = ()) -> Curve | None:
    """What arithmetic predicts: from the response time without load, and from the least
    ceiling that is known, if what was measured does not refute it. Where none is, the most
    that was measured serves, once throughput has stopped growing."""
    told = [turn for load in loads if (turn := _unlimited(run, load)) is not None]
    if not told:
        return None
    response_s = float(np.median([response_s for response_s, _ in told]))
    most_rps = max((point.rate_rps or 0.0 for point in points), default=0.0)
    known = [limiter for _, limiter in told if limiter is not None]
    ceiling_rps = float(np.median([limiter.ceiling_rps for limiter in known])) if known else None
    ceiling_from: str | None = known[0].kind if known else None
    if ceiling_rps is None or most_rps > REFUTED * ceiling_rps:
        unjudged = [replace(p, kept=None, budgets=()) for p in points]
        stopped = any(point.kept is False for point in judged(unjudged, by_budget=False))
        ceiling_rps, ceiling_from = (most_rps, "measured") if stopped else (None, None)
    return Curve(response_s, run.plan.think_time_s, ceiling_rps, ceiling_from)


def _unlimited(run: Run, load: Load) -> tuple[float, Limiter | None] | None:
    """The response time without load, and the tightest limiter but for the load itself."""
    part = (load, None)
    mix = mix_of(run, [part])
    if mix is not None:
        ordered, response_s = mix.limiters, mix.response_s
    elif len(load.measured) == 1:
        [measured] = load.measured
        alone_s = unloaded_response_s(measured.unloaded)
        if alone_s is None:
            return None
        ordered, response_s = limiters(demand_of(run, measured.endpoint, alone_s)), alone_s
    else:
        return None
    return response_s, next((each for each in ordered if each.kind not in OF_THE_LOAD), None)
