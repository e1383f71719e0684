"""A shop's front page that asks for three things, one after another.

None needs another's result. To mend it: `asyncio.gather`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from upstream import running


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with running() as url, httpx.AsyncClient(base_url=url) as shop:
        yield {"shop": shop}


app = FastAPI(lifespan=lifespan)


@app.get("/front")
async def front(request: Request) -> list[int]:
    shop = request.state.shop
    news = await shop.get("/news/60")
    stock = await shop.get("/stock/60")
    rates = await shop.get("/rates/40")
    return [answer.json()["amount"] for answer in (news, stock, rates)]
