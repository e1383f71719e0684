"""When users start, how long they think, when requests arrive: pure arithmetic.

Every load process computes its own share; together they make the load that was asked
for. Times are seconds from the beginning of the ramp. Standard library only.
"""

import itertools
import math
import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeVar

T = TypeVar("T")

ThinkTime = Literal["fixed", "exponential"]
Arrivals = Literal["constant", "poisson"]


def share(count: int, process: int, processes: int) -> range:
    """Which of `count` users belong to a process: every `processes`-th, so that each
    process takes an even part in the ramp at any time."""
    return range(process, count, processes)


def user_start_s(user: int, spawn_rate: float) -> float:
    """Users start evenly spread, never in bursts."""
    return user / spawn_rate


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
    kind: Arrivals, rate_rps: float, process: int, processes: int, rng: random.Random
) -> Iterator[float]:
    """The arrivals that belong to a process, without end.

    Constant: every `processes`-th of those at 0, 1 / rate, 2 / rate, ... Poisson: a
    process of its own with an equal share of the rate; independent Poisson processes add
    up to one (Kingman, "Poisson Processes", 1993, section 2.2).
    """
    if kind == "constant":
        # Multiplied, not added up: rounding errors must not drift over an hour.
        for number in itertools.count(process, processes):
            yield number / rate_rps
    at_s = 0.0
    while True:
        at_s += rng.expovariate(rate_rps / processes)
        yield at_s


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
