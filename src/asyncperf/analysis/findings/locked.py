"""Python's lock: another thread keeps it, and the event loop stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from asyncperf.analysis.findings.evidence import Evidence, Spot
from asyncperf.analysis.findings.inside import NOBODY, Inside
from asyncperf.analysis.findings.loop import CROWDED
from asyncperf.analysis.findings.stalls import GRAVE, Blamed, matters, share_of
from asyncperf.analysis.findings.words import share, spoken
from asyncperf.insight import Frame, Records
from asyncperf.probe.places import is_users
from asyncperf.probe.record_format import LOCKED, TRIP_KINDS
from asyncperf.results import Finding

BACKGROUND_TASK = TRIP_KINDS.index("background task")
# On average; less is one thread, and now and then another.
SEVERAL = 1.5


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
    cpu, delay = inside.cpu_share, inside.delay_share
    crowded = (
        f" For {share(delay)} of the time no CPU was free for the event loop: on a machine that is "
        "busy, so does whoever has the lock wait for one, and keeps it."
    ) * (delay >= CROWDED)
    found = on_a_thread(inside, stalls)
    spot, endpoint, whose = Spot(), evidence.everyone, "None of the thread pools' was seen then"
    if found is not None:
        spot, whose = evidence.spot(found.function), _words(evidence, found)
        if found.cause != NOBODY:
            endpoint = evidence.together[found.cause].endpoint.label
    yield Finding(
        code="loop-busy",
        severity="info" if delay > cpu else "error" if part >= GRAVE else "warning",
        endpoint=endpoint,
        **spot._asdict(),
        message=(
            f"Other threads keep Python's lock for {spoken(mean_s)} at a time, {len(stalls):,} "
            f"times in {inside.span_s:.0f} s: for {share(part)} of the time nothing else of the "
            f"worker runs, the event loop neither. {whose}.{crowded}"
        ),
        advice=(
            "Python runs one thread at a time: those that compute take turns of 5 ms, and a call "
            "that keeps the lock (json, a regular expression, much of native code) stops all "
            "others until it is done. Compute less at a time, on fewer threads, or in another "
            "process (`ProcessPoolExecutor`)."
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


@dataclass(frozen=True)
class OnThread:
    """A function of the user's that was on threads while the loop stood: whose request's, as a
    background task or not, and on how many at a time."""

    function: Frame
    cause: int
    late: bool
    threads: float


def _words(evidence: Evidence, found: OnThread) -> str:
    late = ", a background task" if found.late else ""
    if late and not evidence.alone and found.cause != NOBODY:
        late += f" of {evidence.together[found.cause].endpoint.label}"
    threads = "one" if found.threads < SEVERAL else f"{found.threads:.0f} of them"
    return f"{found.function.function}{late}{',' * bool(late)} ran on {threads} then"


def on_a_thread(inside: Inside, stalls: Records) -> OnThread | None:
    """The user's function that was on threads for most of that time."""
    trips = inside.insight.trips[np.isfinite(inside.insight.trips["run_s"])]
    began = trips["asked"] + trips["wait_s"]
    ended = began + trips["run_s"]
    time_s = np.zeros(len(trips))
    for stall in stalls:
        since, until = stall["start"], stall["start"] + stall["duration_s"]
        within_s = np.minimum(ended, until) - np.maximum(began, since)
        time_s += np.where(trips["worker"] == stall["worker"], within_s.clip(0), 0.0)
    causes = np.unique(trips["cause"][time_s > 0])
    for cause in sorted(causes, key=lambda cause: -time_s[trips["cause"] == cause].sum()):
        site = inside.site(int(cause))
        if site is None or not is_users(site.file):
            continue
        own = (trips["cause"] == cause) & (time_s > 0)
        owners, kinds = inside.owners(trips[own]), trips["kind"][own]
        return OnThread(
            Frame(site.file, site.line, site.function),
            int(owners[0]) if len(np.unique(owners)) == 1 else NOBODY,
            bool((kinds == BACKGROUND_TASK).mean() > 1 / 2),
            float(time_s[own].sum() / stalls["duration_s"].sum()),
        )
    return None
