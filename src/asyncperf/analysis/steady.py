"""The steady part of a load: which stretch of it may be quoted.

A closed load moves in waves. Users who start over ten seconds and wait fifteen come back
as a ten-second wave every fifteen seconds; eighty threads that start together finish
together. A window that cuts a wave is wrong by several percent, so the rate is counted
over whole cycles:

1. *Settle.* Nothing counts before the requests that were sent during the ramp are done,
   but for one in a hundred: a single straggler must not hold up the whole load.
2. *Cycle.* The period of the completions is sought near the response time, unloaded or
   loaded, as the frequency that maximises the Z^2_m statistic (Buccheri et al., 1983,
   Astron. Astrophys. 128, 245), which takes several harmonics because a wave is no sine,
   under a Hann taper. Without a wave any length will do.
3. *Truncate.* If counts or latencies still drift, what lies before the point that
   minimises the marginal standard error is dropped: MSER (White, 1997, Simulation 69,
   323). A load whose best truncation lies at its half or later has not become steady.
4. *Average.* The window is the last whole cycles there are, and the rate in it is averaged
   over the position of its edges, see `steady_rate`.
"""

import math
from dataclasses import dataclass

import numpy as np

from asyncperf.model import Window
from asyncperf.samples import Floats

SETTLED = 0.99
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

