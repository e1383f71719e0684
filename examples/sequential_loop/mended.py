"""The prices are asked for together, of at most ten items at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from upstream import running

ITEMS = ("tea", "milk", "sugar")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with running() as url, httpx.AsyncClient(base_url=url) as shop:
        yield {"shop": shop}


app = FastAPI(lifespan=lifespan)


@app.get("/basket")
async def basket(request: Request) -> int:
    ten = asyncio.Semaphore(10)

    async def price(item: str) -> int:
        async with ten:
            answer = await request.state.shop.get(f"/price-of-{item}/60")
        return answer.json()["amount"]

    return sum(await asyncio.gather(*map(price, ITEMS)))
