"""One dependency gathers what the three await."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI, Request
from upstream import running


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with running() as url, httpx.AsyncClient(base_url=url) as shop:
        yield {"shop": shop}


app = FastAPI(lifespan=lifespan)


async def user(request: Request) -> int:
    return (await request.state.shop.get("/user/50")).json()["amount"]


async def basket(request: Request) -> int:
    return (await request.state.shop.get("/basket/60")).json()["amount"]


async def offers(request: Request) -> int:
    return (await request.state.shop.get("/offers/50")).json()["amount"]


async def context(request: Request) -> list[int]:
    return await asyncio.gather(user(request), basket(request), offers(request))


@app.get("/checkout")
async def checkout(context: Annotated[list[int], Depends(context)]) -> int:
    return sum(context)
