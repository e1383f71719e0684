"""Exact figures of raw samples."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from asyncperf.analysis.steady import steady_rate
from asyncperf.model import PERCENTILES, Figures, Histogram, Latency, Timeline, Window
from asyncperf.samples import Floats, Samples

TIMELINE_BINS = 60
HISTOGRAM_BINS = 12


def percentile(ordered_s: Floats, percent: float) -> float | None:
    """The nearest-rank percentile of ascending values: Hyndman & Fan (1996), type 1.

    None where fewer than one of n samples is expected beyond it, n (1 - p) < 1: such a
    percentile would be the maximum under another name.
    """
    n = len(ordered_s)
    beyond = n * (100 - percent) / 100
    # A rounding error must neither hide the one sample nor skip a rank.
    if beyond < 1 - 1e-9:
        return None
    rank = math.ceil(n * percent / 100 - 1e-9)
    return float(ordered_s[rank - 1])


def latency(latencies_s: Floats) -> Latency | None:
    """The distribution of latencies in any order, None if there are none."""
    if len(latencies_s) == 0:
        return None
    ordered = np.sort(latencies_s)
    return Latency(
        mean_s=float(ordered.mean()),
        min_s=float(ordered[0]),
        max_s=float(ordered[-1]),
        percentiles_s={percent: percentile(ordered, percent) for percent in PERCENTILES},
    )


def whole_run(samples: Samples) -> Figures:
    """All requests that completed, as Locust counts: failures included, ramp included,
    the rate up to the last completion."""
    n = len(samples)
    last_s = float(samples.end_s.max()) if n else 0.0
    return Figures(
        requests=n,
        failures=int(n - samples.ok.sum()),
        rate_rps=n / last_s if last_s > 0 else None,
        latency=latency(samples.latency_s),
    )


def completed_within(samples: Samples, window: Window) -> Samples:
    """The samples that completed in [start, end)."""
    return samples.where((samples.end_s >= window.start_s) & (samples.end_s < window.end_s))


def until(samples: Samples, end_s: float) -> Samples:
    """The samples as they stood at a time: what completed later was in flight."""
    done = samples.end_s <= end_s
    if done.all():
        return samples
    in_flight = np.concatenate([samples.cut_off_s, samples.start_s[~done]])
    return replace(samples.where(done), cut_off_s=np.sort(in_flight[in_flight <= end_s]))


def steady_figures(inside: Samples, window: Window) -> Figures:
    """Figures of a window's samples: rate and latency are of the successes, because a
    fast error is no fast answer."""
    succeeded = int(inside.ok.sum())
    return Figures(
        requests=len(inside),
        failures=len(inside) - succeeded,
        rate_rps=steady_rate(inside.end_s[inside.ok], window),
        latency=latency(inside.latency_s[inside.ok]),
    )


def timeline(samples: Samples, duration_s: float) -> Timeline:
    """Completions per second over the whole load, in at most `TIMELINE_BINS` bins."""
    bin_s = max(duration_s, 1e-9) / TIMELINE_BINS
    counts, _ = np.histogram(samples.end_s, bins=TIMELINE_BINS, range=(0, bin_s * TIMELINE_BINS))
    return Timeline(bin_s=bin_s, rates_rps=tuple(float(count / bin_s) for count in counts))


def histogram(latencies_s: Floats) -> Histogram | None:
    """Latencies in equal bins from the least to the greatest, None if there are none."""
    if len(latencies_s) == 0:
        return None
    low, high = float(latencies_s.min()), float(latencies_s.max())
    if high - low < 1e-6:
        high = low + 1e-6
    counts, edges = np.histogram(latencies_s, bins=HISTOGRAM_BINS, range=(low, high))
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))


def merged_errors(*parts: Mapping[str, int]) -> dict[str, int]:
    """Failure counts by text, added up, most frequent first."""
    total: dict[str, int] = {}
    for part in parts:
        for text, count in part.items():
            total[text] = total.get(text, 0) + count
    return dict(sorted(total.items(), key=lambda item: -item[1]))
