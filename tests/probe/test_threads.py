"""Trips to threads: what is recorded of them."""

import asyncio
import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
import pytest
import uvloop
from starlette.concurrency import run_in_threadpool

from asyncperf.probe import threads
from asyncperf.probe.record_format import NO_REQUEST
from asyncperf.probe.request import Request

from ..processes import PATIENCE_S
from .trips import NAP_S, ROUNDING_S, begins, elapsed, ends, hooked_threads, nap

hooked = pytest.fixture(autouse=True)(hooked_threads)


def test_a_trip_has_its_wait_and_its_run(recorded):
    request = recorded.request(number=3)
    (began, ended), took_s = elapsed(recorded, anyio.to_thread.run_sync(nap), request)
    [trip] = recorded.trips()
    assert (trip["request"], trip["cause"], trip["pool"]) == (3, "nap", "thread pool")
    assert trip["kind"] == "run_in_threadpool"
    assert trip["wait_s"] >= 0
    assert begins(trip) <= began + ROUNDING_S
    assert ends(trip) >= ended - ROUNDING_S
    assert trip["wait_s"] + trip["run_s"] + trip["resume_s"] <= took_s
    assert request.trips == 1
    assert request.pool_run_s == pytest.approx(trip["run_s"], abs=ROUNDING_S)
    assert recorded.resources()["thread pool"]["capacity"] == 40


def test_the_wait_for_a_token_is_told_from_the_run(recorded):
    async def two():
        limiter = anyio.CapacityLimiter(1)
        naps = (anyio.to_thread.run_sync(nap, limiter=limiter) for _ in range(2))
        return await asyncio.gather(*naps)

    request = recorded.request()
    naps, took_s = elapsed(recorded, two(), request)
    first, second = recorded.trips()
    for trip, (began, ended) in zip((first, second), naps, strict=True):
        assert begins(trip) <= began + ROUNDING_S
        assert ends(trip) >= ended - ROUNDING_S
    # The second waited while the first ran.
    assert second["asked"] < ends(first) <= begins(second) + ROUNDING_S
    assert recorded.resources()["thread limiter"]["capacity"] == 1
    # One after another they fill the request's time once, not one and a half times.
    total_s = request.pool_wait_s + request.pool_run_s + request.resume_s
    assert 2 * NAP_S <= total_s <= took_s


def test_overlapping_trips_count_once(recorded):
    together = threading.Barrier(3)

    def overlap():
        together.wait(PATIENCE_S)
        nap()
        together.wait(PATIENCE_S)

    async def three():
        await asyncio.gather(*(run_in_threadpool(overlap) for _ in range(3)))

    request = recorded.request()
    _, took_s = elapsed(recorded, three(), request)
    assert request.trips == 3
    assert NAP_S <= request.pool_run_s <= took_s
    # For as long as the nap they ran all three.
    counted_thrice_s = sum(trip["run_s"] for trip in recorded.trips())
    assert request.pool_run_s <= counted_thrice_s - 2 * NAP_S + ROUNDING_S
    assert {trip["kind"] for trip in recorded.trips()} == {"run_in_threadpool"}


def test_a_request_that_is_not_recorded_leaves_no_trip(recorded):
    recorded.run(anyio.to_thread.run_sync(nap))
    assert recorded.trips() == []


def test_a_task_of_the_apps_own_makes_trips_of_no_request(recorded):
    recorded.run(anyio.to_thread.run_sync(nap), Request(NO_REQUEST))
    [trip] = recorded.trips()
    assert trip["request"] == NO_REQUEST


def test_a_builtin_has_the_line_that_sent_it(recorded):
    async def ask():
        await anyio.to_thread.run_sync(time.sleep, 0)

    recorded.run(ask(), recorded.request())
    [trip] = recorded.trips()
    assert trip["cause"] == "ask"


def test_wrappers_are_looked_through(recorded):
    @functools.wraps(nap)
    def wrapped(*args):
        return nap()

    recorded.run(anyio.to_thread.run_sync(functools.partial(wrapped, 1)), recorded.request())
    assert [trip["cause"] for trip in recorded.trips()] == ["nap"]


@pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_the_loops_executors_are_pools_too(recorded, new_loop):
    async def three():
        loop = asyncio.get_running_loop()
        threads.watch_executors(loop)
        await asyncio.to_thread(nap)
        await loop.run_in_executor(None, nap)
        with ThreadPoolExecutor(3, thread_name_prefix="images") as executor:
            await loop.run_in_executor(executor, nap)
        loop.set_default_executor(ThreadPoolExecutor(5))
        await loop.run_in_executor(None, nap)

    request = recorded.request()
    _, took_s = elapsed(recorded, three(), request, new_loop)
    trips = recorded.trips()
    assert [trip["pool"] for trip in trips] == [
        "default executor",
        "default executor",
        "images",
        "default executor",
    ]
    assert {trip["cause"] for trip in trips} == {"nap"}
    assert recorded.resources()["images"]["capacity"] == 3
    assert recorded.resources()["default executor"]["capacity"] == 5  # the newer
    assert 4 * NAP_S <= request.pool_run_s <= took_s


def test_how_long_trips_ran_in_a_span_of_time(recorded):
    since = time.perf_counter()
    recorded.run(anyio.to_thread.run_sync(nap), recorded.request())
    until = time.perf_counter()
    assert NAP_S <= threads.on_threads_s(since, until) <= until - since
    assert threads.on_threads_s(until, until + 1) == 0
    assert not threads.RUNNING
