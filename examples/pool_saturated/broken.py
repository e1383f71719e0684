"""An invoice in a plain `def` endpoint: it holds one of the worker's 40 threads while it waits.

With more users than threads the others queue. To mend it: `async def`, and await the service.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from upstream import running


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.Client]]:
    async with running() as url:
        with httpx.Client(base_url=url) as shop:
            yield {"shop": shop}


app = FastAPI(lifespan=lifespan)


@app.get("/invoice")
def invoice(request: Request) -> dict[str, int]:
    answer = request.state.shop.get("/invoice/800")
    return answer.json()
