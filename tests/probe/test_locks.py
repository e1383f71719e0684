"""Locks and semaphores: which are recorded, and that they lock as they would without us."""

import asyncio
import dataclasses
import functools
import inspect
import math
import sys
from time import perf_counter
from types import ModuleType
from typing import Annotated

import anyio
import anyio._backends._asyncio as backend
import anyio._core._synchronization as core
import httpx
import pytest
from fastapi import Depends, FastAPI

from asyncperf.probe import locks
from asyncperf.probe.notes import read_notes
from asyncperf.probe.timeline import NONE, Timeline, Track
from asyncperf.probe.uses import close

from .detail import installed, rewritten

# Long beside what a loop's turn takes, short beside a test.
NAP_S = 0.02
HOOKED = (
    asyncio.Lock,
    asyncio.Semaphore,
    backend.Lock,
    backend.Semaphore,
    backend.CapacityLimiter,
)


rewriting = pytest.fixture(installed)


@pytest.fixture(autouse=True)
def hooked(recorded, monkeypatch):
    for cls in HOOKED:
        for name in ("__init__", "acquire", "release"):
            monkeypatch.setattr(cls, name, getattr(cls, name))
    for module in (asyncio.locks, core, backend):
        locks.hooks()[module.__name__](module)


async def hold(lock):
    """When it asked, had it, was about to give it back, and had done so: around what is
    recorded, however busy the machine is."""
    asks = perf_counter()
    async with lock:
        has = perf_counter()
        await asyncio.sleep(NAP_S)
        leaves = perf_counter()
    return asks, has, leaves, perf_counter()


async def twice(make):
    lock = make()
    return await asyncio.gather(hold(lock), hold(lock))


MAKERS = {
    "Lock()": asyncio.Lock,
    "Semaphore(1)": functools.partial(asyncio.Semaphore, 1),
    "BoundedSemaphore(1)": functools.partial(asyncio.BoundedSemaphore, 1),
    "CapacityLimiter(1)": functools.partial(anyio.CapacityLimiter, 1),
}
OF_ANYIO = {"Lock()": anyio.Lock, "Semaphore(1)": functools.partial(anyio.Semaphore, 1)}


@pytest.mark.parametrize(
    ("name", "make"),
    [*MAKERS.items(), *OF_ANYIO.items()],
    ids=[*MAKERS, *(f"anyio {name}" for name in OF_ANYIO)],
)
def test_the_wait_and_the_hold_of_each_kind(recorded, name, make):
    request = recorded.request(number=5)
    seen = recorded.run(twice(make), request)
    first, second = recorded.uses()
    assert [use["resource"] for use in (first, second)] == [name, name]
    assert [use["site"] for use in (first, second)] == ["hold", "hold"]
    for use, (asks, has, leaves, left) in zip((first, second), seen, strict=True):
        assert use["request"] == 5
        assert asks <= use["asked"] <= use["got"] <= has
        assert leaves <= use["released"] <= left
    # It asked while the first held it, and got it from the first.
    assert second["asked"] < first["released"] <= second["got"]
    # (AnyIO has the first wait for its turn as well.)
    alone_s = second["got"] - max(second["asked"], first["got"])
    assert request.lock_wait_s == pytest.approx(first["got"] - first["asked"] + alone_s)
    resource = recorded.resources()[name]
    assert resource["capacity"] == 1
    assert recorded.line_of(resource["site"])["function"] == "twice"


def test_each_lock_has_its_own_number(recorded):
    async def ask():
        await twice(asyncio.Lock)
        await twice(asyncio.Lock)

    recorded.run(ask(), recorded.request())
    numbers = [use["instance"] for use in recorded.uses()]
    assert numbers[0] == numbers[1] != numbers[2] == numbers[3]
    assert len(recorded.resources()) == 1


def test_without_a_request_nothing_is_recorded(recorded):
    recorded.run(twice(asyncio.Lock))
    assert recorded.uses() == []


