"""Awaits one after another that could run together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from asyncperf.analysis.findings.evidence import LEAST_DETAILED, Evidence
from asyncperf.analysis.findings.exclusive import Sharing, sharing
from asyncperf.analysis.findings.gains import Cost
from asyncperf.analysis.findings.independence import (
    Order,
    advised,
    called,
    grouped,
    of_pairs,
    severity,
    shown,
)
from asyncperf.analysis.findings.words import spoken
from asyncperf.insight import Records, Site
from asyncperf.probe.places import is_users
from asyncperf.probe.record_format import RETURNED
from asyncperf.results import Finding
from asyncperf.sites import Independence

# An await that is shorter than this is over before another one has begun to matter: starting a
# task takes some 10 us, and a turn of a busy loop a millisecond.
LEAST_AWAIT_S = 0.001
# What running together has to save: of the time that a request takes ...
LEAST_GAIN = 0.05
# ... and at all.
LEAST_GAIN_S = 0.001
# In so many of the function's runs at least; otherwise it is not its usual way.
USUAL = 0.5
# Two in a row are a pair of awaits; from three on it is a loop's way.
LEAST_ROUNDS = 3.0


@dataclass(frozen=True, eq=False)
class Function:
    """The awaits of a function in the requests that were seen in detail: for each run of it
    the durations by site."""

    file: str
    name: str
    sites: dict[int, Site]
    runs: list[dict[int, list[float]]]
    requests: int

    def once(self) -> list[int]:
        """Sites of awaits that matter, awaited once in most runs, in their order."""
        lengths_s: dict[int, list[float]] = defaultdict(list)
        for run in self.runs:
            for site, found_s in run.items():
                if len(found_s) == 1:
                    lengths_s[site] += found_s
        found = [
            site
            for site, each in lengths_s.items()
            if len(each) >= USUAL * len(self.runs) and np.mean(each) >= LEAST_AWAIT_S
        ]
        return sorted(found, key=lambda s: (self.sites[s].line, self.sites[s].column or 0))

    def rounds(self) -> dict[int, float]:
        """Sites that most runs await again and again, with how often they do on average."""
        found = {}
        for site in self.sites:
            counts = [len(run[site]) for run in self.runs if len(run.get(site, ())) > 1]
            if len(counts) >= USUAL * len(self.runs) and np.mean(counts) >= LEAST_ROUNDS:
                found[site] = float(np.mean(counts))
        return found

    def times(self, sites: Sequence[int]) -> tuple[float, float]:
        """How long these awaits take of a request, one after another and together. The longest
        one is taken for each run, then averaged: a mean of maxima is no maximum of means."""
        apart_s = together_s = 0.0
        for run in self.runs:
            lengths_s = [length for site in sites for length in run.get(site, ())]
            apart_s += sum(lengths_s)
            together_s += max(lengths_s, default=0.0)
        return apart_s / self.requests, together_s / self.requests

    def awaited(self, site: int) -> float:
        """How often a request awaits there."""
        return sum(len(run.get(site, ())) for run in self.runs) / self.requests


@dataclass(frozen=True, eq=False)
class Looked:
    """A function whose awaits were looked at: what may run together, and what parts the rest."""

    function: Function
    order: Order


def sequential_awaits(evidence: Evidence) -> Iterable[Finding]:
    for looked in looked_at(evidence):
        for group in looked.order.groups:
            apart_s, together_s = looked.function.times(group.members)
            if group.independence is not None and worthwhile(evidence, apart_s - together_s):
                yield _sequential(evidence, looked.function, group.members, group.independence)


def _sequential(
    evidence: Evidence, function: Function, group: Sequence[int], said: Independence
) -> Finding:
    apart_s, together_s = function.times(group)
    gain_s = apart_s - together_s
    unloaded_gain_s = evidence.unloaded(gain_s)
    cost = cost_of(evidence, gain_s)
    alone_s = evidence.result.unloaded_s
    predicted = dict(cost.predicted or {})
    if alone_s is not None:
        predicted["response_s"] = max(0.0, alone_s - unloaded_gain_s)
    return Finding(
        code="sequential-awaits",
        severity=severity(said),
        endpoint=evidence.label,
        **evidence.spot(function.sites[group[0]])._asdict(),
        message=(
            f"{len(group)} awaits, {spoken(apart_s)} one after another, {called(said)}: together "
            f"{spoken(together_s)}{evidence.change(cost)}."
        ),
        advice=advised(evidence, said, "Run them together (`asyncio.gather`, a task group)."),
        evidence={
            "awaits": float(len(group)),
            "apart_s": apart_s,
            "together_s": together_s,
            "requests_seen": float(function.requests),
        },
        fix_kind="gather",
        predicted=predicted,
        cost_ms_per_request=1000 * gain_s,
        cost_rps=cost.rps,
        independence=shown(evidence, said),
    )


def looked_at(evidence: Evidence) -> list[Looked]:
    """Functions with several awaits that together would save something."""
    found = []
    shared = shared_by(evidence)
    for function in functions(evidence):
        sites = function.once()
        apart_s, together_s = function.times(sites)
        if len(sites) > 1 and worthwhile(evidence, apart_s - together_s):
            says = of_pairs(evidence, shared, function.sites)
            found.append(Looked(function, grouped(sites, says)))
    return found


def shared_by(evidence: Evidence) -> Sharing:
    spans = detailed(evidence)
    return Sharing({}, {}) if spans is None else sharing(evidence, spans)


def is_await(site: Site) -> bool:
    """Whether it is an await of the user's own."""
    return (site.text or "").startswith("await ") and is_users(site.file)


