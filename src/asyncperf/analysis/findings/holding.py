"""What a request does while it holds a connection and asks nothing of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from asyncperf.analysis.findings.awaits import detailed
from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.insight import Records, Site
from asyncperf.probe.places import is_users
from asyncperf.probe.record_format import NO_TASK, ONE_AT_A_TIME

# A connection that is idle for less of its stay than this is held to be used; and an await that
# takes less of that idle time is not what it is held for.
MOSTLY_IDLE = 0.5
Request = tuple[int, int]


@dataclass(frozen=True)
class Idle:
    """How long a request holds its connection for nothing, and the await that takes most of
    that time."""

    time_s: float
    site: Site


def idle(evidence: Evidence, stays: Records) -> Idle | None:
    """Of an endpoint's stays with connections whose queries are seen (`exclusive` in the probe);
    None where they are used for half of the time, or that is not known."""
    inside, spans = evidence.inside, detailed(evidence)
    if inside is None or spans is None:
        return None
    stays = stays[(stays["task"] != NO_TASK) & ~np.isnan(stays["got"] + stays["released"])]
    resources = inside.insight.resources
    kinds = [n for n, resource in enumerate(resources) if resource.kind == ONE_AT_A_TIME]
    uses = inside.of(inside.uses, evidence.index)
    queries = _by_request(uses[np.isin(uses["resource"], kinds)])
    users = [
        number
        for number, site in enumerate(inside.insight.sites)
        if (site.text or "").startswith("await ") and is_users(site.file)
    ]
    awaits = _by_request(spans[np.isin(spans["site"], users)])
    held_s = idle_s = 0.0
    requests: set[Request] = set()
    by_site: dict[int, float] = defaultdict(float)
    for stay in stays:
        request = _request(stay)
        if request not in queries:
            continue
        requests.add(request)
        begin_s, end_s = float(stay["got"]), float(stay["released"])
        asked = [(float(q["asked"]), float(q["released"])) for q in queries[request]]
        held_s += end_s - begin_s
        idle_s += end_s - begin_s - sum(_overlap_s(begin_s, end_s, *query) for query in asked)
        for span in awaits.get(request, ()):
            since_s, until_s = float(span["start"]), float(span["end"])
            if not any(since_s <= at < until_s for at, _ in asked):
                by_site[int(span["site"])] += _overlap_s(begin_s, end_s, since_s, until_s)
    if not by_site or idle_s < MOSTLY_IDLE * held_s:
        return None
    # Of an await and those within it the outer one takes longest.
    longest = max(by_site, key=lambda number: by_site[number])
    if by_site[longest] < MOSTLY_IDLE * idle_s:
        return None  # it waits for its turns, or a thread
    return Idle(by_site[longest] / len(requests), inside.insight.sites[longest])


def _overlap_s(begin_s: float, end_s: float, since_s: float, until_s: float) -> float:
    return max(0.0, min(end_s, until_s) - max(begin_s, since_s))


def _by_request(records: Records) -> dict[Request, list[np.void]]:
    found: dict[Request, list[np.void]] = defaultdict(list)
    for record in records:
        found[_request(record)].append(record)
    return found


def _request(record: np.void) -> Request:
    return int(record["worker"]), int(record["request"])
