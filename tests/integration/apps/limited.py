"""One semaphore that all requests of a worker share, and one that each makes for itself."""

import asyncio

from fastapi import FastAPI

app = FastAPI()
HOLD_S = 0.02
shared = asyncio.Semaphore(2)


@app.get("/shared")
async def one_for_all() -> None:
    async with shared:
        await asyncio.sleep(HOLD_S)


@app.get("/own")
async def one_each() -> None:
    async with asyncio.Semaphore(2):
        await asyncio.sleep(HOLD_S)
