"""Who answers an endpoint, and how it is served, as far as only the probe saw it: of a server
that a command starts, nothing else is known."""

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np

from asyncperf.insight import Insight, Route
from asyncperf.model import Endpoint, Handler, Load, Target
from asyncperf.source_files import read_source

# Workers that are there until the end write their last tick at the same time, or nearly so.
TOGETHER_S = 2.0


def with_handlers(load: Load, insight: Insight | None) -> Load:
    """The load, its endpoints with the handlers that the probe saw where none were known."""
    if insight is None:
        return load
    routes = {(route.method, route.path): route for route in insight.routes}

    def known(endpoint: Endpoint) -> Endpoint:
        route = routes.get((endpoint.method, endpoint.path))
        if endpoint.handler is not None or route is None:
            return endpoint
        return replace(endpoint, handler=handler_of(route))

    measured = tuple(replace(each, endpoint=known(each.endpoint)) for each in load.measured)
    return replace(load, measured=measured)


def handler_of(route: Route) -> Handler | None:
    """None where its source does not show the `def`."""
    source = None if route.file is None else read_source(route.file)
    if route.file is None or source is None:
        return None
    try:
        tree = ast.parse(source)
    except (ValueError, SyntaxError):
        return None
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = min(line.lineno for line in (node, *node.decorator_list))
        if first == route.line and node.name == route.function:
            is_async = isinstance(node, ast.AsyncFunctionDef)
            return Handler(display_path(route.file), node.lineno, node.name, is_async)
    return None


def display_path(file: str) -> str:
    """As the report's other paths are: relative to the working directory where that is above."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def as_seen(target: Target, insight: Insight | None) -> Target:
    """The target; its Python and access log by the probe's word where they are not known, and all
    workers have the same; and how many these are."""
    if insight is None:
        return target
    workers = target.workers
    if workers is None and not is_replaced(insight):
        workers = len(insight.workers) or None
    pythons = {worker.python.replace("cpython", "CPython") for worker in insight.workers}
    logs = {worker.access_log for worker in insight.workers}
    return replace(
        target,
        workers=workers,
        python=pythons.pop() if target.python is None and len(pythons) == 1 else target.python,
        access_log=logs.pop()
        if target.access_log is None and len(logs) == 1
        else target.access_log,
    )


def is_replaced(insight: Insight) -> bool:
    """Whether a worker was gone before others were: who took its place would count as one more."""
    ticks = insight.ticks
    last = [ticks["at"][ticks["worker"] == worker] for worker in np.unique(ticks["worker"])]
    return len(last) > 1 and float(np.ptp([at[-1] for at in last])) > TOGETHER_S
