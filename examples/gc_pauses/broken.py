"""An export that collects garbage for each request, with a catalogue alive.

The collector walks all that is alive, the catalogue and every module, and the event loop stands
still meanwhile. To mend it: leave collecting to Python. Where something has to collect, freeze
what start-up has left (`gc.freeze()`, or to try it `asyncperf run --gc tuned`).
"""

import gc
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
    gc.collect()  # the exports were once thought to leak
    return len(catalogue) + sold["amount"]
