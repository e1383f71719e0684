"""What is read off an app's routes: their handlers, and what OpenAPI leaves out."""

import functools
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from asyncperf.target.inspect_routes import describe_handler, describe_routes

HERE = Path(__file__)


def line_of(text):
    """The line of this file that holds this text first."""
    return 1 + HERE.read_text().splitlines().index(text)


def plain():
    return {}


async def awaited():
    return {}


def decorator(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@decorator
@decorator
def wrapped():
    return {}


class Caller:
    async def __call__(self):
        return {}


class Page(HTTPEndpoint):
    async def get(self, request): ...

    def post(self, request): ...


def handlers(app):
    """The name of each route's handler, None where it is not known."""
    return {
        f"{entry['method']} {entry['path']}": entry["handler"] and entry["handler"]["name"]
        for entry in describe_routes(app)["handlers"]
    }


# Routes


def test_routes_are_known_whether_the_schema_lists_them_or_not():
    app, router = FastAPI(), APIRouter(prefix="/inner")
    router.get("/items/{item_id}")(awaited)
    router.post("/hidden", include_in_schema=False)(plain)
    app.include_router(router, prefix="/api")
    assert handlers(app) == {
        "GET /api/inner/items/{item_id}": "awaited",
        "POST /api/inner/hidden": "plain",
    }


def test_the_documentation_is_no_route_of_the_app():
    assert handlers(FastAPI()) == {}


def test_routes_of_mounted_apps_have_their_whole_path():
    deepest, inner, app = Starlette(routes=[Route("/x", wrapped)]), FastAPI(), FastAPI()
    inner.get("/items")(awaited)
    inner.mount("/deeper", deepest)
    app.mount("/inner", inner)
    assert handlers(app) == {
        "GET /inner/items": "awaited",
        "GET /inner/deeper/x": "wrapped",
        "HEAD /inner/deeper/x": "wrapped",
    }


def test_an_app_that_mounts_itself_has_an_end():
    app = Starlette()
    app.routes.append(Mount("/again", app))
    assert handlers(app) == {}


def test_a_class_has_a_handler_for_each_method():
    app = Starlette(routes=[Route("/page", Page)])
    assert handlers(app) == {"GET /page": "get", "POST /page": "post"}
    line = describe_routes(app)["handlers"][0]["handler"]["line"]
    assert line == line_of("    async def get(self, request): ...")


def test_a_handler_that_is_not_known_still_has_its_route():
    assert handlers(Starlette(routes=[Route("/len", len, methods=["POST"])])) == {"POST /len": None}


def test_what_else_an_app_answers(tmp_path):
    app = FastAPI()
    app.websocket("/feed")(awaited)
    app.mount("/static", StaticFiles(directory=tmp_path))
    for _ in range(2):  # the second is never reached
        app.mount("/inner", FastAPI())
    assert describe_routes(app)["others"] == [
        {"kind": "websocket", "path": "/feed"},
        {"kind": "static", "path": "/static"},
        {"kind": "app", "path": "/inner"},
    ]


@pytest.mark.skipif(not hasattr(FastAPI, "frontend"), reason="an older FastAPI")
@pytest.mark.parametrize(("path", "shown"), [("/", ""), ("/shop", "/shop")])
def test_a_frontend_is_known_as_static_files(tmp_path, path, shown):
    app = FastAPI()
    app.frontend(path, directory=tmp_path)
    assert describe_routes(app)["others"] == [{"kind": "static", "path": shown}]


# Handlers


@pytest.mark.parametrize(
    ("handler", "name", "is_async", "line"),
    [
        (plain, "plain", False, "def plain():"),
        (awaited, "awaited", True, "async def awaited():"),
        (wrapped, "wrapped", False, "def wrapped():"),
        (functools.partial(awaited), "awaited", True, "async def awaited():"),
        (functools.partial(functools.partial(plain)), "plain", False, "def plain():"),
        (Caller(), "__call__", True, "    async def __call__(self):"),
        (Caller().__call__, "__call__", True, "    async def __call__(self):"),
    ],
    ids=["def", "async def", "decorated", "partial", "partial twice", "instance", "method"],
)
def test_handler(handler, name, is_async, line):
    found = describe_handler(handler)
    assert (found["name"], found["is_async"]) == (name, is_async)
    assert found["line"] == line_of(line)
    assert Path(found["file"]).resolve() == HERE.resolve()


def test_a_handler_without_source_is_not_known():
    assert describe_handler(len) is None