# With fewer cycles the period is not known well enough: on exact simulations the worst rate
# of three cycles was 5.5 % off, of five 0.2 %.
MIN_CYCLES = 5
MIN_REQUESTS = 100
# With fewer batches than this, a few that agree by chance look like a steady state.
MIN_BATCHES = 10
# Last of all the latencies of both halves must agree. (In a pool's queue a user's turns
# differ, and with them the halves of a short window, by up to 3 % in a steady state.)
HALVES_MAY_DIFFER = 0.1
# Dropping batches must move a mean by this share and by so many standard errors of the
# rest; else MSER would be chasing noise.
TRUNCATION_MATTERS = 0.005
STANDARD_ERRORS = 3.0
NEAR_MINIMUM = 1.25
# A shift of this share is a drift, however much the rest varies.
DRIFT_MATTERS = 0.05


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
    if settled_s is None or settled_s >= view.duration_s:
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
    # Cycles much shorter than the record are noise of their own, and many.
    cycle_s = max(cycle_s, (view.duration_s - settled_s) / MANY_CYCLES)
    truncated = truncation(ends, latencies, settled_s, view.duration_s, cycle_s)
    if isinstance(truncated, NotSteady):
        return truncated
    cycles = int((view.duration_s - truncated) // cycle_s)
    return Window(view.duration_s - cycles * cycle_s, view.duration_s, cycle_s, cycles)


def settle_time(view: LoadView, ramp_end_s: float) -> float | None:
    """When the requests of the ramp had completed, but for a straggler in a hundred; None
    if none that was sent later has been answered."""
    of_ramp = view.start_s < ramp_end_s
    if of_ramp.all():
        return None
    ends = view.start_s[of_ramp] + view.latency_s[of_ramp]
    if len(ends) == 0:
        return ramp_end_s
    return max(ramp_end_s, float(np.quantile(ends, SETTLED, method="higher")))


def cycle_length(ends_s: Floats, responses_s: tuple[float, ...]) -> float:
    """The period of the completions, seconds.

    Sought near each response time in turn; without a significant wave near any of them
    the shortest is returned: then every length will do.
    """
    for response_s in responses_s:
        period_s = wave_near(ends_s, response_s)
        if period_s is not None:
            return period_s
    return min(responses_s)


def wave_near(ends_s: Floats, response_s: float) -> float | None:
    """The period within `SEARCH` of a response time that carries most of the waves, or
    None when no wave stands out, when fewer than two periods were seen, or when so many
    were that cutting one changes nothing."""
    times_s = ends_s - ends_s[0]
    length_s = float(times_s[-1])
    low_s, high_s = SEARCH[0] * response_s, min(SEARCH[1] * response_s, length_s / 2)
    if not 0 < low_s < high_s or length_s / low_s > MANY_CYCLES:
        return None
    bin_s = response_s / BINS_PER_PERIOD
    bins = math.ceil(length_s / bin_s)
    counts, _ = np.histogram(times_s, bins=bins, range=(0, bins * bin_s))
    # Tapered, or the cut at both ends of the record would itself look like a wave.
    taper = np.hanning(bins + 2)[1:-1]
    tapered = (counts - np.average(counts, weights=taper)) * taper
    padded = OVERSAMPLING * bins
    power = np.abs(np.fft.rfft(tapered, padded)) ** 2
    # Entry i of the spectrum is the frequency i / (padded * bin_s).
    candidates = np.arange(
        math.ceil(padded * bin_s / high_s), math.floor(padded * bin_s / low_s) + 1
    )
    if len(candidates) == 0:
        return None
    multiples = np.outer(np.arange(1, HARMONICS + 1), candidates)
    z = 2 * power[multiples].sum(axis=0) / (counts * taper**2).sum()
    best = int(np.argmax(z))
    return float(padded * bin_s / candidates[best]) if z[best] >= SIGNIFICANT_Z else None


def truncation(
    ends_s: Floats, latencies_s: Floats, from_s: float, to_s: float, cycle_s: float
) -> float | NotSteady:
    """From when on neither throughput nor latency drifts.

    Throughput is compared from cycle to cycle, latency in batches of whole cycles that are
    as long as a user takes for a turn: in a pool's queue the latencies come round only with
    that.
    """
    cycles = int((to_s - from_s) // cycle_s)
    if cycles < MIN_CYCLES:
        return NotSteady(
            f"the steady part, {to_s - from_s:.3g} s, holds less than {MIN_CYCLES} cycles of "
            f"{cycle_s:.3g} s; give it more time (-t)"
        )
    drifted = NotSteady(
        f"throughput or latency still drifted after {to_s:.3g} s; give it more time (-t)"
    )
    start_s = warm_up(flow(ends_s, from_s, cycle_s, cycles), cycle_s)
    if start_s is None:
        return drifted
    from_s += start_s
    turn_s = cycle_s * max(1, round(float(np.median(latencies_s)) / cycle_s))
    turns = int((to_s - from_s) // turn_s)
    start_s = warm_up(mean_latencies(ends_s, latencies_s, from_s, turn_s, turns), turn_s)
    if start_s is None:
        return drifted
    from_s += start_s
    first, second = mean_latencies(ends_s, latencies_s, from_s, (to_s - from_s) / 2, 2)
    differ = abs(second - first) > HALVES_MAY_DIFFER * min(first, second)
    return drifted if differ else from_s


def flow(ends_s: Floats, from_s: float, cycle_s: float, cycles: int) -> Floats:
    """Completions around the end of each cycle but the last, under a triangle two cycles
    wide: a box would count a wave twice or not at all where the cycle is a little wrong."""
    position = (ends_s - from_s) / cycle_s
    position = position[(position >= 0) & (position < cycles)]
    cycle = position.astype(np.int64)
    share = position - cycle
    before = np.bincount(cycle, weights=1 - share, minlength=cycles)
    after = np.bincount(cycle, weights=share, minlength=cycles)
    return np.asarray(after[:-1] + before[1:], dtype=np.float64)


def mean_latencies(
    ends_s: Floats, latencies_s: Floats, from_s: float, batch_s: float, batches: int
) -> Floats:
    """The mean latency of the completions in each batch of time, 0 where there are none."""
    position = (ends_s - from_s) / batch_s
    inside = (position >= 0) & (position < batches)
    batch = position[inside].astype(np.int64)
    counts = np.bincount(batch, minlength=batches)
    sums = np.bincount(batch, weights=latencies_s[inside], minlength=batches)
    return np.asarray(sums / np.maximum(counts, 1), dtype=np.float64)


def warm_up(values: Floats, step_s: float) -> float | None:
    """How long the start-up phase of a series lasts, None if it does not end in time.

    MSER: dropping d values leaves the marginal standard error var(x_d..x_n) / (n - d), and
    the best d has the least (White, 1997). d is at most n / 2, because near the end a few
    values agree by chance; a minimum there says that the drift goes on. Beyond a start-up
    phase all d are much alike, so the first that comes close to the minimum is taken, and
    none at all if dropping them changes little.
    """
    n = len(values)
    if n < MIN_BATCHES:
        return 0.0
    errors = np.array([values[d:].var() / (n - d) for d in range(n // 2 + 1)])
    negligible = (TRUNCATION_MATTERS / STANDARD_ERRORS * values.mean()) ** 2
    errors = np.maximum(errors, negligible)
    best = int(np.argmin(errors))
    kept = values[best:]
    shift = abs(values.mean() - kept.mean())
    standard_error = kept.std(ddof=1) / math.sqrt(len(kept))
    drifts_on = best == n // 2
    if drifts_on and shift > DRIFT_MATTERS * abs(kept.mean()):
        return None
    if shift <= max(TRUNCATION_MATTERS * abs(kept.mean()), STANDARD_ERRORS * standard_error):
        return 0.0
    return None if drifts_on else step_s * int(np.argmax(errors <= NEAR_MINIMUM * errors[best]))


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
