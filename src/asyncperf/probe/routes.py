"""Who answered a request and under which path, by the scope that the app leaves behind."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

# The endpoint of a request that no route matched.
UNMATCHED: dict[str, Any] = {"method": "", "path": "", "handler": None}


def describe_route(scope: MutableMapping[str, Any]) -> dict[str, Any]:
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return UNMATCHED
    code = getattr(endpoint, "__code__", None)
    handler = None
    if code is not None:
        handler = {"file": code.co_filename, "line": code.co_firstlineno, "name": code.co_name}
    return {"method": scope.get("method", ""), "path": path_of(scope), "handler": handler}


def path_of(scope: MutableMapping[str, Any]) -> str:
    """The route's path from the app's root on, as its OpenAPI document has it."""
    # A route knows neither what it is mounted under nor, in FastAPI, the prefixes of the routers
    # that include it: the one the server is told as the root of what follows, the other stands
    # in the context that FastAPI chose the route in.
    root: str = scope.get("root_path", "")
    before: str = scope.get("app_root_path", root)
    mounted = root[len(before) :] if root.startswith(before) else ""
    context = (scope.get("fastapi") or {}).get("effective_route_context")
    known = (getattr(context, "starlette_route", None), context, scope.get("route"))
    for route in known:
        path: str | None = getattr(route, "path_format", None) or getattr(route, "path", None)
        if path is not None:
            return mounted + path
    path = scope["path"]
    return path
