"""Who sent a function to a thread, and which function it was."""

from __future__ import annotations

import functools
from contextvars import Context
from types import CodeType, FrameType, FunctionType
from typing import Any

from .numbering import Sites
from .places import is_users
from .record_format import NO_SITE, TRIP_KINDS

KIND = {kind: number for number, kind in enumerate(TRIP_KINDS)}
OTHER, CALL = KIND["other"], KIND["run_in_threadpool"]
# The functions of FastAPI and Starlette that send work to a thread, by module and name.
SENDERS = {
    ("fastapi.routing", "run_endpoint_function"): "endpoint",
    ("fastapi.routing", "app"): "endpoint",  # one that takes and gives Starlette's types
    ("starlette.routing", "app"): "endpoint",
    ("starlette.endpoints", "dispatch"): "endpoint",
    ("fastapi.dependencies.utils", "solve_dependencies"): "dependency",
    ("fastapi.routing", "serialize_response"): "response validation",
    ("starlette.concurrency", "iterate_in_threadpool"): "response body",
    ("starlette.background", "__call__"): "background task",
}
# Modules whose every trip has one reason.
SENDING_MODULES = {
    "starlette.responses": "FileResponse",
    "starlette.staticfiles": "static files",
    "starlette.datastructures": "upload file",
    "starlette.middleware.gzip": "compression",
    "starlette.middleware.wsgi": "WSGI app",
    "starlette._exception_handler": "exception handler",
    "starlette.middleware.errors": "exception handler",
}
# FastAPI's context manager around a generator dependency: what its trip calls tells which.
AROUND_GENERATOR = ("fastapi.concurrency", "contextmanager_in_threadpool")
ENTERS, EXITS = "__enter__", "__exit__"
GENERATOR_TRIPS = {
    ENTERS: KIND["generator dependency enter"],
    EXITS: KIND["generator dependency exit"],
}
# What passes a function on for whoever called it. The frames of a task end in the loop's;
# a task that is nothing but a trip was made by someone's call.
PASSING = ("anyio", "asyncio", "contextlib", "starlette.concurrency")
ROOTS = ("asyncio.events", "asyncio.base_events", "asyncio.runners")
PROBE = __name__.rpartition(".")[0]
# The probe's own frames around a whole request or task.
OUTERMOST = (f"{PROBE}.boundary", f"{PROBE}.worker", f"{PROBE}.request")
# Modules with a function that is sent to a thread to call the user's there.
TELEMETRY = "fastapi.telemetry._api"
OF_OTHERS = (TELEMETRY, "starlette.concurrency")
PASSES, GENERATOR = -1, -2
# Wrappers around wrappers; more than anyone writes, to be sure to end.
DEEPEST = 20


class Causes:
    """Looks a trip's cause up; what a code object means is found out once."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self._kinds: dict[CodeType, int] = {}

    def of(self, function: Any, args: tuple[Any, ...], frame: FrameType | None) -> tuple[int, int]:
        """The site of the function that is run, and the kind of its sender: an index into
        `TRIP_KINDS`. `frame` is the sender's. A function that is not written in Python has
        the site of the line that sent it."""
        kind, kinds = CALL, self._kinds
        while frame is not None:
            found = kinds.get(frame.f_code)
            if found is None:
                found = kinds[frame.f_code] = sends(frame)
            if found != PASSES:
                kind = found
                break
            frame = frame.f_back
        if kind == GENERATOR:
            kind = GENERATOR_TRIPS.get(getattr(innermost(function), "__name__", ""), OTHER)
        code = code_of(function, args)
        if code is not None:
            return self._sites.function(code), kind
        if frame is None:
            return NO_SITE, kind
        frame = users(frame) or frame
        at = frame.f_code
        return self._sites.place(at.co_filename, frame.f_lineno, at.co_name), kind


def sends(frame: FrameType) -> int:
    """What a trip is for that this frame sent, or that it only passes it on."""
    module, name = str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
    if (module, name) == AROUND_GENERATOR:
        return GENERATOR
    known = SENDERS.get((module, name)) or SENDING_MODULES.get(module)
    if known is not None:
        return KIND[known]
    if module in ROOTS or module in OUTERMOST or is_users(frame.f_code.co_filename):
        return CALL
    if module.startswith(PROBE):
        return PASSES  # around an await that is recorded
    if module in PASSING or module.partition(".")[0] in PASSING:
        return PASSES
    return OTHER


def users(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of the user's code, from here on outwards."""
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def innermost(function: Any) -> Any:
    """What a partial is of."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def code_of(function: Any, args: tuple[Any, ...]) -> CodeType | None:
    """The code that will run in the thread, as the user wrote it; None if it is no Python."""
    if (
        type(function) is functools.partial
        and type(function.func) is FunctionType
        and not function.func.__dict__
        and function.func.__module__ not in OF_OTHERS
    ):
        return function.func.__code__  # what Starlette makes of a plain function: fast
    for _ in range(DEEPEST):
        if isinstance(function, functools.partial):
            args = (*function.args, *args)
            # FastAPI calls an endpoint in the thread through a function of its own.
            endpoint = function.keywords.get("function")
            by_fastapi = getattr(function.func, "__module__", "") == TELEMETRY
            function = endpoint if by_fastapi else function.func
        elif isinstance(getattr(function, "__self__", None), Context) and args:
            function, args = args[0], args[1:]  # asyncio.to_thread
        elif getattr(function, "__name__", "") in GENERATOR_TRIPS:
            # A context manager made of a generator.
            return getattr(getattr(function.__self__, "gen", None), "gi_code", None)
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            break
    if isinstance(function, type):  # a class as a dependency: what it runs is its `__init__`
        function = getattr(function, "__init__", None)
    code = getattr(function, "__code__", None)
    if args and getattr(function, "__module__", "") == "starlette.concurrency":
        code = getattr(args[0], "gi_code", None)  # the next of a generator
    elif code is None:
        code = getattr(vars(type(function)).get("__call__"), "__code__", None)
    return code if isinstance(code, CodeType) else None
