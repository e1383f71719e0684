"""Trips to the pools of threads: anyio's, which FastAPI and Starlette use, and the loop's."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from inspect import CO_COROUTINE
from threading import get_ident
from time import perf_counter
from types import FrameType, ModuleType
from typing import Any

from .imports import AfterImport
from .ledger import OPEN, Ledger
from .record_format import DEFAULT_POOL, NO_SITE, NO_TASK, THREADS, TRIP_KINDS
from .request import STEPPING, Request, count_beside

OTHER = TRIP_KINDS.index("other")
GENERATOR_EXIT = TRIP_KINDS.index("generator dependency exit")
# How long a function ran that never began.
NEVER_S = float("nan")
# The loop's own executor, if the app sets none (concurrent.futures.ThreadPoolExecutor).
DEFAULT_WORKERS = min(32, (getattr(os, "process_cpu_count", os.cpu_count)() or 1) + 4)


def hooks() -> dict[str, AfterImport]:
    # Starlette and anyio itself call it through its module, others import the name: it is
    # replaced before either can.
    return {"anyio.to_thread": _anyio}


class Trip:
    """A function on its way through a thread."""

    __slots__ = (
        "_function",
        "asked",
        "began",
        "beside",
        "conn_wait_s",
        "ended",
        "request",
        "task",
    )

    def __init__(self, function: Any, request: Request) -> None:
        self._function = function
        self.request = request
        self.task = task_of(request)
        self.conn_wait_s = 0.0
        # Waits that were over while its own counted.
        self.beside: tuple[Callable[[], None], ...] = ()
        self.began = self.ended = 0.0
        self.asked = perf_counter()

    def __call__(self, *args: Any) -> Any:
        HERE.trip = self
        self.began = perf_counter()
        RUNNING.add(self)
        try:
            return self._function(*args)
        finally:
            self.ended = perf_counter()
            HERE.trip = None
            RUNNING.discard(self)
            ENDED.append((self.began, self.ended))


def task_of(request: Request) -> int:
    """The number of the request's task that runs now, if it is recorded in detail."""
    track = STEPPING.track
    return NO_TASK if track is None or track.request is not request else track.task


class Here(threading.local):
    """The trip that this thread is on: a thread knows nothing else of who sent it, unless the
    sender's context travels along."""

    trip: Trip | None = None


HERE = Here()
# The trips that are on a thread, and when the last ones were. Threads add and remove their own,
# each in one step.
RUNNING: set[Trip] = set()
ENDED: deque[tuple[float, float]] = deque(maxlen=256)


def on_threads_s(since: float, until: float) -> float:
    """How long trips ran in that time, all of them together: as much CPU they used at most."""
    runs = [*ENDED.copy(), *((trip.began, until) for trip in RUNNING.copy())]
    return sum(max(0.0, min(ended, until) - max(began, since)) for began, ended in runs)


def _anyio(module: ModuleType) -> None:
    run_sync = module.run_sync

    @functools.wraps(run_sync)
    async def recorded(function: Any, *args: Any, **options: Any) -> Any:
        ledger, request = OPEN.ledger, STEPPING.request
        if ledger is None or request is None or get_ident() != ledger.loop_thread:
            return await run_sync(function, *args, **options)
        trip = Trip(function, request)
        cause, kind = sender(ledger, function, args, sys._getframe(1))
        limiter = options.get("limiter")
        if limiter is None:
            if ledger.default_limiter is None:
                ledger.default_limiter = module.current_default_thread_limiter()
            tokens = ledger.default_limiter.total_tokens
            pool = ledger.resource(THREADS, DEFAULT_POOL, tokens, None)
        elif kind == GENERATOR_EXIT:
            pool = ledger.resource(THREADS, "without a limit", None, None)
        else:
            pool = ledger.resource(THREADS, "thread limiter", limiter.total_tokens, cause)
        set_out(trip)
        try:
            return await run_sync(trip, *args, **options)
        finally:
            come_back(ledger, trip, cause, kind, pool)

    vars(module)["run_sync"] = recorded


def watch_executors(loop: Any) -> None:
    """Records what the loop's `run_in_executor` sends to threads, asyncio.to_thread's too. It
    is replaced in this loop alone: not every loop's class can be changed (uvloop's)."""
    run_in_executor, set_default = loop.run_in_executor, loop.set_default_executor
    default: Any = getattr(loop, "_default_executor", None)

    @functools.wraps(set_default)
    def set_default_executor(executor: Any) -> None:
        nonlocal default
        set_default(executor)
        default = executor

    @functools.wraps(run_in_executor)
    def recorded(executor: Any, function: Any, *args: Any) -> Any:
        ledger, request = OPEN.ledger, STEPPING.request
        by = default if executor is None else executor
        if (
            ledger is None
            or request is None
            or get_ident() != ledger.loop_thread
            or not (by is None or isinstance(by, ThreadPoolExecutor))
            or is_coroutine_function(function)  # which the loop may refuse
        ):
            return run_in_executor(executor, function, *args)
        trip = Trip(function, request)
        cause, kind = sender(ledger, function, args, sys._getframe(1))
        workers = DEFAULT_WORKERS if by is None else getattr(by, "_max_workers", None)
        name = "default executor" if executor is None else executor_name(by)
        pool = ledger.resource(THREADS, name, workers, None)
        future = run_in_executor(executor, trip, *args)
        set_out(trip)
        # The first callback of the future: the next thing that the loop does is to go on with
        # the task that waits for it.
        future.add_done_callback(lambda _: come_back(ledger, trip, cause, kind, pool))
        return future

    loop.set_default_executor, loop.run_in_executor = set_default_executor, recorded


def sender(
    ledger: Ledger, function: Any, args: tuple[Any, ...], frame: FrameType
) -> tuple[int, int]:
    """The cause of a trip and its kind; anything can be sent to a thread."""
    try:
        return ledger.causes.of(function, args, frame)
    except Exception as error:
        ledger.unknown(type(function).__module__, error)
        return NO_SITE, OTHER


def is_coroutine_function(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & CO_COROUTINE)


def executor_name(executor: Any) -> str:
    """The prefix of its threads' names, without the number that makes it unique."""
    prefix = getattr(executor, "_thread_name_prefix", "").rstrip("0123456789-_")
    return prefix if prefix not in ("", "ThreadPoolExecutor") else "executor"


def set_out(trip: Trip) -> None:
    trip.request.trips += 1
    trip.request.begin_wait(trip)


def come_back(ledger: Ledger, trip: Trip, cause: int, kind: int, pool: int) -> None:
    now = perf_counter()
    asked, request = trip.asked, trip.request
    began = trip.began or now
    ended = trip.ended or now  # given up: the token is free again, the thread may run on
    count(trip, began, ended, now)
    ledger.trips.add(
        asked,
        began - asked,
        ended - began if trip.began else NEVER_S,
        now - ended,
        request.number,
        cause,
        kind,
        pool,
    )


def count(trip: Trip, began: float, ended: float, now: float) -> None:
    """Add a trip to what its request waited for."""
    request = trip.request
    since = request.end_wait(trip, trip.asked, now)
    if since is None:
        count_beside(request, functools.partial(count, trip, began, ended, now))
        return
    request.pool_wait_s += (began - since) if began > since else 0.0
    if ended > since:
        run_s = ended - max(began, since)
        request.pool_run_s += run_s
        request.thread_conn_wait_s += min(run_s, trip.conn_wait_s)
    request.resume_s += now - max(ended, since)
