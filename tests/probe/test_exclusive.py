"""Sessions and connections that do one thing at a time: which of them are used, by whom."""

import asyncio
from types import ModuleType

import asyncpg
import asyncpg.connection
import asyncpg.pool
import psycopg
import psycopg.connection_async
import psycopg_pool
import psycopg_pool.pool_async
import pytest
import sqlalchemy.ext.asyncio
import sqlalchemy.ext.asyncio.engine
import sqlalchemy.ext.asyncio.session
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from asyncperf.probe import connections_sql, exclusive
from asyncperf.probe.notes import read_notes
from asyncperf.probe.record_format import ONE_AT_A_TIME
from asyncperf.probe.timeline import NONE, Timeline, Track
from asyncperf.probe.uses import take_over

from ..postgres import running

POOL = (
    (asyncpg.pool.Pool, "_acquire"),
    (asyncpg.pool.Pool, "release"),
    (asyncpg.pool.PoolConnectionHolder, "acquire"),
    (psycopg_pool.AsyncConnectionPool, "getconn"),
    (psycopg_pool.AsyncConnectionPool, "putconn"),
    (psycopg.AsyncConnection, "wait"),
)
SQLALCHEMY = (sqlalchemy.ext.asyncio.session, sqlalchemy.ext.asyncio.engine)


@pytest.fixture(scope="module")
def postgres():
    with running() as address:
        yield address


@pytest.fixture(autouse=True)
def hooked(monkeypatch):
    for module in SQLALCHEMY:
        monkeypatch.setattr(module, "greenlet_spawn", module.greenlet_spawn)
    for name in exclusive.ASYNCPG:
        monkeypatch.setattr(asyncpg.Connection, name, getattr(asyncpg.Connection, name))
    for changed, name in POOL:
        monkeypatch.setattr(changed, name, getattr(changed, name))
    modules = {
        module.__name__: module
        for module in (
            *SQLALCHEMY,
            asyncpg.connection,
            asyncpg.pool,
            psycopg.connection_async,
            psycopg_pool.pool_async,
        )
    }
    for name, hook in (exclusive.hooks() | connections_sql.hooks()).items():
        if name in modules:
            hook(modules[name])


def used(recorded, coroutine, detail=True):
    """What the request that runs it used, in order: (name, number, task)."""
    request = recorded.request()
    timeline = Timeline(str(recorded.folder), recorded.tables.spans, recorded.ledger.sites)
    track = Track(timeline, request, 0, NONE) if detail else None
    recorded.run(coroutine, request, track=track)
    take_over(recorded.ledger)
    assert request.lock_wait_s < 0.001  # nobody waits for these
    resources = recorded.resources()
    exclusively = {name for name, r in resources.items() if r["kind"] == ONE_AT_A_TIME}
    assert all(resources[name]["capacity"] is None for name in exclusively)
    uses = [use for use in recorded.uses() if use["resource"] in exclusively]
    uses.sort(key=lambda use: use["asked"])
    assert all(use["asked"] <= use["got"] < use["released"] for use in uses)
    return [(use["resource"], use["instance"], use["task"]) for use in uses]


async def sessions(address, count, rounds):
    """So many sessions, each used that often, and closed."""
    engine = sqlalchemy.ext.asyncio.create_async_engine(f"postgresql+asyncpg://{address}")
    for _ in range(count):
        async with AsyncSession(engine) as session:
            for _ in range(rounds):
                assert await session.scalar(text("select 1")) == 1
    await engine.dispose()


def test_each_session_is_told_apart(recorded, postgres):
    found = used(recorded, sessions(postgres, count=2, rounds=2))
    first, second = dict.fromkeys(number for _, number, _ in found)
    # Two queries, and SQLAlchemy closes it in a task. Nothing of the connection that it has.
    assert found == [
        *[("Session", first, 0)] * 2,
        ("Session", first, 1),
        *[("Session", second, 0)] * 2,
        ("Session", second, 2),
    ]


