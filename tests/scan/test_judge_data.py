# ruff: noqa: E501
"""What carries the first's result to the second: calls between that are given both."""

import pytest

from .conftest import OnlySite

SETUP = """
import heapq, logging
import httpx
from elsewhere import Message, fill, one, two
client, shelf = httpx.AsyncClient(), []
async def get(path, more=None): return await client.get(path)
def look(x, a): return len(x) + len(a)
def put(x, a): x.append(a)
def hand(x, a): fill(x, a)
class Order:
    number: int
    lines: list
"""

BETWEEN = {
    "an unknown function that is given both": ("fill(x, a)", "two(x)", "dependent"),
    "by name": ("fill(into=x, what=a)", "two(x)", "dependent"),
    "what is made of the first's result": ("fill(x, a['id'])", "two(x)", "dependent"),
    "in a list": ("fill([x], a)", "two(x)", "dependent"),
    "in a statement of its own kind": ("c = fill(x, a)", "two(x)", "dependent"),
    "in a block": ("for c in a: fill(x, c)", "two(x)", "dependent"),
    "a part of what the second is given": ("fill(x.parts, a)", "two(x)", "dependent"),
    "a whole of what the second is given": ("fill(x, a)", "two(x.parts)", "dependent"),
    "by way of another name": ("fill(x, a); y = [x]", "two(y)", "dependent"),
    "a module's object": ("fill(shelf, a)", "two(shelf)", "dependent"),
    "its own method": ("m = Message(); m.attach(a)", "two(m)", "dependent"),
    "a function of the project that calls an unknown one": ("hand(x, a)", "get('/b', x)", "dependent"),
    "a function of the project that changes it": ("put(x, a)", "get('/b', x)", "dependent"),
    "a function of the library that changes it": ("heapq.heappush(x, a)", "get('/b', x)", "dependent"),
    "a function of the project that only looks": ("look(x, a)", "get('/b', x)", "independent"),
    "a function that is known to compute": ("c = zip(x, a)", "get('/b', x)", "independent"),
    "a line of the log": ("logging.info('%s %s', x, a)", "get('/b', x)", "independent"),
    "other objects": ("fill(y, a)", "get('/b', x)", "independent"),
    "other parts of one object": ("fill(x.parts, a)", "get('/b', x.name)", "independent"),
    "nothing of the first's": ("fill(x, y)", "get('/b', x)", "independent"),
    "a number": ("fill(n, a)", "get('/b', n)", "independent"),
    "an object's number": ("fill(order.number, a)", "get('/b', order.number)", "independent"),
    "an object's list": ("fill(order.lines, a)", "get('/b', order.lines)", "dependent"),
    "a class": ("fill(Order, a)", "get('/b', Order)", "independent"),
}  # fmt: skip


@pytest.mark.parametrize(("between", "second", "verdict"), BETWEEN.values(), ids=BETWEEN)
def test_a_call_between_that_is_given_both(
    only_site: OnlySite, between: str, second: str, verdict: str
) -> None:
    parameters = "x, y, n: int, order: Order"
    body = f"    a = await get('/a')\n    {between}\n    b = await {second}\n    return a, b"
    site = only_site(f"{SETUP}\nasync def f({parameters}):\n{body}\n")
    assert site.verdict == verdict, site.reason


def test_the_reason_names_the_call_that_may_fill_and_its_line(only_site: OnlySite) -> None:
    site = only_site("async def f(x):\n    a = await one()\n    fill(x, a)\n    b = await two(x)\n")
    assert site.verdict == "dependent"
    assert (
        site.reason == "line 4 uses `x`, into which `fill` (line 3) may put what comes from line 2"
    )
    assert site.fact_line == 3


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("order.lines = await get('/a')", "order.number = await get('/b', order.date)", "likely"),
        ("order.lines = await get('/a')", "b = await get('/b', order.date)", "independent"),
        ("order.lines, order.kind = await get('/a')", "order.number, order.date = await get('/b')", "likely"),
        ("order.lines, order.kind = await get('/a')", "order.number, order.date = await get('/b', order.kind)", "dependent"),
        ("order.lines = await get('/a')", "order.number = await get('/b', order.lines)", "dependent"),
        # These may look at what the first has set: a property, the whole of it, and what nobody knows.
        ("order.lines = await get('/a')", "order.number = await get('/b', order.sum)", "dependent"),
        ("order.lines = await get('/a')", "order.number = await get('/b', order)", "dependent"),
        ("order.lines = await get('/a')", "order.number = await get('/b', order.total())", "dependent"),
        ("x.lines = await get('/a')", "x.number = await get('/b', x.date)", "dependent"),
    ],
)  # fmt: skip
def test_what_the_first_sets_and_the_second_leaves_alone(
    only_site: OnlySite, first: str, second: str, verdict: str
) -> None:
    more = (
        "    kind: str\n    date: str\n    @property\n    def sum(self): return len(self.lines)\n"
    )
    more += "    def total(self): return len(self.lines)\n"
    body = f"    {first}\n    {second}\n"
    site = only_site(f"{SETUP}{more}async def f(order: Order, x):\n{body}")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("await book.note('/a')", "await get('/b', book.model_dump_json())", "dependent"),
        ("await get('/a', book.dict())", "await book.note('/b')", "unsafe"),
        ("await book.note('/a')", "await get('/b', other.model_dump_json())", "independent"),
    ],
)
def test_what_goes_through_a_whole_object(
    only_site: OnlySite, first: str, second: str, verdict: str
) -> None:
    site = only_site(f"""{SETUP}
class Book:
    async def note(self, path):
        self.notes[path] = 1
        return await get(path)
async def f(book: Book, other: Order):
    a = {first}
    b = {second}
    return a, b
""")
    assert site.verdict == verdict, site.reason
