"""The tasks that a request's steps create: they are timed as the request is."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Coroutine
from types import CoroutineType
from typing import Any
from weakref import ref

from .awaits import span
from .record_format import NO_SITE
from .request import STEPPING, Request, timed
from .timeline import Track
from .tracebacks import hide

# What runs in tasks that have not begun, each with the coroutine that the task has instead.
# One that is cancelled before its first step never comes to its coroutine, and Python would say
# that it was never awaited. It is closed by `close_cancelled` and not by a finalizer: where an
# error's traceback ties them all into a knot, the collector may come to the coroutine first.
NOT_BEGUN: dict[CoroutineType[Any, Any, Any], ref[Any]] = {}


def watch_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Have the tasks followed that the steps of this loop's requests create. Its task factory is
    left alone: others ask which one it has (AnyIO, whether it is asyncio's eager one)."""
    STEPPING.attributes, STEPPING.follows = vars(loop), follows
    STEPPING.attributes["create_task"] = loop.create_task


def follows(usual: Any) -> Any:
    """A loop's `create_task` for the length of a request's step."""

    @functools.wraps(usual)
    def create_task(coro: Coroutine[Any, Any, Any], **how: Any) -> Any:
        request, answering = STEPPING.request, STEPPING.answering
        # What a server creates while it is told that the answer is at its end is its own.
        if request is not None and (answering is None or not answering.cr_running):
            coro = followed(coro, request)
        return usual(coro, **how)

    return create_task


def followed(coroutine: Coroutine[Any, Any, Any], request: Request) -> Coroutine[Any, Any, Any]:
    """The coroutine, timed, under its own name. What is none of Python's own is left as it is:
    a task that is cancelled before it began throws that in at once, and an async generator's
    `aclose()`, unlike a coroutine, then does something."""
    if type(coroutine) is not CoroutineType:
        return coroutine
    request.tasks += 1
    track = STEPPING.track
    if track is None or track.request is not request:
        outer = _await(coroutine, request)
    else:
        callee = track.timeline.callee(coroutine)
        outer = _tracked(coroutine, callee, track.child(request.tasks))
    NOT_BEGUN[coroutine] = ref(outer)
    for name in ("__name__", "__qualname__"):
        if isinstance(own := getattr(coroutine, name, None), str):
            setattr(outer, name, own)
    return outer


async def _await(coroutine: CoroutineType[Any, Any, Any], request: Request) -> Any:
    NOT_BEGUN.pop(coroutine, None)
    try:
        return await timed(coroutine, request)
    except BaseException as error:
        hide(error)
        raise


async def _tracked(coroutine: CoroutineType[Any, Any, Any], callee: int, track: Track) -> Any:
    NOT_BEGUN.pop(coroutine, None)
    try:
        return await span(track, NO_SITE, callee, timed(coroutine, track.request, track), False)
    except BaseException as error:
        hide(error)
        raise


def close_cancelled() -> None:
    """Close what will never begin: its task is over, or is no more."""
    for coroutine, task_has in NOT_BEGUN.copy().items():
        standing = task_has()
        if standing is None or standing.cr_frame is None:
            NOT_BEGUN.pop(coroutine, None)
            coroutine.close()
