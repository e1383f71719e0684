"""Sessions that each call has to itself, though only a name says so; and those that it has not."""

import pytest

from .conftest import OnlySite

READ = 'return await session.execute("SELECT 1")'
PAIR = """
async def f(store: Store):
    a = await store.one(1)
    b = await store.one(2)
    return a, b
"""


def store(body: str, more: str = "") -> str:
    return f"""
from contextlib import asynccontextmanager
from elsewhere import get_db, SessionLocal, get_session, current_session
class Store:
    def __init__(self, given):
        self._session_factory = self.maker = self.engine = self.given = given
        self.db = self.session = self.conn = self.pool = self.uow = given
{more}
    async def one(self, x):
        {body}
"""


FREED = {
    "a factory in an attribute": f"async with self._session_factory() as session: {READ}",
    "an object named as a factory": f"async with self.db() as session: {READ}",
    "a method of a database": f"async with self.db.get_session() as session: {READ}",
    "an imported function": f"async with get_db() as session: {READ}",
    "an imported session maker": f"async with SessionLocal() as session: {READ}",
    "what a session maker begins": f"async with self.maker.begin() as session: {READ}",
    "what an engine begins": f"async with self.engine.begin() as session: {READ}",
    "what is awaited first": f"async with await self.db.connection() as session: {READ}",
    "handed to a helper": "async with get_db() as session: return await read(session)",
    "of a unit of work": "async with self.uow() as made: return await made.users.get_by_id(x)",
    "a plain with": "with SessionLocal() as session: return await session.scalar('SELECT 1')",
}

REFUSED = {
    "held in an attribute": "return await self.session.execute('SELECT 1')",
    "held, and entered": f"async with self.session as session: {READ}",
    "what a held session begins": f"async with self.session.begin() as session: {READ}",
    "what a held database begins": f"async with self.db.begin() as session: {READ}",
    "a cursor of a held connection": f"async with self.conn.cursor() as session: {READ}",
    "a connection of a held session": f"async with self.session.connection() as session: {READ}",
    "fetched without with": f"session = get_session(); {READ}",
    "fetched by a method": f"session = self.db.get_session(); {READ}",
    "named as what others have, too": f"async with current_session() as session: {READ}",
    "made of another one": f"async with get_session(self.session) as session: {READ}",
    "a held unit of work": "async with self.uow as made: return await made.users.get_by_id(x)",
    "kept for all": "async with get_db() as self.session: return await self.session.scalar(x)",
}


@pytest.mark.parametrize("body", FREED.values(), ids=FREED.keys())
def test_what_a_factory_makes_for_a_with_is_its_own(only_site: OnlySite, body: str) -> None:
    site = only_site(store(body) + PAIR)
    assert site.verdict == "likely", site.reason


def test_the_doubt_about_a_factory_is_named(only_site: OnlySite) -> None:
    site = only_site(store(FREED["a factory in an attribute"]) + PAIR)
    assert "`self._session_factory()` gives each call one of its own is not proved" in site.reason


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_several_calls_have_is_shared(only_site: OnlySite, body: str) -> None:
    site = only_site(store(body) + PAIR)
    assert site.verdict == "unsafe", site.reason


HELPERS = {
    "over a pool": ("async with self.pool.connection() as c: yield c", "independent"),
    "through one more level, tried again": (
        """
        for _ in range(3):
            try:
                async with self.raw() as c: yield c
                return
            except OSError: pass
    @asynccontextmanager
    async def raw(self):
        async with self.pool.acquire() as c: yield c
        """,
        "independent",
    ),
    "that gives it back": (
        "\n        c = await self.pool.acquire()"
        "\n        try: yield c"
        "\n        finally: await self.pool.release(c)",
        "independent",
    ),
    "over a factory": ("async with self._session_factory() as c: yield c", "likely"),
    "that never gives it back": ("yield await self.pool.acquire()", "unsafe"),
    "over what is held": ("yield self.session", "unsafe"),
    "over a factory, without with": ("yield self._session_factory()", "unsafe"),
}


@pytest.mark.parametrize(("body", "verdict"), HELPERS.values(), ids=HELPERS.keys())
def test_a_helper_over_what_lends(only_site: OnlySite, body: str, verdict: str) -> None:
    helper = f"    @asynccontextmanager\n    async def connection(self):\n        {body}\n"
    site = only_site(store(f"async with self.connection() as session: {READ}", helper) + PAIR)
    assert site.verdict == verdict, site.reason


