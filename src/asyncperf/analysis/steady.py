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
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from asyncperf.ranks import Ranks, median
from asyncperf.results import Window
from asyncperf.samples import Floats, Weights

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
# Completions that are known to a cell of time show only waves of so many cells: a fourth
# harmonic then has four of them, and the triangles of `flow` are right to (1/16)^2 / 4.
CELLS_PER_CYCLE = 16

# With fewer cycles the period is not known well enough: on exact simulations the worst rate
# of three cycles was 5.5 % off, of five 0.2 %.
MIN_CYCLES = 5
MIN_REQUESTS = 100
# With fewer batches than this, a few that agree by chance look like a steady state.
MIN_BATCHES = 10
# For a standard error of what is correlated with itself: more than 30 batches tell little more
# of it, and short ones are no longer independent (Schmeiser, 1982, Operations Research 30, 556).
MOST_BATCHES = 20
# Last of all the latencies of both halves must agree, but for this or chance. (In a pool's
# queue a user's turns differ, and with them the halves of a short window, by up to 3 % in a
# steady state.)
HALVES_MAY_DIFFER = 0.1
# Dropping batches must move a mean by this share and by so many standard errors of the
# rest; else MSER would be chasing noise.
TRUNCATION_MATTERS = 0.005
STANDARD_ERRORS = 3.0
NEAR_MINIMUM = 1.25
# A shift of this share is a drift, however much the rest varies.
DRIFT_MATTERS = 0.05


# What helps, in the words of a load of one level.
MORE_TIME = "give it more time (-t)"


