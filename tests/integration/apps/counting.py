"""An app that says at its end how many requests it had answered, by endpoint and client."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request

served: Counter[str] = Counter()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    Path(os.environ["SERVED"]).write_text(json.dumps(served))


app = FastAPI(lifespan=lifespan)


@app.get("/first")
async def first(request: Request) -> dict[str, str]:
    return await answer(request)


@app.get("/second")
async def second(request: Request) -> dict[str, str]:
    return await answer(request)


async def answer(request: Request) -> dict[str, str]:
    await asyncio.sleep(0.05)
    served[f"{request.url.path} {request.client.host if request.client else None}"] += 1
    return {}
