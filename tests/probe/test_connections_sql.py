"""Pools of connections to real databases: who waits for a connection, who holds it."""

import asyncio
import contextlib
import math
import shutil
import socket
import subprocess

import anyio.to_thread
import asyncpg
import psycopg_pool
import pytest
import redis.asyncio
import redis.exceptions
import sqlalchemy
import sqlalchemy.ext.asyncio
import sqlalchemy.pool.impl

from asyncperf.probe.uses import take_over

from ..processes import wait_until
from .pools import NAP_S, answering, check, hooked_pools, nap_once_both_asked

hooked = pytest.fixture(autouse=True)(hooked_pools)


# SQLAlchemy.


def test_sqlalchemy_in_threads(recorded, tmp_path):
    engine = sqlalchemy.create_engine(
        f"sqlite:///{tmp_path}/db", pool_size=1, max_overflow=0, poolclass=sqlalchemy.QueuePool
    )

    def query():
        with engine.connect() as connection:
            assert connection.scalar(sqlalchemy.text("select 1")) == 1
            nap_once_both_asked(recorded)

    async def both():
        await asyncio.gather(*(anyio.to_thread.run_sync(query) for _ in range(2)))

    request = recorded.request()
    recorded.run(both(), request)
    engine.dispose()
    check(recorded, request, "SQLAlchemy QueuePool", "query", on_loop=False)


def test_a_sqlalchemy_pool_that_times_out(recorded, tmp_path):
    engine = sqlalchemy.create_engine(
        f"sqlite:///{tmp_path}/db",
        pool_size=1,
        max_overflow=0,
        pool_timeout=NAP_S,
        poolclass=sqlalchemy.QueuePool,
    )

    def query():
        with engine.connect(), pytest.raises(sqlalchemy.exc.TimeoutError), engine.connect():
            pass

    recorded.run(anyio.to_thread.run_sync(query), recorded.request())
    engine.dispose()
    take_over(recorded.ledger)
    given_up, held = recorded.uses()
    assert math.isnan(given_up["got"])
    # It held one while it waited for another: how a deadlock begins.
    assert held["got"] < given_up["asked"] < held["released"]


def test_sqlalchemys_overflow_and_unlimited_pools(recorded, tmp_path):
    url = f"sqlite:///{tmp_path}/db"
    engines = [
        sqlalchemy.create_engine(url, pool_size=3, max_overflow=4, poolclass=sqlalchemy.QueuePool),
        sqlalchemy.create_engine(url, max_overflow=-1, poolclass=sqlalchemy.QueuePool),
        sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool),
    ]

    async def each():
        for engine in engines:
            with engine.connect():
                pass
            engine.dispose()

    recorded.run(each(), recorded.request())
    capacities = [note["capacity"] for note in recorded.all_resources()]
    assert capacities == [7, None, None]


def test_an_asynchronous_engine(recorded, postgres):
    async def query(engine):
        async with engine.connect() as connection:
            assert await connection.scalar(sqlalchemy.text("select 1")) == 1
            await asyncio.sleep(NAP_S)

    async def both():
        engine = sqlalchemy.ext.asyncio.create_async_engine(
            f"postgresql+asyncpg://{postgres}", pool_size=1, max_overflow=0
        )
        await asyncio.gather(query(engine), query(engine))
        await engine.dispose()

    request = recorded.request()
    recorded.run(both(), request)
    check(recorded, request, "SQLAlchemy AsyncAdaptedQueuePool", "query")


# Other databases.


def test_asyncpg(recorded, postgres):
    async def query(pool):
        async with pool.acquire() as connection:
            assert await connection.fetchval("select 1") == 1
            await asyncio.sleep(NAP_S)

    async def both():
        async with asyncpg.create_pool(f"postgresql://{postgres}", min_size=1, max_size=1) as pool:
            await asyncio.gather(query(pool), query(pool))

    request = recorded.request()
    recorded.run(both(), request)
    check(recorded, request, "asyncpg Pool", "query")


