"""A server whose parent does not look after its workers, which end amid the load."""

import asyncio
import multiprocessing
import os
import signal
import socket
import sys
import time

import uvicorn
from fastapi import FastAPI

app = FastAPI()
FIRST: list[float] = []


@app.get("/")
async def root() -> int:
    """The single user asks for less than this."""
    await asyncio.sleep(0.01)
    FIRST.append(time.monotonic())
    if len(FIRST) > 50 and FIRST[-1] - FIRST[0] > 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return 1


def serve(listening: socket.socket) -> None:
    uvicorn.Server(uvicorn.Config(app)).run(sockets=[listening])


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    for _ in range(2):
        multiprocessing.Process(target=serve, args=(listening,), daemon=True).start()
    if "keep" not in sys.argv:
        listening.close()
    while True:
        time.sleep(1)
