"""What a rule may judge by: an endpoint's result, its load, and what the probe saw of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from asyncperf.analysis.findings.gains import Cost, Measured, cost, with_queue, without
from asyncperf.analysis.findings.inside import NOTHING, WAITED, Inside, own_s
from asyncperf.analysis.findings.words import rate
from asyncperf.analysis.mva import Queue
from asyncperf.analysis.paths import shown
from asyncperf.analysis.prediction import (
    LOOP,
    THREADS,
    THREADS_CPU,
    Demands,
    demands_of,
    together,
)
from asyncperf.insight import Frame, Records, Site
from asyncperf.model import Load, Run
from asyncperf.probe.record_format import CONNECTIONS
from asyncperf.results import EndpointResult

# The label of a finding that is of no endpoint alone.
EVERY_ENDPOINT = "*"
# Fewer requests than this say nothing of what requests are like.
LEAST_REQUESTS = 20
# Of the time that requests keep the loop: those that were recorded may take a little more of it
# than the rest, and so may a step that was interrupted.
LEAST_WAITING = 0.2
# Fewer requests in detail than this say nothing of their awaits.
LEAST_DETAILED = 5


class Spot(NamedTuple):
    """A line to change, as a report shows it."""

    file: str | None = None
    line: int | None = None
    function: str | None = None


def alone_in(load: Load | None, together: Sequence[EndpointResult], index: int) -> Demands | None:
    """What a request of an endpoint needs without contention, by its single user's."""
    result = together[index]
    measured = load.measured if load else ()
    found = next((each for each in measured if each.endpoint == result.endpoint), None)
    if load is None or found is None or result.unloaded_s is None:
        return None
    demands = demands_of(load.insight, found.endpoint, found.unloaded, found.samples)
    # Of repeated loads the response time is that of all of them.
    return demands and replace(demands, response_s=result.unloaded_s)