def test_a_librarys_own_are_not_recorded(recorded):
    async def ask():
        condition = asyncio.Queue(1)
        await condition.put(1)
        await condition.get()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(FastAPI())) as client:
            await client.get("http://app/")
        send, receive = anyio.create_memory_object_stream(1)
        await send.send(1)
        await receive.receive()
        send.close()
        receive.close()
        await anyio.to_thread.run_sync(int, limiter=anyio.CapacityLimiter(1))

    recorded.run(ask(), recorded.request())
    assert recorded.uses() == []


def test_one_that_a_dataclass_makes_is_the_users(recorded):
    @dataclasses.dataclass
    class Shop:
        lock: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)

    recorded.run(twice(lambda: Shop().lock), recorded.request())
    assert len(recorded.uses()) == 2


def test_the_users_line_is_looked_for_in_detail_only(recorded):
    recorded.run(twice(asyncio.Lock), recorded.request(detail=False))
    assert [use["site"] for use in recorded.uses()] == [None, None]


def test_a_condition_waits_without_its_lock(recorded):
    async def ask():
        condition = asyncio.Condition()

        async def wake():
            async with condition:
                condition.notify()

        async with condition:
            task = asyncio.create_task(wake())
            await condition.wait()
        await task

    recorded.run(ask(), recorded.request())
    assert all(use["released"] >= use["got"] for use in recorded.uses())


def test_one_that_is_never_got_is_said(recorded):
    async def ask():
        lock = asyncio.Lock()
        await lock.acquire()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lock.acquire(), NAP_S)
        lock.release()
        assert not lock.locked()

    recorded.run(ask(), recorded.request())
    given_up, held = recorded.uses()
    assert math.isnan(given_up["got"])
    assert math.isnan(given_up["released"])
    assert held["got"] <= given_up["asked"] < held["released"]


def test_what_is_open_at_the_end_is_written_as_it_is(recorded):
    async def ask():
        first, second = asyncio.Lock(), asyncio.Lock()
        await first.acquire()
        await second.acquire()
        task = asyncio.create_task(first.acquire())
        await asyncio.sleep(0)
        close(recorded.ledger)
        task.cancel()

    recorded.run(ask(), recorded.request())
    uses = recorded.uses()
    held = [use for use in uses if not math.isnan(use["got"])]
    assert len(held) == 2
    assert all(math.isnan(use["released"]) for use in uses)


def dependency():
    return 1


def generator():
    yield 1


async def asynchronous():
    return 1


@pytest.mark.parametrize("function", [dependency, generator, asynchronous])
def test_a_dependencys_max_concurrency_is_a_limiter(recorded, function):
    app = FastAPI()

    @app.get("/")
    async def endpoint(one: Annotated[int, Depends(function, max_concurrency=3)]) -> int:
        return one

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            assert (await client.get("/")).json() == 1

    recorded.run(ask(), recorded.request())
    [use] = recorded.uses()
    assert use["resource"] == function.__name__
    resource = recorded.resources()[function.__name__]
    assert (resource["kind"], resource["capacity"]) == ("max_concurrency", 3)
    assert recorded.line_of(resource["site"])["line"] == function.__code__.co_firstlineno


@pytest.mark.usefixtures("rewriting")
def test_a_dependencys_max_concurrency_is_known_where_awaits_are_recorded(recorded):
    fastapi = {"__name__": locks.DEPENDENCIES}
    source = """
async def solve_dependencies(call, semaphore):
    async with semaphore:
        return await call()
"""
    exec(rewritten(source, "<fastapi>"), fastapi)

    async def ask():
        return await fastapi["solve_dependencies"](asynchronous, anyio.Semaphore(3))

    request = recorded.request()
    timeline = Timeline(str(recorded.folder), recorded.tables.spans, recorded.ledger.sites)
    recorded.run(ask(), request, track=Track(timeline, request, 0, NONE))
    assert [use["resource"] for use in recorded.uses()] == ["asynchronous"]
    assert recorded.resources()["asynchronous"]["kind"] == "max_concurrency"


