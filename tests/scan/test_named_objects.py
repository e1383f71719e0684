# ruff: noqa: E501
"""Objects of which no class is known: whose they are by their names, and by their methods'."""

from collections.abc import Callable

import pytest

from asyncperf.scan.named_objects import effects_of, is_telling
from asyncperf.sites import Site

OnlySite = Callable[..., Site]

SHOP = """
import httpx
client = httpx.AsyncClient()
class Prices:
    async def load_price(self, name): return await client.get(name)
    async def save_price(self, name): return await client.post(name)
    async def get(self, name): return await client.get(name)
class Stock:
    def __init__(self, session): self.session = session
    async def count_goods(self, name): return await self.session.scalar(name)
class Rates(Prices):
    async def load_rates(self, name): raise NotImplementedError
class Plain:
    def read_plain(self, name): return name
"""

NAMESAKES = {
    "a method of one class": ("a = await x.load_price(1); b = await x.load_price(2)", "independent"),
    "one that writes": ("a = await x.save_price(1); b = await x.save_price(2)", "unsafe"),
    "one with a session of its object": ("a = await x.count_goods(1); b = await x.count_goods(2)", "unsafe"),
    "a name of one word": ("a = await x.get(1); b = await x.get(2)", "likely"),
    "one that no class fills": ("a = await x.load_rates(1); b = await x.load_rates(2)", "likely"),
    "one that is not async": ("a = await x.read_plain(1); b = await x.read_plain(2)", "likely"),
    "none of the project": ("a = await x.load_stock(1); b = await x.load_stock(2)", "likely"),
    "none of the project, that says it reads": ("a = await x.fetch_stock(1); b = await x.fetch_stock(2)", "independent"),
    "of what nobody defines": ("a = await elsewhere.fetch_stock(1); b = await elsewhere.fetch_stock(2)", "likely"),
}  # fmt: skip

LIBRARIES = {
    "what is named a Redis client": ("a = await redis_client.get(1); b = await redis_client.zscore(2)", "independent"),
    "a write to it": ("a = await redis_client.get(1); b = await redis_client.set(2, 3)", "unsafe"),
    "what manages one": ("a = await redis_manager.exists(1); b = await redis_manager.exists(2)", "likely"),
    "what is named an HTTP client": ("a = await x.http_client.get(1); b = await x.http_client.get(2)", "independent"),
    "a method that only document databases have": ("a = await x.find_one(1); b = await x.count_documents(2)", "independent"),
    "a search of an index": ("a = await redis.ft(1).search(1); b = await redis.ft(2).search(2)", "independent"),
}  # fmt: skip

TEXTS = {
    "a question": ('a = await x.query("SELECT 1"); b = await x.query("SELECT 2")', "independent"),
    "a change": ('a = await x.query("SELECT 1"); b = await x.query("DELETE FROM goods")', "unsafe"),
    "a change inside a question": ('a = await x.query("SELECT (INSERT Goods { price := 1 })"); b = await x.query("SELECT 2")', "dependent"),
    "no statement": ('a = await x.query("goods"); b = await x.query("prices")', "likely"),
    "making what is missing": ('a = await x.execute("CREATE TABLE IF NOT EXISTS a"); b = await x.query("SELECT 2")', "independent"),
    "making anew": ('a = await x.execute("CREATE TABLE a"); b = await x.query("SELECT 2")', "dependent"),
    "of a session": ('a = await db.query("SELECT 1"); b = await db.query("SELECT 2")', "unsafe"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "verdict"), NAMESAKES.values(), ids=NAMESAKES)
def test_a_method_that_classes_of_the_project_have(
    only_site: OnlySite, body: str, verdict: str
) -> None:
    site = only_site(f"{SHOP}\nasync def f(x):\n    {body}\n    return a, b\n")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(("body", "verdict"), LIBRARIES.values(), ids=LIBRARIES)
def test_an_object_named_as_a_librarys(only_site: OnlySite, body: str, verdict: str) -> None:
    site = only_site(
        f"async def f(x, redis, redis_client, redis_manager):\n    {body}\n    return a, b\n"
    )
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(("body", "verdict"), TEXTS.values(), ids=TEXTS)
def test_a_statement_that_a_method_is_given(only_site: OnlySite, body: str, verdict: str) -> None:
    site = only_site(f"async def f(x, db):\n    {body}\n    return a, b\n")
    assert site.verdict == verdict, site.reason


def test_a_project_class_comes_before_a_name(only_site: OnlySite) -> None:
    source = """
        class Keys:
            async def zscore(self, name): return await name.set(1)
        async def f(redis):
            a = await redis.zscore(1)
            b = await redis.zscore(2)
            return a, b
        """
    assert only_site(source).verdict == "likely"


def test_methods_of_tests_are_nobodys_namesakes(only_site: OnlySite) -> None:
    helper = "class Told:\n    async def load_price(self, name): await open_door(name)\n"
    source = f"{SHOP}\nasync def f(x):\n    a = await x.load_price(1); b = await x.load_price(2)\n    return a, b\n"
    assert only_site(source, tests__test_shop=helper).verdict == "independent"
    assert only_site(source, doors=helper).verdict != "independent"


@pytest.mark.parametrize(
    ("spelled", "method", "is_known"),
    [
        ("self.redis", "get", True),
        ("self.redis_pool", "zscore", True),
        ("REDIS_ASYNC_CLIENT", "zscore", True),
        ("redis_client", "set_json", True),
        ("redis_client", "rates", False),
        ("redis_async_manager", "get", False),
        ("self.rediscover", "get", False),
        ("redis_manager", "get", False),
        ("self.httpx_client", "get", True),
        ("self.client", "get", False),
        ("anything", "hgetall", True),
        ("anything", "keys", False),
    ],
)
def test_what_a_name_says(spelled: str, method: str, is_known: bool) -> None:
    assert (effects_of(spelled, method) is not None) is is_known


def test_a_telling_name_has_two_words_and_is_no_known_librarys() -> None:
    assert is_telling("load_price")
    assert not is_telling("load")
    assert not is_telling("find_one")
