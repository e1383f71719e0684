"""Diagnoses built by hand: a closed system simulated with a heap, and nasty variants.

The simulation stands in for the load and the analysis, so that these tests need neither.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from asyncperf.explanation import AwaitPart, Breakdown, Prediction
from asyncperf.judgement import Budget, BudgetResult, Curve, Knee, Point, Predicted
from asyncperf.levels import Held, Level, Stage
from asyncperf.model import (
    Endpoint,
    GeneratorHealth,
    Handler,
    Load,
    LoadPlan,
    Machine,
    Measured,
    Run,
    Skipped,
    Target,
)
from asyncperf.results import (
    PERCENTILES,
    Diagnosis,
    EndpointResult,
    Figures,
    Finding,
    Healthy,
    Histogram,
    Latency,
    Limiter,
    NextLimiter,
    Published,
    Timeline,
    Window,
)
from asyncperf.samples import Folded, Precision, Samples

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


def empty() -> Diagnosis:
    """One endpoint that was never reached: no sample, nothing known."""
    nothing = samples([], [])
    bare = replace(
        result(Endpoint("GET", "/"), nothing, None, None),
        whole=Figures(0, 0, None, None),
        generator=GeneratorHealth(None, None),
        timeline=Timeline(1.0, ()),
        limiter_note=None,
        no_window_why=None,
        unloaded_requests=0,
        loaded=False,
    )
    return diagnosis([bare], [nothing])


def all_failed() -> Diagnosis:
    """Every request answered 500, in 2 ms."""
    found = samples([i / 100 for i in range(2000)], [0.002] * 2000, failed=True)
    window = Window(10.0, 20.0, 0.002, 5000)
    broken = result(Endpoint("POST", "/orders"), found, window, None)
    note = "every request failed, so there is no throughput to explain"
    return diagnosis([replace(broken, limiter_note=note, histogram=None)], [found])


def partial() -> Diagnosis:
    """Stopped with Ctrl-C in the second load's ramp."""
    whole = experiment(findings=False, published=False)
    first, second = whole.endpoints[:2]
    second = replace(second, steady=None, window=None, limiter=None, histogram=None)
    second = replace(second, no_window_why="the load ended during its ramp", ceiling_rps=None)
    run = replace(whole.run, status="partial", loads=whole.run.loads[:2])
    return replace(whole, run=run, endpoints=(first, second))


def invalid() -> Diagnosis:
    """The load generator was the limit."""
    whole = experiment(findings=False, published=False)
    busy = GeneratorHealth(cpu=1.0, max_drift_s=2.41)
    results = tuple(replace(r, generator=busy, limiter=None) for r in whole.endpoints[3:])
    finding = Finding(
        "generator-saturated",
        "error",
        "GET /async_concurrent",
        "Locust used a whole core and started requests up to 2.41 s late.",
        "Load from another machine, or with fewer users.",
    )
    warnings = ("the load generator needed 100 % of a core",)
    return replace(whole, endpoints=results, findings=(finding,), valid=False, warnings=warnings)


def hostile() -> Diagnosis:
    """Names that try escape sequences, rich markup, formulas, and sheer length."""
    paths = [
        "/\x1b[31mred\x1b[0m\x1b]8;;http://evil\x07link\x1b]8;;\x07",
        "/[bold red]markup[/bold red]/[/]/:smile:",
        "/" + "very_long_segment/" * 30 + "{the_end}",
        "/日本語/" + "漢字" * 30,
        "=cmd|' /C calc'!A0",
        "/two\nlines\r\t\u202eesrever\ud800",
    ]
    found = samples([0.0, 1.0, 2.0], [0.1, 0.2, 0.3])
    limiter = Limiter("thread_pool", 80, 0.2)
    results = [
        replace(
            result(Endpoint("GET", path), found, Window(0, 3, 0.2, 15), limiter),
            load=f"load {i}",
            errors={"\x1b[2J[red]boom[/red]": 2},
        )
        for i, path in enumerate(paths)
    ]
    results[1] = replace(results[1], trouble="\x1b[2Jthe server [bold]died[/bold]")
    finding = Finding(
        "lock-saturated", "info", "GET /[/]", "\x1b[2Ja [red]message[/]", "", "[/]a.py", 3
    )
    whole = diagnosis(results, [found] * len(paths), [finding])
    target = replace(whole.run.target, skipped=(Skipped("POST", "/[/]\x1b[2J", "needs [a] body"),))
    return replace(whole, run=replace(whole.run, target=target), warnings=("\x1b[2J[/]",))


def many(n: int = 30) -> Diagnosis:
    """Thirty endpoints of a real-looking app, methods mixed."""
    found = [samples([i / 10 for i in range(900)], [0.02 + 0.001 * k] * 900) for k in range(n)]
    results = []
    for k in range(n):
        method = ("GET", "GET", "POST", "DELETE")[k % 4]
        path = f"/api/v1/organizations/{{organization_id}}/resource_{k}"
        hold = 0.02 + 0.001 * k
        kind = Limiter("thread_pool", 80, hold, 0.97, 0.2) if k % 7 == 0 else None
        limiter = kind or Limiter("users", 500, hold, 0.99, 0.0)
        window = Window(10, 80, hold, 100)
        results.append(result(Endpoint(method, path), found[k], window, limiter))
    results[4] = replace(results[4], limiter=None)
    results[5] = replace(results[5], trouble="the server stopped answering after 12 s")
    return diagnosis(results, found)


