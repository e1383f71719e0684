"""The stock's connection goes back before the price is asked for."""

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
    answer = await request.state.stock.get("/stock/20")
    for item in answer.text.splitlines():
        price = await request.state.prices.get("/price/90")
        found.append(f"{item} at {price.json()}")
    return found
