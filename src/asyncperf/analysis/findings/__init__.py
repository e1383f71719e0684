"""From what was measured to findings: a rule for each code, and what was found in good order.

A rule is a function from the evidence of one endpoint to its findings. Each threshold is a named
constant with its reason beside it. Where a table of the probe is empty a rule says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache, partial

from asyncperf.analysis.findings.awaits import sequential_awaits
from asyncperf.analysis.findings.collector import gc_pauses
from asyncperf.analysis.findings.deadlock import connection_deadlock
from asyncperf.analysis.findings.dependencies import sequential_dependencies
from asyncperf.analysis.findings.evidence import Evidence, alone_in
from asyncperf.analysis.findings.generator import (
    generator_limit,
    generator_saturated,
    too_little_data,
)
from asyncperf.analysis.findings.health import healthy
from asyncperf.analysis.findings.inside import inside_of
from asyncperf.analysis.findings.locked import loop_locked_out
from asyncperf.analysis.findings.loop import loop_blocked, loop_blocked_in_short, loop_busy
from asyncperf.analysis.findings.pool import pool_saturated, pool_trips
from asyncperf.analysis.findings.resources import (
    connections_saturated,
    lock_saturated,
)
from asyncperf.analysis.findings.rounds import sequential_loop
from asyncperf.analysis.findings.server import server_settings
from asyncperf.analysis.findings.standstill import connection_standstill
from asyncperf.analysis.prediction import Demands
from asyncperf.levels import Held
from asyncperf.model import Run
from asyncperf.results import EndpointResult, Finding

__all__ = ["evidence_of", "find", "generator_limit", "healthy"]

Rule = Callable[[Evidence], Iterable[Finding]]
RULES: tuple[Rule, ...] = (
    too_little_data,
    loop_blocked,
    loop_blocked_in_short,
    loop_busy,
    loop_locked_out,
    gc_pauses,
    pool_saturated,
    pool_trips,
    connections_saturated,
    connection_deadlock,
    connection_standstill,
    lock_saturated,
    sequential_awaits,
    sequential_loop,
    sequential_dependencies,
)
SEVERITY_ORDER = {"error": 0, "warning": 1, "info": 2}


def evidence_of(run: Run, results: Sequence[EndpointResult]) -> tuple[Evidence, ...]:
    """What there is to judge each result by. Of a load that was repeated it is the insight of
    the repetition that the result shows."""
    found = []
    # Endpoints that share a load each ask for what all of them need.
    alone: dict[tuple[str, Held | None], Callable[[int], Demands | None]] = {}
    for result in results:
        together = [other for other in results if other.load == result.load]
        load = next(
            (
                load
                for load in run.loads
                if (load.name, load.repetition) == (result.load, result.repetition)
                and (result.held is None or result.held in load.levels)
            ),
            None,
        )
        inside = inside_of(load.insight, together, load.duration_s) if load else None
        index = next(i for i, other in enumerate(together) if other is result)
        plan = run.plan.at(result.held.level) if result.held else run.plan
        alone_of = alone.setdefault(
            (result.load, result.held), cache(partial(alone_in, load, together))
        )
        found.append(Evidence(replace(run, plan=plan), together, index, inside, alone_of))
    return tuple(found)


def find(every: Sequence[Evidence]) -> tuple[Finding, ...]:
    """All findings, errors first, then warnings; of these what costs most comes first: requests
    per second, then milliseconds of each request. The rest is in the order of the loads."""
    found = [finding for evidence in every for finding in _of(evidence)]
    # A setting of the server's is the same in each load.
    found += server_settings([e for e in every if generator_limit(e.result.generator) is None])
    return tuple(sorted(found, key=rank))


def rank(finding: Finding) -> tuple[int, float, float]:
    return (
        SEVERITY_ORDER[finding.severity],
        -(finding.cost_rps or 0.0),
        -(finding.cost_ms_per_request or 0.0),
    )


def _of(evidence: Evidence) -> Iterable[Finding]:
    if generator_limit(evidence.result.generator) is not None:
        # What it measured is the generator's own queue, so nothing else follows from it.
        yield from generator_saturated(evidence)
        return
    for rule in RULES:
        yield from rule(evidence)
