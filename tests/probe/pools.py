"""What the tests of connection pools share: the hooks of all libraries, and what two users of a
pool of one connection leave in the records."""

import contextlib
import socket
import threading
import time

import aiohttp.connector
import anyio.to_thread
import asyncpg.pool
import httpcore._async.connection_pool
import httpcore._sync.connection_pool
import httpcore2._async.connection_pool
import psycopg_pool
import psycopg_pool.pool
import psycopg_pool.pool_async
import pytest
import redis.asyncio.connection
import redis.connection
import sqlalchemy.pool.base

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
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def hooked_pools(recorded, monkeypatch):
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
