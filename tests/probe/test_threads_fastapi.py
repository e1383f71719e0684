"""Trips that FastAPI and Starlette make for a request, each by who sent it."""

from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, UploadFile
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel
from starlette.background import BackgroundTask

from .trips import NAP_S, elapsed, hooked_threads, nap

hooked = pytest.fixture(autouse=True)(hooked_threads)


class Answer(BaseModel):
    value: int


def dependency():
    pass


def generator():
    yield


FromDependency = Annotated[None, Depends(dependency)]
FromGenerator = Annotated[None, Depends(generator)]


def plain(first: FromDependency, second: FromGenerator):
    return JSONResponse({})


def validated(first: FromDependency, second: FromGenerator) -> Answer:
    return Answer(value=1)


class Page:
    def __init__(self, size: int = 10) -> None:
        self.size = size


async def paged(page: Annotated[Page, Depends()]):
    return page.size


def later():
    pass


def in_background():
    return JSONResponse({}, background=BackgroundTask(later))


def pieces():
    yield b"1"


async def streamed():
    return StreamingResponse(pieces())


async def file():
    return FileResponse(__file__)


async def upload(file: UploadFile):
    return len(await file.read())


def seen(recorded, endpoint, method="GET", **how):
    """The trips of one request to an app with that endpoint: kinds and functions."""
    app = FastAPI()
    app.api_route("/", methods=[method])(endpoint)

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            found = await client.request(method, "/", **how)
            assert found.status_code == 200

    recorded.run(ask(), recorded.request())
    return [(trip["kind"], trip["cause"]) for trip in recorded.trips()]


FOUR = [
    ("dependency", "dependency"),
    ("generator dependency enter", "generator"),
    ("endpoint", "plain"),
    ("generator dependency exit", "generator"),
]


def test_an_endpoint_and_its_dependencies_make_four_trips(recorded):
    assert seen(recorded, plain) == FOUR
    # FastAPI lets an exit run without waiting for a token.
    assert recorded.resources()["without a limit"]["capacity"] is None


def test_a_response_model_makes_a_fifth(recorded):
    kinds = [kind for kind, _ in seen(recorded, validated)]
    assert kinds == [kind for kind, _ in FOUR[:3]] + ["response validation", FOUR[3][0]]


@pytest.mark.parametrize(
    ("endpoint", "how", "expected"),
    [
        (in_background, {}, ("background task", "later")),
        (paged, {}, ("dependency", "Page.__init__")),
        (streamed, {}, ("response body", "pieces")),
        (file, {}, ("FileResponse", None)),
        (
            upload,
            # More than Starlette keeps in memory.
            {"method": "POST", "files": {"file": b"x" * 2_000_000}},
            ("upload file", None),
        ),
    ],
)
def test_each_sender_is_told_apart(recorded, endpoint, how, expected):
    kind, cause = expected
    causes = [found for sender, found in seen(recorded, endpoint, **how) if sender == kind]
    assert causes
    assert cause is None or cause in causes


def test_trips_behind_a_middleware_count_for_the_request(recorded):
    """It runs the app in a task of its own; the request's waits for it."""
    app = FastAPI()

    @app.middleware("http")
    async def middleware(request, call_next):
        return await call_next(request)

    @app.get("/")
    def endpoint() -> None:
        nap()

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            assert (await client.get("/")).status_code == 200

    request = recorded.request()
    _, took_s = elapsed(recorded, ask(), request)
    assert NAP_S <= request.pool_run_s <= took_s
