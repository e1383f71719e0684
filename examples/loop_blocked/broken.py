"""A price in another currency, asked for with a client that blocks the event loop.

Every other request of the worker waits for the rates as well. To mend it: await an
`httpx.AsyncClient`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from upstream import running


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.Client]]:
    async with running() as url:
        with httpx.Client(base_url=url) as bank:
            yield {"bank": bank}


app = FastAPI(lifespan=lifespan)


@app.get("/price")
async def price(request: Request) -> float:
    rate = request.state.bank.get("/rate/40").json()
    return 9.90 * rate["amount"]
