"""Answers of every kind that FastAPI and Starlette make, behind middleware of both kinds."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    Form,
    HTTPException,
    Request,
    Response,
    UploadFile,
    WebSocket,
)
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.base import BaseHTTPMiddleware

HERE = Path(__file__)
STEP_S = 0.004


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    await asyncio.sleep(0.01)
    yield {"greeting": "hello"}


class Plain:
    """Pure ASGI: no task of its own."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        await self.app(scope, receive, send)


async def around(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Starlette's base: the rest of the app runs in a task of its own."""
    answer = await call_next(request)
    answer.headers["x-around"] = "1"
    return answer


app = FastAPI(lifespan=lifespan)
app.add_middleware(BaseHTTPMiddleware, dispatch=around)
app.add_middleware(Plain)


async def opened() -> AsyncIterator[str]:
    await asyncio.sleep(STEP_S)
    yield "session"
    await asyncio.sleep(STEP_S)


def lent() -> Iterator[str]:
    time.sleep(STEP_S)
    yield "connection"


@app.post("/upload")
async def upload(file: UploadFile, title: Annotated[str, Form()]) -> int:
    await asyncio.sleep(STEP_S)
    return len(await file.read()) + len(title)


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(STEP_S)
            yield b"x" * 1000

    return StreamingResponse(pieces())


@app.get("/stream-sync")
async def stream_sync() -> StreamingResponse:
    def pieces() -> Iterator[bytes]:
        for _ in range(4):
            time.sleep(STEP_S)
            yield b"x" * 1000

    return StreamingResponse(pieces())


@app.get("/file")
async def file() -> FileResponse:
    return FileResponse(HERE)


@app.get("/background")
async def background(tasks: BackgroundTasks) -> str:
    """Answers at once, and works on: the client does not wait for that."""

    async def later() -> None:
        await asyncio.sleep(5 * STEP_S)

    tasks.add_task(later)
    tasks.add_task(time.sleep, STEP_S)
    await asyncio.sleep(STEP_S)
    return "accepted"


class Excused(HTTPException):
    pass


@app.exception_handler(Excused)
def excuse(request: Request, error: Excused) -> Response:
    """On a thread, as all that is a plain `def`."""
    time.sleep(STEP_S)
    return Response(status_code=200)


@app.get("/excused")
async def excused() -> None:
    raise Excused(418)


@app.get("/checked")
async def checked(number: int) -> int:
    return number


@app.get("/resources")
async def resources(
    request: Request,
    session: Annotated[str, Depends(opened)],
    connection: Annotated[str, Depends(lent)],
) -> str:
    await asyncio.sleep(STEP_S)
    return f"{request.state.greeting} {session} {connection}"


@app.get("/threaded")
def threaded() -> str:
    time.sleep(STEP_S)
    return "slept"


@app.websocket("/socket")
async def socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


inner = FastAPI()


@inner.get("/deep")
async def deep() -> str:
    await asyncio.sleep(STEP_S)
    return "deep"


app.mount("/inner", inner)
app.mount("/static", StaticFiles(directory=HERE.parent))
