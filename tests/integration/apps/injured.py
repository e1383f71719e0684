"""Does to its worker what a probe has to bear. FILE_SIZE caps what the process may write to any
one file, as a full disk would."""

import multiprocessing
import os
import resource
import signal
import sys

from fastapi import FastAPI

if size := os.environ.get("FILE_SIZE"):
    # Python would keep what it compiles from here on cut off at that size, in the environment
    # that all servers share, and none could import it any more ("marshal data too short").
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
app = FastAPI()


@app.get("/fine")
async def fine() -> int:
    return os.getpid()


@app.get("/forks")
def forks() -> int | None:
    child = multiprocessing.get_context("fork").Process(target=len, args=("",))
    child.start()
    child.join()
    return child.exitcode


@app.get("/killed")
async def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
