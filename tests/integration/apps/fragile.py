"""A worker that is killed while it serves, and one that forks."""

import asyncio
import atexit
import os
from contextlib import suppress
from pathlib import Path

from fastapi import FastAPI

app = FastAPI()


@app.get("/fine")
async def fine() -> dict[str, int]:
    await asyncio.sleep(0.01)
    return {"pid": os.getpid()}


@app.get("/killed")
async def killed() -> dict[str, int]:
    """Once, when the file that FRAGILE_KILL names is there."""
    await asyncio.sleep(0.01)
    # Of two workers that see the file at once one alone can remove it.
    with suppress(FileNotFoundError):
        Path(os.environ["FRAGILE_KILL"]).unlink()
        os.kill(os.getpid(), 9)
    return {"pid": os.getpid()}


@app.get("/forking")
async def forking() -> dict[str, int]:
    """The child does all that a process does at its end."""
    await asyncio.sleep(0.01)
    child = os.fork()
    if not child:
        atexit._run_exitfuncs()
        os._exit(0)
    return {"child": os.waitpid(child, 0)[1]}
