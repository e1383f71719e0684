"""psycopg's two pools, of two connections each; one is held while something else is awaited."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg_pool
from fastapi import FastAPI

HOLD_S = 0.02
DATABASE = os.environ["DATABASE"]
pool = psycopg_pool.AsyncConnectionPool(DATABASE, min_size=2, max_size=2, open=False)
threads = psycopg_pool.ConnectionPool(DATABASE, min_size=2, max_size=2, open=False)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with pool:
        await pool.wait()
        with threads:
            yield


app = FastAPI(lifespan=lifespan)


@app.get("/held")
async def held() -> int:
    async with pool.connection() as connection:
        cursor = await connection.execute("select 1")
        await asyncio.sleep(HOLD_S)
        return len(await cursor.fetchall())


@app.get("/threaded")
def threaded() -> None:
    with threads.connection() as connection:
        connection.execute("select pg_sleep(%s)", (HOLD_S,))
