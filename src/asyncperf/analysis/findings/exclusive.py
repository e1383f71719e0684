"""Which awaits were seen to use one and the same session, connection or lock.

The source shows it where both name it; a repository that keeps it, a helper that finds it in a
context variable, do not show it. What does one thing at a time cannot be asked for two, so
such awaits cannot run together; and those that spend their time with one lock would take turns.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.insight import Records, Resource
from asyncperf.probe.record_format import CAPACITY_LIMITER, LOCK, ONE_AT_A_TIME, SEMAPHORE

# A request's own task: whatever happens while it awaits is of that await's doing.
OWN_TASK = 0
# An await that waits for a lock and holds it for less of its time has more to gain than to
# wait for.
TURN = 0.5
# One that spends so much of its time with a session or connection does little else.
MOSTLY = 0.5

# A worker, a request of it, and the number of the resource and of the one that it describes.
Used = tuple[int, int, int, int]


class Shared(NamedTuple):
    """What two awaits both used; of a lock they would take turns, of all else it would break."""

    name: str
    is_lock: bool


@dataclass(frozen=True, eq=False)
class Sharing:
    """By the number of an await (or of what is awaited): in how many of its spans each was
    used, and what it is; how often its spans called a session or connection, and for which part
    of their time they waited for that."""

    uses: dict[int, Counter[Used]]
    names: dict[Used, Shared]
    calls: Mapping[int, int] = field(default_factory=dict)
    part: Mapping[int, float] = field(default_factory=dict)

    def between(self, first: int, second: int) -> Shared | None:
        """What both used in one request."""
        common = self.of(first).keys() & self.of(second).keys()
        return self._gravest(common)

    def rounds(self, number: int) -> Shared | None:
        """What several spans of the same await used in one request."""
        return self._gravest({used for used, times in self.of(number).items() if times > 1})

    def trips(self, number: int) -> int:
        """How often the spans of an await called the one session or connection that several of
        one request used; 0 unless they spent most of their time with it."""
        shared = self.rounds(number)
        if shared is None or shared.is_lock or self.part.get(number, 0.0) < MOSTLY:
            return 0
        return self.calls[number]

    def of(self, number: int) -> Counter[Used]:
        return self.uses.get(number, Counter())

    def _gravest(self, found: set[Used]) -> Shared | None:
        shared = (self.names[used] for used in found)
        return min(shared, key=lambda each: (each.is_lock, each.name), default=None)


def sharing(evidence: Evidence, spans: Records, column: str = "site") -> Sharing:
    """By that column of the spans of an endpoint's requests."""
    names: dict[Used, Shared] = {}
    found: dict[int, Counter[Used]] = defaultdict(Counter)
    inside = evidence.inside
    if inside is None:
        return Sharing(found, names)
    kinds = {
        number: Shared(resource.name, resource.kind != ONE_AT_A_TIME)
        for number, resource in enumerate(inside.insight.resources)
        if is_exclusive(resource)
    }
    uses: dict[tuple[int, int], list[tuple[float, float, int, Used]]] = defaultdict(list)
    for use in inside.of(inside.uses, evidence.index) if kinds else ():
        if int(use["resource"]) in kinds:
            request = int(use["worker"]), int(use["request"])
            used = (*request, int(use["resource"]), int(use["instance"]))
            names[used] = kinds[int(use["resource"])]
            taken = float(use["asked"]), float(use["released"])
            uses[request].append((*taken, int(use["task"]), used))
    calls: Counter[int] = Counter()
    lasted_s: dict[int, float] = defaultdict(float)
    with_it_s: dict[int, float] = defaultdict(float)
    for span in spans if uses else ():
        least_s = TURN * (span["end"] - span["start"])
        within = [
            (used, released - asked)
            for asked, released, task, used in uses.get(
                (int(span["worker"]), int(span["request"])), ()
            )
            if span["start"] <= asked < span["end"]
            and span["task"] in (OWN_TASK, task)
            and (not names[used].is_lock or released - asked >= least_s)
        ]
        number = int(span[column])
        found[number].update({used for used, _ in within})
        called_s = [time_s for used, time_s in within if not names[used].is_lock]
        calls[number] += len(called_s)
        with_it_s[number] += float(np.nansum(called_s))
        lasted_s[number] += float(span["end"] - span["start"])
    part = {number: with_it_s[number] / each for number, each in lasted_s.items() if each}
    return Sharing(found, names, calls, part)


def is_exclusive(resource: Resource) -> bool:
    """Whether it serves one at a time."""
    if resource.kind in (SEMAPHORE, CAPACITY_LIMITER):
        return resource.capacity == 1
    return resource.kind in (ONE_AT_A_TIME, LOCK)
