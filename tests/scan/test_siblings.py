# ruff: noqa: E501
"""Awaits side by side in one statement: which are a pair, and the verdict on it."""

from collections.abc import Callable

import pytest

from asyncperf.sites import Scan

from .conftest import OnlySite
from .snippets import HTTP, SQL

ONE_STATEMENT = {
    "arguments": (HTTP, "return print(await get('/a'), await get('/b'))", "independent"),
    "a sum": (HTTP, "x = await get('/a') + await get('/b'); return x", "independent"),
    "elements": (HTTP, "return [await get('/a'), 1, await get('/b')]", "independent"),
    "values": (HTTP, "return {'a': await get('/a'), **(await get('/b'))}", "independent"),
    "a text": (HTTP, "return f'{await get(1)} {await get(2)}'", "independent"),
    "arguments of an await": (HTTP, "return await get(print(await get('/a'), await get('/b')))", "independent"),
    "a comparison": (HTTP, "return await get('/a') < await get('/b')", "independent"),
    "a condition": (HTTP, "\n    if print(await get('/a'), await get('/b')): return", "independent"),
    "one session": (SQL, "session = maker(); return [await users(session), await users(session)]", "unsafe"),
    "writes": (HTTP, "return await post('/a'), await post('/b')", "unsafe"),
    "a name bound on the way": (HTTP, "return (a := await get('/a')), await get(a)", "dependent"),
    "a write on the way": (SQL + HTTP + "import requests\n", "return await get('/a'), requests.post('/x'), await get('/b')", "unsafe"),
    "and": (HTTP, "return await get('/a') and await get('/b')", "dependent"),
    "or, further in": (HTTP, "return await get('/a') or print(await get('/b'))", "dependent"),
    "a choice": (HTTP, "return await get('/b') if await get('/a') else 1", "dependent"),
    "the last of a chain": (HTTP, "return 1 < await get('/a') < await get('/b')", "dependent"),
    "something unknown": (HTTP, "return await get('/a'), await elsewhere.get_b()", "likely"),
}  # fmt: skip


@pytest.mark.parametrize(("setup", "body", "verdict"), ONE_STATEMENT.values(), ids=ONE_STATEMENT)
def test_awaits_of_one_statement(only_site: OnlySite, setup: str, body: str, verdict: str) -> None:
    site = only_site(f"{setup}\nasync def f():\n    {body}\n")
    assert (site.kind, site.verdict) == ("pair", verdict), site.reason


NO_PAIRS = {
    "one in the other's argument": "return await get(await get('/a'))",
    "one on the other's result": "return await (await get('/a')).json()",
    "only one of them": "return await get('/a') if x else await get('/b')",
    "messages": "assert print(await get('/a')), await get('/b')",
    "contexts": "\n    with open(await get('/a')), open(await get('/b')): pass",
    "a function of its own": "return await get('/a'), lambda: (await get('/b'))",
}


@pytest.mark.parametrize("body", NO_PAIRS.values(), ids=NO_PAIRS)
def test_what_is_no_pair_of_one_statement(scan_source: Callable[..., Scan], body: str) -> None:
    scan = scan_source(f"{HTTP}\nasync def f(x):\n    {body}\n")
    assert [site for site in scan.sites if site.function == "f"] == []


def test_awaits_of_one_statement_stand_at_the_first(scan_source: Callable[..., Scan]) -> None:
    source = f"""{HTTP}
async def f():
    return print(
        await get('/a'),
        await get('/b'),
        await get('/c'),
    )
"""
    first = 1 + source[: source.index("await get('/a')")].count("\n")
    sites = [site for site in scan_source(source).sites if site.function == "f"]
    assert {(site.kind, site.line, site.lines, site.column) for site in sites} == {
        ("pair", first, (first, first + 1), 8),
        ("pair", first + 1, (first + 1, first + 2), 8),
        ("run", first, (first, first + 1, first + 2), 8),
    }
