"""Which awaits were seen to use one and the same session or connection.

The source shows it where both name the session; a repository that keeps it, a helper that
finds it in a context variable, do not show it. What does one thing at a time cannot be
asked for two, so such awaits cannot run together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.insight import Records
from asyncperf.probe.record_format import ONE_AT_A_TIME

# A request's own task: whatever happens while it awaits is of that await's doing.
OWN_TASK = 0

# A worker, a request of it, and the session's or connection's number.
Used = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Sharing:
    """By the number of an await (or of what is awaited): in how many of its spans each was
    used, and what it is."""

    uses: dict[int, Counter[Used]]
    names: dict[Used, str]

    def between(self, first: int, second: int) -> str | None:
        """What both used in one request."""
        common = self.of(first).keys() & self.of(second).keys()
        return self.names[next(iter(common))] if common else None

    def rounds(self, number: int) -> str | None:
        """What several spans of the same await used in one request."""
        used = self.of(number).most_common(1)
        return self.names[used[0][0]] if used and used[0][1] > 1 else None

    def of(self, number: int) -> Counter[Used]:
        return self.uses.get(number, Counter())


def sharing(evidence: Evidence, spans: Records, column: str = "site") -> Sharing:
    """By that column of the spans of an endpoint's requests."""
    names: dict[Used, str] = {}
    found: dict[int, Counter[Used]] = defaultdict(Counter)
    inside = evidence.inside
    if inside is None:
        return Sharing(found, names)
    kinds = {
        number: resource.name
        for number, resource in enumerate(inside.insight.resources)
        if resource.kind == ONE_AT_A_TIME
    }
    uses: dict[tuple[int, int], list[tuple[float, int, Used]]] = defaultdict(list)
    for use in inside.of(inside.uses, evidence.index) if kinds else ():
        if int(use["resource"]) in kinds:
            request = int(use["worker"]), int(use["request"])
            used = (*request, int(use["instance"]))
            names[used] = kinds[int(use["resource"])]
            uses[request].append((float(use["asked"]), int(use["task"]), used))
    for span in spans if uses else ():
        within = {
            used
            for asked, task, used in uses.get((int(span["worker"]), int(span["request"])), ())
            if span["start"] <= asked < span["end"] and span["task"] in (OWN_TASK, task)
        }
        found[int(span[column])].update(within)
    return Sharing(found, names)
