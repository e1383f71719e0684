"""Who holds something of limited capacity, and how long who waits for it."""

from __future__ import annotations

import numpy as np

from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.analysis.findings.words import spoken
from asyncperf.insight import Records
from asyncperf.samples import Floats

# What holds no answer back can be trouble all the same.
PILES_UP = "No answer waits for it, but what comes faster than it is done piles up in memory"
# A wait grows by more than chance has it where the last quarter of many waited so many times as
# long as the first.
GROWN = 2.0
MANY = 40
# What is worth a word is longer than a turn of the event loop takes.
LEAST_WAIT_S = 0.001


def mean_s(uses: Records, end_s: float) -> tuple[float, float]:
    """How long a request waits, and one that got it holds it; what lasts, until `end_s`."""
    holders = max(1, len(requests_of(uses[~np.isnan(uses["got"])])))
    got = np.where(np.isnan(uses["got"]), end_s, uses["got"])
    left = np.where(np.isnan(uses["released"]), end_s, uses["released"])
    requests = len(requests_of(uses))
    wait_s, hold_s = (float(np.maximum(0.0, s).sum()) for s in (got - uses["asked"], left - got))
    return wait_s / requests, hold_s / holders


def held_by(evidence: Evidence, number: int) -> dict[str, float]:
    """Which part of the time that a resource is held each endpoint of the load has it."""
    labels = [result.endpoint.label for result in evidence.together]
    inside = evidence.inside
    if inside is None:
        return dict.fromkeys(labels, 0.0)
    uses = inside.uses[inside.uses["resource"] == number]
    left = np.where(np.isnan(uses["released"]), inside.end_s, uses["released"])
    held_s = np.nan_to_num(np.maximum(0.0, left - uses["got"]))
    owners = inside.owners(uses)
    by = [float(held_s[owners == index].sum()) for index in range(len(labels))]
    return {label: each / max(1e-9, sum(by)) for label, each in zip(labels, by, strict=True)}


def suffering(evidence: Evidence, number: int) -> dict[str, float]:
    """How long each request of the other endpoints waits for a resource before its answer."""
    inside = evidence.inside
    found: dict[str, float] = {}
    if inside is None:
        return found
    for index, result in enumerate(evidence.together):
        uses = inside.of(inside.uses, index)
        uses = uses[uses["resource"] == number]
        if index == evidence.index or not len(uses) or not inside.keeps_answers(uses, uses["got"]):
            continue
        wait_s, _ = mean_s(uses, inside.end_s)
        if wait_s >= LEAST_WAIT_S:
            found[result.endpoint.label] = wait_s
    return found


def piles_up(asked: Floats, got: Floats) -> str:
    """What to say of what no answer waits for, with how its waits grew, if they did."""
    has = np.isfinite(got)
    waits_s = (got - asked)[has][np.argsort(got[has])]
    quarter = len(waits_s) // 4
    if len(waits_s) < MANY:
        return f"{PILES_UP}."
    first_s, last_s = (float(part.mean()) for part in (waits_s[:quarter], waits_s[-quarter:]))
    if last_s < GROWN * max(first_s, LEAST_WAIT_S):
        return f"{PILES_UP}."
    return f"{PILES_UP}: meanwhile the wait grew from {spoken(first_s)} to {spoken(last_s)}."


def requests_of(records: Records) -> Records:
    found: Records = np.unique(records[["worker", "request"]])
    return found
