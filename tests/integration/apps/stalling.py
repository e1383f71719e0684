"""One endpoint that blocks the loop, one that computes, and one in good order."""

import asyncio
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/blocked")
async def blocked() -> dict[str, str]:
    time.sleep(0.04)  # blocks
    return {}


@app.get("/busy")
async def busy() -> dict[str, int]:
    until = time.thread_time() + 0.1
    number = 0
    while time.thread_time() < until:
        number += 1  # computes
    return {"number": number}


@app.get("/called")
async def called() -> dict[str, str]:
    asyncio.get_running_loop().call_soon(time.sleep, 0.04)
    await asyncio.sleep(0.05)
    return {}


@app.get("/healthy")
async def healthy() -> dict[str, str]:
    await asyncio.sleep(0.05)
    return {}
