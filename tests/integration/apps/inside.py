"""Endpoints whose limit lies inside the worker, each in another place."""

import asyncio
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
