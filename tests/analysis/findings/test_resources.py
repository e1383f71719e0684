"""Connections, locks and semaphores: waits, and requests that wait for themselves."""

import numpy as np
import pytest

from asyncperf.insight import Resource, Site
from asyncperf.results import Figures

from ...builders import BLOCKING, ITEMS, figures, result_of
from .seen import FILE, codes, found, insight_of, requests, ticks

ASKS = Site(FILE, 13, 5, "items", "async with pool")
POOL = Resource("connections", "asyncpg", 10, None)
LOCK = Resource("lock", "asyncio.Lock", 1, None)
SEMAPHORE = Resource("semaphore", "asyncio.Semaphore", 3, None)
NEVER = float("nan")


def use(request, asked, got, released, **changes):
    return {"request": request, "asked": asked, "got": got, "released": released, **changes}


def stays(count, wait_s, hold_s):
    return [use(i, 20.0, 20 + wait_s, 20 + wait_s + hold_s) for i in range(count)]


def seen(rows, resource=POOL):
    return insight_of(requests=requests(), uses=rows, resources=(resource,), sites=(ASKS,))


@pytest.mark.parametrize(("hold_s", "holds"), [(0.0099, False), (0.011, True)])
def test_a_pool_with_free_connections_is_not_what_is_waited_for(hold_s, holds):
    """Of 5,000 requests in 50 s: ten connections are busy for a tenth of the time by 10 ms."""
    assert codes(seen(stays(100, 0.1, hold_s))) == ["connections-saturated"] * holds


