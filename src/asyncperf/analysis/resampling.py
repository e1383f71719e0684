"""How uncertain a steady window's figures are: the bootstrap, over blocks and repetitions.

Requests that follow each other are alike: they met the same queue, the same collection, the
same busy neighbour. Resampling single requests would call a thousand of them a thousand
observations. So whole blocks of the window are drawn, as Kunsch (1989, Annals of Statistics
17, 1217) does it; here they do not overlap (Carlstein, 1986), and there are at most
`MAX_BLOCKS` of them, because long blocks forget each other: with 10 to 30 batches nearly all
of the correlation stays inside (Schmeiser, 1982, Operations Research 30, 556). Where
neighbours are still alike, they are joined two by two until they are not (Fishman, 1978,
Management Science 24, 510).

Where the load was repeated, repetitions are drawn instead, each whole. Their spread holds
what happens within them as well; drawing blocks of the drawn repetitions again would count
that twice (Davison and Hinkley, 1997, "Bootstrap Methods", section 3.8). Two or three
repetitions can agree by luck, so what the blocks alone say stands where that is wider.

Few blocks or repetitions understate the spread by sqrt((n - 1) / n), and their normal
quantile the interval: Hesterberg (2015, The American Statistician 69, 371) names both. The
first is undone here, the second where Student's t is used with `freedom`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from asyncperf.model import Load, Run
from asyncperf.ranks import Ranks
from asyncperf.results import Window
from asyncperf.samples import Floats, Samples, Weights

MAX_BLOCKS = 30
# How often an interval is meant to hold the truth.
CONFIDENCE = 0.95
# Student's t with three degrees of freedom is 3.2; with fewer an interval says little.
LEAST_BLOCKS = 4
# Blocks that do not depend on each other correlate by less, times 1 / sqrt(count), in 5 of 6
# cases. Joining blocks without need only costs a little width.
CORRELATED = 1.0
# A standard error seldom takes more than 200 (Efron and Tibshirani, 1993, section 6.4).
RESAMPLES = 400
# Latencies are counted in bins of equal probability; beyond p99 there are 10 of these.
GRID = 1000
# A percentile's interval needs order statistics above it. With fewer than this expected
# beyond it two binomial standard deviations come close to the greatest value, and slow
# requests come in clusters: simulated, such intervals held the truth in 8 of 10 cases.
LEAST_BEYOND = 10
# The quietest phase of a cycle is sought in so many steps.
PHASES = 64
# Moving the cuts costs a cycle, and only helps if a wave stood there.
QUIETER = 0.5

PERCENTS: Mapping[str, float] = {"p50": 50.0, "p95": 95.0, "p99": 99.0}


@dataclass(frozen=True, eq=False)
class Blocks:
    """The successes of one steady window in `count` blocks of `block_s` seconds: each one's
    latency and the number of its block. What lies before the first block is left out. Of
    folded samples each stands for `weight` requests."""

    latency_s: Floats
    block: NDArray[np.int64]
    count: int
    block_s: float
    weight: Weights = None

    def where(self, chosen: NDArray[np.bool_]) -> "Blocks":
        return replace(
            self,
            latency_s=self.latency_s[chosen],
            block=self.block[chosen],
            weight=None if self.weight is None else self.weight[chosen],
        )

    @property
    def weighted_s(self) -> Floats:
        """Each latency as often as it occurred."""
        return self.latency_s if self.weight is None else self.latency_s * self.weight


@dataclass(frozen=True)
class Uncertainty:
    """The standard error of a figure's logarithm, and its degrees of freedom."""

    error: float
    freedom: float


def blocks_of(samples: Samples, window: Window) -> Blocks | None:
    """Cut a steady window into whole cycles, and these into equal blocks; None if fewer than
    two come of it.

    The cuts lie where the fewest requests complete, so that none goes through a wave.
    """
    end_s = samples.end_s
    inside = samples.where(samples.ok & (end_s >= window.start_s) & (end_s < window.end_s))
    ends_s = inside.end_s - window.start_s
    offset_s = quietest_phase(ends_s, window.cycle_s, inside.weight) * window.cycle_s
    tail_s = window.cycle_s - offset_s if offset_s else 0.0
    cycles = window.cycles - 1 if offset_s else window.cycles
    if cycles < 2:
        return None
    per_block = math.ceil(cycles / MAX_BLOCKS)
    count, block_s = cycles // per_block, per_block * window.cycle_s
    # The last ones there are, as in the window itself.
    from_s = window.length_s - tail_s - count * block_s
    block = np.floor((ends_s - from_s) / block_s).astype(np.int64)
    blocks = Blocks(inside.latency_s, block, count, block_s, inside.weight)
    return grouped(blocks.where((block >= 0) & (block < count)))