def functions(evidence: Evidence) -> list[Function]:
    """The user's functions in which this endpoint's requests awaited something, as far as enough
    of them were seen in detail."""
    inside, spans = evidence.inside, detailed(evidence)
    if inside is None or spans is None:
        return []
    users = [number for number, site in enumerate(inside.insight.sites) if is_await(site)]
    requests = len(np.unique(spans[KEY]))
    spans = spans[np.isin(spans["site"], users) & (spans["outcome"] == RETURNED)]
    # Nobody waits for a background task, in whichever order it awaits.
    spans = spans[~inside.after_answer(spans, spans["start"])]
    runs: dict[tuple[str, str], dict[tuple[int, ...], dict[int, list[float]]]] = defaultdict(dict)
    order = np.argsort(spans["start"], kind="stable")
    for span in spans[order]:
        site = inside.insight.sites[span["site"]]
        # An await without one around it is its own parent: all of these are siblings.
        parent = -1 if span["parent"] == span["span"] else int(span["parent"])
        key = (int(span["worker"]), int(span["request"]), int(span["task"]), parent)
        run = runs[site.file, site.function].setdefault(key, defaultdict(list))
        run[int(span["site"])].append(float(span["end"] - span["start"]))
    return [
        Function(
            file,
            name,
            {n: inside.insight.sites[n] for run in found.values() for n in run},
            list(found.values()),
            requests,
        )
        for (file, name), found in runs.items()
    ]


KEY = ["worker", "request"]


def detailed(evidence: Evidence) -> Records | None:
    """The spans of this endpoint's requests; None where too few were seen in detail."""
    inside = evidence.inside
    if inside is None:
        return None
    spans = inside.of(inside.spans, evidence.index)
    return spans if len(np.unique(spans[KEY])) >= LEAST_DETAILED else None


def worthwhile(evidence: Evidence, gain_s: float) -> bool:
    steady = evidence.result.steady
    if steady and steady.latency:
        mean_s = steady.latency.mean_s
    elif evidence.requests is not None:
        mean_s = float(np.mean(evidence.requests["end"] - evidence.requests["start"]))
    else:
        mean_s = 0.0
    return gain_s >= max(LEAST_GAIN_S, LEAST_GAIN * mean_s)


def cost_of(evidence: Evidence, gain_s: float) -> Cost:
    """What it costs the load that each request of this endpoint lacks that gain."""
    share = evidence.shares[evidence.index]
    return evidence.cost(gain_s * share, evidence.unloaded(gain_s) * share)
