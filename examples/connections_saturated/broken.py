"""A catalogue that keeps its connection to the stock while it asks elsewhere for a price.

The stock allows three connections: they cap the rate at 3 / 110 ms. To mend it: read the answer to
its end before the next question, so that the connection goes back.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from upstream import running


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    three = httpx.Limits(max_connections=3)
    async with (
        running() as url,
        httpx.AsyncClient(base_url=url, limits=three) as stock,
        httpx.AsyncClient(base_url=url) as prices,
    ):
        yield {"stock": stock, "prices": prices}


app = FastAPI(lifespan=lifespan)


@app.get("/catalogue")
async def catalogue(request: Request) -> list[str]:
    found = []
    async with request.state.stock.stream("GET", "/stock/20") as answer:
        async for item in answer.aiter_lines():
            price = await request.state.prices.get("/price/90")
            found.append(f"{item} at {price.json()}")
    return found
