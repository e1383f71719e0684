"""Endpoints whose limit lies inside the worker, each in another place."""

import asyncio
import random
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/computing")
async def computing() -> int:
    """Some milliseconds of the event loop's CPU."""
    return sum(i * i for i in range(100_000)) % 7


@app.get("/blocking")
async def blocking() -> str:
    """Stops the event loop without using it."""
    time.sleep(0.01)
    return "slept"


@app.get("/gathering")
async def gathering() -> str:
    """Waits for three things at once, and keeps nobody else waiting."""
    await asyncio.gather(*(asyncio.sleep(0.1) for _ in range(3)))
    return "waited"


@app.get("/varying")
async def varying() -> str:
    """Waits for times that vary, as a slow service's do."""
    await asyncio.sleep(random.expovariate(10))
    return "waited"


TURNS = [0.0]


@app.get("/queueing")
async def queueing() -> str:
    """Waits for something that answers one after another, which nobody watches."""
    now = time.monotonic()
    TURNS[0] = max(now, TURNS[0]) + 0.02
    await asyncio.sleep(TURNS[0] - now)
    return "waited"


LOCK = asyncio.Lock()
TASKS: set[asyncio.Task[None]] = set()


async def under_lock() -> None:
    async with LOCK:
        await asyncio.sleep(0.05)


@app.get("/forgetting")
async def forgetting() -> str:
    """Sets out on a task that queues for a lock, and does not await it."""
    task = asyncio.create_task(under_lock())
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)
    await asyncio.sleep(0.1)
    return "answered"