def folded() -> Diagnosis:
    """Two of four endpoints had more requests than are kept one by one."""
    whole = experiment(findings=False, published=False)
    first, *rest = whole.endpoints
    cells = [Folded(1_234_567, Precision(0.01, 0.005)), Folded(9_000_000, Precision(0.08, 0.005))]
    long = [replace(r, folded=c) for r, c in zip(rest[1:], cells, strict=True)]
    return replace(whole, endpoints=(first, rest[0], *long))


def inside() -> Diagnosis:
    """What a probe adds: limits inside the workers, parts of a request, what was foretold."""
    found = [samples([i / 10 for i in range(900)], [0.1] * 900) for _ in range(5)]
    window = Window(10, 80, 0.1, 700)
    handlers = ("digest", "archive", "orders", "report", "session")
    limiters = (
        Limiter("loop_cpu", 2, 0.00482, 0.99, 0.092, (0.99, 0.98), "", 0.00142),
        Limiter("loop_blocked", 4, 0.0212, 0.75, 0.4, (0.99, 0.61, 0.7, 0.7)),
        Limiter("connections", 20, 0.15, 0.98, 1.26, (0.99, 0.97), "main"),
        Limiter("gc", 2, 0.002, 0.95, 0.02, (0.95, 0.95)),
        Limiter("lock", 2, 0.05, 1.0, 0.45, (1.0, 1.0), "asyncio.Lock"),
    )
    awaits = (
        AwaitPart("shop/orders.py", 66, 12, "orders", "fetch_order(order_id)", 0.03, 1.0),
        AwaitPart("shop/orders.py", 70, 16, "orders", "fetch_" + "very_long_" * 9 + "()", 0.02, 3),
        AwaitPart("shop/orders.py", 75, 8, "orders", None, 0.0001, 1.0),
    )
    notes = ("16.7% is neither in the app nor before it: the answer's way back",)
    parts = (
        Breakdown(0.1, 0.0921, 0, 0, 0, 0, 0.0, 0.00462, 0.0, 0.0033, 900, 900),
        Breakdown(0.1, None, 0.02, 0.05, 0, 0, 0.01, 0.01, 0.001, 0.009, 450, 900, (), notes),
        Breakdown(0.1, 0.001, 0, 0, 0.06, 0, 0.037, 0.002, 0.0, 0.0, 899, 900, awaits),
        None,
        Breakdown(0.1, 0.0, 0, 0, 0, 0.09, 0.01, 0.0, 0.0, 0.0, 900, 900),
    )
    results = [
        replace(
            result(
                Endpoint("GET", f"/{name}", Handler("shop.py", 9 * i, name, True)),
                found[i],
                window,
                limiters[i],
                NextLimiter("loop_cpu", 6451.6, 32258) if i == 2 else None,
            ),
            breakdown=parts[i],
            breakdown_note=None if parts[i] else "there is no steady window",
            predicted=Prediction(10.0, 0.1, 9.0, 10.5, 9) if i else None,
        )
        for i, name in enumerate(handlers)
    ]
    return diagnosis(results, found)


def staged() -> Diagnosis:
    """Two endpoints, three stages; the last one was too short for the first of them."""
    whole = experiment(findings=False, published=False)
    stages = tuple(Stage(Level(users), 90.0) for users in (100, 500, 50))
    spans = [Held(s.level, 98.0 * i, 98.0 * i + 8, 98.0 * i + 98) for i, s in enumerate(stages)]
    results = []
    for number, one in enumerate(whole.endpoints[:2]):
        levels = [
            replace(one, held=held, window=Window(held.begins_s + 30, held.ends_s, 15.0, 4))
            for held in spans
        ]
        if number == 0:
            why = "the steady part, 60 s, holds less than 5 cycles of 15 s"
            nothing = {"steady": None, "window": None, "limiter": None}
            levels[2] = replace(levels[2], no_window_why=why, **nothing)
        results.append(replace(levels[-1], levels=tuple(levels)))
    plan = replace(whole.run.plan, stages=stages)
    run = replace(whole.run, plan=plan, loads=whole.run.loads[:2])
    return replace(whole, run=run, endpoints=tuple(results))


def point(
    users: int, rate_rps: float, mean_s: float, kept: bool, p95_s: float | None = None
) -> Point:
    judged = ()
    if p95_s is not None:
        judged = (BudgetResult(P95, "GET /sync_baseline", "met" if kept else "missed", p95_s),)
    around = {"rate": (0.98 * rate_rps, 1.02 * rate_rps), "p95": (1.1 * mean_s, 1.3 * mean_s)}
    return Point(
        level=Level(users),
        rate_rps=rate_rps,
        mean_s=mean_s,
        p95_s=1.2 * mean_s,
        kept=kept,
        intervals=around,
        budgets=judged,
        predicted=Predicted(min(users / 15, 80 / 15), max(15.0, users * 15 / 80)),
    )


