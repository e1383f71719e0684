"""What a cause costs: the rate and the response time without it, by the laws of `capacity`.

Asymptotic bounds (Lazowska, Zahorjan, Graham and Sevcik, "Quantitative System Performance",
1984, chapter 5): with N users, think time Z and a response time without contention R,
X <= min(N / (R + Z), c_k / D_k) over all places k of capacity c_k, of which a request takes
D_k. What a cause takes of R or of a D_k is left out, and the bound is computed again. So a
gain is the most that the remedy can give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from asyncperf.analysis.capacity import THREAD_TOKENS

# A gain below this share of what is had now drowns in the noise of two runs.
WORTHWHILE = 0.05


@dataclass(frozen=True)
class Place:
    """Something of limited capacity, over all workers, and for how long a request takes one
    unit of it."""

    capacity: float
    demand_s: float

    @property
    def most_rps(self) -> float:
        """The utilisation law: X <= c / D."""
        return self.capacity / self.demand_s if self.demand_s > 0 else math.inf


@dataclass(frozen=True)
class Offered:
    """The load: `users` who think `think_s`, or `rate_rps` arrivals in an open one."""

    users: int
    think_s: float
    rate_rps: float | None


@dataclass(frozen=True)
class Turn:
    """What one request of a load takes, on average: `response_s` without contention, None if
    that was not measured; and of each place by its name."""

    offered: Offered
    response_s: float | None
    places: dict[str, Place]

    @property
    def most_rps(self) -> float | None:
        """The bound on the throughput; None where nothing is known to bound it."""
        offered = self.offered
        bounds = [place.most_rps for place in self.places.values() if place.demand_s > 0]
        if offered.rate_rps is not None:
            bounds.append(offered.rate_rps)
        elif self.response_s is not None:
            turn_s = self.response_s + offered.think_s
            bounds += [offered.users / turn_s] if turn_s > 0 else []
        else:
            return None
        return min(bounds, default=None)

    def without(self, *, response_s: float = 0.0, **places_s: float) -> Turn:
        """The same less so many seconds of the response, and of each place by its name."""
        left = {
            name: replace(place, demand_s=max(0.0, place.demand_s - places_s.get(name, 0.0)))
            for name, place in self.places.items()
        }
        kept_s = None if self.response_s is None else max(0.0, self.response_s - response_s)
        return replace(self, response_s=kept_s, places=left)


@dataclass(frozen=True)
class Cost:
    """What a cause costs each request, and all of them: `rate_rps` is the rate without it, None
    where no law says."""

    ms_per_request: float
    rps: float | None = None
    rate_rps: float | None = None

    @property
    def predicted(self) -> dict[str, float] | None:
        return None if self.rate_rps is None else {"rate_rps": self.rate_rps}


def cost(
    now: Turn, after: Turn, own_s: float, rate_rps: float | None, latency_s: float | None
) -> Cost:
    """The cost of what `after` goes without and `now` has. It took `own_s` of a request by
    itself; measured were `rate_rps` and a mean of `latency_s`, which hold its queues as well.

    The measured rate grows as the bound does: what holds it below its bound stays.
    """
    before_rps, most_rps, own_ms = now.most_rps, after.most_rps, 1000 * own_s
    if rate_rps is None or not before_rps or most_rps is None:
        return Cost(own_ms)
    after_rps = rate_rps * max(1.0, most_rps / before_rps)
    offered = after.offered
    if offered.rate_rps is None and latency_s is not None and after_rps > 0:
        # Little's law for the closed load: N = X (R + Z).
        left_s = latency_s * rate_rps / after_rps - offered.think_s * (1 - rate_rps / after_rps)
        own_ms = max(own_ms, 1000 * (latency_s - left_s))
    return Cost(own_ms, after_rps - rate_rps, after_rps)


def at_most(found: Cost, most_rps: float) -> Cost:
    """The same where something else allows no more than that rate."""
    if found.rps is None or found.rate_rps is None or found.rate_rps <= most_rps:
        return found
    gained_rps = max(0.0, found.rps - (found.rate_rps - most_rps))
    return replace(found, rps=gained_rps, rate_rps=found.rate_rps - found.rps + gained_rps)


def threads_of(workers: int, demand_s: float) -> Place:
    return Place(workers * THREAD_TOKENS, demand_s)
