"""FastAPI resolves an endpoint's dependencies one after another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
from asyncperf.analysis.findings.exclusive import sharing
from asyncperf.analysis.findings.independence import (
    Order,
    advised,
    called,
    grouped,
    of_pairs,
    severity,
    shown,
)
from asyncperf.analysis.findings.inside import Inside
from asyncperf.analysis.findings.pool import QUICK_S
from asyncperf.analysis.findings.words import in_words, spoken
from asyncperf.insight import Insight, Records, Site
from asyncperf.probe.places import is_users
from asyncperf.results import Finding
from asyncperf.sites import Independence

# Where FastAPI awaits them.
SOLVER = ("fastapi/dependencies/utils.py", "solve_dependencies")
NAMED = 4


@dataclass(frozen=True)
class Resolved:
    """Dependencies side by side as most requests resolved them: where each begins, and what it
    took on average, by its number; what each request's took, by number."""

    sites: Mapping[int, Site]
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


def sequential_dependencies(evidence: Evidence) -> Iterable[Finding]:
    found = resolved(evidence)
    if found is None:
        return
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
    each = [f"{found.sites[n].function} ({spoken(found.mean_s[n])})" for n in group]
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


def resolved(evidence: Evidence) -> Resolved | None:
    """Dependencies in their order, and what is said of running them together; None where too
    few requests were seen in detail."""
    inside, spans = evidence.inside, detailed(evidence)
    if inside is None or spans is None:
        return None
    requests = len(np.unique(spans[KEY]))
    runs: dict[tuple[int, ...], dict[int, float]] = defaultdict(dict)
    chosen = spans[np.isin(spans["site"], _solving(inside.insight))]
    for span in chosen[np.argsort(chosen["start"], kind="stable")]:
        callee = inside.site(int(span["callee"]))
        if callee is None or not is_users(callee.file):
            continue  # the dependencies of a dependency, which belong to it
        parent = -1 if span["parent"] == span["span"] else int(span["parent"])
        key = (int(span["worker"]), int(span["request"]), int(span["task"]), parent)
        taken_s = runs[key].get(int(span["callee"]), 0.0)
        runs[key][int(span["callee"])] = taken_s + float(span["end"] - span["start"])
    lengths_s: dict[int, list[float]] = defaultdict(list)
    for run in runs.values():
        for number, length_s in run.items():
            lengths_s[number].append(length_s)
    usual = [
        number
        for number, each in lengths_s.items()
        if len(each) >= USUAL * requests
        and np.mean(each) >= LEAST_AWAIT_S
        and not is_quick(inside, number)
    ]
    sites = {n: inside.insight.sites[n] for n in usual}
    says = of_pairs(evidence, sharing(evidence, chosen, "callee"), sites, "dependencies")
    return Resolved(
        sites,
        {n: float(np.mean(lengths_s[n])) for n in usual},
        grouped(usual, says),
        list(runs.values()),
        requests,
    )


def is_quick(inside: Inside, callee: int) -> bool:
    """Whether it is a `def` that is done at once: all that its await takes is the way to a thread
    and back, which `pool-trips` tells, and which several at once would wait for together."""
    run_s = inside.trips["run_s"][inside.trips["cause"] == callee]
    return bool(np.isfinite(run_s).any()) and float(np.nanmean(run_s)) <= QUICK_S


def resolved_by(insight: Insight, spans: Records) -> set[Site]:
    """The user's functions that FastAPI awaited as dependencies."""
    called = np.unique(spans["callee"][np.isin(spans["site"], _solving(insight))])
    sites = [insight.sites[number] for number in called if number < len(insight.sites)]
    return {site for site in sites if is_users(site.file)}


def _solving(insight: Insight) -> list[int]:
    """The awaits by which FastAPI resolves dependencies."""
    file, function = SOLVER
    return [
        number
        for number, site in enumerate(insight.sites)
        if site.file.endswith(file) and site.function == function
    ]
