"""The dependency is `async def`: it runs where it is, whatever the threads are at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
from anyio.to_thread import current_default_thread_limiter
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from upstream import running

SETTINGS = {"currency": "EUR", "language": "en"}


async def import_pages(url: str) -> None:
    with httpx.Client(base_url=url) as archive:
        while True:
            await run_in_threadpool(archive.get, "/page/80")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    current_default_thread_limiter().total_tokens = 1
    async with running() as url, httpx.AsyncClient(base_url=url) as shop:
        importing = asyncio.create_task(import_pages(url))
        yield {"shop": shop}
        importing.cancel()


app = FastAPI(lifespan=lifespan)


async def currency() -> str:
    return SETTINGS["currency"]


@app.get("/price")
async def price(request: Request, currency: Annotated[str, Depends(currency)]) -> str:
    answer = await request.state.shop.get("/price/40")
    return f"{answer.json()['amount']} {currency}"
