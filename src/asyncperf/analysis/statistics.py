"""Figures of samples, each entry counted as often as it says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from asyncperf.analysis.steady import steady_rate
from asyncperf.ranks import latency
from asyncperf.results import Figures, Histogram, Timeline, Window
from asyncperf.samples import Floats, Folded, Samples, coarsest

TIMELINE_BINS = 60
HISTOGRAM_BINS = 12


def whole_run(samples: Samples, since_s: float = 0.0) -> Figures:
    """All requests that completed, as Locust counts: failures included, ramp included,
    the rate up to the last completion."""
    last_s = float(samples.end_s.max()) - since_s if len(samples) else 0.0
    return Figures(
        requests=samples.requests,
        failures=samples.failures,
        rate_rps=samples.requests / last_s if last_s > 0 else None,
        latency=latency(samples),
    )


def completed_within(samples: Samples, window: Window) -> Samples:
    """The samples that completed in [start, end)."""
    return samples.where((samples.end_s >= window.start_s) & (samples.end_s < window.end_s))


def until(samples: Samples, end_s: float) -> Samples:
    """The samples as they stood at a time: what completed later was in flight."""
    done = samples.end_s <= end_s
    if done.all():
        return samples
    later = samples.where(~done)
    began_s = later.start_s if later.weight is None else np.repeat(later.start_s, later.weight)
    in_flight = np.concatenate([samples.cut_off_s, began_s])
    return replace(samples.where(done), cut_off_s=np.sort(in_flight[in_flight <= end_s]))


def since(samples: Samples, begin_s: float) -> Samples:
    """The samples without those that had completed before a time."""
    return samples if begin_s <= 0 else samples.where(samples.end_s >= begin_s)


def begun_within(samples: Samples, window: Window, before_s: float = 0.0) -> int:
    """How many requests began in [start, end) or so much before it, answered or not."""

    def begun(start_s: Floats) -> NDArray[np.bool_]:
        shifted_s = start_s + before_s
        return (shifted_s >= window.start_s) & (shifted_s < window.end_s)

    return samples.count(begun(samples.start_s)) + int(np.count_nonzero(begun(samples.cut_off_s)))


def steady_figures(samples: Samples, window: Window) -> Figures:
    """Figures of the samples in a window: rate and latency are of the successes, because a
    fast error is no fast answer. What ends in it began a mean latency earlier."""
    inside = completed_within(samples, window)
    succeeded = inside.where(inside.ok)
    answered = latency(succeeded)
    return Figures(
        requests=inside.requests,
        failures=inside.failures,
        rate_rps=steady_rate(succeeded.end_s, window, succeeded.weight),
        latency=answered,
        sent=begun_within(samples, window, answered.mean_s if answered else 0.0),
    )


def timeline(samples: Samples, duration_s: float) -> Timeline:
    """Completions per second over the whole load, in at most `TIMELINE_BINS` bins."""
    bin_s = max(duration_s, 1e-9) / TIMELINE_BINS
    range_s = (0, bin_s * TIMELINE_BINS)
    counts, _ = np.histogram(samples.end_s, TIMELINE_BINS, range_s, weights=samples.weight)
    return Timeline(bin_s=bin_s, rates_rps=tuple(float(count / bin_s) for count in counts))


def histogram(samples: Samples) -> Histogram | None:
    """Latencies in equal bins from the least to the greatest, None if there are none."""
    if len(samples) == 0:
        return None
    latencies_s = samples.latency_s
    low, high = float(latencies_s.min()), float(latencies_s.max())
    if high - low < 1e-6:
        high = low + 1e-6
    counts, edges = np.histogram(latencies_s, HISTOGRAM_BINS, (low, high), weights=samples.weight)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))


def folded(parts: Sequence[Samples]) -> Folded | None:
    """How many of the requests are folded, and how finely at worst; None if none are."""
    precision = coarsest(parts)
    if precision is None:
        return None
    return Folded(sum(part.requests for part in parts if part.precision is not None), precision)


def redirects(samples: Samples) -> int:
    """How many answers sent the client elsewhere; 304 says that nothing has changed."""
    status = samples.status
    return samples.count(samples.ok & (status >= 300) & (status < 400) & (status != 304))


def merged_errors(*parts: Mapping[str, int]) -> dict[str, int]:
    """Failure counts by text, added up, most frequent first."""
    total: dict[str, int] = {}
    for part in parts:
        for text, count in part.items():
            total[text] = total.get(text, 0) + count
    return dict(sorted(total.items(), key=lambda item: -item[1]))