@dataclass(frozen=True, eq=False)
class Evidence:
    """One endpoint in one load. `together` are the results of that load, this one's at `index`;
    `inside` is None without a probe; `alone_in` says what a request of each result's endpoint
    needs without contention, None where that is not known."""

    run: Run
    together: Sequence[EndpointResult]
    index: int
    inside: Inside | None
    alone_in: Callable[[int], Demands | None]

    @property
    def result(self) -> EndpointResult:
        return self.together[self.index]

    @property
    def label(self) -> str:
        return self.result.endpoint.label

    @property
    def alone(self) -> bool:
        """Whether no other endpoint shares its load."""
        return len(self.together) == 1

    @cached_property
    def requests(self) -> Records | None:
        """Those of this endpoint that the probe recorded; None where it saw too few."""
        if self.inside is None:
            return None
        found = self.inside.of(self.inside.requests, self.index, "number")
        return found if len(found) >= LEAST_REQUESTS else None

    # The load as a whole: its endpoints share the workers.

    @cached_property
    def answered(self) -> int:
        """Requests of the load that were answered in the span of `inside`; the probe records
        only some of many."""
        counted = sum(result.steady.requests for result in self.together if result.steady)
        recorded = 0 if self.inside is None else len(self.inside.requests)
        return max(counted, recorded)

    @property
    def of_each_recorded(self) -> float:
        """How many requests each recorded one stands for."""
        recorded = 0 if self.inside is None else len(self.inside.requests)
        return self.answered / recorded if recorded else 0.0

    @cached_property
    def shares(self) -> list[float]:
        """Each endpoint's part of the load's requests."""
        counts = [result.steady.requests if result.steady else 0 for result in self.together]
        total = sum(counts)
        return [count / total if total else 1 / len(counts) for count in counts]

    @property
    def mostly_failed(self) -> bool:
        """Whether more requests failed than not: the loop was busy refusing them, and the
        endpoint may never have been called."""
        steady = self.result.steady
        return steady is not None and steady.failures > steady.requests / 2

    @property
    def rate_rps(self) -> float | None:
        rates = [result.steady.rate_rps if result.steady else None for result in self.together]
        known = [rate for rate in rates if rate is not None]
        return sum(known) if known else None

    @property
    def latency_s(self) -> float | None:
        """The mean over the load's requests."""
        total = requests = 0.0
        for result in self.together:
            steady = result.steady
            if steady is not None and steady.latency is not None:
                total += steady.requests * steady.latency.mean_s
                requests += steady.requests
        return total / requests if requests else None

    @cached_property
    def demands(self) -> Demands | None:
        """What a request of the load needs without contention, all endpoints together; of the
        event loop what it takes under load, with the server's own work in it."""
        parts = [(share, self.alone_in(index)) for index, share in enumerate(self.shares)]
        known = [(share, demands) for share, demands in parts if demands is not None]
        if len(known) < len(parts):
            return None
        found = together(known)
        if self.inside is not None and self.answered:
            stood_s = self.blocked_s + self.short_waits_s
            busy_s = (self.inside.loop_cpu_s + stood_s) / self.answered
            found = with_queue(found, LOOP, Queue(busy_s))
            if self.inside.threads_compute:
                computed_s = self.inside.process_cpu_s / self.answered
                found = with_queue(found, THREADS_CPU, Queue(computed_s))
        return found

    @cached_property
    def own(self) -> Demands | None:
        """What a request of this endpoint alone needs without contention."""
        return self.alone_in(self.index)

    @cached_property
    def blocked_s(self) -> float:
        """How long the event loops stood still without using a CPU."""
        if self.inside is None:
            return 0.0
        stalls = self.inside.stalls
        return float(np.maximum(0.0, own_s(stalls) - stalls["cpu_s"]).sum())

    @cached_property
    def short_waits_s(self) -> float:
        """How long, at least, requests kept the event loops without computing, beside what was
        seen as stalls: not for want of a CPU, nor of Python's lock while other threads computed.
        0 where the system does not say how long a thread waits for a CPU, or too little to tell."""
        inside = self.inside
        if (
            inside is None
            or self.requests is None
            or not np.isfinite(inside.ticks["delay_s"]).all()
        ):
            return 0.0
        steps_s = float(inside.requests["loop_s"].sum(dtype=np.float64)) * self.of_each_recorded
        stalled_s = float(own_s(inside.stalls[np.isin(inside.stalls["kind"], WAITED)]).sum())
        threads_s = max(0.0, inside.process_cpu_s - inside.loop_cpu_s)
        left_s = steps_s - inside.loop_cpu_s - inside.loop_delay_s - threads_s - stalled_s
        return left_s if left_s >= LEAST_WAITING * steps_s else 0.0

    @cached_property
    def loop_share(self) -> float:
        """For how much of the time the event loops had work: computing, blocked, or waiting for
        a CPU; 0 where that was not seen."""
        if self.inside is None or not self.inside.ticked_s:
            return 0.0
        inside = self.inside
        stood_s = self.blocked_s + self.short_waits_s
        return (inside.loop_cpu_s + inside.loop_delay_s + stood_s) / inside.ticked_s

    @property
    def workers(self) -> int:
        return self.inside.workers if self.inside else self.run.target.workers or 1

    def unloaded(self, taken_s: float) -> float:
        """What of a time under load is left without: awaits that queue take longer then."""
        steady, alone_s = self.result.steady, self.result.unloaded_s
        mean_s = steady.latency.mean_s if steady and steady.latency else 0.0
        return taken_s * min(1.0, alone_s / mean_s) if alone_s is not None and mean_s else taken_s

    def cost(
        self, taken_s: float, response_s: float = 0.0, queues_s: Mapping[str, float] | None = None
    ) -> Cost:
        """The cost of a cause that takes `taken_s` of each of the load's requests, and
        without which they take so much less of the response, unloaded, and of each queue."""
        now = self.demands
        return self.cost_of(now, now and without(now, response_s, queues_s), taken_s)

    def cost_of(
        self,
        now: Demands | None,
        after: Demands | None,
        taken_s: float,
        stands_still: bool = False,
    ) -> Cost:
        """The cost of what `after` goes without. What stands still is not measured by its
        rate: what it had was before that."""
        rate_rps = 0.0 if stands_still else self.rate_rps or None  # where nothing succeeded
        measured = Measured(rate_rps, self.latency_s)
        found = cost(now, after, self.run.plan, self.workers, taken_s, measured)
        if stands_still and found.rate_rps is not None:
            found = replace(found, rps=found.rate_rps - (self.rate_rps or 0.0))
        return replace(found, then=found.then and self._full(found.then))

    def _full(self, queue: str) -> str:
        """That a queue of the demands is full, in words."""
        if queue == LOOP:
            return "the event loop has no time left"
        if queue == THREADS:
            return "the thread pool is full"
        if queue == THREADS_CPU:
            return "the worker's threads, of which Python runs one at a time, have no CPU time left"
        number = int(queue.rpartition(" ")[2])
        resource = self.inside.insight.resources[number] if self.inside else None
        name = resource.name if resource else queue
        if resource is not None and resource.kind == CONNECTIONS:
            return f"all connections ({name}) are taken, and the queue has moved to them"
        return f"{name} is full, and the queue has moved to it"

    # Words.

    def change(self, cost: Cost) -> str:
        """`; at 500 users 33.3 -> 100 req/s`, after what the load gains; "" if it gains
        nothing that a digit shows."""
        plan, now_rps = self.run.plan, self.rate_rps
        if plan.rate_rps is not None or now_rps is None or not cost.rps or cost.rps <= 0:
            return ""
        if rate(now_rps) == rate(cost.rate_rps or now_rps):
            return ""
        users = "1 user" if plan.users == 1 else f"{plan.users} users"
        return f"; at {users} {cost.from_to(now_rps)}"

    def shown(self, file: str) -> str:
        """A file as the report's other paths are."""
        if self.inside is None:
            return file
        return shown(file, self.inside.insight, self.inside.endpoints)

    def spot(self, site: Site | Frame | None) -> Spot:
        """Where something stands; of a function its `def`, whatever is written above it."""
        if site is None:
            return Spot()
        verdicts = self.run.verdicts
        line = verdicts.def_line(site.file, site.line) if verdicts else site.line
        return Spot(self.shown(site.file), line, site.function)

    def asked_at(self, uses: Records) -> Spot:
        """The user's line that asked most often, as far as lines were recorded."""
        uses = uses[uses["site"] != NOTHING]
        sites, counts = np.unique(uses["site"], return_counts=True)
        most = int(sites[np.argmax(counts)]) if len(sites) else NOTHING
        return self.spot(self.inside.site(most) if self.inside else None)

    @property
    def handler(self) -> Spot:
        """The `def` that answers the endpoint."""
        found = self.result.endpoint.handler
        return Spot(found.file, found.line, found.name) if found else Spot()

    @property
    def first(self) -> bool:
        """Whether it is the first of its load, which speaks for what no endpoint caused."""
        return self.index == 0

    @property
    def everyone(self) -> str:
        """The label of a finding that is not one endpoint's."""
        return self.label if self.alone else EVERY_ENDPOINT
