"""Endpoints that go wrong, each in its own way; loaded one at a time by the tests."""

import asyncio
import itertools
import os

from fastapi import FastAPI, HTTPException
from fastapi.responses import PlainTextResponse, StreamingResponse

app = FastAPI()
served = itertools.count(1)


@app.get("/fine")
async def fine() -> PlainTextResponse:
    await asyncio.sleep(0.05)
    return PlainTextResponse("fine")


@app.get("/error")
async def error() -> None:
    raise HTTPException(500)


@app.get("/hang")
async def hang() -> None:
    await asyncio.sleep(3600)


@app.get("/close")
async def close() -> StreamingResponse:
    """Ends the connection in the middle of the body it has announced."""

    async def body():
        yield b"half"
        raise ConnectionError("closed on purpose")

    return StreamingResponse(body(), headers={"content-length": "1000"})


@app.get("/flaky")
async def flaky() -> PlainTextResponse:
    """Fails once the single user has gone."""
    number = next(served)
    await asyncio.sleep(0.05)
    if number > 20 and number % 2:
        raise HTTPException(503)
    return PlainTextResponse("lucky")


@app.get("/die")
async def die() -> PlainTextResponse:
    """Takes its whole server down, workers and parent, when load comes."""
    number = next(served)
    await asyncio.sleep(0.05)
    if number > 40:
        os.kill(os.getppid(), 9)
        os._exit(9)
    return PlainTextResponse("alive")
