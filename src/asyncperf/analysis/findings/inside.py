"""What the probe saw of one load, cut to the time that counts, and whose each record is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from asyncperf.analysis.answers import after_answer, keeps_answers
from asyncperf.analysis.stations import MOSTLY_THREADS, REFUTED
from asyncperf.insight import Frame, Insight, Records, Site
from asyncperf.model import Endpoint
from asyncperf.probe.record_format import BLOCKED, LOCKED, NO_REQUEST
from asyncperf.results import EndpointResult
from asyncperf.samples import Floats

# An index of no endpoint: something that the app did by itself.
NOBODY = -1
# An index of no site, route or resource.
NOTHING = 0xFFFF
# The kinds of stalls in which the loop's thread waited and did not compute.
WAITED = (BLOCKED, LOCKED)

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Inside:
    """A load's insight between `start_s` and `end_s`: its steady window, or all of it where it
    has none. Endpoints go by their index in `endpoints`."""

    insight: Insight
    endpoints: tuple[Endpoint, ...]
    start_s: float
    end_s: float

    @property
    def span_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def workers(self) -> int:
        return len(self.insight.workers)

    @cached_property
    def requests(self) -> Records:
        return self._cut(self.insight.requests, "end")

    @cached_property
    def stalls(self) -> Records:
        return self._cut(self.insight.stalls, "start")

    @cached_property
    def collections(self) -> Records:
        """Whichever thread ran them: they hold Python's lock, and stop the event loop."""
        return self._cut(self.insight.collections, "start")

    @cached_property
    def ticks(self) -> Records:
        return self._cut(self.insight.ticks, "at")

    @cached_property
    def trips(self) -> Records:
        """Of the requests that ended here, whole: one cut in two would look shorter."""
        return self._whole(self.insight.trips)

    @cached_property
    def uses(self) -> Records:
        return self._cut(self.insight.uses, "asked")

    @cached_property
    def alone(self) -> Records:
        """The uses by the single user's requests, before the load."""
        uses = self.insight.uses
        before: Records = uses[uses["asked"] < 0]
        return before

    @cached_property
    def spans(self) -> Records:
        """Of the requests that ended here, whole as well."""
        return self._whole(self.insight.spans)

    def _whole(self, records: Records) -> Records:
        ended = _keys(self.requests, "number")
        whole: Records = records[np.isin(_keys(records, "request"), ended)]
        return whole

    def after_answer(self, records: Records, moments: Floats) -> NDArray[np.bool_]:
        """Which of these moments came after the answer of the record's request."""
        return after_answer(self.insight.requests, records, moments)

    def keeps_answers(self, stays: Records, got: Floats) -> bool:
        """Whether something is got before answers as well, in the later half of the time: tasks
        that nothing awaits come to it ever later, if they come faster than they are done."""
        late = ~(got < (self.start_s + self.end_s) / 2)
        chosen = late if late.any() else slice(None)
        return keeps_answers(self.insight.requests, stays[chosen], got[chosen])

    def _cut(self, records: Records, column: str) -> Records:
        at = records[column]
        inside: Records = records[(at >= self.start_s) & (at <= self.end_s)]
        return inside

    def of(self, records: Records, endpoint: int, column: str = "request") -> Records:
        """The records of an endpoint's requests."""
        own: Records = records[self.owners(records, column) == endpoint]
        return own

    def owners(self, records: Records, column: str = "request") -> Indices:
        """The endpoint whose request each record is of. A request that never ended left no
        route behind; where all requests are for one endpoint, it is that one's."""
        ours = records[column] != NO_REQUEST
        if len(self.endpoints) == 1:
            return np.where(ours, 0, NOBODY).astype(np.int64)
        keys, routes = self._routes
        if not len(keys):
            return np.full(len(records), NOBODY, np.int64)
        asked = _keys(records, column)
        at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        known = ours & (keys[at] == asked)
        return np.where(known, routes[at], NOBODY).astype(np.int64)

    @cached_property
    def _routes(self) -> tuple[NDArray[np.uint64], Indices]:
        """Sorted keys of all recorded requests, and the endpoint of each."""
        requests = self.insight.requests
        by_route = np.full(0x10000, NOBODY, np.int64)
        for number, route in enumerate(self.insight.routes):
            by_route[number] = self._endpoint_of(route.method, route.path, route.function)
        keys = _keys(requests, "number")
        order = np.argsort(keys, kind="stable")
        return keys[order], by_route[requests["route"]][order]

    def _endpoint_of(self, method: str, path: str, function: str | None) -> int:
        """By method and path, else by the only endpoint with that handler: a requests file may
        have given it another name."""
        labels = [(endpoint.method, endpoint.path) for endpoint in self.endpoints]
        if (method, path) in labels:
            return labels.index((method, path))
        handlers = [e.handler.name if e.handler else None for e in self.endpoints]
        return handlers.index(function) if function and handlers.count(function) == 1 else NOBODY

    def names(self, endpoint: int) -> set[str]:
        """The routes that the requests of an endpoint came to, such as `GET /items/{key}`."""
        return {
            f"{route.method} {route.path}"
            for route in self.insight.routes
            if self._endpoint_of(route.method, route.path, route.function) == endpoint
        }

    def causes(self, stalls: Records) -> Indices:
        """The endpoint that caused each stall: whose step it was, or whose handler was running.
        (A request that was not recorded shows in the stack alone.)"""
        by_stack = np.array([self._handling(stack.frames) for stack in self.insight.stacks] or [-1])
        known = np.where(stalls["stack"] < len(by_stack), stalls["stack"], 0)
        from_stack = np.where(stalls["stack"] < len(by_stack), by_stack[known], NOBODY)
        if len(self.endpoints) > 1:
            owners = self.owners(stalls)
            causes = np.where(owners == NOBODY, from_stack, owners).astype(np.int64)
            return self._as_other_stalls(stalls, causes)
        return np.where(stalls["request"] != NO_REQUEST, 0, from_stack).astype(np.int64)

    def _as_other_stalls(self, stalls: Records, causes: Indices) -> Indices:
        """A line that is seen in one endpoint's requests alone is that one's in those that were
        not recorded as well: a background task's stack has no handler in it."""
        lines = [
            stack.frames[stack.blame] if stack.blame is not None else None
            for stack in self.insight.stacks
        ]
        blamed = [lines[n] if n < len(lines) else None for n in stalls["stack"]]
        of_line: dict[Frame, set[int]] = {}
        for line, cause in zip(blamed, causes, strict=True):
            if line is not None and cause != NOBODY:
                of_line.setdefault(line, set()).add(int(cause))
        found = causes.copy()
        for at in np.flatnonzero(causes == NOBODY):
            line = blamed[at]
            whose = of_line.get(line, set()) if line is not None else set()
            if len(whose) == 1:
                [found[at]] = whose
        return found

    def _handling(self, frames: Sequence[Frame]) -> int:
        for index, endpoint in enumerate(self.endpoints):
            handler = endpoint.handler
            if handler is not None and any(
                f.file.endswith(handler.file) and f.function.rpartition(".")[2] == handler.name
                for f in frames
            ):
                return index
        return NOBODY

    def site(self, number: int) -> Site | None:
        return self.insight.sites[number] if number < len(self.insight.sites) else None

    @cached_property
    def loop_cpu_s(self) -> float:
        """CPU time of all event loops' threads."""
        return self._grown("cpu_s")

    @cached_property
    def process_cpu_s(self) -> float:
        """CPU time of all threads of the workers; 0 in a run of before."""
        known = "process_cpu_s" in (self.ticks.dtype.names or ())
        return self._grown("process_cpu_s") if known else 0.0

    @property
    def threads_compute(self) -> bool:
        """Whether it is threads that take a worker's CPU time, one at a time."""
        mostly = self.process_cpu_s > MOSTLY_THREADS * self.loop_cpu_s
        return mostly and not self.on_several_cpus

    @property
    def on_several_cpus(self) -> bool:
        """Whether a worker's threads compute at the same time: what they run gives Python's lock
        away."""
        return self.process_cpu_s > REFUTED * self.ticked_s

    @cached_property
    def loop_delay_s(self) -> float:
        """How long they were ready to run while no CPU was free; 0 where that is not known."""
        return self._grown("delay_s")

    @property
    def cpu_share(self) -> float:
        """For how much of the time the event loops ran; 0 where that was not seen."""
        return self.loop_cpu_s / self.ticked_s if self.ticked_s else 0.0

    @property
    def delay_share(self) -> float:
        """For how much of it they were ready to run while no CPU was free."""
        return self.loop_delay_s / self.ticked_s if self.ticked_s else 0.0

    @cached_property
    def logged_s(self) -> float:
        """How long the event loops wrote access logs."""
        return self._grown("logged_s")

    def _grown(self, column: str) -> float:
        total = 0.0
        for worker in range(self.workers):
            counted = self.ticks[self.ticks["worker"] == worker][column]
            counted = counted[np.isfinite(counted)]
            total += float(counted[-1] - counted[0]) if len(counted) > 1 else 0.0
        return total

    @cached_property
    def ticked_s(self) -> float:
        """For how long the event loops were watched, all together."""
        total = 0.0
        for worker in range(self.workers):
            at = self.ticks[self.ticks["worker"] == worker]["at"]
            total += float(at[-1] - at[0]) if len(at) > 1 else 0.0
        return total


def own_s(stalls: Records) -> Floats:
    """How long each stall was the app's own doing: without the waits for a CPU, which a call that
    waits for something else does not notice."""
    length_s = stalls["duration_s"].astype(float)
    computed_s = np.maximum(0.0, length_s - stalls["delay_s"])
    own: Floats = np.where(np.isin(stalls["kind"], WAITED), length_s, computed_s)
    return own


def inside_of(
    insight: Insight | None, results: Sequence[EndpointResult], duration_s: float
) -> Inside | None:
    """What was seen of a load with these results; None without a probe."""
    if insight is None or not results:
        return None
    window = next((result.window for result in results if result.window is not None), None)
    held = results[0].held
    start_s, end_s = (held.begins_s, held.ends_s) if held else (0.0, duration_s)
    if window is not None:
        start_s, end_s = window.start_s, window.end_s
    return Inside(insight, tuple(result.endpoint for result in results), start_s, end_s)


def _keys(records: Records, column: str) -> NDArray[np.uint64]:
    """One number for a request of a worker."""
    worker: NDArray[np.uint64] = records["worker"].astype(np.uint64)
    return (worker << np.uint64(32)) | records[column].astype(np.uint64)