def test_a_connection_of_a_pool_is_another_one_for_who_gets_it_next(recorded, postgres):
    async def queries():
        async with asyncpg.create_pool(f"postgres://{postgres}", min_size=1, max_size=1) as pool:
            for _ in range(2):
                async with pool.acquire() as connection:
                    assert await connection.fetchval("select 1") == 1
                    assert await connection.fetch("select 1") == [(1,)]

    found = used(recorded, queries())
    numbers = [number for name, number, _ in found if name == "Connection"]
    first, second = dict.fromkeys(numbers)
    assert numbers.count(first) == numbers.count(second) >= 2


class Older:
    """What asyncpg's connections have up to 0.31: nothing says which pool holds them."""

    def __init__(self, proxy=None, released=0):
        self._proxy, self._pool_release_ctr = proxy, released

    async def fetch(self, query):
        return [query]


for _name in exclusive.ASYNCPG:
    setattr(Older, _name, Older.fetch)


@pytest.mark.parametrize(
    ("proxy", "released", "uses"), [(None, 0, 1), (object(), 1, 0), (None, 1, 0)]
)
def test_older_asyncpg_is_known_too(recorded, proxy, released, uses):
    module = ModuleType("asyncpg.connection")
    module.Connection = type("Connection", (Older,), dict(vars(Older)))
    exclusive.hooks()["asyncpg.connection"](module)
    connection = module.Connection(proxy, released)

    async def query():
        assert await connection.fetch("select 1") == ["select 1"]

    assert len(used(recorded, query())) == uses
    assert "not-hooked" not in [note["note"] for note in read_notes(recorded.folder)]


async def psycopgs_pool(address):
    """Two connections of a pool at the same time, each used twice, and then one of them again."""
    async with psycopg_pool.AsyncConnectionPool(
        f"postgres://{address}", min_size=2, max_size=2, open=False
    ) as pool:
        await pool.wait()
        async with pool.connection() as first, pool.connection() as second:
            for connection in (first, second, first, second):
                cursor = await connection.execute("select 1")
                assert await cursor.fetchone() == (1,)
        async with pool.connection() as third, third.cursor() as cursor:
            await cursor.execute("select 1")
            assert await cursor.fetchall() == [(1,)]


def test_psycopgs_connections_are_told_apart_while_they_are_held_together(recorded, postgres):
    found = [number for name, number, _ in used(recorded, psycopgs_pool(postgres))]
    first, second, third = dict.fromkeys(found)
    assert found[:4] == [first, second, first, second]
    # Each of them is committed as it is given back, the inner one of two before the other.
    assert found[4:] == [second, first, third, third]


def test_one_connection_of_psycopgs_is_one_for_two_tasks(recorded, postgres):
    async def both():
        async with await psycopg.AsyncConnection.connect(f"postgres://{postgres}") as connection:
            await asyncio.gather(connection.execute("select 1"), connection.execute("select 2"))

    found = used(recorded, both())
    assert {name for name, _, _ in found} == {"AsyncConnection"}
    assert len({number for _, number, _ in found}) == 1
    assert {1, 2} < {task for *_, task in found}


def test_the_task_that_uses_it_is_named(recorded, postgres):
    async def query():
        connection = await asyncpg.connect(f"postgres://{postgres}")
        try:
            assert await connection.fetchval("select $1::int", 3) == 3
        finally:
            await connection.close()

    async def both():
        await asyncio.gather(query(), query())

    found = used(recorded, both())
    assert len({(number, task) for _, number, task in found}) == 2
    assert {task for *_, task in found} == {1, 2}


def test_a_request_that_is_not_in_detail_leaves_nothing(recorded, postgres):
    assert used(recorded, sessions(postgres, count=1, rounds=1), detail=False) == []


def test_an_error_of_the_database_comes_through(recorded, postgres):
    async def fails():
        connection = await asyncpg.connect(f"postgres://{postgres}")
        try:
            with pytest.raises(asyncpg.UndefinedTableError):
                await connection.fetch("select * from nothing")
        finally:
            await connection.close()

    assert len(used(recorded, fails())) == 1
