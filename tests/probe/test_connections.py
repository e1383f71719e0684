"""Connection pools: who waits for a connection, who holds it, of real libraries."""

import asyncio
import contextlib
import math
import shutil
import socket
import subprocess
import threading
import time

import aiohttp
import aiohttp.connector
import anyio.to_thread
import asyncpg
import asyncpg.pool
import httpcore._async.connection_pool
import httpcore._sync.connection_pool
import httpcore2._async.connection_pool
import httpx
import httpx2
import psycopg_pool
import psycopg_pool.pool
import psycopg_pool.pool_async
import pytest
import redis.asyncio.connection
import redis.connection
import redis.exceptions
import sqlalchemy
import sqlalchemy.ext.asyncio
import sqlalchemy.pool.base
import sqlalchemy.pool.impl

from asyncperf.probe import connections_http, connections_sql, threads
from asyncperf.probe.connections import HELD
from asyncperf.probe.uses import take_over

from ..processes import wait_until

# Long beside what a connection's own doings take, short beside a test.
NAP_S = 0.05
MODULES = {
    module.__name__: module
    for module in (
        sqlalchemy.pool.base,
        asyncpg.pool,
        psycopg_pool.pool,
        psycopg_pool.pool_async,
        redis.connection,
        redis.asyncio.connection,
        httpcore._async.connection_pool,
        httpcore._sync.connection_pool,
        httpcore2._async.connection_pool,
        aiohttp.connector,
        anyio.to_thread,
    )
}
CHANGED = {
    sqlalchemy.pool.base.Pool: ("connect", "_return_conn", "_create_connection"),
    asyncpg.pool.Pool: ("_acquire", "release"),
    asyncpg.pool.PoolConnectionHolder: ("acquire",),
    psycopg_pool.ConnectionPool: ("getconn", "putconn"),
    psycopg_pool.AsyncConnectionPool: ("getconn", "putconn"),
    redis.connection.ConnectionPool: ("get_connection", "release"),
    redis.connection.BlockingConnectionPool: ("get_connection", "release"),
    redis.asyncio.connection.ConnectionPool: ("get_connection", "release"),
    redis.asyncio.connection.BlockingConnectionPool: ("get_connection", "release"),
    **{
        changed: (name,)
        for module in (httpcore._async.connection_pool, httpcore2._async.connection_pool)
        for changed, name in (
            (module.AsyncConnectionPool, "handle_async_request"),
            (module.AsyncPoolRequest, "assign_to_connection"),
            (module.AsyncPoolRequest, "clear_connection"),
            (module.PoolByteStream, "aclose"),
        )
    },
    httpcore._sync.connection_pool.ConnectionPool: ("handle_request",),
    httpcore._sync.connection_pool.PoolRequest: ("assign_to_connection", "clear_connection"),
    httpcore._sync.connection_pool.PoolByteStream: ("close",),
    aiohttp.connector.BaseConnector: ("connect", "_release", "_create_connection"),
    aiohttp.connector.TCPConnector: ("_create_connection",),
    aiohttp.connector.UnixConnector: ("_create_connection",),
    anyio.to_thread: ("run_sync",),
}


@pytest.fixture(autouse=True)
def hooked(recorded, monkeypatch):
    for changed, names in CHANGED.items():
        for name in names:
            monkeypatch.setattr(changed, name, getattr(changed, name))
    for hooks in (threads, connections_sql, connections_http):
        for name, hook in hooks.hooks().items():
            if name in MODULES:
                hook(MODULES[name])
    yield
    assert HELD == {}


def both_asked(recorded):
    """Whether two have asked for a connection; in a thread the second may be late with it."""
    return len(recorded.ledger.open_uses) + len(recorded.ledger.handed_over) == 2


def nap_once_both_asked(recorded):
    wait_until(lambda: both_asked(recorded), "the second to ask")
    time.sleep(NAP_S)


def check(recorded, request, name, site, on_loop=True):
    """That two used a pool of one connection, one after the other, as the rows say."""
    take_over(recorded.ledger)
    assert recorded.ledger.open_uses == set()
    first, second = sorted(recorded.uses(), key=lambda use: use["got"])
    assert [first["resource"], second["resource"]] == [name, name]
    assert first["site"] == second["site"] == site
    assert first["instance"] == second["instance"]
    resource = recorded.resources()[name]
    assert (resource["kind"], resource["capacity"]) == ("connections", 1)
    for use in (first, second):
        assert use["released"] - use["got"] >= NAP_S * 0.9
        assert use["request"] == request.number
    assert second["asked"] < first["released"]
    # (It may be got in another thread just before its return has been noted.)
    assert second["got"] - first["got"] >= NAP_S * 0.9
    if on_loop:
        # What both of them waited for at once counts once.
        alone_s = second["got"] - max(second["asked"], first["got"])
        waits_s = first["got"] - first["asked"] + alone_s
        assert request.conn_wait_s == pytest.approx(waits_s)
        assert request.thread_conn_wait_s == 0
    else:
        assert request.conn_wait_s == 0
        assert 0 < request.thread_conn_wait_s <= request.pool_run_s


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


@contextlib.contextmanager
def answering(answer, nap=lambda: time.sleep(NAP_S)):
    """A server that answers whatever comes with the same, after a nap."""

    def serve(connection):
        with connection:
            while connection.recv(65536):
                nap()
                connection.sendall(answer)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


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


