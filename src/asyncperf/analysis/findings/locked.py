"""Python's lock: another thread keeps it, and the event loop stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from asyncperf.analysis.findings.evidence import Evidence, Spot
from asyncperf.analysis.findings.inside import NOBODY, Inside
from asyncperf.analysis.findings.stalls import GRAVE, Blamed, matters, share_of
from asyncperf.analysis.findings.words import share, spoken
from asyncperf.insight import Frame, Records
from asyncperf.probe.places import is_users
from asyncperf.probe.record_format import LOCKED
from asyncperf.results import Finding


def loop_locked_out(evidence: Evidence) -> Iterable[Finding]:
    """A thread that computes in native code without giving the lock away: whatever line the loop
    was at, it is not to blame."""
    inside = evidence.inside
    if inside is None or not evidence.first:
        return
    stalls = inside.stalls[inside.stalls["kind"] == LOCKED]
    held = Blamed(None, False, NOBODY, stalls)
    if not matters(held, inside):
        return
    part, mean_s = share_of(held, inside), held.own_s / len(stalls)
    function = on_a_thread(inside, stalls)
    spot = evidence.spot(function)
    whose = f"{function.function} ran on one then" if function else "Not one of the thread pools'"
    yield Finding(
        code="loop-busy",
        severity="error" if part >= GRAVE else "warning",
        endpoint=evidence.everyone,
        **(spot if function else Spot())._asdict(),
        message=(
            f"Another thread keeps Python's lock for {spoken(mean_s)} at a time, {len(stalls):,} "
            f"times in {inside.span_s:.0f} s: for {share(part)} of the time nothing else of the "
            f"worker runs, the event loop neither. {whose}."
        ),
        advice=(
            "A call that keeps the lock (json, a regular expression, much of native code) stops "
            "every thread: give it less at a time, or call it in another process "
            "(`ProcessPoolExecutor`)."
        ),
        evidence={
            "stalls": float(len(stalls)),
            "mean_s": mean_s,
            "longest_s": held.longest_s,
            "loop_share": part,
        },
        fix_kind="compute-less-or-elsewhere",
        cost_ms_per_request=held.own_s / max(1, evidence.answered) * 1000,
    )


def on_a_thread(inside: Inside, stalls: Records) -> Frame | None:
    """The user's function that was on a thread for most of that time."""
    trips = inside.insight.trips[np.isfinite(inside.insight.trips["run_s"])]
    began = trips["asked"] + trips["wait_s"]
    ended = began + trips["run_s"]
    time_s: dict[int, float] = defaultdict(float)
    for stall in stalls:
        since, until = stall["start"], stall["start"] + stall["duration_s"]
        within_s = np.minimum(ended, until) - np.maximum(began, since)
        for at in np.flatnonzero((within_s > 0) & (trips["worker"] == stall["worker"])):
            time_s[int(trips["cause"][at])] += float(within_s[at])
    for number in sorted(time_s, key=lambda number: -time_s[number]):
        site = inside.site(number)
        if site is not None and is_users(site.file):
            return Frame(site.file, site.line, site.function)
    return None