def test_asyncpg_that_is_not_waited_for(recorded, postgres):
    async def both():
        async with asyncpg.create_pool(f"postgresql://{postgres}", min_size=1, max_size=1) as pool:
            first = await pool.acquire()
            with pytest.raises(TimeoutError):
                await pool.acquire(timeout=NAP_S)
            await pool.release(first)
            assert await pool.fetchval("select 2") == 2

    recorded.run(both(), recorded.request())
    given_up, held, _ = recorded.uses()
    assert math.isnan(given_up["got"])
    assert held["got"] <= given_up["asked"] < held["released"]


def test_psycopg(recorded, postgres):
    async def query(pool):
        async with pool.connection() as connection:
            await connection.execute("select 1")
            await asyncio.sleep(NAP_S)

    async def both():
        async with psycopg_pool.AsyncConnectionPool(
            f"postgresql://{postgres}", min_size=1, max_size=1, open=False
        ) as pool:
            await asyncio.gather(query(pool), query(pool))

    request = recorded.request()
    recorded.run(both(), request)
    check(recorded, request, "psycopg AsyncConnectionPool", "query")


def test_psycopg_in_threads(recorded, postgres):
    def query(pool):
        with pool.connection() as connection:
            connection.execute("select 1")
            nap_once_both_asked(recorded)

    async def both():
        with psycopg_pool.ConnectionPool(
            f"postgresql://{postgres}", min_size=1, max_size=1, open=False
        ) as pool:
            await asyncio.gather(*(anyio.to_thread.run_sync(query, pool) for _ in range(2)))

    request = recorded.request()
    recorded.run(both(), request)
    check(recorded, request, "psycopg ConnectionPool", "query", on_loop=False)


def test_redis(recorded):
    async def query(client):
        assert await client.ping()

    with answering(b"+PONG\r\n") as port:
        query_twice_at_once(recorded, query, port, protocol=2, driver_info=None)


def query_twice_at_once(recorded, query, port, **options):
    """Through redis-py's pool of a single connection, which was made before; and check it."""
    request = recorded.request()

    async def both():
        pool = redis.asyncio.BlockingConnectionPool(port=port, max_connections=1, **options)
        client = redis.asyncio.Redis(connection_pool=pool)
        await client.ping()  # the connection is made
        recorded.forget()
        request.conn_wait_s = 0.0
        await asyncio.gather(query(client), query(client))
        await client.aclose()
        await pool.disconnect()

    recorded.run(both(), request)
    check(recorded, request, "redis BlockingConnectionPool", "query")


@contextlib.contextmanager
def redis_server(folder):
    """A real one, of the test's own; on the port that this gives."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on the path: apt-get install redis-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [program, "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(port) or server.poll() is not None, "redis")
        assert server.poll() is None, (folder / "log").read_text()
        yield port
    finally:
        server.terminate()
        server.wait(30)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_real_redis(recorded, tmp_path):
    """Its protocol, its greeting and its own waiting: who pops from a list that stays empty keeps
    the connection meanwhile."""

    async def query(client):
        assert await client.blpop(["nothing"], timeout=NAP_S) is None

    with redis_server(tmp_path) as port:
        query_twice_at_once(recorded, query, port)


def test_a_redis_pool_that_does_not_wait(recorded):
    async def both(port):
        pool = redis.asyncio.ConnectionPool(
            port=port, max_connections=1, protocol=2, driver_info=None
        )
        client = redis.asyncio.Redis(connection_pool=pool)
        found = await asyncio.gather(client.ping(), client.ping(), return_exceptions=True)
        assert sorted(isinstance(each, redis.exceptions.ConnectionError) for each in found) == [
            False,
            True,
        ]
        await pool.disconnect()

    with answering(b"+PONG\r\n") as port:
        recorded.run(both(port), recorded.request())
    assert sum(math.isnan(use["got"]) for use in recorded.uses()) == 1
