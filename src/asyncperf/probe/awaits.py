"""What the rewritten awaits call. Each gives back just what it was given, unless the request
is recorded in detail: then something that awaits it in the same way and records a span.

What the app can tell from the two is to be the same: what is called, in which order, what
comes back, which error and with which traceback, also where something is not awaitable at
all; then it is given back too, for Python to say so. See `rewrite`.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from threading import get_ident
from time import perf_counter
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from .accelerator import NATIVE
from .places import UNSEEN
from .record_format import RETURNED
from .request import STEPPING
from .rewrite import AWAIT, ENTER, ITERATE
from .timeline import NONE, Track, outcome_of
from .tracebacks import hide

# A generator that may be awaited: `inspect.CO_ITERABLE_COROUTINE`.
AWAITABLE_GENERATOR = 0x100


def install() -> None:
    for name, function in ((AWAIT, awaited), (ITERATE, iterated), (ENTER, entered)):
        setattr(builtins, name, function)


def awaited(place: int, awaitable: Any) -> Any:
    track = STEPPING.track
    if track is None:
        return awaitable
    if type(awaitable) is CoroutineType:
        # Of what has been awaited here before there is nothing to find out; and as `takes` has it,
        # without a call.
        timeline = track.timeline
        callee, site = timeline.coroutines.get(id(awaitable.cr_code)), timeline.sites.get(place)
        if (
            callee is not None
            and site is not None
            and track.request.spans < timeline.most_spans
            and track.depth < timeline.deepest
            and get_ident() == timeline.thread
            and not timeline.broken
        ):
            return span(track, site, callee, awaitable, False)
    return recorded(track, place, awaitable)


def iterated(place: int, iterable: Any) -> Any:
    if STEPPING.track is None:
        return iterable
    aiter_ = special(iterable, "__aiter__")
    return iterable if aiter_ is None else _Iterable(place, aiter_)


def entered(place: int, manager: Any) -> Any:
    if STEPPING.track is None:
        return manager
    enter, leave = special(manager, "__aenter__"), special(manager, "__aexit__")
    return manager if enter is None or leave is None else _Entered(place, enter, leave)


def recorded(track: Track, place: int, awaitable: Any, generator: Any = None) -> Any:
    """`awaitable`, recorded if there is room. `generator` is what it is a step of, if any."""
    try:
        if not track.takes() or not is_awaitable(awaitable):
            return awaitable
        timeline = track.timeline
        step = generator is not None
        callee = timeline.callee(generator if step else awaitable)
        return span(track, timeline.site(place), callee, awaitable, step)
    except Exception as error:
        track.timeline.fail(error)
        return awaitable


def is_awaitable(value: Any) -> bool:
    kind = type(value)
    if kind is CoroutineType or hasattr(kind, "__await__"):
        return True
    return kind is GeneratorType and bool(value.gi_code.co_flags & AWAITABLE_GENERATOR)


async def span(track: Track, site: int, callee: int, awaitable: Any, step: bool) -> Any:
    """The await itself. To raise StopAsyncIteration is how a `step` of an iterator returns."""
    request = track.request
    number = request.spans
    request.spans = number + 1
    parent = track.open
    track.open = number
    track.depth += 1
    start = perf_counter()
    try:
        result = await awaitable
    except BaseException as error:
        ended = step and isinstance(error, StopAsyncIteration)
        outcome = RETURNED if ended else outcome_of(error)
        track.close(start, number, parent, site, callee, outcome)
        hide(error)
        raise
    # As `close` does it, without a call.
    last_s = perf_counter() - start
    track.open = parent
    track.depth -= 1
    around = number if parent == NONE else parent
    row = (start, last_s, request.number, track.task, number, around, site, callee, RETURNED)
    track.timeline.add(row)
    return result


class _Iterable:
    """What is iterated, as far as `async for` goes."""

    __slots__ = ("_aiter", "_place")

    def __init__(self, place: int, aiter_: Callable[[], Any]) -> None:
        self._place = place
        self._aiter = aiter_

    def __aiter__(self) -> Any:
        try:
            iterator = self._aiter()
        except BaseException as error:
            hide(error)
            raise
        known = any("__anext__" in base.__dict__ for base in type(iterator).__mro__)
        return _Iterator(self._place, iterator) if known else iterator


class _Iterator:
    __slots__ = ("_iterator", "_place")

    def __init__(self, place: int, iterator: Any) -> None:
        self._place = place
        self._iterator = iterator

    def __anext__(self) -> Any:
        iterator = self._iterator
        try:
            # A generator's has no surprises.
            generator = type(iterator) is AsyncGeneratorType
            step = (iterator.__anext__ if generator else special(iterator, "__anext__"))()
        except BaseException as error:
            hide(error)
            raise
        track = STEPPING.track
        if track is None:
            return step
        return recorded(track, self._place, step, iterator)


class _Entered:
    """A context manager, as far as `async with` goes. It finds how to leave it before it
    enters it, as Python does."""

    __slots__ = ("_enter", "_exit", "_place")

    def __init__(self, place: int, enter: Callable[..., Any], leave: Callable[..., Any]) -> None:
        self._place = place
        self._enter = enter
        self._exit = leave

    def __aenter__(self) -> Any:
        return self._called(self._enter)

    def __aexit__(self, *error: Any) -> Any:
        return self._called(self._exit, *error)

    def _called(self, function: Callable[..., Any], *error: Any) -> Any:
        try:
            awaitable = function(*error)
        except BaseException as raised:
            hide(raised)
            raise
        track = STEPPING.track
        return awaitable if track is None else recorded(track, self._place, awaitable)


def special(thing: Any, name: str) -> Any:
    """A method as Python finds those that it calls by itself: by the type, never by the
    thing's own attributes. None if there is none."""
    kind = type(thing)
    for base in kind.__mro__:
        if name in base.__dict__:
            found = base.__dict__[name]
            bind = getattr(type(found), "__get__", None)
            return found if bind is None else bind(found, thing, kind)
    return None


span.__code__ = span.__code__.replace(co_filename=UNSEEN)
if NATIVE is not None and not TYPE_CHECKING:
    awaited, span = NATIVE.awaited, NATIVE.span
    NATIVE.lend(recorded=recorded)
