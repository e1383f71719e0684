"""The steady part of a load: which stretch of it may be quoted.

A closed load moves in waves. Users who start over ten seconds and wait fifteen come back
as a ten-second wave every fifteen seconds; eighty threads that start together finish
together. A window that cuts a wave is wrong by several percent, so the rate is counted
over whole cycles:

1. *Settle.* Nothing counts before every request that was sent during the ramp is done.
2. *Cycle.* The period of the completions is sought near the response time, unloaded or
   loaded, as the frequency that maximises the Z^2_m statistic (Buccheri et al., 1983,
   Astron. Astrophys. 128, 245), which takes several harmonics because a wave is no sine.
3. *Truncate.* If the cycles' counts or latencies still drift, those before the point
   that minimises the marginal standard error are dropped: MSER (White, 1997, Simulation
   69, 323). A load whose best truncation lies in its second half has not become steady.
4. *Average.* The window is the last whole cycles there are, and the rate in it is averaged
   over the position of its edges, see `steady_rate`.
"""

import math
from dataclasses import dataclass

import numpy as np

from asyncperf.model import Floats, Window

HARMONICS = 4
# The period is sought between these multiples of a response time: queueing stretches it,
# a median drawn from the short side of two kinds of request understates it.
SEARCH = (0.7, 1.4)
# Bins per expected period, and grid steps per independent frequency (1 / length).
BINS_PER_PERIOD = 64
OVERSAMPLING = 8
# Z^2_m of unrelated events exceeds 2m + 40 once in some 10^7 frequencies looked at.
SIGNIFICANT_Z = 2 * HARMONICS + 40
# A window of so many cycles may cut one: the error is below a fifth of a percent.
MANY_CYCLES = 500

# Fewer cycles than this are an anecdote.
MIN_CYCLES = 3
MIN_REQUESTS = 100
# Dropping cycles must move a mean by this share and by so many standard errors of the
# rest; else MSER would be chasing noise.
TRUNCATION_MATTERS = 0.005
STANDARD_ERRORS = 3.0


@dataclass(frozen=True, eq=False)
class LoadView:
    """What the search needs to know of one load.

    `start_s` and `latency_s` are of all requests that completed, in order of completion;
    `response_s` are typical response times, near one of which the cycle is sought.
    """

    start_s: Floats
    latency_s: Floats
    ramp_end_s: float | None
    duration_s: float
    response_s: tuple[float, ...]


@dataclass(frozen=True)
class NotSteady:
    """Why no window can be quoted, and what it would take."""

    why: str


