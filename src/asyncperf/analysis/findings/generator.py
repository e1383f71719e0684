"""The load itself: a generator that was the limit, and too little to judge by."""

import math
from collections.abc import Iterable

from asyncperf.analysis.findings.evidence import LEAST_REQUESTS, Evidence
from asyncperf.analysis.findings.words import sentence, spoken
from asyncperf.model import LATE_START_S, GeneratorHealth
from asyncperf.results import Finding

# A generator that uses nine tenths of a core has no room for the next burst; what it
# reports is then its own queue.
GENERATOR_CPU = 0.9
# Fewer late starts than this share are the machine's occasional hiccup; more, and what was
# offered is not the load that was asked for.
LATE_STARTS = 0.01
# So unlikely must it be that a generator with that share makes so many late starts. Stricter
# than usual, because one hiccup delays all the requests that are due meanwhile.
LATE_BY_CHANCE = 0.001


def generator_limit(generator: GeneratorHealth) -> str | None:
    """Why the generator was the limit of a load, None if it was not."""
    if generator.exhausted:
        count = sum(generator.exhausted.values())
        return f"{', '.join(generator.exhausted)}: {count:,} requests failed of it"
    if generator.users_lost:
        return (
            f"the load generator lost {generator.users_lost:,} users with a process that died: "
            "from then on it was another load"
        )
    if too_many_late(generator.late_starts, generator.starts):
        return (
            f"the load generator began {generator.late_starts:,} of {generator.starts:,} requests "
            f"more than {spoken(LATE_START_S)} late"
        )
    if generator.cpu is None:
        return None
    busiest = max(generator.cpu_each, default=generator.cpu / generator.processes)
    if busiest < GENERATOR_CPU:
        return None
    return f"the load generator used {generator.cpu:.0%} of a core: its figures are its own"


def too_many_late(late: int, starts: int) -> bool:
    """Whether so many late starts show a share above `LATE_STARTS`: of a few requests some can
    be late by chance, one of a hundred always.

    The chance of k or more of n at a share p is at most exp(-n D(k/n || p)), with D the
    relative entropy (Hoeffding, 1963, theorem 1).
    """
    if late <= LATE_STARTS * starts:
        return False
    share = late / starts
    entropy = share * math.log(share / LATE_STARTS)
    if late < starts:
        entropy += (1 - share) * math.log((1 - share) / (1 - LATE_STARTS))
    return starts * entropy > -math.log(LATE_BY_CHANCE)


def generator_saturated(evidence: Evidence) -> Iterable[Finding]:
    limited = generator_limit(evidence.result.generator)
    # Users lost are no fault of the app's, and no saturation; the load's trouble says it.
    if limited is not None and not evidence.result.generator.users_lost:
        yield Finding(
            code="generator-saturated",
            severity="error",
            endpoint=evidence.label,
            message=sentence(limited),
            advice="Use fewer users, slower requests, or a machine with more cores.",
        )


def too_little_data(evidence: Evidence) -> Iterable[Finding]:
    """No steady state; or one, in which the probe saw too little to look inside."""
    result, inside = evidence.result, evidence.inside
    if result.trouble is not None:
        return  # it is reported instead
    if result.steady is None:
        yield Finding(
            code="too-little-data",
            severity="warning",
            endpoint=evidence.label,
            message=sentence(result.no_window_why or "no steady state was found"),
            advice="Until then no figure of it is quoted.",
        )
    elif inside is not None and evidence.requests is None:
        seen = len(inside.of(inside.requests, evidence.index, "number"))
        yield Finding(
            code="too-little-data",
            severity="info",
            endpoint=evidence.label,
            message=(
                f"The probe saw {seen} of its requests end in the steady state; it takes "
                f"{LEAST_REQUESTS} to say where their time goes."
            ),
            advice="Load it for longer (-t), or with more users (-u).",
            evidence={"requests_seen": float(seen)},
        )
