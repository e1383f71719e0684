"""Whether awaits that the probe saw could run together: what the source says of them, unless the
probe saw better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from asyncperf.analysis.findings.evidence import Evidence
from asyncperf.analysis.findings.exclusive import Shared, Sharing
from asyncperf.insight import Site
from asyncperf.results import Severity
from asyncperf.sites import Independence, Remedy, SeenAt, VerdictKind

NOT_READ = "the source was not read when this run was made"
ONE_AT_A_TIME = "use one {}, which runs one thing at a time"
IN_TURNS = "wait for one {}, so together they would take turns"
# A group of awaits is as sure as the least sure of its pairs.
SURENESS = {None: 0, "likely": 1, "independent": 2}
# What is told of awaits that have to stay in order; the JSON of `asyncperf scan` has all.
TOLD = 3

# What is said of two awaits, by their numbers.
Says = Callable[[int, int], Independence]


@dataclass(frozen=True)
class Parting:
    """Why `later` cannot run together with `earlier`; both are numbers of awaits."""

    earlier: int
    later: int
    why: Independence


@dataclass(frozen=True)
class Group:
    """Awaits that could run together, as sure as `independence` says; None of one alone."""

    members: tuple[int, ...]
    independence: Independence | None


@dataclass(frozen=True)
class Order:
    """Groups of awaits that nothing parts, and what parts the others."""

    groups: tuple[Group, ...]
    partings: tuple[Parting, ...]


def grouped(numbers: Sequence[int], says: Says) -> Order:
    """Awaits in their order: each joins those before it unless something parts them."""
    groups: list[list[int]] = [[]]
    partings = []
    for later in numbers:
        against = (Parting(earlier, later, says(earlier, later)) for earlier in groups[-1])
        parting = next((each for each in against if each.why.remedy == "none"), None)
        if parting is None:
            groups[-1].append(later)
        else:
            partings.append(parting)
            groups.append([later])
    return Order(tuple(_group(members, says) for members in groups), tuple(partings))


def _group(members: Sequence[int], says: Says) -> Group:
    pairs = [says(earlier, later) for earlier, later in combinations(members, 2)]
    least = min(pairs, key=lambda said: SURENESS.get(said.verdict, 0), default=None)
    return Group(tuple(members), least)


def of_pairs(
    evidence: Evidence, shared: Sharing, sites: Mapping[int, Site], kind: VerdictKind = "pair"
) -> Says:
    """What is said of two of these awaits, or dependencies, by their numbers. What the probe saw
    beats the source: a session that both used cannot be asked for two things at a time."""

    def says(earlier: int, later: int) -> Independence:
        places = [_at(sites[number], kind) for number in (earlier, later)]
        said = by_source(evidence, kind, places, "overlap")
        seen = shared.between(earlier, later)
        return said if seen is None else seen_to_share("both", seen, said, "none")

    return says


def of_rounds(
    evidence: Evidence, shared: Sharing, sites: Mapping[int, Site], number: int
) -> Independence:
    """What is said of the rounds of the loop around an await, in the same way."""
    said = by_source(evidence, "loop", [_at(sites[number], "loop")], "bounded-overlap")
    seen = shared.rounds(number)
    if seen is None:
        return said
    if said.verdict == "unsafe" and not seen.is_lock:
        return replace(said, by="probe")
    # What they share allows one query for all of them, where they do little else and the source
    # knows what they do.
    does_more = not seen.is_lock and said.remedy != "batch" and not shared.trips(number)
    known = said.verdict is not None and said.remedy != "none" and not does_more
    return seen_to_share("all rounds", seen, said, "batch" if known else "none")


def seen_to_share(who: str, shared: Shared, said: Independence, remedy: Remedy) -> Independence:
    """What the probe saw, against what the source says. That one needs the other is the
    better reason, and no contradiction."""
    if said.verdict == "dependent":
        return said
    if shared.is_lock:
        reason = f"{who} {IN_TURNS.format(shared.name)}"
        return Independence(said.verdict, reason, "none", by="probe")
    reason = f"{who} {ONE_AT_A_TIME.format(shared.name)}"
    return Independence("unsafe", reason, remedy, by="probe")


def by_source(
    evidence: Evidence, kind: VerdictKind, places: Sequence[SeenAt], untold: Remedy
) -> Independence:
    """What the scan said; `untold` is the remedy where it said nothing."""
    verdicts = evidence.run.verdicts
    if verdicts is None:
        return Independence(None, NOT_READ, untold)
    said = verdicts.of(kind, *places)
    return said or Independence(None, verdicts.unjudged(places), untold)


def _at(site: Site, kind: VerdictKind) -> SeenAt:
    return site.file, site.line, None if kind == "dependencies" else site.column


# Words.


def called(independence: Independence) -> str:
    """How sure it is that awaits could run together, in a message."""
    if independence.verdict == "independent":
        return "independent"
    if independence.verdict == "likely":
        return "likely independent"
    return "cannot tell from source whether independent"


def severity(independence: Independence) -> Severity:
    """Where nobody can say whether anything is gained, it is no more than information."""
    return "info" if independence.verdict is None else "warning"


def shown(evidence: Evidence, independence: Independence) -> Independence:
    """The same, its file as the report's other paths are."""
    if independence.file is None:
        return independence
    return replace(independence, file=evidence.shown(independence.file))


def advised(evidence: Evidence, independence: Independence, advice: str) -> str:
    """Advice to let awaits run together, with what is not proved."""
    if independence.verdict == "independent":
        return advice
    if independence.verdict == "likely":
        return f"{advice} Only likely: {told(evidence, independence)}."
    advice = f"{advice[:1].lower()}{advice[1:]}"
    return f"If they are, {advice} The source does not tell: {independence.reason}."


def told(evidence: Evidence, independence: Independence, beside: str = "") -> str:
    """The reason, and where the fact that decides stands if neither it nor `beside` says so."""
    if independence.file is None or independence.line is None:
        return independence.reason
    place = f"{evidence.shown(independence.file)}:{independence.line}"
    if place == beside or f"line {independence.line}" in independence.reason:
        return independence.reason
    return f"{independence.reason} ({place})"


def stays(why: Independence) -> bool:
    """Whether somebody says that awaits have to stay in order, or gain nothing otherwise."""
    known = why.verdict in ("dependent", "unsafe") or why.by == "probe"
    return known and why.remedy == "none"


def in_order(
    evidence: Evidence,
    partings: Iterable[Parting],
    sites: Mapping[int, Site],
    what: str = "await",
) -> str | None:
    """Why awaits stay in order; None where nobody says that they have to."""
    known = [parting for parting in partings if stays(parting.why)]
    if not known:
        return None
    file = evidence.shown(sites[known[0].later].file)
    lines = ", ".join(dict.fromkeys(str(sites[parting.later].line) for parting in known))
    whole = list(dict.fromkeys(told(evidence, parting.why, f"{file}:{lines}") for parting in known))
    reasons = "; ".join(whole[:TOLD] + ([f"{len(whole) - TOLD} more"] if whole[TOLD:] else []))
    if all(parting.why.verdict == "dependent" for parting in known):
        return f"each {what} needs the one before it ({file}:{lines}): {reasons}"
    return f"they stay in order ({file}:{lines}): {reasons}"
