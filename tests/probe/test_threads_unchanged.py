"""Trips to threads go as they would without us: values, errors, cancelling, other pools."""

import asyncio
import contextvars
import inspect
import math
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter

import anyio
import anyio.to_thread
import pytest

from asyncperf.probe import threads

from ..processes import PATIENCE_S
from .trips import NAP_S, ROUNDING_S, elapsed, ends, hooked_threads, nap

hooked = pytest.fixture(autouse=True)(hooked_threads)


class Work:
    """It goes on in its thread until it is let end."""

    def __init__(self):
        self.begun, self.may_end, self.done = (threading.Event() for _ in range(3))

    def __call__(self):
        self.begun.set()
        assert self.may_end.wait(PATIENCE_S)
        time.sleep(NAP_S)
        self.done.set()

    async def has_begun(self):
        while not self.begun.is_set():
            await asyncio.sleep(0.001)

    def end(self):
        """When it was let end."""
        let = perf_counter()
        self.may_end.set()
        assert self.done.wait(PATIENCE_S)
        return let


def double(value):
    return 2 * value


def test_values_errors_and_the_context_come_through(recorded):
    variable = contextvars.ContextVar("variable")

    def fails():
        raise LookupError("as it does")

    async def ask():
        variable.set("mine")
        assert await anyio.to_thread.run_sync(variable.get) == "mine"
        assert await anyio.to_thread.run_sync(lambda: threads.HERE.trip.request) is request
        assert await anyio.to_thread.run_sync(lambda *args: args, 1, 2) == (1, 2)
        with pytest.raises(LookupError, match="as it does"):
            await anyio.to_thread.run_sync(fails)

    request = recorded.request()
    recorded.run(ask(), request)
    assert len(recorded.trips()) == 4


def test_its_signature_is_its_own():
    assert inspect.iscoroutinefunction(anyio.to_thread.run_sync)
    assert "abandon_on_cancel" in inspect.signature(anyio.to_thread.run_sync).parameters


def test_a_trip_given_up_before_its_turn_never_ran(recorded):
    async def ask():
        limiter = anyio.CapacityLimiter(1)
        limiter.acquire_on_behalf_of_nowait("someone")
        task = asyncio.create_task(anyio.to_thread.run_sync(nap, limiter=limiter))
        await asyncio.sleep(0)
        waits_since = perf_counter()
        await asyncio.sleep(NAP_S)
        waited_s = perf_counter() - waits_since
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert limiter.borrowed_tokens == 1
        return waited_s

    request = recorded.request()
    waited_s, took_s = elapsed(recorded, ask(), request)
    [trip] = recorded.trips()
    assert waited_s - ROUNDING_S <= trip["wait_s"] <= took_s
    assert math.isnan(trip["run_s"])
    assert request.pool_wait_s == pytest.approx(trip["wait_s"], abs=ROUNDING_S)
    assert request.pool_run_s == 0


@pytest.mark.parametrize("abandon", [True, False])
def test_a_running_trip_is_abandoned_only_if_asked(recorded, abandon):
    work = Work()

    async def give_up(scope):
        await work.has_begun()
        scope.cancel()
        if not abandon:
            work.may_end.set()

    async def ask():
        with anyio.CancelScope() as scope:
            giving_up = asyncio.create_task(give_up(scope))
            await anyio.to_thread.run_sync(work, abandon_on_cancel=abandon)
        await giving_up
        return work.done.is_set()

    assert recorded.run(ask(), recorded.request()) is not abandon
    let_end = work.end()
    [trip] = recorded.trips()
    if abandon:
        assert ends(trip) < let_end
    else:
        assert trip["run_s"] >= NAP_S - ROUNDING_S


def test_a_cancelled_task_leaves_its_executors_thread(recorded):
    work = Work()

    async def ask():
        loop = asyncio.get_running_loop()
        threads.watch_executors(loop)
        future = loop.run_in_executor(None, work)
        await work.has_begun()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(future, NAP_S)
        return work.end()

    let_end = recorded.run(ask(), recorded.request())
    [trip] = recorded.trips()
    assert trip["run_s"] > 0
    assert ends(trip) < let_end


def test_a_pool_of_processes_gets_the_function_itself(recorded):
    async def ask():
        loop = asyncio.get_running_loop()
        threads.watch_executors(loop)
        with ProcessPoolExecutor(1) as executor:
            return await loop.run_in_executor(executor, round, 2.2)

    assert recorded.run(ask(), recorded.request()) == 2
    assert recorded.trips() == []


def test_threads_call_back_into_the_loop(recorded):
    async def answer():
        return 5

    def ask():
        return anyio.from_thread.run(answer)

    assert recorded.run(anyio.to_thread.run_sync(ask), recorded.request()) == 5


def test_a_loop_in_another_thread_is_not_ours(recorded):
    def elsewhere():
        asyncio.run(anyio.to_thread.run_sync(double, 2))

    recorded.run(anyio.to_thread.run_sync(elsewhere), recorded.request())
    assert [trip["cause"].rpartition(".")[2] for trip in recorded.trips()] == ["elsewhere"]


def test_without_a_ledger_nothing_happens(recorded, monkeypatch):
    monkeypatch.setattr(threads.OPEN, "ledger", None)
    assert recorded.run(anyio.to_thread.run_sync(double, 2), recorded.request()) == 4
    assert recorded.trips() == []


def test_a_function_that_cannot_be_looked_at_runs_all_the_same(recorded):
    class Odd:
        def __call__(self):
            return 5

        @property
        def __wrapped__(self):
            raise LookupError("not here")

    assert recorded.run(anyio.to_thread.run_sync(Odd()), recorded.request()) == 5
    assert [trip["kind"] for trip in recorded.trips()] == ["other"]
