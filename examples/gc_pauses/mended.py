"""Collecting is left to Python, which hardly ever walks all that is alive."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from upstream import running

catalogue: list[dict[str, list[int]]] = []


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with running() as url, httpx.AsyncClient(base_url=url) as shop:
        catalogue.extend({"item": [i]} for i in range(10_000))
        yield {"shop": shop}


app = FastAPI(lifespan=lifespan)


@app.get("/export")
async def export(request: Request) -> int:
    sold = (await request.state.shop.get("/sold/60")).json()
    return len(catalogue) + sold["amount"]
