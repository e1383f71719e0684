"""A basket that asks for the price of each item, one after another ("N + 1 queries").

To mend it: `asyncio.gather`, with a semaphore if there may be many. Better still, where the service
has it: one request for all of them.
"""

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
    total = 0
    for item in ITEMS:
        answer = await request.state.shop.get(f"/price-of-{item}/60")
        total += answer.json()["amount"]
    return total
