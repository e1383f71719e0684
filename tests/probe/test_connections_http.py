"""Pools of connections of HTTP clients: who waits for a connection, who holds it."""

import asyncio
import math
import time

import aiohttp
import anyio.to_thread
import httpx
import httpx2
import pytest

from asyncperf.probe import connections_http

from .pools import NAP_S, OK, answering, check, hooked_pools, nap_once_both_asked

hooked = pytest.fixture(autouse=True)(hooked_pools)
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
