"""Requests that hold a connection and wait for another one of the same pool."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.analysis.findings.gains import Cost, without
from asyncperf.analysis.findings.holders import LEAST_WAIT_S, requests_of
from asyncperf.analysis.findings.standstill import standstill
from asyncperf.analysis.findings.words import spoken
from asyncperf.analysis.prediction import name_of
from asyncperf.insight import Records, Resource
from asyncperf.probe.record_format import CONNECTIONS
from asyncperf.results import Finding

# Requests that held one connection and waited for another, before it is called their way.
LEAST_DEADLOCKS = 2


def connection_deadlock(evidence: Evidence) -> Iterable[Finding]:
    """A request that holds a connection and waits for another of the same pool: as many such
    requests at once as there are connections, and all wait for ever."""
    inside = evidence.inside
    if inside is None:
        return
    uses = inside.of(inside.uses, evidence.index)
    for number, resource in enumerate(inside.insight.resources):
        if resource.kind != CONNECTIONS or not resource.capacity:
            continue
        nested = _nested(uses, number)
        if len(requests_of(nested)) < LEAST_DEADLOCKS:
            continue
        gave_up = int(np.isnan(nested["got"]).sum())
        ended = np.where(np.isnan(nested["got"]), inside.end_s, nested["got"])
        wait_s = float(np.mean(ended - nested["asked"]))
        waits = gave_up > 0 or wait_s >= LEAST_WAIT_S
        cost = _without_nested(evidence, number, resource, wait_s) if waits else None
        yield Finding(
            code="connection-deadlock",
            severity="error" if waits else "warning",
            endpoint=evidence.label,
            **evidence.asked_at(nested)._asdict(),
            message=(
                f"{len(requests_of(nested)):,} requests held a connection ({resource.name}) and "
                f"asked for another one, for {spoken(wait_s)} on average"
                + (f"; {gave_up:,} never got it" if gave_up else "")
                + f". {resource.capacity} of them at once, and all wait for each other."
            ),
            advice=(
                "Use the connection that the request has, or give it back first. A bigger pool "
                "only needs more requests for the same end." + (cost.sentence if cost else "")
            ),
            evidence={
                "requests": float(len(requests_of(nested))),
                "wait_s": wait_s,
                "gave_up": float(gave_up),
                "capacity": float(resource.capacity),
            },
            fix_kind="one-connection-a-request",
            predicted=cost.predicted if cost else None,
            cost_ms_per_request=1000 * wait_s * len(nested) / max(1, len(requests_of(uses))),
            cost_rps=cost.rps if cost else None,
        )


def _without_nested(evidence: Evidence, number: int, resource: Resource, wait_s: float) -> Cost:
    """What the load would have if each request held one connection at a time."""
    inside, now, own = evidence.inside, evidence.demands, evidence.own
    name = name_of(number, resource)
    if inside is None or now is None or own is None or name not in own.queues:
        return evidence.cost(wait_s)
    uses = inside.insight.uses
    alone = inside.of(uses[(uses["resource"] == number) & (uses["asked"] < 0)], evidence.index)
    held_s = alone["released"] - alone["got"]
    nested_s = float(np.nansum(held_s[alone["nested"] == 1])) / max(1e-9, float(np.nansum(held_s)))
    taken_s = own.queues[name].demand_s * nested_s * evidence.shares[evidence.index]
    return evidence.cost_of(now, without(now, queues_s={name: taken_s}), wait_s, stands_still=True)


def is_deadlocked(evidence: Evidence, number: int) -> bool:
    inside = evidence.inside
    if inside is None:
        return False
    uses = inside.of(inside.uses, evidence.index)
    stood = standstill(inside, number)
    return stood is not None or len(requests_of(_nested(uses, number))) >= LEAST_DEADLOCKS


def _nested(uses: Records, number: int) -> Records:
    """The stays with a pool that were asked for while another one of it was held."""
    nested: Records = uses[(uses["resource"] == number) & (uses["nested"] == 1)]
    return nested
