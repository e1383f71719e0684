"""FastAPI resolves an endpoint's dependencies one after another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from asyncperf.analysis.findings.awaits import (
    KEY,
    LEAST_AWAIT_S,
    USUAL,
    cost_of,
    detailed,
    worthwhile,
)
from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.analysis.findings.exclusive import Sharing, sharing
from asyncperf.analysis.findings.independence import (
    Order,
    advised,
    by_source,
    called,
    grouped,
    of_pairs,
    severity,
    shown,
)
from asyncperf.analysis.findings.inside import Inside
from asyncperf.analysis.findings.pool import QUICK_S
from asyncperf.analysis.findings.resolving import Call, Level, Unit, levels
from asyncperf.analysis.findings.words import in_words, spoken
from asyncperf.insight import Site
from asyncperf.results import Finding
from asyncperf.sites import Independence, SeenAt

NAMED = 4


@dataclass(frozen=True)
class Resolved:
    """Dependencies side by side as most requests resolved them, by number: where each begins, what
    else was resolved for it alone, and what that took on average, all in all; what each request's
    took. They are those of the endpoint, or of the function that `of` names."""

    of: str | None
    sites: Mapping[int, Site]
    below: Mapping[int, Sequence[Site]]
    mean_s: Mapping[int, float]
    order: Order
    runs: Sequence[Mapping[int, float]]
    requests: int

    def times(self, numbers: Sequence[int]) -> tuple[float, float]:
        """How long these take of a request, one after another and together."""
        taken = [[run[n] for n in numbers if n in run] for run in self.runs]
        return (
            sum(map(sum, taken)) / self.requests,
            sum(max(each, default=0.0) for each in taken) / self.requests,
        )

    def named(self, number: int) -> str:
        """`user (41.2 ms)`, or `user with token (80.3 ms)`."""
        below = list(dict.fromkeys(site.function for site in self.below[number]))
        beside = f" with {below[0] if len(below) == 1 else 'what it needs'}" if below else ""
        return f"{self.sites[number].function}{beside} ({spoken(self.mean_s[number])})"


def sequential_dependencies(evidence: Evidence) -> Iterable[Finding]:
    for found in resolved(evidence):
        for group in found.order.groups:
            apart_s, together_s = found.times(group.members)
            if group.independence is not None and worthwhile(evidence, apart_s - together_s):
                yield _sequential(evidence, found, group.members, group.independence)


def _sequential(
    evidence: Evidence, found: Resolved, group: Sequence[int], said: Independence
) -> Finding:
    apart_s, together_s = found.times(group)
    gain_s = apart_s - together_s
    cost = cost_of(evidence, gain_s)
    each = [found.named(number) for number in group]
    names = each[:NAMED] + ([f"{len(each) - NAMED} more"] if each[NAMED:] else [])
    return Finding(
        code="sequential-dependencies",
        severity=severity(said),
        endpoint=evidence.label,
        **evidence.spot(found.sites[group[0]])._asdict(),
        message=(
            f"FastAPI resolves {in_words(names)} one after another, {spoken(apart_s)}, "
            f"{called(said)}: together {spoken(together_s)}{evidence.change(cost)}."
        ),
        advice=advised(
            evidence, said, "Await what they do together in one dependency (`asyncio.gather`)."
        ),
        evidence={
            "dependencies": float(len(group)),
            "apart_s": apart_s,
            "together_s": together_s,
        },
        fix_kind="gather-dependencies",
        predicted=cost.predicted,
        cost_ms_per_request=1000 * gain_s,
        cost_rps=cost.rps,
        independence=shown(evidence, said),
    )


def resolved(evidence: Evidence) -> list[Resolved]:
    """Dependencies in their order, and what is said of running them together: the endpoint's own,
    and those of its dependencies. None where too few requests were seen in detail."""
    inside, spans = evidence.inside, detailed(evidence)
    if inside is None or spans is None:
        return []
    requests = len(np.unique(spans[KEY]))
    return [_of_level(evidence, inside, level, requests) for level in levels(inside, spans)]


def _of_level(evidence: Evidence, inside: Inside, level: Level, requests: int) -> Resolved:
    sites = inside.insight.sites
    counted = _counted(evidence, sites, level)
    units = list(dict.fromkeys(unit for run in level.runs for unit in run))
    quick = cache(partial(is_quick, inside))
    runs, used = [], []
    below: dict[int, dict[Site, float]] = defaultdict(lambda: defaultdict(float))
    for run in level.runs:
        times_s = {}
        for unit, call in run.items():
            number = units.index(unit)
            members = () if call.yields else counted(unit, call)
            times_s[number] = sum(each.own_s for each in members if not quick(each.callee))
            used += [(number, each.span) for each in members]
            for each in members:
                if each is not call and not quick(each.callee):
                    below[number][sites[each.callee]] += each.own_s
        runs.append(times_s)
    mean_s = {}
    for number in range(len(units)):
        lengths_s = [run[number] for run in runs if number in run]
        if len(lengths_s) >= USUAL * requests and np.mean(lengths_s) >= LEAST_AWAIT_S:
            mean_s[number] = float(np.mean(lengths_s))
    usual = list(mean_s)
    by_unit = {number: sites[units[number][0]] for number in usual}
    says = of_pairs(evidence, _sharing(evidence, used), by_unit, "dependencies")
    return Resolved(
        None if level.of is None else sites[level.of].function,
        by_unit,
        {
            number: [s for s, s_s in below[number].items() if s_s >= LEAST_AWAIT_S * len(runs)]
            for number in usual
        },
        mean_s,
        grouped(usual, says),
        runs,
        requests,
    )


def _counted(
    evidence: Evidence, sites: Sequence[Site], level: Level
) -> Callable[[Unit, Call], list[Call]]:
    """What would run together with the others for a dependency: itself, and what is resolved for
    it alone. What another one needs as well, or may need, comes before both; what yields is
    FastAPI's to enter and to leave."""
    roots = {unit for run in level.runs for unit in run}

    @cache
    def is_needed(callee: int, by: int) -> bool:
        places = [_begin(sites[callee]), _begin(sites[by])]
        said = by_source(evidence, "dependencies", places, "overlap")
        return said.verdict is None or said.verdict == "dependent"

    def alone(call: Call, others: Set[Unit]) -> Iterator[Call]:
        for each in call.below:
            if not each.yields and not any(is_needed(each.callee, by) for by, _ in others):
                yield each
                yield from alone(each, others)

    return lambda unit, call: [call, *alone(call, roots - {unit})]


def _sharing(evidence: Evidence, used: Sequence[tuple[int, np.void]]) -> Sharing:
    """What each used, by its number: the spans of all that runs for it are its own."""
    if not used:
        return Sharing({}, {})
    spans = np.array([span for _, span in used])
    spans["callee"] = [number for number, _ in used]
    return sharing(evidence, spans, "callee")


def _begin(site: Site) -> SeenAt:
    return site.file, site.line, None


def is_quick(inside: Inside, callee: int) -> bool:
    """Whether it is a `def` that is done at once: all that its await takes is the way to a thread
    and back, which `pool-trips` tells, and which several at once would wait for together."""
    run_s = inside.trips["run_s"][inside.trips["cause"] == callee]
    return bool(np.isfinite(run_s).any()) and float(np.nanmean(run_s)) <= QUICK_S
