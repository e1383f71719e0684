"""What an app's routes tell: who answers them, and what else than HTTP the app answers.

Belongs to `inspect_app`: it runs in the app's own process, and its results go through JSON.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles

from asyncperf.source_files import def_line

# Where FastAPI defines the endpoints of its own documentation.
DOCUMENTATION = "fastapi.applications"
# The methods that a class-based endpoint may have, Starlette's `HTTPEndpoint`.
CLASS_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Apps mount apps; one that goes deeper than this mounts itself.
MAX_DEPTH = 16


def describe_routes(app: Starlette) -> dict[str, Any]:
    """`handlers`: each HTTP route with who answers it, None where that is not known, those
    of mounted apps included. `others`: what is mounted, and WebSockets."""
    handlers = {
        (method, path): describe_handler(function)
        for method, path, function in iter_endpoints(app.routes)
    }
    return {
        "handlers": [
            {"method": method, "path": path, "handler": handler}
            for (method, path), handler in handlers.items()
        ],
        "others": [{"kind": kind, "path": path} for kind, path in dict.fromkeys(iter_others(app))],
    }


def iter_endpoints(
    routes: Iterable[Any], prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Method, path and function of each HTTP route, the app's documentation left out."""
    for route in flat(routes):
        mounted = mounted_routes(route)
        if mounted and depth < MAX_DEPTH:
            yield from iter_endpoints(mounted, prefix + route.path, depth + 1)
            continue
        path = getattr(route, "path_format", None) or getattr(route, "path", None)
        endpoint = getattr(route, "endpoint", None)
        if path is None or endpoint is None or getattr(endpoint, "__module__", "") == DOCUMENTATION:
            continue
        if is_class_based(endpoint):
            for method in CLASS_METHODS:
                if function := getattr(endpoint, method.lower(), None):
                    yield method, prefix + path, function
            continue
        for method in sorted(getattr(route, "methods", None) or ()):
            yield method, prefix + path, endpoint


def iter_others(app: Starlette) -> Iterator[tuple[str, str]]:
    """Kind and path of what is mounted, and of each WebSocket."""
    for route in flat(app.routes):
        original = getattr(route, "original_route", route)
        if isinstance(original, WebSocketRoute):
            yield "websocket", route.path
        elif isinstance(original, Mount):
            yield ("static" if isinstance(original.app, StaticFiles) else "app"), route.path
    # FastAPI keeps what `app.frontend()` serves apart from the routes, and shows it nowhere.
    for route in getattr(getattr(app.router, "_frontend_routes", None), "routes", ()):
        yield "static", route.path.rstrip("/")


def flat(routes: Iterable[Any]) -> Iterator[Any]:
    """The routes with their full paths; newer FastAPI keeps included routers nested."""
    try:
        from fastapi.routing import iter_route_contexts
    except ImportError:
        yield from routes
    else:
        yield from iter_route_contexts(list(routes))


def mounted_routes(route: Any) -> list[Any]:
    """The routes of an app or router that is mounted there, none if it has none."""
    original = getattr(route, "original_route", route)
    return list(original.routes) if isinstance(original, Mount) else []


def is_class_based(endpoint: Any) -> bool:
    return isinstance(endpoint, type) and hasattr(endpoint, "dispatch")


def describe_handler(endpoint: Callable[..., Any]) -> dict[str, Any] | None:
    function = inspect.unwrap(endpoint)
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    if not inspect.isroutine(function):
        function = type(function).__call__  # an instance that is called
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    return {
        "file": display_path(code.co_filename),
        "line": def_line(code.co_filename, code.co_firstlineno),
        "name": getattr(function, "__name__", str(function)),
        "is_async": inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function),
    }


def display_path(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file