P95 = Budget("p95<25s", "p95", "<", 25.0, "s")
POOL = Curve(15.0, 0.0, 80 / 15, "thread_pool")


def searched(*knees: Knee) -> Diagnosis:
    """A search on the first endpoint."""
    whole = experiment(findings=False, published=False)
    held = Held(Level(69), 0.0, 1.4, 300.0)
    result = replace(whole.endpoints[0], held=held)
    plan = replace(whole.run.plan, find_limit=(), users=5000, run_time_s=None)
    [load, *_] = whole.run.loads
    run = replace(whole.run, plan=plan, loads=(replace(load, levels=(held,)),))
    return replace(whole, run=run, endpoints=(replace(result, levels=(result,)),), knees=knees)


def found_knee() -> Diagnosis:
    points = (
        point(40, 2.66, 15.01, True),
        point(69, 4.58, 15.02, True),
        point(75, 4.95, 15.1, False),
        point(80, 5.3, 15.1, False),
        point(160, 5.33, 30.0, False),
    )
    drawn = [40.0 * 4 ** (i / 50) for i in range(51)]
    return searched(
        Knee(
            load="GET /sync_baseline",
            criterion=(),
            status="found",
            kept=Level(69),
            not_kept=Level(75),
            points=points,
            curve=POOL,
            predicted=tuple(
                (n, Predicted(min(n / 15, 80 / 15), max(15.0, n * 15 / 80))) for n in drawn
            ),
            limited_by="thread_pool",
        )
    )


def budget_knees() -> Diagnosis:
    """Found within the noise, not reached, missed from the first, and not to be told."""
    kept, missed = point(120, 5.3, 22.0, True, 24.1), point(130, 5.3, 24.4, False, 26.0)
    why = "the load generator began 227 of 2,683 requests more than 10 ms late"
    one = Knee("GET /sync_baseline", ("p95<25s",), "found", Level(120), Level(130), (kept, missed))
    at_least = replace(one, status="at_least", not_kept=None, points=(kept,))
    below = replace(one, status="below", kept=None, points=(missed,))
    untold = Point(Level(rate_rps=264.0), None, None, None, why=why)
    cannot = replace(one, status="cannot_tell", kept=None, not_kept=None, points=(untold,), why=why)
    cut = replace(at_least, why=f"at 240 users: {why}")
    return searched(one, at_least, below, cannot, cut)


def told() -> Diagnosis:
    """Findings of all kinds: one line that concerns several endpoints, a setting of the
    server's, a line that others suffer from, and what is in good order."""
    whole = experiment(findings=False, published=False)
    blocked = Finding(
        code="loop-blocked",
        severity="error",
        endpoint="GET /async_concurrent",
        message="This line blocks the event loop for 50 ms at a time, 900 times in 280 s: 16% of "
        "the loop's time. GET /async_dependent waits 120 ms a request for it.",
        advice="Await an asynchronous version of the call: up to 99.9 req/s; in threads at most "
        "1,600 req/s.",
        file="shop/rates.py",
        line=14,
        function="fetch_rate",
        fix_kind="await-or-thread",
        cost_ms_per_request=50.2,
        cost_rps=12.3,
        suffers={"GET /async_dependent": 0.12},
    )
    setting = Finding(
        code="server-settings",
        severity="info",
        endpoint="*",
        message="The access log is on.",
        advice="Start the server with `--no-access-log`.",
        cost_ms_per_request=0.087,
        cost_rps=0.0,
    )
    path = "\x1b[2Jshop/[red]rates[/red].py"
    trips = [
        Finding("pool-trips", "info", f"GET /{i}", "It runs for 0.1 ms.", "", path, 40 + i, "f")
        for i in range(12)
    ]
    good = (
        Healthy(
            "sequential-awaits",
            "GET /async_dependent",
            "async_dependent: each await needs the one before it (app.py:92, 93)",
        ),
        *(Healthy("sequential-awaits", None, f"\x1b[2Jf{i}: in [order]") for i in range(7)),
        Healthy("loop-blocked", None, "event loop: no stall of 20 ms"),
    )
    found = [
        blocked,
        *(replace(blocked, endpoint=result.endpoint.label) for result in whole.endpoints[:3]),
        replace(setting, why_not="it is yours to decide"),
        *trips,
    ]
    return replace(whole, findings=tuple(found), healthy=good)


CASES: dict[str, Callable[[], Diagnosis]] = {
    "experiment": experiment,
    "unpublished": lambda: experiment(findings=False, published=False),
    "empty": empty,
    "all_failed": all_failed,
    "partial": partial,
    "invalid": invalid,
    "hostile": hostile,
    "many": many,
    "folded": folded,
    "inside": inside,
    "staged": staged,
    "knee": found_knee,
    "budget_knees": budget_knees,
    "findings": told,
}