@pytest.mark.parametrize(
    ("every_s", "recorded", "holds"),
    [
        (0.45, 100, False),  # 4.4 of ten are taken at a time
        (0.38, 100, True),  # 5.3
        (0.45, 50, True),  # one of two was recorded, so 8.9
    ],
)
def test_who_waits_while_places_are_free_waits_for_something_else(every_s, recorded, holds):
    """As for an answer to a pool's own question whether a connection still works."""
    rows = [use(i, 10 + every_s * i, 10.2 + every_s * i, 12.2 + every_s * i) for i in range(100)]
    result = result_of(steady=figures(requests=100 * 100 // recorded))
    assert codes(seen(rows), result) == ["connections-saturated"] * holds


@pytest.mark.parametrize(
    ("resource", "code"),
    [(POOL, "connections-saturated"), (LOCK, "lock-saturated"), (SEMAPHORE, "lock-saturated")],
)
@pytest.mark.parametrize(
    ("count", "wait_s", "hold_s", "holds"),
    [
        (100, 0.1, 0.05, True),
        (100, 0.0051, 0.1, True),
        (100, 0.0049, 0.1, False),  # less than a twentieth of the hold
        (100, 0.0011, 0.011, True),
        (100, 0.0009, 0.011, False),  # a turn of the loop
        (19, 0.1, 0.05, False),  # too little to tell
    ],
)
def test_a_queue(resource, code, count, wait_s, hold_s, holds):
    assert codes(seen(stays(count, wait_s, hold_s), resource)) == [code] * holds


def test_fastapis_max_concurrency_is_told_by_the_dependency():
    """Whatever line of the user's FastAPI was called from, a middleware's perhaps."""
    resource = Resource("max_concurrency", "search", 3, 1)
    rows = [{**use, "site": 0} for use in stays(100, 0.1, 0.05)]
    sites = (ASKS, Site(FILE, 2, None, "search", None))
    insight = insight_of(requests=requests(), uses=rows, resources=(resource,), sites=sites)
    (finding,) = found(insight)
    assert (finding.file, finding.line, finding.function) == ("shop.py", 2, "search")
    assert finding.endpoint == "GET /items"
    assert finding.message.startswith(
        "Each request waits 100 ms for `search`, whose `max_concurrency` is 3, then holds it for 50"
    )


def test_a_semaphore_of_each_request_is_nobodys_limit():
    rows = [{**use, "instance": i} for i, use in enumerate(stays(100, 0.1, 0.05))]
    assert codes(seen(rows, SEMAPHORE)) == []


def test_two_locks_that_are_alike_have_a_place_each():
    rows = [{**use, "instance": i % 2} for i, use in enumerate(stays(100, 0.2, 0.1))]
    (finding,) = found(seen(rows, LOCK))
    assert "at most 20 req/s" in finding.message


def test_a_resource_without_a_limit_is_never_full():
    unlimited = Resource("connections", "httpx", None, None)
    assert codes(seen(stays(100, 1.0, 0.1), unlimited)) == []


def test_the_cap_by_the_utilisation_law():
    (finding,) = found(seen(stays(100, 0.2, 0.1)))
    assert (finding.file, finding.line, finding.function) == ("shop.py", 13, "items")
    assert "one of 10 connections" in finding.message
    assert "cap it at 100 req/s" in finding.advice
    assert "gathering them gains nothing" in finding.advice
    assert finding.cost_ms_per_request == pytest.approx(200)


@pytest.mark.parametrize(
    ("cpu", "delay", "severity"),
    [(0.1, 0.0, "error"), (0.5, 0.29, "error"), (0.5, 0.31, "info"), (0.9, 0.0, "info")],
)
@pytest.mark.parametrize("resource", [POOL, LOCK])
def test_a_queue_of_those_who_wait_for_a_busy_loop_is_not_the_limit(resource, cpu, delay, severity):
    insight = insight_of(
        requests=requests(),
        uses=stays(100, 0.2, 2.0),
        resources=(resource,),
        sites=(ASKS,),
        ticks=ticks(cpu, delay),
    )
    (finding,) = [f for f in found(insight) if f.code.endswith("-saturated")]
    assert finding.severity == severity
    assert ("the event loop" in finding.message) == (severity == "info")
    assert ("gains nothing" in finding.advice) == (severity == "error" and resource == POOL)
    assert (finding.cost_rps is None) == (severity == "info")


@pytest.mark.parametrize(
    ("hold_s", "severity"),
    [(2.6, "error"), (2.4, "info")],  # 100 of them in 50 s, for ten places
)
def test_places_that_are_often_free_are_waited_for_in_bursts_only(hold_s, severity):
    hundred = result_of(steady=Figures(100, 0, 2.0, None))
    (finding,) = found(seen(stays(100, 0.2, hold_s)), hundred)
    assert (finding.code, finding.severity) == ("connections-saturated", severity)
    assert finding.evidence["utilization"] == pytest.approx(100 * hold_s / 50 / 10)


def nested(count, wait_s, *, got=True):
    rows = []
    for i in range(count):
        rows.append(use(i, 20.0, 20.0, 25.0))
        until = 22.0 if got else NEVER
        rows.append(use(i, 21.0, 21 + wait_s if got else NEVER, until, nested=1))
    return rows


@pytest.mark.parametrize(
    ("rows", "severities"),
    [
        (nested(2, 0.5), ["error"]),
        (nested(2, 0.0), ["warning"]),  # it will, with more users
        (nested(2, 0.0, got=False), ["error"]),
        (nested(1, 0.5), []),  # too little to call it their way
        ([{**use, "nested": 0} for use in nested(2, 0.5)], []),  # given back whatever becomes of it
    ],
)
def test_connection_deadlock(rows, severities):
    result = found(seen(rows))
    assert [(f.code, f.severity) for f in result] == [
        ("connection-deadlock", s) for s in severities
    ]


def test_a_standstill_without_a_steady_state_is_found_all_the_same():
    stuck = result_of(steady=None, window=None, no_window_why="0 requests completed")
    rows = [use(i, 1.0, 1.0, NEVER) for i in range(10)]
    rows += [use(i, 1.1, NEVER, NEVER, nested=1) for i in range(10)]
    insight = insight_of(uses=rows, resources=(POOL,), sites=(ASKS,))
    assert codes(insight, stuck) == ["connection-deadlock", "too-little-data"]


def test_a_lock_is_no_connection():
    assert codes(seen(nested(2, 0.5), LOCK)) == []


@pytest.mark.parametrize(("alone_s", "said"), [(0.049, True), (0.06, False)])
def test_what_is_held_for_longer_under_load_is_said_to_be_slowed(alone_s, said):
    alone = [use(1000 + i, -2.0, -2.0, -2.0 + alone_s) for i in range(5)]
    (finding,) = found(seen(stays(100, 0.1, 0.1) + alone))
    assert ("Without load it is held for 49 ms: first mend" in finding.advice) is said
    assert finding.evidence["hold_alone_s"] == pytest.approx(alone_s)


def test_nothing_is_said_of_a_hold_without_load_that_is_not_known():
    (finding,) = found(seen(stays(100, 0.1, 0.1)))
    assert "Without load" not in finding.advice
    assert "hold_alone_s" not in finding.evidence


def test_where_the_loop_has_no_time_left_that_alone_is_to_be_mended_first():
    alone = [use(1000 + i, -2.0, -2.0, -2.0 + 0.01) for i in range(5)]
    rows = stays(100, 0.1, 0.1) + alone
    insight = insight_of(
        requests=requests(), uses=rows, resources=(POOL,), sites=(ASKS,), ticks=ticks(0.9)
    )
    (finding,) = [f for f in found(insight) if f.code == "connections-saturated"]
    assert finding.advice.startswith("Mend the event loop first")


@pytest.mark.parametrize(
    ("resource", "code"), [(POOL, "connections-saturated"), (LOCK, "lock-saturated")]
)
def test_what_only_background_tasks_wait_for_costs_no_request_anything(resource, code):
    """A request that never got it holds nothing, and is not averaged in."""
    rows = [use(i, 10.0, 20.0, 21.0) for i in range(50)]
    rows += [use(50 + i, 10.0, NEVER, NEVER) for i in range(50)]
    insight = insight_of(
        requests=requests(answered=12.0, start=11.0, sent=11.0),
        uses=rows,
        resources=(resource,),
        sites=(ASKS,),
    )
    (finding,) = found(insight)
    assert (finding.code, finding.severity) == (code, "warning")
    assert finding.message.startswith("After its answer each request waits ")
    assert "then holds it for 1.00 s" in finding.message
    assert "req/s" not in finding.message + finding.advice
    assert (finding.cost_ms_per_request, finding.cost_rps, finding.predicted) == (0.0, None, None)
    assert finding.fix_kind is None


@pytest.mark.parametrize(("last_s", "grew"), [(3.0, True), (0.0, False)])
def test_how_the_wait_of_what_nothing_awaits_grew_is_said(last_s, grew):
    """A task that each request sets out on: it gets the lock in time in the beginning, and then
    later and later."""
    ends = np.linspace(11, 59, 100)
    waits_s = np.linspace(0.5, 0.5 + last_s, 100) + 0.8 * (ends > 35)
    rows = [
        use(i, end - 1, end - 1 + wait_s, end - 0.7 + wait_s)
        for i, (end, wait_s) in enumerate(zip(ends, waits_s, strict=True))
    ]
    insight = insight_of(requests=requests(), uses=rows, resources=(LOCK,), sites=(ASKS,))
    (finding,) = found(insight)
    assert finding.severity == "warning"
    assert finding.message.startswith("After its answer each request waits ")
    said = "piles up in memory: meanwhile the wait grew from 864 ms to 3.94 s."
    assert (said in finding.advice) is grew


def shared(slow_hold_s):
    """Two endpoints and a pool: ten stays at a time, of the second endpoint's as long as said."""
    rows = [use(i, 20.0, 20.5, 20.5 + (0.5, slow_hold_s)[i >= 50]) for i in range(100)]
    insight = insight_of(
        requests=requests(50, answered=59.0) + requests(50, route=1, first=50, answered=59.0),
        uses=rows,
        resources=(POOL,),
    )
    half = figures(requests=2500)
    return found(insight, result_of(ITEMS, steady=half), result_of(BLOCKING, steady=half))


def test_who_waits_for_an_endpoint_that_holds_nearly_all_is_told_so():
    suffers, causes = sorted(shared(5.0), key=lambda finding: finding.endpoint == "GET /blocking")
    assert suffers.endpoint == "GET /items"
    assert "GET /blocking has 91% of what is held: that is to be mended." in suffers.message
    assert causes.endpoint == "GET /blocking"
    assert "GET /items waits 500 ms a request for it." in causes.message
    assert causes.suffers == {"GET /items": pytest.approx(0.5)}
    assert suffers.suffers == {}


def test_where_both_hold_it_each_is_to_be_mended():
    assert all("to be mended" not in finding.message for finding in shared(1.0))
