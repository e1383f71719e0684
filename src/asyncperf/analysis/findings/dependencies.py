"""FastAPI resolves an endpoint's dependencies one after another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from asyncperf.analysis.findings import flow
from asyncperf.analysis.findings.awaits import (
    KEY,
    LEAST_AWAIT_S,
    USUAL,
    cost_of,
    detailed,
    worthwhile,
)
from asyncperf.analysis.findings.evidence import Evidence, Source
from asyncperf.analysis.findings.exclusive import Sharing, sharing
from asyncperf.analysis.findings.words import in_words, spoken
from asyncperf.insight import Site
from asyncperf.model import Finding
from asyncperf.probe.places import is_users

# Where FastAPI awaits them.
SOLVER = ("fastapi/dependencies/utils.py", "solve_dependencies")
NAMED = 4


@dataclass(frozen=True)
class Resolved:
    """A dependency as most requests resolved it: what it took on average where it was."""

    site: Site
    mean_s: float


def sequential_dependencies(evidence: Evidence) -> Iterable[Finding]:
    found, apart_s, together_s = resolved(evidence)
    gain_s = apart_s - together_s
    if len(found) < 2 or not worthwhile(evidence, gain_s):
        return
    cost = cost_of(evidence, gain_s)
    names = [f"{each.site.function} ({spoken(each.mean_s)})" for each in found[:NAMED]]
    more = [f"{len(found) - NAMED} more"] if len(found) > NAMED else []
    yield Finding(
        code="sequential-dependencies",
        severity="warning",
        endpoint=evidence.label,
        **evidence.spot(found[0].site)._asdict(),
        message=(
            f"FastAPI resolves {in_words(names + more)} one after another, in {spoken(apart_s)}; "
            f"none names another: together they would take {spoken(together_s)}."
        ),
        advice=(
            f"Await what they do together in one dependency (`asyncio.gather`).{cost.sentence} "
            "Whether one needs another in a way that its parameters do not say is for you to check."
        ),
        evidence={
            "dependencies": float(len(found)),
            "apart_s": apart_s,
            "together_s": together_s,
        },
        fix_kind="gather-dependencies",
        predicted=cost.predicted,
        cost_ms_per_request=1000 * gain_s,
        cost_rps=cost.rps,
    )


def resolved(evidence: Evidence) -> tuple[list[Resolved], float, float]:
    """Dependencies side by side, in their order, that do not name each other; how long they
    take of a request one after another, and together."""
    inside, spans = evidence.inside, detailed(evidence)
    if inside is None or spans is None:
        return [], 0.0, 0.0
    solver = [n for n, site in enumerate(inside.insight.sites) if _is_solver(site)]
    requests = len(np.unique(spans[KEY]))
    runs: dict[tuple[int, ...], dict[int, float]] = defaultdict(dict)
    chosen = spans[np.isin(spans["site"], solver)]
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
        if len(each) >= USUAL * requests and np.mean(each) >= LEAST_AWAIT_S
    ]
    apart = _apart(
        [(n, inside.insight.sites[n]) for n in usual],
        evidence.source,
        sharing(evidence, chosen, "callee"),
    )
    taken = [[run[n] for n in apart if n in run] for run in runs.values()]
    return (
        [Resolved(inside.insight.sites[n], float(np.mean(lengths_s[n]))) for n in apart],
        sum(map(sum, taken)) / requests,
        sum(max(each, default=0.0) for each in taken) / requests,
    )


def _is_solver(site: Site) -> bool:
    return site.file.endswith(SOLVER[0]) and site.function == SOLVER[1]


def _apart(dependencies: list[tuple[int, Site]], source: Source, shared: Sharing) -> list[int]:
    """Those that no other one of them asks for: FastAPI solves a shared dependency once, so that
    it seems to stand beside the one that takes its result. Nor do two of them use one session."""
    kept: list[tuple[int, Site]] = []
    for number, site in dependencies:
        asked = _asked_for(site, source)
        if not any(
            other.function.rpartition(".")[2] in asked or shared.between(known, number)
            for known, other in kept
        ):
            kept.append((number, site))
    return [number for number, _ in kept]


def _asked_for(site: Site, source: Source) -> set[str]:
    """The names in a dependency's parameters, aliases of the module seen through."""
    code = flow.parse(source(site.file))
    function = code.function(site.function.rpartition(".")[2], site.line) if code else None
    if code is None or function is None:
        return set()
    names: set[str] = set()
    new = flow.names_in(function.args)
    while new:
        names |= new
        values = [value for name in new if (value := code.assigned(name)) is not None]
        new = {name for value in values for name in flow.names_in(value)} - names
    return names
