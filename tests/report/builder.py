"""Diagnoses built by hand: a closed system simulated with a heap.

The simulation stands in for the load and the analysis, so that these tests need neither.
"""

import heapq
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from asyncperf.model import (
    Endpoint,
    GeneratorHealth,
    Handler,
    Load,
    LoadPlan,
    Machine,
    Measured,
    Run,
    Target,
)
from asyncperf.results import (
    PERCENTILES,
    Diagnosis,
    EndpointResult,
    Figures,
    Finding,
    Histogram,
    Latency,
    Limiter,
    NextLimiter,
    Published,
    Timeline,
    Window,
)
from asyncperf.samples import Samples

USERS, SPAWN_RATE, RUN_TIME_S = 500, 50.0, 300.0
STARTED_AT = 1_795_000_000.0
GENERATOR = GeneratorHealth(cpu=0.14, max_drift_s=0.0121)


def closed_system(places: int, hold_s: float, seed: int) -> Samples:
    """500 users without think time share `places`, each held `hold_s`, first come first served."""
    jitter = np.random.default_rng(seed)
    free = [0.0] * places
    asking = [(i / SPAWN_RATE, i) for i in range(USERS)]
    heapq.heapify(asking)
    done: list[tuple[float, float]] = []
    cut_off: list[float] = []
    while asking:
        start, user = heapq.heappop(asking)
        end = max(start, heapq.heappop(free)) + hold_s + float(jitter.gamma(2, 0.002))
        heapq.heappush(free, end)
        if end < RUN_TIME_S:
            done.append((start, end - start))
            heapq.heappush(asking, (end, user))
        else:
            cut_off.append(start)
    done.sort(key=sum)
    return samples([s for s, _ in done], [x for _, x in done], cut_off)


def samples(
    start_s: Sequence[float],
    latency_s: Sequence[float],
    cut_off_s: Sequence[float] = (),
    failed: bool = False,
) -> Samples:
    n = len(start_s)
    return Samples(
        start_s=np.array(start_s, dtype=float),
        latency_s=np.array(latency_s, dtype=float),
        status=np.full(n, 500 if failed else 200, dtype=np.int32),
        ok=np.full(n, not failed),
        received_bytes=np.full(n, 34, dtype=np.int64),
        cut_off_s=np.array(cut_off_s, dtype=float),
        errors={"500 Internal Server Error": n} if failed and n else {},
    )


def latency(values: np.ndarray) -> Latency | None:
    if not len(values):
        return None
    n = len(values)
    exact = {p: float(np.percentile(values, p, method="inverted_cdf")) for p in PERCENTILES}
    return Latency(
        mean_s=float(values.mean()),
        min_s=float(values.min()),
        max_s=float(values.max()),
        percentiles_s={p: exact[p] if n * (100 - p) >= 99.999 else None for p in PERCENTILES},
    )


def result(
    endpoint: Endpoint,
    found: Samples,
    window: Window | None,
    limiter: Limiter | None,
    next_limiter: NextLimiter | None = None,
    published: Published | None = None,
) -> EndpointResult:
    """What an analysis would say of `found`, without its care about cycles."""
    n = len(found)
    rate_rps = n / float(found.end_s.max()) if n else None
    whole = Figures(n, int((~found.ok).sum()), rate_rps, latency(found.latency_s))
    steady = None
    if window is not None:
        inside = (found.end_s >= window.start_s) & (found.end_s < window.end_s)
        rate = float(inside.sum()) / window.length_s
        steady = Figures(
            int(inside.sum()),
            int((inside & ~found.ok).sum()),
            rate,
            latency(found.latency_s[inside & found.ok]),
        )
        shown = found.latency_s[inside]
    counts, edges = np.histogram(shown, bins=12) if window and len(shown) else ([], [])
    bins, _ = np.histogram(found.end_s, bins=60, range=(0, RUN_TIME_S))
    return EndpointResult(
        endpoint=endpoint,
        load=endpoint.label,
        whole=whole,
        steady=steady,
        window=window,
        no_window_why=None if window else "the load ended during its ramp",
        in_flight_at_end=len(found.cut_off_s),
        errors=found.errors,
        unloaded_s=limiter.hold_s if limiter else None,
        unloaded_requests=3,
        limiter=limiter,
        limiter_note=None if limiter else "33 % below every limit that is known",
        ceiling_rps=limiter.ceiling_rps if limiter else None,
        next_limiter=next_limiter,
        generator=GENERATOR,
        timeline=Timeline(RUN_TIME_S / 60, tuple((bins * 60 / RUN_TIME_S).tolist())),
        histogram=Histogram(tuple(edges), tuple(int(c) for c in counts)) if len(counts) else None,
        published=published,
        trouble=None,
    )


