"""Endpoints found in the source, named as a request names them: `GET /items/{id}`.

For `scan` only.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from asyncperf.scan.analyst import Analyst
from asyncperf.scan.annotations import last_name
from asyncperf.scan.index import Function, Module, Variable
from asyncperf.sites import Route

METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "trace"})
UNKNOWN_PREFIX = "…"  # where a prefix is not written out in the source
MAX_PREFIXES = 4  # of one router that is included more than once
MAX_DEPTH = 8  # of routers in routers

Routed = Mapping[tuple[str, int], tuple[str, ...]]


class Inclusion(NamedTuple):
    """`outer.include_router(inner, prefix=...)`."""

    module: Module
    outer: ast.expr
    inner: ast.expr
    prefix: ast.expr | None


def inclusions(module: Module, tree: ast.Module) -> Iterator[Inclusion]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "include_router"
            and node.args
        ):
            yield Inclusion(module, node.func.value, node.args[0], _keyword(node, "prefix"))


def by_place(routes: Iterable[Route]) -> Routed:
    """What the app itself says it serves, by file and line of the `def` that answers."""
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for route in routes:
        place = (route.file, route.line)
        found[place] = (*found.get(place, ()), route.endpoint)
    return found


def place_of(function: Function) -> tuple[str, int]:
    return function.module.file, function.line


def endpoints(
    analyst: Analyst, included: Iterable[Inclusion], routed: Routed
) -> dict[Function, tuple[str, ...]]:
    """The functions that answer requests, each with the names of its endpoints: as the app
    itself names them, or else as the source does."""
    prefixes = _Prefixes(analyst, included)
    found: dict[Function, tuple[str, ...]] = {}
    for module in analyst.project.modules.values():
        for function in module.functions:
            names = routed.get(place_of(function)) or tuple(
                name
                for decorator in function.decorators
                for name in _names(decorator, module, prefixes)
            )
            if names:
                found[function] = tuple(dict.fromkeys(names))
    return found


def _names(decorator: ast.expr, module: Module, prefixes: "_Prefixes") -> Iterator[str]:
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
        return
    kind = decorator.func.attr
    if kind in METHODS:
        methods = [kind.upper()]
    elif kind == "websocket":
        methods = ["WEBSOCKET"]
    elif kind in {"api_route", "route"}:
        given = _keyword(decorator, "methods")
        parts = given.elts if isinstance(given, ast.List | ast.Tuple | ast.Set) else []
        texts = [part.value for part in parts if isinstance(part, ast.Constant)]
        methods = [str(text).upper() for text in texts] or ["GET"]
    else:
        return
    written = decorator.args[0] if decorator.args else _keyword(decorator, "path")
    path = prefixes.text(written, module)
    if path is None or (path and path[0] not in "/" + UNKNOWN_PREFIX):
        return  # a decorator of something else, such as a cache's
    for prefix in prefixes.of(decorator.func.value, module):
        for method in methods:
            yield f"{method} {prefix + path or '/'}"


class _Prefixes:
    def __init__(self, analyst: Analyst, included: Iterable[Inclusion]) -> None:
        self.analyst = analyst
        self.outer: dict[Variable, list[Inclusion]] = defaultdict(list)
        for inclusion in included:
            router = analyst.project.expression(inclusion.inner, inclusion.module)
            if isinstance(router, Variable):
                self.outer[router].append(inclusion)
        self.known: dict[Variable, tuple[str, ...]] = {}

    def of(self, router: ast.expr, module: Module, depth: int = 0) -> tuple[str, ...]:
        """The prefixes under which a router's paths are served; of an app, none."""
        found = self.analyst.project.expression(router, module)
        if not isinstance(found, Variable) or depth > MAX_DEPTH:
            return ("",)
        if found not in self.known:
            self.known[found] = ("",)  # until known: a router may include itself
            home, _ = self.analyst.project.owner_of(found, module, last_name(router))
            own = self.own(found, home)
            above = [
                prefix + (self.text(inclusion.prefix, inclusion.module) or "")
                for inclusion in self.outer[found]
                for prefix in self.of(inclusion.outer, inclusion.module, depth + 1)
            ]
            whole = dict.fromkeys(prefix + own for prefix in above or [""])
            self.known[found] = tuple(whole)[:MAX_PREFIXES]
        return self.known[found]

    def own(self, router: Variable, home: Module) -> str:
        """The prefix that a router is made with."""
        for value in router.values:
            if isinstance(value, ast.Call):
                return self.text(_keyword(value, "prefix"), home) or ""
        return ""

    def text(self, node: ast.expr | None, module: Module) -> str | None:
        """A path as written; with `UNKNOWN_PREFIX` for what is not."""
        if node is None:
            return None
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.FormattedValue):
            return self.text(node.value, module)
        if isinstance(node, ast.JoinedStr):
            return "".join(self.text(part, module) or "" for part in node.values)
        if isinstance(node, ast.BinOp):
            return (self.text(node.left, module) or "") + (self.text(node.right, module) or "")
        found = self.analyst.project.expression(node, module)
        if isinstance(found, Variable) and found.values:
            value = found.values[-1]
            if isinstance(value, ast.Constant):
                return self.text(value, module)
        return UNKNOWN_PREFIX


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)
