"""An app that awaits in every way: helpers, tasks, groups, dependencies, middleware."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import anyio
from fastapi import Depends, FastAPI, HTTPException

app = FastAPI()


class Middleware:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


app.add_middleware(Middleware)


async def query(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@asynccontextmanager
async def connected() -> AsyncIterator[str]:
    await query(0.001)
    yield "connection"


async def session() -> AsyncIterator[str]:
    async with connected() as connection:
        yield connection


async def user(_: Annotated[str, Depends(session)]) -> str:
    await query(0.002)
    return "user"


def settings() -> int:
    return 3


async def rows() -> AsyncIterator[int]:
    for row in range(2):
        await query(0.001)
        yield row


@app.get("/all")
async def everything(
    _: Annotated[str, Depends(user)], __: Annotated[int, Depends(settings)]
) -> list[int]:
    await asyncio.gather(query(0.05), query(0.03))
    async with anyio.create_task_group() as group:
        group.start_soon(query, 0.001)
    return [row async for row in rows()]


@app.get("/threaded")
def threaded() -> int:
    return 1


@app.get("/missing")
async def missing() -> None:
    await query(0.001)
    raise HTTPException(404)


@app.get("/endless")
async def endless() -> int:
    for _ in range(1500):
        await query(0)
    return 1
