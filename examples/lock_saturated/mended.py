"""The lock guards the entry, and nothing waits inside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from upstream import running

lock = asyncio.Lock()
prices: dict[str, int] = {}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with running() as url, httpx.AsyncClient(base_url=url) as shop:
        yield {"shop": shop}


app = FastAPI(lifespan=lifespan)


@app.get("/price")
async def price(request: Request) -> int:
    answer = await request.state.shop.get("/price/40")
    async with lock:
        prices["tea"] = answer.json()["amount"]
    return prices["tea"]