def grouped(blocks: Blocks) -> Blocks:
    """Blocks long enough that neighbours do not correlate, as far as so few can tell."""
    while blocks.count >= 2 * LEAST_BLOCKS and are_correlated(blocks):
        # Of an odd number the first one goes.
        block = (blocks.block - blocks.count % 2) // 2
        blocks = replace(
            blocks, block=block, count=blocks.count // 2, block_s=2 * blocks.block_s
        ).where(block >= 0)
    return blocks


def are_correlated(blocks: Blocks) -> bool:
    """Whether the counts or the mean latencies of neighbouring blocks are too much alike."""
    counts = np.bincount(blocks.block, blocks.weight, blocks.count).astype(np.float64)
    sums = np.bincount(blocks.block, blocks.weighted_s, blocks.count)
    least = CORRELATED / math.sqrt(blocks.count)
    return any(neighbours(values) > least for values in (counts, sums / np.maximum(counts, 1)))


def neighbours(values: Floats) -> float:
    """The lag-1 autocorrelation; 0 where nothing varies."""
    apart = values - values.mean()
    variance = float(apart @ apart)
    # What rounding leaves of equal values is no variation.
    if variance <= 1e-18 * float(values @ values):
        return 0.0
    return float(apart[1:] @ apart[:-1]) / variance


def quietest_phase(ends_s: Floats, cycle_s: float, weight: Weights = None) -> float:
    """Where in a cycle, from 0 to 1, the fewest requests complete: the middle of an eighth of
    a cycle. 0, the window's own edge, unless that meets far more."""
    counts, _ = np.histogram((ends_s / cycle_s) % 1.0, PHASES, (0.0, 1.0), weights=weight)
    reach = PHASES // 16
    around = np.zeros(PHASES)
    for shift in range(-reach, reach):
        around += np.roll(counts, -shift)
    # around[i] counts an eighth of a cycle with the edge of bin i in its middle.
    best = int(np.argmin(around))
    return best / PHASES if around[best] < QUIETER * around[0] else 0.0


def uncertainties(
    repetitions: Sequence[Blocks], random: np.random.Generator
) -> dict[str, Uncertainty | None]:
    """Of the rate, the mean and the percentiles of one endpoint in one run.

    None for a figure that has too few requests behind it.
    """
    table = _Table(repetitions)
    counts = [blocks.count for blocks in repetitions]
    n = len(repetitions)
    factor = math.sqrt(min(counts) / (min(counts) - 1))
    freedom = float(sum(count - 1 for count in counts))
    found = {
        figure: Uncertainty(error * factor, freedom)
        for figure, error in _errors(table, _draw_blocks(counts, random)).items()
    }
    if n > 1:
        factor = math.sqrt(n / (n - 1))
        between = _errors(table, _draw_repetitions(counts, random))
        found = {
            figure: max(within, Uncertainty(between[figure] * factor, n - 1.0), key=half_width)
            for figure, within in found.items()
        }
    return {
        figure: noise if math.isfinite(noise.error) and _is_backed(figure, table.requests) else None
        for figure, noise in found.items()
    }


def tied(
    found: Mapping[str, Uncertainty | None], response_share: float | None
) -> dict[str, Uncertainty | None]:
    """The uncertainties of an endpoint that has a closed load to itself: its rate is no surer
    than its mean latency, of which Little's law makes it, N / (R + Z); `response_share` is
    R / (R + Z), None where that does not hold.

    A full pool answers in waves, and the window is cut between them: each block then counts
    the same, and only the latencies show that no two waves take equally long.
    """
    rate, mean = found.get("rate"), found.get("mean")
    if response_share is None or rate is None or mean is None:
        return dict(found)
    least = replace(mean, error=response_share * mean.error)
    return {**found, "rate": max(rate, least, key=half_width)}


def response_share(run: Run, load: Load, mean_s: float) -> float | None:
    """How much of a user's turn is the response; None for an open load, and where several
    endpoints share the users."""
    if run.plan.model == "open" or len(load.measured) > 1:
        return None
    return mean_s / (mean_s + run.plan.think_time_s)


def half_width(noise: Uncertainty) -> float:
    """From the middle of an interval to its end."""
    return student_t((1 + CONFIDENCE) / 2, noise.freedom) * noise.error


