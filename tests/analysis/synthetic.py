"""Runs whose true figures are known: closed loads with autocorrelated latencies."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from asyncperf.analysis.resampling import Blocks, grouped
from asyncperf.model import (
    Endpoint,
    GeneratorHealth,
    Load,
    LoadPlan,
    Machine,
    Measured,
    Run,
    Target,
)
from asyncperf.samples import Samples

ITEMS = Endpoint("GET", "/items")
HEALTHY = GeneratorHealth(cpu=0.1, max_drift_s=0.001)
USERS = 20
RAMP_S = 1.0

Latencies = Callable[[int], np.ndarray]


def ar1(random: np.random.Generator, n: int, memory: float, sd: float) -> np.ndarray:
    """n values of a first-order autoregression with that standard deviation: a value
    correlates with the one `memory` before it by 1/e."""
    phi = np.exp(-1 / memory)
    shocks = random.normal(0, sd * np.sqrt(1 - phi**2), n)
    values = np.empty(n)
    last = random.normal(0, sd)
    for i, shock in enumerate(shocks):
        last = phi * last + shock
        values[i] = last
    return values


def blocks(values: np.ndarray, count: int = 30) -> Blocks:
    """Values in order of time, as a steady window in equal blocks of a second each."""
    block = np.arange(len(values)) * count // len(values)
    return grouped(Blocks(values, block, count, 1.0))


def samples(latency_s: Sequence[float], users: int = USERS) -> Samples:
    """A closed load: each user sends its next request when it has its answer; latencies are
    dealt in the order in which the requests are sent."""
    free = [RAMP_S * i / users for i in range(users)]
    start_s = []
    for latency in latency_s:
        user = int(np.argmin(free))
        start_s.append(free[user])
        free[user] += latency
    start, latency = np.array(start_s), np.array(latency_s, dtype=float)
    order = np.argsort(start + latency, kind="stable")
    n = len(start)
    return Samples(
        start_s=start[order],
        latency_s=latency[order],
        status=np.full(n, 200, dtype=np.int32),
        ok=np.full(n, True),
        received_bytes=np.full(n, 10, dtype=np.int64),
        cut_off_s=np.empty(0),
        errors={},
    )


def load(
    found: Samples, repetition: int = 1, endpoint: Endpoint = ITEMS, alone_s: float | None = None
) -> Load:
    alone_s = float(np.median(found.latency_s)) if alone_s is None else alone_s
    return Load(
        name=endpoint.label,
        started_at=1_795_000_000.0,
        # Up to here every user is still at work.
        duration_s=float(np.max(found.end_s)),
        ramp_end_s=RAMP_S,
        generator=HEALTHY,
        measured=(Measured(endpoint, replace(Samples.none(), **_alone(alone_s)), found),),
        repetition=repetition,
    )


def _alone(response_s: float) -> dict[str, np.ndarray]:
    n = 5
    return {
        "start_s": np.zeros(n),
        "latency_s": np.full(n, response_s),
        "status": np.full(n, 200, dtype=np.int32),
        "ok": np.full(n, True),
        "received_bytes": np.full(n, 10, dtype=np.int64),
    }


def run(*loads: Load, **changes: object) -> Run:
    made = Run(
        tool="asyncperf 0.1.0",
        started_at=1_795_000_000.0,
        machine=Machine("Linux 6.1", 2, "some CPU", 8 << 30, "CPython 3.12.3"),
        target=Target("shop:app", ("uvicorn",), 2, "uvicorn 0.54", "CPython 3.12.3", False, ()),
        plan=LoadPlan("locust 2.47", USERS, USERS / RAMP_S, None, 600.0, 60.0),
        loads=loads,
        status="complete",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def noisy(
    random: np.random.Generator, n: int = 3000, scale: float = 1.0, memory: float = 5.0
) -> np.ndarray:
    """Latencies around 50 ms, times `scale`."""
    return 0.05 * scale * np.exp(ar1(random, n, memory, 0.2))