@dataclass(frozen=True, eq=False)
class LoadView:
    """What the search needs to know of one load.

    `start_s` and `latency_s` are of all requests that completed, in order of completion;
    `response_s` are typical response times, near one of which the cycle is sought. Of a folded
    load each stands for `weight` requests that completed within the same `cell_s` seconds.
    """

    start_s: Floats
    latency_s: Floats
    ramp_end_s: float | None
    duration_s: float
    response_s: tuple[float, ...]
    weight: Weights = None
    cell_s: float = 0.0

    @property
    def end_s(self) -> Floats:
        return self.start_s + self.latency_s

    @property
    def requests(self) -> int:
        return len(self.start_s) if self.weight is None else int(self.weight.sum())

    def where(self, chosen: NDArray[np.bool_]) -> "LoadView":
        """The requests at which `chosen` is true, of the same load."""
        return replace(
            self,
            start_s=self.start_s[chosen],
            latency_s=self.latency_s[chosen],
            weight=None if self.weight is None else self.weight[chosen],
        )


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
        return NotSteady(f"no request sent after the ramp was answered; {MORE_TIME}")
    inside = view.where(view.end_s >= settled_s)
    if inside.requests < MIN_REQUESTS:
        return NotSteady(
            f"{inside.requests} requests completed after the ramp had settled, "
            f"{MIN_REQUESTS} are needed; {MORE_TIME}"
        )
    cycle_s = cycle_length(inside)
    # Cycles much shorter than the record are noise of their own, and many.
    least_s = max((view.duration_s - settled_s) / MANY_CYCLES, CELLS_PER_CYCLE * view.cell_s)
    cycle_s = max(cycle_s, least_s)
    truncated = truncation(inside, settled_s, cycle_s)
    if isinstance(truncated, NotSteady):
        return truncated
    cycles = int((view.duration_s - truncated) // cycle_s)
    return Window(view.duration_s - cycles * cycle_s, view.duration_s, cycle_s, cycles)


def settle_time(view: LoadView, ramp_end_s: float) -> float | None:
    """When the requests of the ramp had completed, but for a straggler in a hundred; None
    if none that was sent later has been answered."""
    began_in_ramp = view.start_s < ramp_end_s
    if began_in_ramp.all():
        return None
    of_ramp = view.where(began_in_ramp)
    if len(of_ramp.start_s) == 0:
        return ramp_end_s
    return max(ramp_end_s, Ranks(of_ramp.end_s, of_ramp.weight).quantile(SETTLED))


def cycle_length(view: LoadView) -> float:
    """The period of the completions, seconds.

    Sought near each response time in turn, the loaded median last; without a significant
    wave near any of them the shortest is returned: then every length will do.
    """
    ends_s = view.end_s
    responses_s = (*view.response_s, median(view.latency_s, view.weight))
    for response_s in responses_s:
        period_s = wave_near(ends_s, response_s, view.weight, view.cell_s)
        if period_s is not None:
            return period_s
    return min(responses_s)


def wave_near(
    ends_s: Floats, response_s: float, weight: Weights = None, cell_s: float = 0.0
) -> float | None:
    """The period within `SEARCH` of a response time that carries most of the waves, or
    None when no wave stands out, when fewer than two periods were seen, or when so many
    were that cutting one changes nothing, or when a period has too few cells of time."""
    bin_s = response_s / BINS_PER_PERIOD
    from_s = ends_s[0]
    if cell_s:
        # Bins of whole cells: others would hold one more of them now and then, like a wave.
        bin_s = cell_s * max(1, int(bin_s / cell_s))
        from_s = cell_s * math.floor(from_s / cell_s)
        if CELLS_PER_CYCLE * cell_s > response_s:
            return None
    times_s = ends_s - from_s
    length_s = float(times_s[-1])
    low_s, high_s = SEARCH[0] * response_s, min(SEARCH[1] * response_s, length_s / 2)
    if not 0 < low_s < high_s or length_s / low_s > MANY_CYCLES:
        return None
    bins = math.ceil(length_s / bin_s)
    counts, _ = np.histogram(times_s, bins=bins, range=(0, bins * bin_s), weights=weight)
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


def truncation(view: LoadView, from_s: float, cycle_s: float) -> float | NotSteady:
    """From when on neither throughput nor latency drifts, up to the load's end.

    Throughput is compared from cycle to cycle, latency in batches of whole cycles that are
    as long as a user takes for a turn: in a pool's queue the latencies come round only with
    that.
    """
    ends_s, to_s = view.end_s, view.duration_s
    cycles = int((to_s - from_s) // cycle_s)
    if cycles < MIN_CYCLES:
        return NotSteady(
            f"the steady part, {to_s - from_s:.3g} s, holds less than {MIN_CYCLES} cycles of "
            f"{cycle_s:.3g} s; {MORE_TIME}"
        )
    drifted = NotSteady(f"throughput or latency still drifted after {to_s:.3g} s; {MORE_TIME}")
    start_s = warm_up(flow(ends_s, from_s, cycle_s, cycles, view.weight), cycle_s)
    if start_s is None:
        return drifted
    from_s += start_s
    turn_s = cycle_s * max(1, round(median(view.latency_s, view.weight) / cycle_s))
    turns = int((to_s - from_s) // turn_s)
    start_s = warm_up(mean_latencies(view, from_s, turn_s, turns), turn_s)
    if start_s is None:
        return drifted
    from_s += start_s
    batches = min(MOST_BATCHES, int((to_s - from_s) // turn_s))
    chance = by_chance(mean_latencies(view, from_s, (to_s - from_s) / max(1, batches), batches))
    first, second = mean_latencies(view, from_s, (to_s - from_s) / 2, 2)
    differ = abs(second - first) > max(HALVES_MAY_DIFFER * min(first, second), chance)
    return drifted if differ else from_s


def by_chance(values: Floats) -> float:
    """By how much the means of both halves of a series may differ without a drift: short answers
    of a busy machine vary by tenths. (A straight drift is more than this from ten values on: the
    halves' own spread grows with it, their standard error falls with their number.)"""
    if len(values) < MIN_BATCHES:
        return 0.0
    halves = np.array_split(values, 2)
    errors = [half.var(ddof=1) / len(half) for half in halves]
    return STANDARD_ERRORS * math.sqrt(sum(errors))


def flow(
    ends_s: Floats, from_s: float, cycle_s: float, cycles: int, weight: Weights = None
) -> Floats:
    """Completions around the end of each cycle but the last, under a triangle two cycles
    wide: a box would count a wave twice or not at all where the cycle is a little wrong."""
    position = (ends_s - from_s) / cycle_s
    inside = (position >= 0) & (position < cycles)
    position = position[inside]
    cycle = position.astype(np.int64)
    each = 1 if weight is None else weight[inside]
    share = position - cycle
    before = np.bincount(cycle, weights=each * (1 - share), minlength=cycles)
    after = np.bincount(cycle, weights=each * share, minlength=cycles)
    return np.asarray(after[:-1] + before[1:], dtype=np.float64)


def mean_latencies(view: LoadView, from_s: float, batch_s: float, batches: int) -> Floats:
    """The mean latency of the completions in each batch of time, 0 where there are none."""
    position = (view.end_s - from_s) / batch_s
    within = (position >= 0) & (position < batches)
    batch, inside = position[within].astype(np.int64), view.where(within)
    each = 1 if inside.weight is None else inside.weight
    counts = np.bincount(batch, weights=inside.weight, minlength=batches)
    sums = np.bincount(batch, weights=each * inside.latency_s, minlength=batches)
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


def steady_rate(ends_s: Floats, window: Window, weight: Weights = None) -> float:
    """Completions per second in a window, averaged over every position of its edges.

    The mean over all windows of one cycle less that fit into it. So each completion
    weighs 1, but for those in the first and the last cycle, which weigh as much as they
    are cycles away from the edge. A moving average over a period cancels everything that
    comes round with it (Hyndman and Athanasopoulos, "Forecasting", section 3.3), and
    where the period is a little wrong, the error is of second order.
    """
    from_edge_s = np.minimum(ends_s - window.start_s, window.end_s - ends_s)
    shares = np.clip(from_edge_s / window.cycle_s, 0, 1)
    counted = shares.sum() if weight is None else shares @ weight
    return float(counted / (window.length_s - window.cycle_s))
