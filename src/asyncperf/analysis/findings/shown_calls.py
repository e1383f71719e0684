"""The calls that block the event loop behind an endpoint, as far as the source shows them."""

from __future__ import annotations

from collections.abc import Iterable

from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.analysis.findings.words import in_words
from asyncperf.sites import BlockingCall

# So many are named.
NAMED = 4


def calls_of(evidence: Evidence, endpoints: Iterable[int]) -> list[BlockingCall]:
    """The calls that the source shows behind these endpoints of the load, the surest first."""
    inside, verdicts = evidence.inside, evidence.run.verdicts
    if inside is None or verdicts is None:
        return []
    found = verdicts.reached_from({name for each in endpoints for name in inside.names(each)})
    return sorted(found, key=lambda call: (call.brief, not call.certain))


def named(evidence: Evidence, calls: Iterable[BlockingCall]) -> str:
    """The calls, where they stand, and the function that they stand in."""
    told = [
        f"`{call.call}` ({evidence.shown(call.file)}:{call.line}, in {call.chain[-1].function}"
        f"{'' if call.certain else ', perhaps'}{', brief as a rule' if call.brief else ''})"
        for call in calls
    ]
    return in_words(told[:NAMED] + ([f"{len(told) - NAMED} more"] if told[NAMED:] else []))
