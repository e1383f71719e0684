"""Trips to threads: what is recorded of them, and that they go as they would without us."""

import asyncio
import contextvars
import functools
import inspect
import math
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from time import perf_counter
from typing import Annotated

import anyio
import anyio.to_thread
import httpx
import pytest
import uvloop
from fastapi import Depends, FastAPI, UploadFile
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from asyncperf.probe import threads
from asyncperf.probe.record_format import NO_REQUEST
from asyncperf.probe.request import Request

from ..processes import PATIENCE_S

# Short beside a test. However busy the machine is, what is recorded lies between what is seen
# around it and within it; that it takes about as long as it should is not asserted.
NAP_S = 0.05
# Durations are of kind f4.
ROUNDING_S = 1e-6


@pytest.fixture(autouse=True)
def hooked(recorded, monkeypatch):
    monkeypatch.setattr(anyio.to_thread, "run_sync", anyio.to_thread.run_sync)
    for hook in threads.hooks().values():
        hook(anyio.to_thread)


def nap():
    """When it began and ended."""
    began = perf_counter()
    time.sleep(NAP_S)
    return began, perf_counter()


def begins(trip):
    return trip["asked"] + trip["wait_s"]


def ends(trip):
    return begins(trip) + trip["run_s"]


def elapsed(recorded, coroutine, request, *loop):
    """What the coroutine gives, and how long it took."""
    began = perf_counter()
    found = recorded.run(coroutine, request, *loop)
    return found, perf_counter() - began + ROUNDING_S


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


# What is recorded.


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


class Answer(BaseModel):
    value: int


def dependency():
    pass


def generator():
    yield


FromDependency = Annotated[None, Depends(dependency)]
FromGenerator = Annotated[None, Depends(generator)]


def plain(first: FromDependency, second: FromGenerator):
    return JSONResponse({})


def validated(first: FromDependency, second: FromGenerator) -> Answer:
    return Answer(value=1)


class Page:
    def __init__(self, size: int = 10) -> None:
        self.size = size


async def paged(page: Annotated[Page, Depends()]):
    return page.size


def later():
    pass


def in_background():
    return JSONResponse({}, background=BackgroundTask(later))


def pieces():
    yield b"1"


async def streamed():
    return StreamingResponse(pieces())


async def file():
    return FileResponse(__file__)


async def upload(file: UploadFile):
    return len(await file.read())


def seen(recorded, endpoint, method="GET", **how):
    """The trips of one request to an app with that endpoint: kinds and functions."""
    app = FastAPI()
    app.api_route("/", methods=[method])(endpoint)

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            found = await client.request(method, "/", **how)
            assert found.status_code == 200

    recorded.run(ask(), recorded.request())
    return [(trip["kind"], trip["cause"]) for trip in recorded.trips()]


def test_trips_behind_a_middleware_count_for_the_request(recorded):
    """It runs the app in a task of its own; the request's waits for it."""
    app = FastAPI()

    @app.middleware("http")
    async def middleware(request, call_next):
        return await call_next(request)

    @app.get("/")
    def endpoint() -> None:
        nap()

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            assert (await client.get("/")).status_code == 200

    request = recorded.request()
    _, took_s = elapsed(recorded, ask(), request)
    assert NAP_S <= request.pool_run_s <= took_s


FOUR = [
    ("dependency", "dependency"),
    ("generator dependency enter", "generator"),
    ("endpoint", "plain"),
    ("generator dependency exit", "generator"),
]


def test_an_endpoint_and_its_dependencies_make_four_trips(recorded):
    assert seen(recorded, plain) == FOUR
    # FastAPI lets an exit run without waiting for a token.
    assert recorded.resources()["without a limit"]["capacity"] is None


def test_a_response_model_makes_a_fifth(recorded):
    kinds = [kind for kind, _ in seen(recorded, validated)]
    assert kinds == [kind for kind, _ in FOUR[:3]] + ["response validation", FOUR[3][0]]


@pytest.mark.parametrize(
    ("endpoint", "how", "expected"),
    [
        (in_background, {}, ("background task", "later")),
        (paged, {}, ("dependency", "Page.__init__")),
        (streamed, {}, ("response body", "pieces")),
        (file, {}, ("FileResponse", None)),
        (
            upload,
            # More than Starlette keeps in memory.
            {"method": "POST", "files": {"file": b"x" * 2_000_000}},
            ("upload file", None),
        ),
    ],
)
def test_each_sender_is_told_apart(recorded, endpoint, how, expected):
    kind, cause = expected
    causes = [found for sender, found in seen(recorded, endpoint, **how) if sender == kind]
    assert causes
    assert cause is None or cause in causes


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


# That nothing else is changed.


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


def double(value):
    return 2 * value


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


def test_how_long_trips_ran_in_a_span_of_time(recorded):
    since = time.perf_counter()
    recorded.run(anyio.to_thread.run_sync(nap), recorded.request())
    until = time.perf_counter()
    assert NAP_S <= threads.on_threads_s(since, until) <= until - since
    assert threads.on_threads_s(until, until + 1) == 0
    assert not threads.RUNNING
