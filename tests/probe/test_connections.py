"""Connection pools, whichever library's: what a request that asks twice has, and who has none."""

import asyncio

import anyio.to_thread
import httpx
import pytest
import sqlalchemy

from asyncperf.probe.uses import take_over

from .pools import OK, answering, hooked_pools

hooked = pytest.fixture(autouse=True)(hooked_pools)


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


def test_without_a_request_nothing_is_recorded(recorded):
    async def ask(port):
        async with httpx.AsyncClient() as client:
            await client.get(f"http://127.0.0.1:{port}/")

    with answering(OK, lambda: None) as port:
        recorded.run(ask(port))
    assert recorded.uses() == []