# HTTP clients.

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LIMITS = httpx.Limits(max_connections=1)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_httpx(recorded, library):
    async def query(client, url):
        assert (await client.get(url)).text == "ok"

    async def both(port):
        limits = library.Limits(max_connections=1)
        async with library.AsyncClient(limits=limits) as client:
            await asyncio.gather(*(query(client, f"http://127.0.0.1:{port}/") for _ in range(2)))

    request = recorded.request()
    with answering(OK) as port:
        recorded.run(both(port), request)
    check(recorded, request, "httpx client", "query")


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_connection_that_goes_to_another_is_not_held(recorded, library):
    """An idle one is assigned to all who wait, and taken by the first who comes to it."""
    answered, done = [], []

    def nap():
        time.sleep(NAP_S)
        answered.append(time.perf_counter())

    async def get(client, url):
        await client.get(url)
        done.append(time.perf_counter())

    async def four(port):
        limits = library.Limits(max_connections=1)
        async with library.AsyncClient(limits=limits) as client:
            await asyncio.gather(*(get(client, f"http://127.0.0.1:{port}/") for _ in range(4)))

    request = recorded.request()
    with answering(OK, nap) as port:
        recorded.run(four(port), request)
    found = sorted(recorded.uses(), key=lambda use: use["got"])
    assert len(found) == 4
    # Each had it from the answer before its own on, until it had its own.
    for use, before in zip(found[1:], answered[:-1], strict=True):
        assert use["got"] >= before
    for use, after in zip(found, done, strict=True):
        assert use["released"] <= after
    # What several of them waited for at once counts once.
    waited_s = found[-1]["got"] - min(use["asked"] for use in found)
    assert 3 * NAP_S * 0.9 <= request.conn_wait_s <= waited_s + 1e-6


def test_httpx_in_threads(recorded):
    def query(client, url):
        assert client.get(url).text == "ok"

    async def both(port):
        with httpx.Client(limits=LIMITS) as client:
            url = f"http://127.0.0.1:{port}/"
            await asyncio.gather(*(anyio.to_thread.run_sync(query, client, url) for _ in range(2)))

    request = recorded.request()
    with answering(OK, lambda: nap_once_both_asked(recorded)) as port:
        recorded.run(both(port), request)
    check(recorded, request, "httpx client", "query", on_loop=False)


def test_httpx_gives_up_and_fails_as_ever(recorded):
    async def both(port):
        timeout = httpx.Timeout(5, pool=NAP_S / 5)
        url = f"http://127.0.0.1:{port}/"
        async with httpx.AsyncClient(limits=LIMITS, timeout=timeout) as client:
            async with client.stream("GET", url):
                with pytest.raises(httpx.PoolTimeout):
                    await client.get(url)
            with pytest.raises(httpx.ConnectError):
                await client.get("http://127.0.0.1:1/")

    with answering(OK) as port:
        recorded.run(both(port), recorded.request())
    assert [math.isnan(use["got"]) for use in recorded.uses()] == [True, False, False]
    assert connections_http.ASKED == {}


async def _inside(client, url):
    async with client.stream("GET", url):
        await client.get(url)


async def _in_a_child(client, url):
    async with client.stream("GET", url):
        await asyncio.gather(client.get(url))


async def _beside(client, url):
    await asyncio.gather(client.get(url), client.get(url))


async def _after(client, url):
    await client.get(url)
    await client.get(url)


async def _elsewhere(client, url):
    async with httpx.AsyncClient() as other, other.stream("GET", url):
        await client.get(url)


@pytest.mark.parametrize(
    ("way", "nested"),
    [
        (_inside, [0, 1]),
        (_in_a_child, [0, 1]),
        (_beside, [0, 0]),  # each is given back whatever becomes of the other
        (_after, [0, 0]),
        (_elsewhere, [0, 0]),
    ],
)
def test_who_asks_for_a_second_connection_of_a_pool(recorded, way, nested):
    async def main(port):
        async with httpx.AsyncClient() as client:
            await way(client, f"http://127.0.0.1:{port}/")

    with answering(OK) as port:
        recorded.run(main(port), recorded.request())
    found = sorted(recorded.uses(), key=lambda use: use["asked"])
    assert [use["nested"] for use in found] == nested


def test_a_connection_that_a_dependencys_thread_left_open(recorded, tmp_path):
    """A `def` dependency that yields runs on a thread, and its connection stays."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'db'}", pool_size=2)

    def ask():
        with engine.connect():
            pass

    async def main():
        kept = await anyio.to_thread.run_sync(engine.connect)
        await anyio.to_thread.run_sync(ask)
        await anyio.to_thread.run_sync(kept.close)
        await anyio.to_thread.run_sync(ask)

    recorded.run(main(), recorded.request())
    take_over(recorded.ledger)
    engine.dispose()
    found = sorted(recorded.uses(), key=lambda use: use["asked"])
    assert [use["nested"] for use in found] == [0, 1, 0]


def test_aiohttp(recorded):
    async def query(session, url):
        async with session.get(url) as answer:
            assert await answer.text() == "ok"

    async def both(port):
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(query(session, f"http://127.0.0.1:{port}/") for _ in range(2)))

    request = recorded.request()
    with answering(OK) as port:
        recorded.run(both(port), request)
    check(recorded, request, "aiohttp TCPConnector", "query")


def test_without_a_request_nothing_is_recorded(recorded):
    async def ask(port):
        async with httpx.AsyncClient(limits=LIMITS) as client:
            await client.get(f"http://127.0.0.1:{port}/")

    with answering(OK, lambda: None) as port:
        recorded.run(ask(port))
    assert recorded.uses() == []


def test_a_version_that_is_not_known_connects_all_the_same(recorded, monkeypatch):
    def unknown(pool):
        return pool.no_such_thing

    monkeypatch.setattr(connections_http, "_httpx_pool", unknown)

    async def ask(port):
        async with httpx.AsyncClient(limits=LIMITS) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).text == "ok"

    with answering(OK, lambda: None) as port:
        recorded.run(ask(port), recorded.request())
    assert recorded.resources()["AsyncConnectionPool"]["capacity"] is None
