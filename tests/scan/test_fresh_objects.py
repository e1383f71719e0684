# ruff: noqa: E501
"""Objects that a function makes for itself, and those that others make once for all."""

from collections.abc import Callable

import pytest

from asyncperf.sites import Site

OnlySite = Callable[..., Site]

STORE = """
import contextlib
from somedb import AsyncDb, Session
from dishka import AsyncContainer
class Service: pass
async def asked(where):
    db = AsyncDb(where)
    await db.signin(1)
    return await db.query("SELECT 1")
async def looked_up(where):
    async with Session(where) as session:
        return await session.list_names(where)
async def through(repo):
    from elsewhere import GoodsRepository
    repo = GoodsRepository()
    return await repo.list_names(1)
async def told(where):
    db = AsyncDb(where)
    await db.signin(1)
    return await db.insert(where)
"""

MADE = {
    "a connection of each one's own": ("a = await asked(1); b = await asked(2)", "independent"),
    "a session of each one's own": ("a = await looked_up(1); b = await looked_up(2)", "likely"),
    "a repository, which has somebody's session": ("a = await through(1); b = await through(2)", "unsafe"),
    "a write on a connection of its own": ("a = await told(1); b = await told(2)", "unsafe"),
    "one session, made here": ("session = Session(1); a = await session.list_names(1); b = await session.list_names(2)", "unsafe"),
    "made ready, and then used": ("db = AsyncDb(1); await db.signin(2); a = b = await db.list_names(1)", "unsafe"),
    "two that are asked of one container": ("a = await container.get(Service); b = await container.get(Service)", "unsafe"),
    "what a container is told to keep": ("a = await container.get('a'); b = await container.get('b')", "likely"),
}  # fmt: skip

ONCE = """
import httpx
client = httpx.AsyncClient()
class Shop:
    def __init__(self): self.is_ready = False
    async def start(self):
        self.names = await client.get("/names")
        self.is_ready = True
    async def guarded(self, name):
        if not self.is_ready:
            await self.start()
        return await client.get(name)
    async def unguarded(self, name):
        await self.start()
        return self.names, self.is_ready
"""


@pytest.mark.parametrize(("body", "verdict"), MADE.values(), ids=MADE)
def test_what_is_made_for_the_occasion(only_site: OnlySite, body: str, verdict: str) -> None:
    site = only_site(f"{STORE}\nasync def f(container):\n    {body}\n    return a, b\n")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(("method", "verdict"), [("guarded", "independent"), ("unguarded", None)])
def test_what_a_flag_guards_happens_once(
    only_site: OnlySite, method: str, verdict: str | None
) -> None:
    site = only_site(
        f"{ONCE}\nasync def f(shop: Shop):\n    a = await shop.{method}(1); b = await shop.{method}(2)\n    return a, b\n"
    )
    assert (site.verdict == "independent") is (verdict is not None), site.reason


def test_one_iterator_is_gone_over_in_turn(only_site: OnlySite) -> None:
    source = (
        "async def f(x, y):\n    a = await anext(x)\n    b = await anext({})\n    return a, b\n"
    )
    assert only_site(source.format("x")).verdict == "unsafe"
    assert only_site(source.format("y")).verdict == "likely"


def test_a_class_is_no_session_whatever_its_name(only_site: OnlySite) -> None:
    source = """
        import httpx
        from somewhere import told
        client = httpx.AsyncClient()
        class VectorDB: pass
        async def f(names):
            return [await client.get(VectorDB.model_validate_json(name)) for name in names]
        """
    assert only_site(source).verdict == "independent"


def test_rows_are_fetched_on_a_connection_of_their_own(only_site: OnlySite) -> None:
    source = """
        import aiosqlite
        async def get(key):
            async with aiosqlite.connect("shop.db") as db:
                async with db.execute("SELECT 1", key) as cursor:
                    return await cursor.fetchone()
        async def f():
            a = await get(1)
            b = await get(2)
            return a, b
        """
    assert only_site(source).verdict == "independent"


def test_what_may_be_anything_is_no_response(only_site: OnlySite) -> None:
    source = """
        from typing import Any
        from aiohttp import ClientResponse, ClientSession
        async def ask(path) -> tuple[ClientResponse, str] | Any:
            async with ClientSession() as session, session.get(path) as response:
                return await response.json()
        async def named(path):
            found = await ask(path)
            return str(found["name"])
        async def f():
            a = await named(1)
            b = await named(2)
            return a, b
        """
    assert only_site(source).verdict == "independent"


COPIES = """
import copy, httpx
client = httpx.AsyncClient()
class Context:
    def __init__(self): self.path = "/"; self.seen = []
    def at(self, path):
        other = copy.copy(self)
        other.path = path
        return other
    def seeing(self, path):
        other = copy.copy(self)
        other.seen.append(path)
        return other
    def moved(self, path):
        self.path = path
        return self
async def ask(context):
    return await client.get(context.path)
"""


@pytest.mark.parametrize(
    ("method", "verdict"),
    [("at", "independent"), ("seeing", "unsafe"), ("moved", "unsafe")],
    ids=["an attribute of the copy", "what both hold", "the object itself"],
)
def test_what_a_copy_is_given_is_its_own(only_site: OnlySite, method: str, verdict: str) -> None:
    site = only_site(
        f"{COPIES}\nasync def f(one: Context):\n    a = await ask(one.{method}('/a')); "
        f"b = await ask(one.{method}('/b'))\n    return a, b\n"
    )
    assert site.verdict == verdict, site.reason


BESIDE = {
    "together, by the same": ("if self.made is not None: return", "self.made = object(); self.kind = 'a'", "independent"),
    "together, after an await": ("if self.made: return", "self.made = await client.get('/'); self.kind = self.made.text", "independent"),
    "in two branches": ("if self.made: return", "\n        if x: self.made = 1\n        else: self.made = await client.get('/')\n        self.kind = 2", "independent"),
    "of an argument": ("if self.made: return", "self.made = await client.get('/'); self.kind = x", "unsafe"),
    "with no question whether it is there": ("if self.made == x: return", "self.made = await client.get('/'); self.kind = self.made.text", "unsafe"),
    "another attribute alone": ("if self.made: return", "self.kind = await client.get(x)", "unsafe"),
}  # fmt: skip


@pytest.mark.parametrize(("asks", "sets", "verdict"), BESIDE.values(), ids=BESIDE)
def test_what_is_set_beside_what_was_not_there(
    only_site: OnlySite, asks: str, sets: str, verdict: str
) -> None:
    site = only_site(f"""
import httpx
client = httpx.AsyncClient()
class Shop:
    def __init__(self): self.made = None; self.kind = None
    async def ready(self, x):
        {asks}
        {sets}
    async def ask(self, x):
        await self.ready(x)
        return await client.get(self.kind)
async def f(shop: Shop):
    a = await shop.ask(1)
    b = await shop.ask(2)
    return a, b
""")
    assert site.verdict == verdict, site.reason
