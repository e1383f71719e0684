"""The tasks that a request's steps create: they are timed as the request is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import CoroutineType
from typing import Any

from .awaits import span
from .record_format import NO_SITE
from .request import STEPPING, Request, Timed, TimedTask
from .timeline import TRACK, Track
from .tracebacks import hide


def task_factory(usual: Any) -> Any:
    """A factory for the tasks that a request's step creates: timed as the request is, with what
    `usual` makes of them."""

    def make(loop: Any, coroutine: Coroutine[Any, Any, Any], **how: Any) -> Any:
        request = STEPPING.request
        if request is not None:
            coroutine = timed(coroutine, request)
        if usual is not None:
            return usual(loop, coroutine, **how)
        return asyncio.Task(coroutine, loop=loop, **how)

    return make


def timed(coroutine: Coroutine[Any, Any, Any], request: Request) -> Coroutine[Any, Any, Any]:
    """The coroutine, timed, under its own name. What is none of Python's own is left as it is:
    a task that is cancelled before it began throws that in at once, and an async generator's
    `aclose()`, unlike a coroutine, then does something."""
    if type(coroutine) is not CoroutineType:
        return coroutine
    request.tasks += 1
    track = TRACK.get()
    inner = TimedTask(coroutine, request)
    if track is None or track.request is not request:
        outer = _await(inner)
    else:
        callee = track.timeline.callee(coroutine)
        outer = _tracked(inner, callee, track.child(request.tasks))
    for name in ("__name__", "__qualname__"):
        if isinstance(own := getattr(coroutine, name, None), str):
            setattr(outer, name, own)
    return outer


async def _await(awaitable: Timed) -> Any:
    try:
        return await awaitable
    except BaseException as error:
        hide(error)
        raise


async def _tracked(awaitable: Timed, callee: int, track: Track) -> Any:
    token = TRACK.set(track)
    try:
        return await span(track, NO_SITE, callee, awaitable, False)
    except BaseException as error:
        hide(error)
        raise
    finally:
        # The task's context may not be its own alone, and outlive it.
        try:
            TRACK.reset(token)
        except ValueError:
            pass  # thrown away unfinished, in another context
