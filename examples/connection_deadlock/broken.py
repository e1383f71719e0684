"""An order whose lines are read while each of them asks the same service for its stock.

A request holds one of five connections and waits for another: with five users each has one, and
none gets its second. To mend it: read the order to its end first.
"""

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
    async with request.state.shop.stream("GET", "/order/40") as answer:
        async for line in answer.aiter_lines():
            stock = await request.state.shop.get("/stock/40")
            found.append(f"{line}: {stock.json()}")
    return found
