"""Repeated loads of one endpoint, pooled into one result."""

import math
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from asyncperf.analysis import statistics
from asyncperf.analysis.breakdown import notes_of
from asyncperf.analysis.findings import generator_limit
from asyncperf.explanation import AwaitPart, Breakdown, LoopPart, Starved
from asyncperf.model import GeneratorHealth
from asyncperf.ranks import latency
from asyncperf.results import EndpointResult, Figures, Window
from asyncperf.samples import Samples, joined


def pooled(
    results: Sequence[EndpointResult],
    samples: Sequence[Samples],
    windows: Sequence[Window | None],
) -> EndpointResult:
    """One result of several repetitions, in order; its limiter is still to be explained.

    Latencies are of all repetitions' requests together. A rate is the mean of the
    repetitions' rates: each is one observation of the same app, however long it took.
    """
    steady = [r.steady for r in results if r.steady is not None]
    shown = next((r for r in results if r.window is not None), results[0])
    inside = [
        statistics.completed_within(found, window)
        for found, window in zip(samples, windows, strict=True)
        if window is not None
    ]
    successes = joined([found.where(found.ok) for found in inside])
    figures = _pooled(steady, successes) if steady else None
    parts = broken_down(results, figures)
    return replace(
        shown,
        whole=_pooled([r.whole for r in results], joined(samples)),
        steady=figures,
        in_flight_at_end=sum(r.in_flight_at_end for r in results),
        errors=statistics.merged_errors(*(r.errors for r in results)),
        redirects=sum(r.redirects for r in results),
        unloaded_s=_median([r.unloaded_s for r in results if r.unloaded_s is not None]),
        unloaded_requests=sum(r.unloaded_requests for r in results),
        generator=worst([r.generator for r in results]),
        histogram=statistics.histogram(successes),
        trouble=next(
            (f"repetition {r.repetition}: {r.trouble}" for r in results if r.trouble), None
        ),
        repetitions=tuple(results),
        folded=statistics.folded(samples),
        loaded=any(r.loaded for r in results),
        breakdown=parts,
        breakdown_note=None if parts else shown.breakdown_note,
    )


# The parts of a mean that are always known, and close no sum.
PARTS = sorted(
    {field.name for field in fields(Breakdown) if field.name.endswith("_s")}
    - {"mean_s", "loop_wait_s", "other_s"}
)


def broken_down(results: Sequence[EndpointResult], steady: Figures | None) -> Breakdown | None:
    """The parts of the mean request of all repetitions: each repetition's count as its requests
    do, so that they add up to the pooled mean. What is of a repetition that had too few
    recorded is in `other_s`."""
    known = [
        (result.breakdown, result.steady.requests - result.steady.failures)
        for result in results
        if result.breakdown is not None and result.steady is not None
    ]
    if not known or steady is None or steady.latency is None:
        return None
    total = sum(requests for _, requests in known)
    shares = [requests / total for _, requests in known]
    parts = [found for found, _ in known]

    def mean(name: str) -> float:
        values = (getattr(found, name) or 0.0 for found in parts)
        return math.fsum(share * value for share, value in zip(shares, values, strict=True))

    mean_s = steady.latency.mean_s
    other_s = mean("other_s") + mean_s - mean("mean_s")
    sent_known = all(found.loop_wait_s is not None for found in parts)
    loop_wait_s = mean("loop_wait_s") if sent_known else None
    starved = Starved(
        max(found.starved.generator for found in parts), max(found.starved.loop for found in parts)
    )
    pooled = replace(
        parts[0],
        **{name: mean(name) for name in PARTS},
        mean_s=mean_s,
        loop_wait_s=loop_wait_s,
        other_s=other_s,
        requests=sum(found.requests for found in parts),
        of_requests=sum(found.of_requests for found in parts),
        awaits=_awaits(list(zip(parts, shares, strict=True))),
        on_loop=_on_loop(list(zip(parts, shares, strict=True))),
        notes=(),
        starved=starved,
        steps=mean("steps"),
    )
    return replace(pooled, notes=tuple(notes_of(pooled)))


def _awaits(known: Sequence[tuple[Breakdown, float]]) -> tuple[AwaitPart, ...]:
    found: dict[AwaitPart, list[float]] = {}
    for breakdown, share in known:
        for part in breakdown.awaits:
            sums = found.setdefault(replace(part, mean_s=0.0, times=0.0), [0.0, 0.0])
            sums[0] += share * part.mean_s
            sums[1] += share * part.times
    parts = (replace(part, mean_s=m, times=t) for part, (m, t) in found.items())
    return tuple(sorted(parts, key=lambda part: -part.mean_s))


def _on_loop(known: Sequence[tuple[Breakdown, float]]) -> tuple[LoopPart, ...]:
    found: dict[LoopPart, LoopPart] = {}
    for breakdown, share in known:
        for part in breakdown.on_loop:
            place = replace(part, share=0.0, samples=0)
            sums = found.get(place, place)
            found[place] = replace(
                part,
                share=sums.share + share * part.share,
                samples=sums.samples + part.samples,
            )
    return tuple(sorted(found.values(), key=lambda part: -part.share))


def _pooled(figures: Sequence[Figures], samples: Samples) -> Figures:
    rates = [f.rate_rps for f in figures if f.rate_rps is not None]
    return Figures(
        requests=sum(f.requests for f in figures),
        failures=sum(f.failures for f in figures),
        rate_rps=math.fsum(rates) / len(rates) if rates else None,
        latency=latency(samples),
        sent=sum(f.sent or 0 for f in figures),
    )


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def worst(health: Sequence[GeneratorHealth]) -> GeneratorHealth:
    """The health that casts most doubt: one that was the limit, else the busiest."""
    return max(health, key=lambda h: (generator_limit(h) is not None, h.cpu or 0.0))


def unsteady(result: EndpointResult) -> str | None:
    """What a reader must know when some repetitions are in no steady figure, else None."""
    left_out = [r for r in result.repetitions if r.steady is None]
    if not left_out or len(left_out) == len(result.repetitions):
        return None
    why = left_out[0].trouble or left_out[0].no_window_why
    return (
        f"{result.endpoint.label}: {len(left_out)} of {len(result.repetitions)} repetitions "
        f"are in no steady figure ({why})"
    )
