"""The shop's app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from . import accounts, catalogue, orders
from .client import client
from .database import engine, set_up


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await set_up()
    yield
    await client.aclose()
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
for module in (catalogue, accounts, orders):
    app.include_router(module.router)
