"""What was looked at and found in good order: healthy is said too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from asyncperf.analysis.findings.awaits import looked_at, worthwhile
from asyncperf.analysis.findings.dependencies import resolved
from asyncperf.analysis.findings.evidence import EVERY_ENDPOINT, Evidence
from asyncperf.analysis.findings.generator import generator_limit
from asyncperf.analysis.findings.independence import in_order, stays, told
from asyncperf.analysis.findings.inside import Inside, own_s
from asyncperf.analysis.findings.pool import visits
from asyncperf.analysis.findings.rounds import loops
from asyncperf.analysis.findings.words import share, spoken
from asyncperf.analysis.stations import station_of
from asyncperf.probe.record_format import DEFAULT_POOL
from asyncperf.results import Finding, Healthy

OF_THE_LOOP = ("loop-blocked", "loop-busy", "gc-pauses")
OF_THE_POOL = {"pool-saturated", "connection-deadlock"}
# For so long, over all workers, the loops must have been watched to be called healthy.
LEAST_TICKED_S = 5.0


def healthy(every: Sequence[Evidence], findings: Sequence[Finding]) -> tuple[Healthy, ...]:
    """In the order in which they are told: endpoints first, then what all of them share. What the
    load generator limited says nothing of the app, good or bad."""
    every = [each for each in every if generator_limit(each.result.generator) is None]
    found = {finding.code for finding in findings}
    lines = [line for evidence in every for line in _order(evidence)]
    lines += _loop(every, findings)
    if not found & OF_THE_POOL:
        queued = any(f.code == "pool-trips" and f.severity == "warning" for f in findings)
        lines += _pool(every, queued)
    return tuple(lines)


def _order(evidence: Evidence) -> Iterable[Healthy]:
    """What takes long one after another, and has to."""
    for looked in looked_at(evidence):
        sites = looked.function.sites
        if all(group.independence is None for group in looked.order.groups):
            why = in_order(evidence, looked.order.partings, sites)
            if why is not None:
                message = f"{looked.function.name}: {why}"
                yield Healthy("sequential-awaits", evidence.label, message)
    for repeated in loops(evidence):
        if stays(repeated.said) and not repeated.may_be_batch:
            spot = evidence.spot(repeated.site)
            place = f"{spot.file}:{spot.line}"
            why = f"its rounds stay in order ({place}): {told(evidence, repeated.said, place)}"
            if repeated.trips:
                why += f"; a request makes {repeated.in_words()}"
            yield Healthy("sequential-loop", evidence.label, f"{repeated.function.name}: {why}")
    for found in resolved(evidence):
        if not worthwhile(evidence, np.subtract(*found.times(list(found.sites)))):
            continue
        if all(group.independence is None for group in found.order.groups):
            why = in_order(evidence, found.order.partings, found.sites, "dependency")
            if why is not None:
                message = f"dependencies of {found.of or evidence.label}: {why}"
                yield Healthy("sequential-dependencies", evidence.label, message)


def _loop(every: Sequence[Evidence], findings: Sequence[Finding]) -> Iterable[Healthy]:
    """The loops of the loads in which nothing stopped them."""
    stopped = {finding.endpoint for finding in findings if finding.code in OF_THE_LOOP}
    seen = [
        (evidence, evidence.inside)
        for evidence in every
        if evidence.first and evidence.inside and evidence.inside.ticked_s >= LEAST_TICKED_S
    ]
    good = [
        (evidence, inside)
        for evidence, inside in seen
        if not stopped & {EVERY_ENDPOINT, *(other.endpoint.label for other in evidence.together)}
        and not any(
            other.limiter and station_of(other.limiter.kind) == "loop"
            for other in evidence.together
        )
    ]
    if good and len(good) == len(seen):
        yield Healthy("loop-blocked", None, f"event loop: {_steadiness([i for _, i in good])}")
        return
    for evidence, inside in good:
        label = evidence.label if evidence.alone else evidence.result.load
        text = f"event loop under {label}: {_steadiness([inside])}"
        yield Healthy("loop-blocked", evidence.label if evidence.alone else None, text)


def _steadiness(insides: Sequence[Inside]) -> str:
    longest_s = max(float(own_s(inside.stalls).max(initial=0.0)) for inside in insides)
    collected_s = sum(float(inside.collections["duration_s"].sum()) for inside in insides)
    part = collected_s / sum(inside.span_s * max(1, inside.workers) for inside in insides)
    stalls = f"longest stall {spoken(longest_s)}" if longest_s else "no stall of 20 ms"
    return f"{stalls}; garbage collection {share(part)} of the time"


def _pool(every: Sequence[Evidence], queued: bool) -> Iterable[Healthy]:
    """`queued`: what needs no thread was seen to wait for one."""
    visited = [evidence for evidence in every if visits(evidence)]
    if not visited:
        return
    insides = [evidence.inside for evidence in visited if evidence.inside is not None]
    most = max(int(inside.ticks["threads_busy"].max(initial=0)) for inside in insides)
    capacities = [
        pool.capacity
        for inside in insides
        for pool in inside.insight.resources
        if pool.name == DEFAULT_POOL and pool.capacity
    ]
    if capacities and 0 < most < min(capacities):
        text = f"at most {most} of {min(capacities)} threads busy"
    elif queued:
        return
    else:  # seldom enough full, or never looked at while busy
        waits = [float(np.max(v.trips["wait_s"])) for each in visited for v in visits(each)]
        text = f"longest wait {spoken(max(waits))}"
    yield Healthy("pool-saturated", None, f"thread pool: {text}")
