"""The order is read to its end, and its connection given back, before the stock is asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from upstream import running


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    five = httpx.Limits(max_connections=5)
    async with running() as url, httpx.AsyncClient(base_url=url, limits=five) as shop:
        yield {"shop": shop}


app = FastAPI(lifespan=lifespan)


@app.get("/order")
async def order(request: Request) -> list[str]:
    found = []
    answer = await request.state.shop.get("/order/40")
    for line in answer.text.splitlines():
        stock = await request.state.shop.get("/stock/40")
        found.append(f"{line}: {stock.json()}")
    return found
