"""Fails when it starts, after a clean import."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    raise RuntimeError("no database at db:5432")
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def root() -> str:
    return "started"
