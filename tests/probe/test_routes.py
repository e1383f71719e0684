"""Under which path a route is known, however it came into the app."""

import asyncio

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from asyncperf.probe.routes import UNMATCHED, describe_route


def shop():
    users = APIRouter(prefix="/users")

    @users.get("/{number}")
    async def user(number: int):
        return {}

    first = APIRouter()
    first.include_router(users, prefix="/v1")
    inner = FastAPI()
    inner.include_router(first, prefix="/in")
    app = FastAPI()
    app.include_router(first, prefix="/api")
    app.mount("/sub", inner)
    app.mount("/plain", Starlette(routes=[Route("/at/{place}", at)]))

    @app.get("/top")
    async def top():
        return {}

    return app


def at(request):
    return PlainTextResponse("here")


def asked(app, path, root=""):
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http"},
        **{"method": "GET", "path": root + path, "raw_path": path.encode(), "query_string": b""},
        **{"root_path": root, "headers": [], "server": ("a", 80), "client": ("b", 81)},
    }

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        pass

    asyncio.run(app(scope, receive, send))
    return describe_route(scope)


@pytest.mark.parametrize("root", ["", "/behind/proxy"])
@pytest.mark.parametrize(
    ("path", "known", "function"),
    [
        ("/top", "/top", "top"),
        ("/api/v1/users/3", "/api/v1/users/{number}", "user"),
        ("/sub/in/v1/users/3", "/sub/in/v1/users/{number}", "user"),
        ("/plain/at/home", "/plain/at/{place}", "at"),
    ],
)
def test_a_route_has_the_path_that_a_client_asks_for(path, known, function, root):
    found = asked(shop(), path, root)
    assert (found["method"], found["path"]) == ("GET", known)
    assert found["handler"]["name"] == function
    assert found["handler"]["file"] == __file__


def test_what_no_route_matched_is_nobodys():
    assert asked(shop(), "/nowhere") == UNMATCHED


def test_another_apps_endpoint_without_a_route_has_the_path_itself():
    found = describe_route({"endpoint": object(), "path": "/items", "method": "PUT"})
    assert found == {"method": "PUT", "path": "/items", "handler": None}