def find_window(view: LoadView) -> Window | NotSteady:
    """The longest stretch of whole cycles in the steady state."""
    if view.ramp_end_s is None:
        return NotSteady("the load ended before all users had started")
    settled_s = settle_time(view, view.ramp_end_s)
    if settled_s is None:
        return NotSteady("no request sent after the ramp was answered; give it more time (-t)")
    ends = view.start_s + view.latency_s
    inside = ends >= settled_s
    if inside.sum() < MIN_REQUESTS:
        return NotSteady(
            f"{int(inside.sum())} requests completed after the ramp had settled, "
            f"{MIN_REQUESTS} are needed; give it more time (-t)"
        )
    ends, latencies = ends[inside], view.latency_s[inside]
    cycle_s = cycle_length(ends, (*view.response_s, float(np.median(latencies))))
    truncated = truncation(ends, latencies, settled_s, view.duration_s, cycle_s)
    if isinstance(truncated, NotSteady):
        return truncated
    cycles = int((view.duration_s - truncated) // cycle_s)
    return Window(view.duration_s - cycles * cycle_s, view.duration_s, cycle_s, cycles)


def settle_time(view: LoadView, ramp_end_s: float) -> float | None:
    """When the last request of the ramp completed; None if nothing else has yet."""
    of_ramp = view.start_s < ramp_end_s
    if of_ramp.all():
        return None
    ends = view.start_s[of_ramp] + view.latency_s[of_ramp]
    return max(ramp_end_s, float(ends.max(initial=0.0)))


def cycle_length(ends_s: Floats, responses_s: tuple[float, ...]) -> float:
    """The period of the completions, seconds.

    Sought near each response time in turn; without a significant wave near any of them
    the last one is returned: then every length will do.
    """
    for response_s in responses_s:
        period_s = wave_near(ends_s, response_s)
        if period_s is not None:
            return period_s
    return responses_s[-1]


def wave_near(ends_s: Floats, response_s: float) -> float | None:
    """The period within `SEARCH` of a response time that carries most of the waves, or
    None when no wave stands out, when fewer than two periods were seen, or when so many
    were that cutting one changes nothing."""
    times_s = ends_s - ends_s[0]
    length_s = float(times_s[-1])
    low_s, high_s = (factor * response_s for factor in SEARCH)
    if low_s <= 0 or not 2 <= length_s / low_s <= MANY_CYCLES:
        return None
    bin_s = response_s / BINS_PER_PERIOD
    bins = math.ceil(length_s / bin_s)
    counts, _ = np.histogram(times_s, bins=bins, range=(0, bins * bin_s))
    padded = OVERSAMPLING * bins
    power = np.abs(np.fft.rfft(counts, padded)) ** 2
    # Entry i of the spectrum is the frequency i / (padded * bin_s).
    candidates = np.arange(
        math.ceil(padded * bin_s / high_s), math.floor(padded * bin_s / low_s) + 1
    )
    multiples = np.outer(np.arange(1, HARMONICS + 1), candidates)
    z = 2 / len(times_s) * power[multiples].sum(axis=0)
    best = int(np.argmax(z))
    return float(padded * bin_s / candidates[best]) if z[best] >= SIGNIFICANT_Z else None


def truncation(
    ends_s: Floats, latencies_s: Floats, from_s: float, to_s: float, cycle_s: float
) -> float | NotSteady:
    """From when on neither the cycles' counts nor their mean latencies drift."""
    cycles = int((to_s - from_s) // cycle_s)
    if cycles < MIN_CYCLES:
        return NotSteady(
            f"the steady part holds {cycles} cycles of {cycle_s:.3g} s, "
            f"{MIN_CYCLES} are needed; give it more time (-t)"
        )
    cycle = ((ends_s - from_s) // cycle_s).astype(np.int64)
    whole = cycle < cycles
    counts = np.bincount(cycle[whole], minlength=cycles).astype(np.float64)
    sums = np.bincount(cycle[whole], weights=latencies_s[whole], minlength=cycles)
    means = sums / np.maximum(counts, 1)
    dropped = max(warm_up(counts), warm_up(means))
    if dropped == cycles // 2 or cycles - dropped < MIN_CYCLES:
        return NotSteady(
            f"throughput or latency still drifted after {to_s:.3g} s; give it more time (-t)"
        )
    return from_s + dropped * cycle_s


def warm_up(values: Floats) -> int:
    """How many leading values differ from the rest, 0 if dropping them changes little."""
    dropped = mser(values)
    kept = values[dropped:]
    shift = abs(values.mean() - kept.mean())
    standard_error = kept.std(ddof=1) / math.sqrt(len(kept))
    matters = shift > max(TRUNCATION_MATTERS * abs(kept.mean()), STANDARD_ERRORS * standard_error)
    return dropped if matters else 0


def mser(values: Floats) -> int:
    """How many leading values to drop so that the rest has the least marginal standard
    error: argmin_d of var(x_d..x_n) / (n - d), d at most n / 2, because near the end a
    few values agree by chance (White, 1997)."""
    n = len(values)
    return int(np.argmin([values[d:].var() / (n - d) for d in range(n // 2 + 1)]))


def steady_rate(ends_s: Floats, window: Window) -> float:
    """Completions per second in a window, averaged over every position of its edges.

    The mean over all windows of one cycle less that fit into it. So each completion
    weighs 1, but for those in the first and the last cycle, which weigh as much as they
    are cycles away from the edge. A moving average over a period cancels everything that
    comes round with it (Hyndman and Athanasopoulos, "Forecasting", section 3.3), and
    where the period is a little wrong, the error is of second order.
    """
    from_edge_s = np.minimum(ends_s - window.start_s, window.end_s - ends_s)
    weights = np.clip(from_edge_s / window.cycle_s, 0, 1)
    return float(weights.sum() / (window.length_s - window.cycle_s))
