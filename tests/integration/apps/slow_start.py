"""Takes longer to start than any test wants to wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await asyncio.sleep(600)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def root() -> str:
    return "started"
