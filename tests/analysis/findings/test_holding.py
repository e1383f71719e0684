"""What a request awaits while it holds a connection for nothing."""

import pytest

from asyncperf.insight import Resource, Site

from .seen import FILE, found, insight_of, requests

POOL = Resource("connections", "SQLAlchemy QueuePool", 2, None)
SESSION = Resource("one at a time", "Session", None, None)
QUERY = Site(FILE, 13, 5, "items", "await session.get(Item, key)")
ASK = Site(FILE, 14, 5, "items", "await ask(key)")
INNER = Site("/home/me/client.py", 7, 5, "ask", "await client.get(key)")


def seen(*, query_s=0.1, ask_s=1.0, task=0, known=True):
    """Requests that wait for a connection, ask it something, and hold it while they ask another
    service by a helper."""
    uses, spans = [], []
    for request in range(30):
        got, at = 20.5, 20.5 + query_s
        left = at + ask_s
        of = {"request": request, "task": task}
        uses.append({**of, "asked": 20.0, "got": got, "released": left, "resource": 0})
        if known:
            uses.append({**of, "asked": got, "got": got, "released": at, "resource": 1})
        for number, (site, start, end) in enumerate(
            [(0, 20.0, at), (1, at, left), (2, at + 0.001, left - 0.001)]
        ):
            parent = 1 if site == 2 else number
            spans.append(
                {
                    **{"start": start, "end": end, "request": request, "span": number},
                    **{"parent": parent, "site": site},
                }
            )
    return insight_of(
        requests=requests(),
        uses=uses,
        spans=spans,
        resources=(POOL, SESSION),
        sites=(QUERY, ASK, INNER),
    )


def finding(insight):
    (one,) = [f for f in found(insight) if f.code == "connections-saturated"]
    return one


def test_the_outer_await_is_named_with_its_time():
    one = finding(seen())
    assert "For 1.00 s of it nothing is asked of the connection" in one.message
    assert "the request awaits `ask(key)` (shop.py:14)" in one.message
    assert "Give it back before that await" in one.advice


@pytest.mark.parametrize(
    "changes",
    [
        {"query_s": 1.1},  # it is used for more than half of the time
        {"known": False},  # whether it is used was not seen
        {"task": 0xFFFF},  # not in detail
    ],
)
def test_a_connection_that_is_used_or_not_known_is_not_idle(changes):
    one = finding(seen(**changes))
    assert "nothing is asked" not in one.message
    assert "Hold a connection for less time" in one.advice


def test_an_await_that_takes_little_of_the_idle_time_is_not_named():
    """The connection is held for the turns of the event loop, or of a thread."""
    insight = seen()
    outer = insight.spans["site"] != 0
    insight.spans["end"][outer] = insight.spans["start"][outer] + 0.4
    assert "nothing is asked" not in finding(insight).message
