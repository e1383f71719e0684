"""The rates are awaited: while one request waits for them, the others go on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from upstream import running


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with running() as url, httpx.AsyncClient(base_url=url) as bank:
        yield {"bank": bank}


app = FastAPI(lifespan=lifespan)


@app.get("/price")
async def price(request: Request) -> float:
    rate = (await request.state.bank.get("/rate/40")).json()
    return 9.90 * rate["amount"]
