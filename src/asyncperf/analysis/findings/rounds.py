"""An await that runs again and again, and the trips to a database that it makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asyncperf.analysis.findings.awaits import (
    Function,
    cost_of,
    functions,
    shared_by,
    worthwhile,
)
from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.analysis.findings.independence import (
    advised,
    called,
    of_rounds,
    severity,
    shown,
    told,
)
from asyncperf.analysis.findings.words import sentence, spoken
from asyncperf.insight import Site
from asyncperf.results import Finding
from asyncperf.sites import Independence

# What one trip to a database takes the place of many with.
ONE_TRIP = (
    "a query with `IN` or a join, eager loading (`selectinload`); for writes `executemany`, or one "
    "`flush` after the loop"
)


@dataclass(frozen=True, eq=False)
class Repeated:
    """An await, by its number in a function, that runs again and again: how often in one run, what
    is said of its rounds, and how often a request calls there the one session or connection on
    which its rounds were seen to spend their time; 0 if there is none."""

    function: Function
    number: int
    rounds: float
    said: Independence
    trips: float

    @property
    def site(self) -> Site:
        return self.function.sites[self.number]

    @property
    def is_batch(self) -> bool:
        """Whether the source knows that one statement would do, and that overlapping would not."""
        return self.said.remedy == "batch" and self.said.verdict in ("unsafe", "dependent")

    @property
    def may_be_batch(self) -> bool:
        """Whether one statement would do unless one round needs what another one left, which
        the source does not say."""
        return self.trips > 0 and self.said.verdict == "unsafe" and self.said.remedy == "none"

    def in_words(self) -> str:
        """How often a request goes to the database there, and for how long."""
        apart_s, _ = self.function.times([self.number])
        trips = self.trips or self.function.awaited(self.number)
        return (
            f"{trips:.0f} trips to the database one after another, {spoken(apart_s / trips)} each"
        )


def sequential_loop(evidence: Evidence) -> Iterable[Finding]:
    for repeated in loops(evidence):
        if repeated.said.remedy != "none" or repeated.may_be_batch:
            yield _loop(evidence, repeated)


def loops(evidence: Evidence) -> Iterable[Repeated]:
    """Awaits that run again and again and together would save something."""
    shared = shared_by(evidence)
    for function in functions(evidence):
        for number, rounds in function.rounds().items():
            apart_s, together_s = function.times([number])
            if worthwhile(evidence, apart_s - together_s):
                said = of_rounds(evidence, shared, function.sites, number)
                trips = shared.trips(number) / function.requests
                yield Repeated(function, number, rounds, said, trips)


def _loop(evidence: Evidence, repeated: Repeated) -> Finding:
    said = repeated.said
    apart_s, together_s = repeated.function.times([repeated.number])
    gain_s = apart_s - together_s
    cost = cost_of(evidence, gain_s)
    if repeated.is_batch or repeated.may_be_batch:
        message = (
            f"A request makes {repeated.in_words()}: {spoken(apart_s)}. One as long as the longest "
            f"of them takes {spoken(together_s)}{evidence.change(cost)}. "
            "What the others compute is saved too, and not counted."
        )
        advice = _batched(evidence, repeated)
    else:
        again = f"This await runs {repeated.rounds:.3g} times in a row"
        message = (
            f"{again}, {spoken(apart_s)} of a request, {called(said)}: together "
            f"{spoken(together_s)}{evidence.change(cost)}."
        )
        advice = advised(
            evidence,
            said,
            "Ask for all of it at once if the other side can; else run some of them together "
            "(`asyncio.gather` with a semaphore).",
        )
    return Finding(
        code="sequential-loop",
        severity="info" if repeated.may_be_batch else severity(said),
        endpoint=evidence.label,
        **evidence.spot(repeated.site)._asdict(),
        message=message,
        advice=advice,
        evidence={
            "rounds": repeated.rounds,
            "trips": repeated.trips or repeated.function.awaited(repeated.number),
            "apart_s": apart_s,
            "together_s": together_s,
            "requests_seen": float(repeated.function.requests),
        },
        fix_kind="batch" if said.remedy == "batch" or repeated.may_be_batch else "batch-or-gather",
        predicted=cost.predicted,
        cost_ms_per_request=1000 * gain_s,
        cost_rps=cost.rps,
        independence=shown(evidence, said),
    )


def _batched(evidence: Evidence, repeated: Repeated) -> str:
    """Advice to make one trip of many, and why they cannot overlap."""
    why = told(evidence, repeated.said)
    if repeated.may_be_batch:
        return (
            f"If no round needs what another one left, ask in one trip: {ONE_TRIP}. {sentence(why)}"
        )
    if repeated.said.verdict == "dependent":
        return f"Ask before the loop, in one trip: {ONE_TRIP}. The loop may need less of it: {why}."
    return f"Ask in one trip: {ONE_TRIP}. They cannot overlap: {why}."
