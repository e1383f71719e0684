"""What a cause costs: the rate and the response time without it.

What a request needs without contention is changed as the remedy would change it, and the load
foretold from both (`prediction`): what it waits for, the next queue and the users bound what is
left. Where the load queues for longer than is foretold (requests that come in bunches), its
queues are taken to shrink as the foretold ones do; else the measured rate to grow as the
foretold one does, for what holds it below that now stays. So a gain is what the remedy gives
if it takes away all that it can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from asyncperf.analysis.findings.words import rate
from asyncperf.analysis.mva import Queue
from asyncperf.analysis.prediction import LOOP, Demands, most_rps, predict
from asyncperf.model import LoadPlan

# Of a request's own time, what has to be foretold of queues to compare the measured ones with.
QUEUED = 0.1


@dataclass(frozen=True)
class Cost:
    """What a cause costs each request, and all of them: `rate_rps` is the rate without it, None
    where it cannot be foretold. `then` is the queue that caps that, None if the load does."""

    ms_per_request: float
    rps: float | None = None
    rate_rps: float | None = None
    then: str | None = None

    @property
    def predicted(self) -> dict[str, float] | None:
        return None if self.rate_rps is None else {"rate_rps": self.rate_rps}

    @property
    def gain(self) -> str:
        """`up to 50 req/s, where the thread pool is full`; "" where nothing is gained."""
        most = self._most
        return f"up to {most}{self._then}" if most else ""

    def from_to(self, now_rps: float) -> str:
        """`33.3 -> 100 req/s, where the thread pool is full`."""
        return f"{rate(now_rps, '')} -> {rate(self.rate_rps or now_rps)}{self._then}"

    @property
    def _then(self) -> str:
        return f", where {self.then}" if self.then else ""

    @property
    def _most(self) -> str:
        """The rate without it; "" where none of its digits shows a gain."""
        if not self.rps or not self.rate_rps:
            return ""
        most = rate(self.rate_rps)
        return "" if most == rate(self.rate_rps - self.rps) else most

    @property
    def sentence(self) -> str:
        """The same as a sentence of its own, after another one."""
        most = self._most
        return f" Up to {most} under this load{self._then}." if most else ""


@dataclass(frozen=True)
class Measured:
    """What the load had: its rate, and its mean latency with all queues."""

    rate_rps: float | None
    latency_s: float | None


def without(
    demands: Demands, response_s: float = 0.0, queues_s: Mapping[str, float] | None = None
) -> Demands:
    """The same less so many seconds of the response, and of each queue by its name. What is
    left of the loop's work still takes its time."""
    taken = queues_s or {}
    queues = {
        name: replace(queue, demand_s=max(0.0, queue.demand_s - taken.get(name, 0.0)))
        for name, queue in demands.queues.items()
    }
    least_s = queues[LOOP].demand_s if LOOP in queues else 0.0
    left_s = max(demands.response_s - response_s, min(least_s, demands.response_s))
    return replace(demands, response_s=left_s, queues=queues)


def cost(
    now: Demands | None,
    after: Demands | None,
    plan: LoadPlan,
    workers: int,
    own_s: float,
    measured: Measured,
) -> Cost:
    """The cost of what `after` goes without and `now` has; it took `own_s` of a request by
    itself. A load that stood still has what is foretold of `after`."""
    own_ms = 1000 * own_s
    rate_rps, latency_s = measured.rate_rps, measured.latency_s
    if now is None or after is None or rate_rps is None or after.response_s <= 0:
        return Cost(own_ms)
    after_rps = predict(after, plan, workers).rate_rps
    if rate_rps > 0:
        after_rps = max(rate_rps, _rate_after(now, after, plan, workers, rate_rps, latency_s))
    if plan.rate_rps is None and latency_s is not None and after_rps > 0:
        # Little's law for the closed load: N = X (R + Z).
        grown = rate_rps / after_rps
        left_s = latency_s * grown - plan.think_time_s * (1 - grown)
        own_ms = max(own_ms, 1000 * (latency_s - left_s))
    return Cost(own_ms, after_rps - rate_rps, after_rps, capped_by(after, plan, workers))


def _rate_after(
    now: Demands,
    after: Demands,
    plan: LoadPlan,
    workers: int,
    rate_rps: float,
    latency_s: float | None,
) -> float:
    then, today = predict(after, plan, workers), predict(now, plan, workers)
    if latency_s is not None and plan.rate_rps is None:
        # The longest queues that are foretold are those of times that vary.
        foretold_s = plan.users / today.low_rps - plan.think_time_s - now.response_s
        queued_s = latency_s - now.response_s
        if queued_s > foretold_s > QUEUED * now.response_s:
            left_s = plan.users / then.low_rps - plan.think_time_s - after.response_s
            turn_s = after.response_s + left_s * queued_s / foretold_s + plan.think_time_s
            return plan.users / turn_s
    return rate_rps * then.rate_rps / today.rate_rps


def at_most(found: Cost, most_rps: float) -> Cost:
    """The same where something else allows no more than that rate."""
    if found.rps is None or found.rate_rps is None or found.rate_rps <= most_rps:
        return found
    gained_rps = max(0.0, found.rps - (found.rate_rps - most_rps))
    return replace(found, rps=gained_rps, rate_rps=found.rate_rps - found.rps + gained_rps)


def capped_by(demands: Demands, plan: LoadPlan, workers: int) -> str | None:
    """The name of the queue that allows less than the load asks for, None if none does."""
    asked_rps = plan.rate_rps
    if asked_rps is None:
        asked_rps = plan.users / (demands.response_s + plan.think_time_s)
    tight = {name: workers * most_rps(queue) for name, queue in demands.queues.items()}
    name = min(tight, key=lambda name: tight[name], default=None)
    return name if name is not None and tight[name] < asked_rps else None


def with_queue(demands: Demands, name: str, queue: Queue) -> Demands:
    return replace(demands, queues={**demands.queues, name: queue})