AROUND = {
    "a loop in one with": (
        "async with make_session() as session:\n"
        "        return [await session.scalar(x) for x in xs]",
        "unsafe",
    ),
    "a pair in one with": (
        "async with make_session() as session:\n"
        "        a = await session.scalar('SELECT 1'); b = await session.scalar('SELECT 2')\n"
        "    return a, b",
        "unsafe",
    ),
    "what hangs on one": (
        "async with uow_factory() as made:\n"
        "        a = await made.users.get_by_id(1); b = await made.teams.get_by_id(2)\n"
        "    return a, b",
        "unsafe",
    ),
    "a with in the loop": (
        "found = []\n"
        "    for x in xs:\n"
        "        async with make_session() as session:\n"
        "            found.append(await session.scalar('SELECT 1'))\n"
        "    return found",
        "likely",
    ),
}


@pytest.mark.parametrize(("body", "verdict"), AROUND.values(), ids=AROUND.keys())
def test_one_with_around_all_shares_what_it_entered(
    only_site: OnlySite, body: str, verdict: str
) -> None:
    site = only_site(
        f"from elsewhere import make_session, uow_factory\nasync def f(xs):\n    {body}\n"
    )
    assert site.verdict == verdict, site.reason


GIVEN = """
from contextlib import asynccontextmanager
from sqlalchemy.ext.asyncio import AsyncSession
from elsewhere import one_of_its_own
session = AsyncSession()
@asynccontextmanager
async def same(): yield session
async def read(session_factory):
    async with session_factory() as db: return await db.scalar("SELECT 1")
class Store:
    def __init__(self): self.session_factory = same
    async def one(self):
        async with self.session_factory() as db: return await db.scalar("SELECT 1")
"""


@pytest.mark.parametrize(
    ("call", "verdict"),
    [
        ("read(same)", "unsafe"),
        ("read(lambda: held)", "unsafe"),
        ("Store().one()", "unsafe"),
        ("read(one_of_its_own)", "likely"),
    ],
)
def test_a_known_factory_is_told_by_its_body(only_site: OnlySite, call: str, verdict: str) -> None:
    site = only_site(f"""{GIVEN}
async def f(held: AsyncSession):
    a = await {call}
    b = await {call}
    return a, b
""")
    assert site.verdict == verdict, site.reason


CLIENTS = """
import edgedb
from prisma import Prisma
from sqlalchemy.ext.asyncio import async_sessionmaker
db = Prisma()
graph = edgedb.create_async_client()
maker = async_sessionmaker()
async def begun():
    async with maker.begin() as session: return await session.scalar("SELECT 1")
async def f(self, tx):
"""


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("a = await db.shop.find_many(where=1); b = await db.user.count(where=2)", "independent"),
        ("a = await graph.query('select Shop'); b = await graph.query('select User')", "likely"),
        ("a = await begun(); b = await begun()", "independent"),
        (
            "async with db.tx() as t: a = await t.shop.find_many(); b = await t.user.count()",
            "unsafe",
        ),
        ("a = await tx.shop.find_many(where=1); b = await tx.user.count(where=2)", "unsafe"),
        ("a = await self.session.find_rows(1); b = await self.session.find_rows(2)", "unsafe"),
    ],
)
def test_clients_that_pool_by_themselves(only_site: OnlySite, body: str, verdict: str) -> None:
    site = only_site(f"{CLIENTS}    {body}\n    return a, b\n")
    assert site.verdict == verdict, site.reason


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        ("key(request)", "independent"),
        ("bearer(request)", "dependent"),
        ("request.body()", "unsafe"),
        ("whatever(request)", "unsafe"),
    ],
)
def test_what_looks_at_a_requests_headers_leaves_its_body(
    only_site: OnlySite, asked: str, verdict: str
) -> None:
    site = only_site(f"""
from fastapi import Request
from fastapi.security import APIKeyHeader, HTTPBearer
from elsewhere import whatever
key, bearer = APIKeyHeader(name="key", auto_error=False), HTTPBearer()
async def found(request: Request): return await {asked}
async def f(request: Request):
    a = await found(request)
    b = await request.json()
    return a, b
""")
    assert site.verdict == verdict, site.reason
