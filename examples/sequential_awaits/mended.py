"""The three are asked for together."""

import asyncio
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
    paths = ("/news/60", "/stock/60", "/rates/40")
    answers = await asyncio.gather(*map(shop.get, paths))
    return [answer.json()["amount"] for answer in answers]
