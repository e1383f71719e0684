"""What a call that is named as a read changes on the way."""

import pytest

from .conftest import OnlySite

SETUP = """
import httpx, redis.asyncio
http, cache = httpx.AsyncClient(), redis.asyncio.Redis()
class Shop:
    token = None
    async def renewed(self):
        found = await http.get("/token")
        if found.status_code:
            self.token = found
        return self.token
    async def get_rates(self):
        await cache.incr("uses")
        return await http.get("/rates", headers=await self.renewed())
    async def list_goods(self):
        await cache.incr("uses")
        return await http.get("/goods", headers=await self.renewed())
    async def get_token_kind(self):
        return self.token or await http.get("/kind")
    async def get_or_create(self):
        return await cache.incr("made")
    async def get_next(self):
        return await cache.incr("number")
    async def get_response(self):
        return await cache.lpop("answers")
    async def rebuilt(self):
        return await http.post("/rebuild")
    async def count_goods(self):
        return await http.get("/count")
async def seen():
    return await cache.incr("seen")
"""


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("a = await shop.get_rates(); b = await shop.list_goods(); return a, b", "likely"),
        ("a = await shop.count_goods(); b = await shop.get_rates(); return a, b", "likely"),
        ("a = await shop.get_token_kind(); b = await shop.get_rates(); return a, b", "likely"),
        # The token that the first renews is the one that the second uses.
        ("a = await shop.get_rates(); b = await shop.get_token_kind(); return a, b", "dependent"),
        ("a = await shop.count_goods(); b = await shop.get_or_create(); return a, b", "unsafe"),
        ("a = await shop.count_goods(); b = await shop.get_next(); return a, b", "unsafe"),
        ("a = await shop.count_goods(); b = await shop.get_response(); return a, b", "unsafe"),
        # What is not named as a read writes, and what is read may be just that.
        ("a = await shop.rebuilt(); b = await shop.get_rates(); return a, b", "unsafe"),
        ("a = await shop.get_rates(); b = await seen(); return a, b", "unsafe"),
        # Nobody takes what it gives, so it is there for what it does.
        ("a = await shop.count_goods(); await shop.get_rates(); return a", "unsafe"),
        # What the statement does by itself is no read's own.
        ("a = await shop.get_token_kind(); shop.token = await shop.count_goods()", "unsafe"),
    ],
)
def test_what_is_named_as_a_read(only_site: OnlySite, body: str, verdict: str) -> None:
    site = only_site(f"{SETUP}async def f(shop: Shop):\n    {body}\n")
    assert site.verdict == verdict, site.reason


def test_the_doubt_is_named(only_site: OnlySite) -> None:
    site = only_site(
        f"{SETUP}async def f(shop: Shop):\n"
        "    a = await shop.count_goods(); b = await shop.get_rates(); return a, b\n"
    )
    assert "that redis is only read is not proved" in site.reason
    assert site.fact_line == 12


@pytest.mark.parametrize(
    ("counts", "also", "verdict"),
    [
        ("self.number += 1", "self.number += 1", "likely"),
        ("self.number = (self.number + 1) % 4", "self.number = (self.number + 1) % 4", "likely"),
        ("self.number -= 1", "pass", "dependent"),
        ("self.number = self.number * 2", "self.number = self.number * 2", "unsafe"),
        ("self.number += len(path)", "self.number += len(path)", "dependent"),
    ],
)
def test_what_both_count(only_site: OnlySite, counts: str, also: str, verdict: str) -> None:
    site = only_site(f"""
import httpx
http = httpx.AsyncClient()
class Calls:
    number = 0
    async def one(self, path):
        {counts}
        return await http.get(path, params={{"id": self.number}})
    async def other(self, path):
        {also}
        return await http.get(path, params={{"id": self.number}})
async def f(calls: Calls):
    a = await calls.one("/a")
    b = await calls.other("/b")
    return a, b
""")
    assert site.verdict == verdict, site.reason