def diagnosis(
    results: Sequence[EndpointResult],
    found: Sequence[Samples],
    findings: Sequence[Finding] = (),
    **run_fields: object,
) -> Diagnosis:
    loads = tuple(
        Load(
            name=r.load,
            started_at=STARTED_AT + 310 * i,
            duration_s=RUN_TIME_S,
            ramp_end_s=USERS / SPAWN_RATE,
            generator=GENERATOR,
            measured=(Measured(r.endpoint, samples([0.0], [0.1]), s),),
        )
        for i, (r, s) in enumerate(zip(results, found, strict=True))
    )
    run = Run(
        tool="asyncperf 0.1.0",
        started_at=STARTED_AT,
        machine=Machine("Linux 6.1", 2, "some CPU", 8 << 30, "3.12.3"),
        target=Target(
            app="app:app",
            command=("uvicorn", "app:app", "--workers", "2"),
            workers=2,
            server="uvicorn 0.54.0",
            python="CPython 3.12.3",
            access_log=False,
            endpoints=tuple(r.endpoint for r in results),
        ),
        plan=LoadPlan("locust", USERS, SPAWN_RATE, RUN_TIME_S, 600.0, 180.0),
        loads=loads,
        status="complete",
    )
    run = replace(run, **run_fields)  # type: ignore[arg-type]
    return Diagnosis(run, tuple(results), tuple(findings), valid=True, warnings=())


@cache
def experiment(findings: bool = True, published: bool = True) -> Diagnosis:
    """The four endpoints at 5 s per task, 500 users, two workers, five minutes."""
    users_15 = Limiter("users", 500, 15.0067, utilization=0.998, wait_s=0.0)
    users_5 = Limiter("users", 500, 5.0061, utilization=0.997, wait_s=0.0)
    pool = Limiter("thread_pool", 80, 15.0062, utilization=1.0, wait_s=78.741)
    rows = [
        ("sync_baseline", 71, 80, 15.0, pool, Window(97.5, 277.572, 15.006, 12)),
        ("async_independent", 80, 500, 15.0, users_15, Window(25.1, 295.2, 15.007, 18)),
        ("async_dependent", 89, 500, 15.0, users_15, Window(25.1, 295.2, 15.007, 18)),
        ("async_concurrent", 98, 500, 5.0, users_5, Window(15.1, 295.4, 5.0061, 56)),
    ]
    tables = [
        Published(1520, 0, 79082, 15026, 119366, 76000, 5.29),
        Published(9500, 0, 15021, 15002, 15140, 15002, 32.24),
        Published(9500, 0, 15020, 15003, 15093, 15003, 32.25),
        Published(29157, 0, 5018, 5001, 5477, 5001, 97.33),
    ]
    results, found = [], []
    for i, (name, line, places, hold_s, limiter, window) in enumerate(rows):
        endpoint = Endpoint("GET", f"/{name}", Handler("app.py", line, name, i > 0))
        found.append(closed_system(places, hold_s, seed=i))
        after = NextLimiter("users", 33.318, 500) if i == 0 else None
        row = tables[i] if published else None
        results.append(result(endpoint, found[-1], window, limiter, after, row))
    saturated = Finding(
        code="pool-saturated",
        severity="warning",
        endpoint="GET /sync_baseline",
        message="Each request waits 78.7 s for one of 40 threads per worker, then holds it 15.0 s.",
        advice="With asynchronous tasks the same 500 users would get 33.3 req/s.",
        file="app.py",
        line=71,
        function="sync_baseline",
        evidence={"wait_s": 78.741, "hold_s": 15.0062},
        fix_kind="async-handler",
        predicted={"rate_rps": 33.318},
    )
    return diagnosis(results, found, [saturated] if findings else [])
