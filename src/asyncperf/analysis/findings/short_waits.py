"""Calls that block the event loop for less than a stall each, but often: by the time that requests
kept the loop without computing, and by what the source shows of such calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asyncperf.analysis.findings.evidence import Evidence, Spot
from asyncperf.analysis.findings.loop import in_threads, severity
from asyncperf.analysis.findings.shown_calls import calls_of, named
from asyncperf.analysis.findings.stalls import GRAVE
from asyncperf.analysis.findings.words import share, spoken
from asyncperf.analysis.prediction import LOOP
from asyncperf.results import Finding
from asyncperf.sites import BlockingCall

UNSHOWN = (
    "The source shows no call that is known to wait: look for a driver or a client that is not "
    "asynchronous. A virtual machine whose CPUs are given to others looks like this as well"
)


def loop_blocked_in_short(evidence: Evidence) -> Iterable[Finding]:
    """Once for a load, for all of its endpoints: whose the time was is not known."""
    inside = evidence.inside
    if inside is None or not evidence.first or evidence.mostly_failed:
        return
    waited_s = evidence.short_waits_s
    part = waited_s / inside.ticked_s if inside.ticked_s else 0.0
    if part < GRAVE:
        return
    mean_s = waited_s / max(1, evidence.answered)
    cost = evidence.cost(mean_s, queues_s={LOOP: mean_s})
    calls = calls_of(evidence, range(len(evidence.together)))
    advice = UNSHOWN
    if calls:
        gain = f": {cost.gain}" if cost.gain else ""
        advice = (
            f"The source shows what may wait there: {named(evidence, calls)}. Await an "
            f"asynchronous version{gain}; in threads (a plain `def` endpoint, "
            f"`asyncio.to_thread`) {in_threads(evidence, mean_s)}"
        )
    yield Finding(
        code="loop-blocked",
        severity=severity(part) if any(map(lasts, calls)) else "info",
        endpoint=evidence.everyone,
        **_spot(evidence, calls)._asdict(),
        message=(
            f"Requests keep the event loop for {spoken(mean_s)} each without computing, "
            f"{share(min(1.0, part))} of its time: calls that wait, each for less than 20 ms."
        ),
        advice=f"{advice}.",
        evidence={"waited_s": mean_s, "loop_share": part, "calls": float(len(calls))},
        fix_kind="await-or-thread",
        predicted=cost.predicted,
        cost_ms_per_request=cost.ms_per_request,
        cost_rps=cost.rps,
    )


def lasts(call: BlockingCall) -> bool:
    """Whether it waits, for longer than the few microseconds that the rest may be mistaken by."""
    return call.certain and not call.brief


def _spot(evidence: Evidence, calls: Sequence[BlockingCall]) -> Spot:
    """The line of the only call that there is, else who answers the endpoint."""
    if len(calls) == 1:
        [call] = calls
        return Spot(evidence.shown(call.file), call.line, call.chain[-1].function)
    return evidence.handler if evidence.alone else Spot()
