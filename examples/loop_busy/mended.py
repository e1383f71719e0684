"""The trend is computed once, and kept."""

import functools
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from upstream import running


@functools.cache
def trend() -> float:
    """What the season does to sales."""
    total = 0.0
    for day in range(600_000):
        total += math.sin(day / 58)
    return total


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with running() as url, httpx.AsyncClient(base_url=url) as shop:
        yield {"shop": shop}


app = FastAPI(lifespan=lifespan)


@app.get("/report")
async def report(request: Request) -> float:
    sold = (await request.state.shop.get("/sold/60")).json()
    return sold["amount"] * trend()