def _is_backed(figure: str, requests: int) -> bool:
    return figure not in PERCENTS or requests * (100 - PERCENTS[figure]) / 100 >= LEAST_BEYOND


def least_requests(figure: str) -> int:
    """How many requests it takes to give a percentile an interval."""
    return math.ceil(LEAST_BEYOND * 100 / (100 - PERCENTS[figure]) - 1e-9)


class _Table:
    """What each block contributes, so that a resample is a weighted sum of rows."""

    def __init__(self, repetitions: Sequence[Blocks]) -> None:
        starts = np.cumsum([0, *(blocks.count for blocks in repetitions)])
        rows = int(starts[-1])
        latency_s = np.concatenate([blocks.latency_s for blocks in repetitions])
        row = np.concatenate(
            [blocks.block + start for blocks, start in zip(repetitions, starts, strict=False)]
        )
        weight = _weights(repetitions)
        self.requests_by_row = np.bincount(row, weight, rows).astype(np.float64)
        self.requests = int(self.requests_by_row.sum())
        weighted_s = np.concatenate([blocks.weighted_s for blocks in repetitions])
        self.sums = np.bincount(row, weighted_s, rows)
        # A rate is the mean of the repetitions' rates.
        seconds = [np.full(b.count, b.count * b.block_s * len(repetitions)) for b in repetitions]
        self.rates = self.requests_by_row / np.concatenate(seconds)
        ranks = Ranks(latency_s, weight)
        steps = np.linspace(0, max(ranks.count - 1, 0), min(ranks.count, GRID)).astype(np.int64)
        self.grid = np.unique([ranks[step] for step in steps]) if ranks.count else np.zeros(1)
        column = np.searchsorted(self.grid, latency_s)
        cells = np.bincount(row * len(self.grid) + column, weight, rows * len(self.grid))
        self.counts = cells.reshape(rows, len(self.grid)).astype(np.float64)


def _weights(repetitions: Sequence[Blocks]) -> Weights:
    """Of all repetitions together; None if each entry is a request."""
    if all(blocks.weight is None for blocks in repetitions):
        return None
    return np.concatenate(
        [np.ones(len(b.block), np.int64) if b.weight is None else b.weight for b in repetitions]
    )


def _errors(table: _Table, weights: Floats) -> dict[str, float]:
    """The standard error of each figure's logarithm over resamples: rows of weights."""
    requests = weights @ table.requests_by_row
    with np.errstate(divide="ignore", invalid="ignore"):
        figures = {
            "rate": weights @ table.rates,
            "mean": (weights @ table.sums) / requests,
            **_percentiles(table, weights, requests),
        }
        return {name: float(np.log(values).std()) for name, values in figures.items()}


def _percentiles(table: _Table, weights: Floats, requests: Floats) -> dict[str, Floats]:
    below = np.cumsum(weights @ table.counts, axis=1)
    ranks = {name: np.ceil(requests * percent / 100 - 1e-9) for name, percent in PERCENTS.items()}
    return {
        # The first value at which as many requests as the rank are at or below.
        name: table.grid[np.argmax(below >= rank[:, None], axis=1)]
        for name, rank in ranks.items()
    }


def _draw_blocks(counts: Sequence[int], random: np.random.Generator) -> Floats:
    """How often each block is drawn in each resample, of its own repetition."""
    drawn = [random.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) for n in counts]
    return np.concatenate(drawn, axis=1).astype(np.float64)


def _draw_repetitions(counts: Sequence[int], random: np.random.Generator) -> Floats:
    """How often each repetition is drawn in each resample, with all its blocks."""
    n = len(counts)
    drawn = random.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    return np.repeat(drawn, counts, axis=1).astype(np.float64)


def student_t(probability: float, freedom: float) -> float:
    """The quantile of Student's t distribution, for a probability above one half.

    With t = sqrt(f) tan(a) the density is proportional to cos(a)^(f - 1), which is summed up
    to pi / 2. Exact to about four digits; beyond 1,000 degrees of freedom it is the normal's.
    """
    freedom = min(freedom, 1000.0)
    angle = np.linspace(0, math.pi / 2, 20_001)
    with np.errstate(divide="ignore"):
        density = np.cos(angle) ** (freedom - 1)
    density[-1] = 1.0 if freedom == 1 else 0.0
    sums = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    at = np.interp(2 * probability - 1, sums / sums[-1], angle)
    return math.sqrt(freedom) * math.tan(float(at))
