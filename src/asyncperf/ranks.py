"""Order statistics of values that stand for one request each, or for `weight` of them.

Between the domain's words and the stages: analysis and report take the same percentiles.
"""

import math

import numpy as np
from numpy.typing import NDArray

from asyncperf.results import PERCENTILES, Latency
from asyncperf.samples import Floats, Samples, Weights

# A rounding error must neither hide the one sample nor skip a rank.
ROUNDING = 1e-9


class Ranks:
    """Values in ascending order, each as often as its weight says."""

    def __init__(self, values: Floats, weight: Weights = None) -> None:
        self._upto: NDArray[np.int64] | None = None
        self.count = len(values)
        if weight is None:
            self._ordered = np.sort(values)
        elif self.count:
            order = np.argsort(values, kind="stable")
            self._ordered, self._upto = values[order], np.cumsum(weight[order])
            self.count = int(self._upto[-1])

    def __getitem__(self, rank: int) -> float:
        """The value of that rank, from 0 to `count` - 1."""
        if self._upto is not None:
            rank = int(np.searchsorted(self._upto, rank, side="right"))
        return float(self._ordered[rank])

    def percentile(self, percent: float) -> float | None:
        """The nearest-rank percentile: Hyndman & Fan (1996), type 1.

        None where fewer than one of n samples is expected beyond it, n (1 - p) < 1: such a
        percentile would be the maximum under another name.
        """
        if self.count * (100 - percent) / 100 < 1 - ROUNDING:
            return None
        return self[math.ceil(self.count * percent / 100 - ROUNDING) - 1]

    def quantile(self, share: float) -> float:
        """The value whose rank is that share of the greatest, rounded up."""
        return self[math.ceil(share * (self.count - 1) - ROUNDING)]


def median(values: Floats, weight: Weights = None) -> float:
    """The value in the middle, or the mean of the two there."""
    if weight is None:
        return float(np.median(values))  # without sorting them all
    ranks = Ranks(values, weight)
    return (ranks[(ranks.count - 1) // 2] + ranks[ranks.count // 2]) / 2


def latency(samples: Samples) -> Latency | None:
    """The distribution of their latencies, None if there are none. Of folded samples the
    mean, least and greatest are exact, a percentile is to their precision."""
    if len(samples) == 0:
        return None
    latency_s, weight = samples.latency_s, samples.weight
    ranks = Ranks(latency_s, weight)
    least_s = latency_s if samples.least_s is None else samples.least_s
    most_s = latency_s if samples.most_s is None else samples.most_s
    return Latency(
        mean_s=float(np.average(latency_s, weights=weight)),
        min_s=float(least_s.min()),
        max_s=float(most_s.max()),
        percentiles_s={percent: ranks.percentile(percent) for percent in PERCENTILES},
    )
