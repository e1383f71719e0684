"""When users start and leave, how long they think, when requests arrive: pure arithmetic.

Every load process computes its own share; together they make the load that was asked
for. Times are seconds from the beginning of the ramp. A load without stages is one stage
that is held until the end. Standard library only.
"""

import itertools
import math
import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from asyncperf.levels import Stage

T = TypeVar("T")

ThinkTime = Literal["fixed", "exponential"]
Arrivals = Literal["constant", "poisson"]


def share(count: int, process: int, processes: int) -> range:
    """Which of `count` users belong to a process: every `processes`-th, so that each
    process takes an even part in the ramp at any time."""
    return range(process, count, processes)


@dataclass(frozen=True)
class Span:
    """When a stage begins, when all its users have started or all that are too many have
    been asked to leave, and when it ends; None is never."""

    begins_s: float
    reached_s: float
    ends_s: float | None


def spans(stages: Sequence[Stage], spawn_rate: float) -> tuple[Span, ...]:
    """The stages in time. Users start and leave at `spawn_rate`; a rate changes at once."""
    found: list[Span] = []
    begins_s, before = 0.0, 0.0
    for stage in stages:
        level = stage.level
        change_s = 0.0 if level.rate_rps is not None else abs(level.amount - before) / spawn_rate
        reached_s = begins_s + change_s
        ends_s = None if stage.hold_s is None else reached_s + stage.hold_s
        found.append(Span(begins_s, reached_s, ends_s))
        begins_s, before = ends_s or 0.0, level.amount
    return tuple(found)


@dataclass(frozen=True)
class Turn:
    """One user's time in a closed load: from `start_s` to `leave_s`, which is in stage number
    `left_in`; both None for one who stays to the end."""

    start_s: float
    leave_s: float | None = None
    left_in: int | None = None


def turns(stages: Sequence[Stage], spawn_rate: float, user: int) -> Iterator[Turn]:
    """When a user comes and leaves. The last to come is the first to leave; both go evenly
    spread, never in bursts."""
    before, start_s = 0, None
    for number, (stage, span) in enumerate(zip(stages, spans(stages, spawn_rate), strict=True)):
        users = stage.level.users or 0
        if start_s is None and user < users:
            start_s = span.begins_s + (user - before) / spawn_rate
        elif start_s is not None and user >= users:
            yield Turn(start_s, span.begins_s + (before - 1 - user) / spawn_rate, number)
            start_s = None
        before = users
    if start_s is not None:
        yield Turn(start_s)


def thinking(kind: ThinkTime, mean_s: float, rng: random.Random) -> Callable[[], float]:
    """A source of think times."""
    if kind == "fixed":
        return lambda: mean_s
    return lambda: rng.expovariate(1 / mean_s)


def picking(choices: Sequence[T], weights: Sequence[float], rng: random.Random) -> Callable[[], T]:
    """A source of choices, each as likely as its weight among all weights."""
    bounds = list(itertools.accumulate(weights))
    # A bound that rounding left below a draw must not end the search beyond the last one.
    last = len(choices) - 1
    return lambda: choices[bisect(bounds, rng.random() * bounds[-1], 0, last)]


def arrivals_s(
    kind: Arrivals, stages: Sequence[Stage], process: int, processes: int, rng: random.Random
) -> Iterator[float]:
    """The arrivals that belong to a process, without end: the last stage's rate goes on.

    Constant: every `processes`-th of those at 0, 1 / rate, 2 / rate, ... Poisson: a
    process of its own with an equal share of the rate; independent Poisson processes add
    up to one (Kingman, "Poisson Processes", 1993, section 2.2). Where the rate changes, both
    are laid out for a rate of 1 and then stretched to the rates (ibid., section 2.3).
    """
    at_s = clock(stages)
    if kind == "constant":
        # Multiplied, not added up: rounding errors must not drift over an hour.
        for number in itertools.count(process, processes):
            yield at_s(float(number))
    count = 0.0
    while True:
        count += rng.expovariate(1 / processes)
        yield at_s(count)


def clock(stages: Sequence[Stage]) -> Callable[[float], float]:
    """From how many requests of the whole load have arrived to when that is so. To be asked
    for ever later requests."""
    rates = [stage.level.amount for stage in stages]
    begins = [span.begins_s for span in spans(stages, math.inf)]
    # How many have arrived when each stage begins.
    counts = [0.0]
    for rate_rps, (begin_s, end_s) in zip(rates, itertools.pairwise(begins), strict=False):
        counts.append(counts[-1] + rate_rps * (end_s - begin_s))
    stage = 0

    def at_s(count: float) -> float:
        nonlocal stage
        while stage + 1 < len(counts) and count >= counts[stage + 1]:
            stage += 1
        return begins[stage] + (count - counts[stage]) / rates[stage]

    return at_s


def default_processes(users: int, workers: int, cpus: int, descriptors: int) -> int:
    """How many load processes to use: what the load needs, within the CPUs that the
    server leaves, but at least as many as the users' connections need descriptors.

    `descriptors` is how many connections one process may have.
    """
    needed = math.ceil(workers / WORKERS_PER_PROCESS)
    spare = max(1, cpus - workers)
    return max(1, min(needed, spare), math.ceil(users / descriptors))


# A request costs this engine some 15 us and FastAPI some 118 us (docs/numbers.md); one
# process so keeps up with eight workers, and four leave it half idle.
WORKERS_PER_PROCESS = 4

# Connections from one source address to one port. The system has some 28,000 ports for
# them (ip_local_port_range) and searches among the even half first; as that fills, each
# `connect` takes milliseconds of CPU (20,000 users from one address: 6 s of it, and
# starts up to 11 s late). Closed connections hardly count: the server, asked to, closes
# first, and Linux gives a client's own port back after a second (tcp_tw_reuse).
CONNECTIONS_PER_SOURCE = 5_000


def source_address(number: int, destination: str) -> str | None:
    """The loopback address that client `number` of all connects from, so that no address
    runs out of ports; None for the system's choice."""
    source = number // CONNECTIONS_PER_SOURCE
    return f"127.0.0.{1 + source}" if source and destination.startswith("127.") else None
