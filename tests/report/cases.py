"""Every kind of diagnosis that a report is held to, nasty ones among them."""

from collections.abc import Callable
from dataclasses import replace

from asyncperf.explanation import AwaitPart, Breakdown, LoopPart, Prediction
from asyncperf.levels import Held, Level, Stage
from asyncperf.model import (
    Endpoint,
    GeneratorHealth,
    Handler,
    Skipped,
)
from asyncperf.results import (
    Diagnosis,
    Figures,
    Finding,
    Healthy,
    Limiter,
    NextLimiter,
    Timeline,
    Window,
)
from asyncperf.samples import Folded, Precision

from .builder import diagnosis, experiment, result, samples
from .knees import budget_knees, found_knee


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
    on_loop = (
        LoopPart("shop/digest.py", 31, "digest", "hashlib pbkdf2", 0.62, 620),
        LoopPart("shop/digest.py", 40, "packed", None, 0.21, 210),
        LoopPart(None, None, None, "uvicorn RequestResponseCycle.send", 0.11, 110),
        LoopPart(None, None, None, "starlette", 0.06, 60),
    )
    notes = ("16.7% is neither in the app nor before it: the answer's way back",)
    parts = (
        replace(
            Breakdown(0.1, 0.0921, 0, 0, 0, 0, 0.0, 0.00462, 0.0, 0.0033, 900, 900),
            on_loop=on_loop,
        ),
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
