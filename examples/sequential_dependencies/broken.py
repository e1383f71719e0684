"""A checkout with three dependencies, each of which asks a service.

FastAPI resolves them one after another. To mend it: one dependency that gathers what they await.
"""

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


@app.get("/checkout")
async def checkout(
    user: Annotated[int, Depends(user)],
    basket: Annotated[int, Depends(basket)],
    offers: Annotated[int, Depends(offers)],
) -> int:
    return user + basket + offers
