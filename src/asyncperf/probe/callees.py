"""Which function an awaited thing runs."""

from __future__ import annotations

import functools
import os
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
)
from typing import Any

# Functions that only run another one: by their name, the end of their file's name, and where
# in the frame of their coroutine, which has not begun yet, it says which.
PASSES_ON = {
    "run_in_threadpool": ("starlette/concurrency.py", "func"),  # a `def` endpoint or dependency
    "_solve_generator": ("fastapi/dependencies/utils.py", "dependant.call"),  # one that yields
    "solve_generator": ("fastapi/dependencies/utils.py", "call"),  # ... before 0.115
    "to_thread": ("asyncio/threads.py", "func"),
    "run_sync": ("anyio/to_thread.py", "func"),
    "_run_coro": ("anyio/_core/_tasks.py", "self._coro"),  # a task of a group
    "_await": ("probe/tasks.py", "coroutine"),  # any task that is timed
    "_tracked": ("probe/tasks.py", "coroutine"),
}
# FastAPI runs a `def` endpoint by this function in a thread, with the endpoint as `function`.
RUNS_ENDPOINT = "_run_sync_endpoint"
# One thing may stand for another so often. More is a circle.
DEEPEST = 8


def code_of(awaitable: Any) -> CodeType | None:
    """The code of the function that runs when this is awaited, or iterated; None if it is none
    of Python's."""
    kind = type(awaitable)
    if kind is CoroutineType:
        code: CodeType = awaitable.cr_code
        passed = PASSES_ON.get(code.co_name)
        if passed is not None and awaitable.cr_frame is not None:
            file, where = passed
            if code.co_filename.replace(os.sep, "/").endswith(file):
                return _passed_on(awaitable.cr_frame.f_locals, where) or code
        return code
    if kind is GeneratorType:
        return awaitable.gi_code  # type: ignore[no-any-return]
    if kind is AsyncGeneratorType:
        return awaitable.ag_code  # type: ignore[no-any-return]
    get_coro = getattr(awaitable, "get_coro", None)  # a task
    return None if get_coro is None else code_of(get_coro())


def _passed_on(arguments: dict[str, Any], where: str) -> CodeType | None:
    name, *attributes = where.split(".")
    value = arguments.get(name)
    for attribute in attributes:
        value = getattr(value, attribute, None)
    if type(value) is CoroutineType:
        return code_of(value)
    found = function_code(value)
    if found is not None and found.co_name == RUNS_ENDPOINT:
        return function_code(arguments.get("kwargs", {}).get("function")) or found
    return found


def function_code(function: Any) -> CodeType | None:
    """The code of anything that can be called."""
    for _ in range(DEEPEST):
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        elif isinstance(function, FunctionType):
            return function.__code__
        else:
            method = "__init__" if isinstance(function, type) else "__call__"
            function = getattr(function if method == "__init__" else type(function), method, None)
    return None