# That nothing else is changed.


def test_they_are_taken_in_the_order_of_asking(recorded):
    order = []

    async def take(lock, number):
        async with lock:
            order.append(number)
            await asyncio.sleep(0)

    async def ask():
        for lock in (asyncio.Lock(), asyncio.Semaphore(1), anyio.Lock()):
            await asyncio.gather(*(take(lock, number) for number in range(5)))

    recorded.run(ask(), recorded.request())
    assert order == [*range(5)] * 3


def test_a_cancelled_waiter_leaves_the_lock_to_the_next(recorded):
    async def ask():
        lock = asyncio.Semaphore(1)
        await lock.acquire()
        waiting = [asyncio.create_task(lock.acquire()) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        lock.release()
        assert await waiting[1] is True
        assert waiting[0].cancelled()

    recorded.run(ask(), recorded.request())
    assert len(recorded.uses()) == 2  # the third is held still


def test_a_task_that_is_cancelled_before_it_runs_leaves_nothing(recorded):
    async def ask():
        task = asyncio.create_task(asyncio.Lock().acquire())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    recorded.run(ask(), recorded.request())
    assert recorded.ledger.open_uses == set()


def test_errors_are_its_own(recorded):
    async def ask():
        with pytest.raises(RuntimeError, match="not acquired"):
            asyncio.Lock().release()
        with pytest.raises(ValueError, match="too many times"):
            asyncio.BoundedSemaphore(1).release()
        with pytest.raises(ValueError, match=">= 0"):
            asyncio.Semaphore(-1)

    recorded.run(ask(), recorded.request())


def test_acquire_counts_as_a_coroutine_function():
    # Python 3.11 has the mark in asyncio alone, and 3.14 deprecates to ask there.
    asked = asyncio if sys.version_info < (3, 12) else inspect
    assert asked.iscoroutinefunction(asyncio.Lock.acquire)
    assert str(inspect.signature(asyncio.Semaphore.__init__)) == "(self, value=1)"


def test_one_made_outside_a_loop_is_known_too(recorded):
    lock = anyio.Lock()
    recorded.run(twice(lambda: lock), recorded.request())
    assert [use["resource"] for use in recorded.uses()] == ["Lock()", "Lock()"]


def test_one_that_cannot_be_recorded_locks_all_the_same(recorded):
    class Odd(asyncio.Lock):
        __hash__ = None  # type: ignore[assignment]

    recorded.run(twice(Odd), recorded.request())
    assert recorded.uses() == []
    [note] = [note for note in read_notes(recorded.folder) if note["note"] == "not-hooked"]
    assert "unhashable" in note["error"]


class Answer:
    """What AnyIO 3 returns where it was to be awaited before."""


class Older:
    """AnyIO's lock up to 4.4, which is none of a backend's."""

    taken = False

    async def acquire(self):
        while self.taken:
            await asyncio.sleep(0)
        self.taken = True

    def release(self):
        self.taken = False
        return Answer()


def test_anyios_locks_of_before_are_known_too(recorded):
    older, its_backend = ModuleType(core.__name__), ModuleType(backend.__name__)
    older.Lock = type("Lock", (Older,), dict(vars(Older)))
    older.Semaphore = type("Semaphore", (Older,), {**vars(Older), "value": 1})
    its_backend.CapacityLimiter = type(
        "CapacityLimiter", (Older,), {**vars(Older), "total_tokens": 1}
    )
    for module in (older, its_backend):
        locks.hooks()[module.__name__](module)

    async def twice_held():
        lock = older.Lock()

        async def held():
            await lock.acquire()
            await asyncio.sleep(NAP_S)
            assert isinstance(lock.release(), Answer)

        await asyncio.gather(held(), held())

    recorded.run(twice_held(), recorded.request())
    assert [use["resource"] for use in recorded.uses()] == ["Lock()"] * 2
