"""What a rule may judge by: an endpoint's result, its load, and what the probe saw of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import NamedTuple

import numpy as np

from asyncperf.analysis.findings.gains import Cost, Offered, Place, Turn, cost, threads_of
from asyncperf.analysis.findings.inside import Inside, own_s
from asyncperf.insight import Frame, Records, Site
from asyncperf.model import EndpointResult, Run

# The source of a file, None where it is not to be had.
Source = Callable[[str], str | None]
# The label of a finding that is of no endpoint alone.
EVERY_ENDPOINT = "*"
# Fewer requests than this say nothing of what requests are like.
LEAST_REQUESTS = 20
# Fewer requests in detail than this say nothing of their awaits.
LEAST_DETAILED = 5


class Spot(NamedTuple):
    """A line to change, as a report shows it."""

    file: str | None = None
    line: int | None = None
    function: str | None = None


@dataclass(frozen=True, eq=False)
class Evidence:
    """One endpoint in one load. `together` are the results of that load, this one's at `index`;
    `inside` is None without a probe."""

    run: Run
    together: Sequence[EndpointResult]
    index: int
    inside: Inside | None
    source: Source

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
    def turn(self) -> Turn:
        """What a request of the load takes of the places that are known."""
        plan = self.run.plan
        workers = self.inside.workers if self.inside else self.run.target.workers or 1
        places = {"threads": threads_of(workers, self._thread_s)}
        if self.inside is not None and self.answered:
            busy_s = self.inside.loop_cpu_s + self.blocked_s
            places["loop"] = Place(workers, busy_s / self.answered)
        return Turn(Offered(plan.users, plan.think_time_s, plan.rate_rps), self._response_s, places)

    @cached_property
    def blocked_s(self) -> float:
        """How long the event loops stood still without using a CPU."""
        if self.inside is None:
            return 0.0
        stalls = self.inside.stalls
        return float(np.maximum(0.0, own_s(stalls) - stalls["cpu_s"]).sum())

    @cached_property
    def loop_share(self) -> float:
        """For how much of the time the event loops had work: computing, blocked, or waiting for
        a CPU; 0 where that was not seen."""
        if self.inside is None or not self.inside.ticked_s:
            return 0.0
        inside = self.inside
        return (inside.loop_cpu_s + inside.loop_delay_s + self.blocked_s) / inside.ticked_s

    @property
    def _thread_s(self) -> float:
        inside = self.inside
        if inside is not None and len(inside.requests) and inside.requests["pool_run_s"].any():
            return float(inside.requests["pool_run_s"].mean())
        # From outside: a `def` handler holds its thread while it runs.
        return sum(
            share * (result.unloaded_s or 0.0)
            for share, result in zip(self.shares, self.together, strict=True)
            if result.endpoint.handler is not None and not result.endpoint.handler.is_async
        )

    @property
    def _response_s(self) -> float | None:
        alone_s = [result.unloaded_s for result in self.together]
        known = [alone for alone in alone_s if alone is not None]
        if len(known) < len(alone_s):
            return None
        return sum(share * alone for share, alone in zip(self.shares, known, strict=True))

    def cost_of_place(self, taken_s: float, place: Place) -> Cost:
        """The cost of a limited place that a request takes, beside those that `turn` knows."""
        now = replace(self.turn, places={**self.turn.places, "it": place})
        return cost(now, self.turn, taken_s, self.rate_rps, self.latency_s)

    def cost(self, taken_s: float, *, response_s: float = 0.0, **places_s: float) -> Cost:
        """The cost of a cause that takes `taken_s` of each of the load's requests, and
        without which they take so much less of the response and of each place."""
        after = self.turn.without(response_s=response_s, **places_s)
        return cost(self.turn, after, taken_s, self.rate_rps, self.latency_s)

    # Words.

    def shown(self, file: str) -> str:
        """A file as the report's other paths are: from the directory that the app was found
        from, as far as a handler's path tells which that is."""
        if self.inside is None:
            return file
        for route in self.inside.insight.routes:
            for endpoint in self.inside.endpoints:
                handler = endpoint.handler
                if handler is None or route.file is None or PurePath(handler.file).is_absolute():
                    continue
                root = route.file.removesuffix(handler.file)
                if root != route.file and file.startswith(root):
                    return file.removeprefix(root)
        return file

    def spot(self, site: Site | Frame | None) -> Spot:
        return Spot(self.shown(site.file), site.line, site.function) if site else Spot()

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
