"""What keeps the event loop without computing for less than a stall each time, but often: by the
time that requests keep the loop, and by what the source shows of calls that wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from asyncperf.analysis.findings.evidence import Evidence, Spot
from asyncperf.analysis.findings.shown_calls import calls_of
from asyncperf.analysis.findings.stalls import GRAVE, blamed
from asyncperf.sites import BlockingCall


@dataclass(frozen=True)
class ShortWaits:
    """Of a load, for all of its endpoints, for whose the time was is not known: `mean_s` of each
    request, that `part` of the loops' time, and the `calls` that the source shows."""

    mean_s: float
    part: float
    calls: Sequence[BlockingCall]

    @property
    def lasting(self) -> bool:
        """Whether a call is shown that waits, for longer than the few microseconds that the rest
        may be mistaken by."""
        return any(call.certain and not call.brief for call in self.calls)


def short_waits(evidence: Evidence) -> ShortWaits | None:
    """None where there are none to speak of."""
    inside = evidence.inside
    if inside is None or evidence.mostly_failed:
        return None
    waited_s = evidence.short_waits_s
    part = waited_s / inside.ticked_s if inside.ticked_s else 0.0
    if part < GRAVE:
        return None
    calls = calls_of(evidence, range(len(evidence.together)))
    return ShortWaits(waited_s / max(1, evidence.answered), part, calls)


def spot_of(evidence: Evidence, short: ShortWaits) -> Spot:
    """The line of the only call that there is, else who answers the endpoint."""
    if len(short.calls) == 1:
        [call] = short.calls
        return Spot(evidence.shown(call.file), call.line, call.chain[-1].function)
    return evidence.handler if evidence.alone else Spot()


def stalled_lines(evidence: Evidence) -> Iterator[tuple[int, Spot]]:
    """The lines that block the loop for longer at a time, each with the index of the endpoint
    that is told of it."""
    for index in range(len(evidence.together)):
        for stalls in blamed(replace(evidence, index=index), waiting=True):
            if stalls.users:
                yield index, evidence.spot(stalls.frame)


def told_by(evidence: Evidence, short: ShortWaits) -> int | None:
    """The endpoint whose finding on stalls tells of these waits too: the first of those which the
    only call that the source shows stalls as well."""
    if len(short.calls) != 1:
        return None
    at = spot_of(evidence, short)[:2]
    return next((index for index, spot in stalled_lines(evidence) if spot[:2] == at), None)
