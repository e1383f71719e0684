"""Repeated loads of one endpoint, pooled into one result."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from asyncperf.analysis import statistics
from asyncperf.analysis.findings import generator_limit
from asyncperf.model import EndpointResult, Figures, GeneratorHealth, Window
from asyncperf.ranks import latency
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
    return replace(
        shown,
        whole=_pooled([r.whole for r in results], joined(samples)),
        steady=_pooled(steady, successes) if steady else None,
        in_flight_at_end=sum(r.in_flight_at_end for r in results),
        errors=statistics.merged_errors(*(r.errors for r in results)),
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
    )


def _pooled(figures: Sequence[Figures], samples: Samples) -> Figures:
    rates = [f.rate_rps for f in figures if f.rate_rps is not None]
    return Figures(
        requests=sum(f.requests for f in figures),
        failures=sum(f.failures for f in figures),
        rate_rps=math.fsum(rates) / len(rates) if rates else None,
        latency=latency(samples),
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
