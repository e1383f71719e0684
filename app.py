"""Three slow tasks, four ways to run them: the experiment.

Each endpoint does the same work, three tasks of `SECONDS_TO_SLEEP` seconds.
They differ only in who waits for whom, and that decides how many requests a
server can answer:

    fastapi run --workers 2 app.py
"""

import asyncio
import math
import os
import time
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import FastAPI
from fastapi.responses import JSONResponse

T = TypeVar("T")


def seconds_to_sleep() -> float:
    """How long a slow task takes: 5 s, or what `SECONDS_TO_SLEEP` says."""
    value = os.environ.get("SECONDS_TO_SLEEP", "5")
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SystemExit(
            f"SECONDS_TO_SLEEP must be a number of seconds, 0 or more, not {value!r}. "
            "Try SECONDS_TO_SLEEP=0.5"
        )
    return seconds


SECONDS_TO_SLEEP = seconds_to_sleep()
MAX_CONCURRENT_TASKS = 10

app = FastAPI(title="fastapi-async-perf")


def slow_task(result: str) -> str:
    """Block the calling thread, as a synchronous driver or client would."""
    time.sleep(SECONDS_TO_SLEEP)
    return result


async def slow_async_task(result: str) -> str:
    """Wait without holding the event loop, as an asynchronous client would."""
    await asyncio.sleep(SECONDS_TO_SLEEP)
    return result


async def gather_bounded(limit: int, *awaitables: Awaitable[T]) -> list[T]:
    """Await all of them, at most `limit` at a time; results in the order given."""
    semaphore = asyncio.Semaphore(limit)

    async def bounded(awaitable: Awaitable[T]) -> T:
        async with semaphore:
            return await awaitable

    return await asyncio.gather(*map(bounded, awaitables))


def answer(*results: str) -> JSONResponse:
    # A response and not a model: FastAPI validates what a `def` endpoint returns in the
    # thread pool, where 500 users would queue for a thread a second time.
    return JSONResponse({"message": ", ".join(results)})


@app.get("/sync_baseline")
def sync_baseline() -> JSONResponse:
    """Blocking tasks in a `def`: each request holds one of the worker's 40 threads."""
    first = slow_task("first")
    second = slow_task("second")
    third = slow_task("third")
    return answer(first, second, third)


@app.get("/async_independent")
async def async_independent() -> JSONResponse:
    """One after another, although no task needs another's result."""
    first = await slow_async_task("first")
    second = await slow_async_task("second")
    third = await slow_async_task("third")
    return answer(first, second, third)


@app.get("/async_dependent")
async def async_dependent() -> JSONResponse:
    """One after another, because each task takes the previous one's result."""
    first = await slow_async_task("first")
    second = await slow_async_task(f"{first} > second")
    third = await slow_async_task(f"{second} > third")
    return answer(first, second, third)


@app.get("/async_concurrent")
async def async_concurrent() -> JSONResponse:
    """All at once, so that a request takes as long as its slowest task."""
    first, second, third = await gather_bounded(
        MAX_CONCURRENT_TASKS,
        slow_async_task("first"),
        slow_async_task("second"),
        slow_async_task("third"),
    )
    return answer(first, second, third)
