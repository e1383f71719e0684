"""Dependencies of dependencies, and one that FastAPI lets few requests into at a time."""

import asyncio
from typing import Annotated

from fastapi import Depends, FastAPI

app = FastAPI()


async def asked() -> int:
    await asyncio.sleep(0.05)
    return 1


async def left(one: Annotated[int, Depends(asked, use_cache=False)]) -> int:
    return one


async def right(one: Annotated[int, Depends(asked, use_cache=False)]) -> int:
    return one


@app.get("/again")
async def again(one: Annotated[int, Depends(left)], other: Annotated[int, Depends(right)]) -> int:
    return one + other


async def limited() -> int:
    await asyncio.sleep(0.02)
    return 1


@app.get("/limited")
async def few(one: Annotated[int, Depends(limited, max_concurrency=1)]) -> int:
    return one
