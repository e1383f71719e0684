"""Whether anyone still answered when a load ended.

A request that fails takes no time: where a server has gone, its failures would be a steady state
of nothing, and the load a result.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asyncperf.load.outcomes import Outcome
from asyncperf.samples import Samples

# A server that restarts itself refuses connections for a moment.
LEAST_S = 1.0
# One that did not listen for so long will not listen again.
FOR_GOOD_S = 10.0
# A single connection that is refused may be anything.
LEAST_REFUSED = 3


@dataclass(frozen=True)
class Silence:
    """From `since_s` of a load on nothing was answered, and so many connections were refused,
    until the load's last request ended."""

    since_s: float
    until_s: float
    refused: int

    def __str__(self) -> str:
        return (
            f"nobody answered any more from {self.since_s:.1f} s on: the server refused "
            f"{self.refused:,} connections"
        )

    @property
    def is_for_good(self) -> bool:
        return self.until_s - self.since_s >= FOR_GOOD_S


def silence_of(every: Iterable[Samples]) -> Silence | None:
    """The silence that a load ends in, whichever endpoints it asks for; None where it was answered
    to the end, or where how a request failed is not known (Locust)."""
    every = list(every)
    known = [(samples, samples.outcome) for samples in every if samples.outcome is not None]
    since_s = last_answer_s(every)
    until_s = max((_last(samples, samples.status >= 0) for samples in every), default=0.0)
    refused = sum(
        samples.count((samples.end_s > since_s) & (outcome == Outcome.REFUSED))
        for samples, outcome in known
    )
    if refused < LEAST_REFUSED or until_s - since_s < LEAST_S:
        return None
    return Silence(since_s, until_s, refused)


def last_answer_s(every: Iterable[Samples]) -> float:
    """When the last answer of a load was there, whatever it said."""
    return max((_last(samples, samples.status > 0) for samples in every), default=0.0)


def _last(samples: Samples, chosen: NDArray[np.bool_]) -> float:
    """When the last of the chosen requests ended."""
    return float(samples.end_s[chosen].max(initial=0.0))
