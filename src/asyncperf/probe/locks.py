"""Locks and semaphores as limiters: asyncio's, anyio's, FastAPI's `max_concurrency`.

Libraries use the same ones for themselves, at each turn. Recorded are those alone that the
user's code asks for or has made, and FastAPI's, by the request that asks.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Coroutine
from types import FrameType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from .causes import code_of
from .imports import AfterImport
from .ledger import OPEN
from .places import is_probes, is_users
from .record_format import CAPACITY_LIMITER, LOCK, MAX_CONCURRENCY, SEMAPHORE
from .request import STEPPING, Request
from .uses import (
    Limited,
    Place,
    Use,
    ask,
    asker,
    asking_line,
    mark_as_coroutine_function,
    users_line,
)

# Frames of these lie between a lock and who makes it or asks for it.
ITS_OWN = ("asyncio.locks", "anyio._core._synchronization", "anyio._backends._asyncio")
ASKING = ("__aenter__", "acquire")
# The functions of FastAPI's that ask for a place in a dependency, and what they call it.
DEPENDENCIES = "fastapi.dependencies.utils"
FASTAPI = (DEPENDENCIES, "fastapi.concurrency")
SOLVING = {"solve_dependencies": "call", "_solve_generator": "dependant"}


def hooks() -> dict[str, AfterImport]:
    return {
        "asyncio.locks": _asyncio,
        "anyio._core._synchronization": _anyio_before,
        "anyio._backends._asyncio": _anyio,
    }


class Known:
    """A lock that is recorded: what it is, and who holds it now of those that are."""

    __slots__ = ("holders", "limited")

    def __init__(self, limited: Limited) -> None:
        self.limited = limited
        self.holders: list[Use] = []


KNOWN: WeakKeyDictionary[Any, Known] = WeakKeyDictionary()
# Of each that user's code or FastAPI has made: its capacity, and where, if that is user's code.
MADE: WeakKeyDictionary[Any, tuple[float, Place | None]] = WeakKeyDictionary()
INSTANCES = itertools.count(1)


def _asyncio(module: ModuleType) -> None:
    _hook(module.Lock, LOCK, lambda lock: 1)
    _hook(module.Semaphore, SEMAPHORE, lambda semaphore: semaphore._value)


def _anyio_before(module: ModuleType) -> None:
    """AnyIO's locks up to 4.4 are of one kind, whatever the loop."""
    if not hasattr(module, "LockAdapter"):
        _anyios_locks(module)


def _anyios_locks(module: ModuleType) -> None:
    _hook(module.Lock, LOCK, lambda lock: 1)
    _hook(module.Semaphore, SEMAPHORE, lambda semaphore: semaphore.value)


def _anyio(module: ModuleType) -> None:
    if hasattr(module, "Lock"):
        _anyios_locks(module)
    _hook(module.CapacityLimiter, CAPACITY_LIMITER, lambda limiter: limiter.total_tokens)


def _hook(cls: Any, kind: str, capacity: Callable[[Any], float]) -> None:
    init, acquire, release = cls.__init__, cls.acquire, cls.release

    @functools.wraps(init)
    def made(self: Any, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        frame = maker(sys._getframe(1))
        if frame is not None:
            _made(self, frame, capacity)

    @functools.wraps(acquire)
    def asked(self: Any) -> Any:
        if STEPPING.request is None:
            return acquire(self)
        try:
            return _asked(self, kind, acquire, sys._getframe(1))
        except Exception as error:
            unknown(self, error)
            return acquire(self)

    @functools.wraps(release)
    def released(self: Any) -> Any:
        answer = release(self)  # AnyIO 3 returns what may be awaited
        if STEPPING.request is not None:
            try:
                _released(self, STEPPING.request)
            except Exception as error:
                unknown(self, error)
        return answer

    mark_as_coroutine_function(asked)
    cls.__init__, cls.acquire, cls.release = made, asked, released


def _made(lock: Any, frame: FrameType, capacity: Callable[[Any], float]) -> None:
    code = frame.f_code
    users = is_users(code.co_filename)
    try:
        place = Place(code.co_filename, frame.f_lineno, code.co_name) if users else None
        MADE[lock] = (capacity(lock), place)
    except Exception as error:
        unknown(lock, error)


def unknown(lock: object, error: Exception) -> None:
    """One of the user's own kind, perhaps, that cannot be a key."""
    if OPEN.ledger is not None:
        OPEN.ledger.unknown(type(lock).__module__, error)


def _asked(
    lock: Any,
    kind: str,
    acquire: Callable[[Any], Coroutine[Any, Any, Any]],
    frame: FrameType | None,
) -> Coroutine[Any, Any, Any]:
    by = asker()
    if not isinstance(by, Request):
        return acquire(lock)
    while frame is not None and lies_between(frame):
        frame = frame.f_back
    known = KNOWN.get(lock)
    # A thread limiter that the user has made is asked for by anyio, on a trip that is recorded.
    by_user = frame is not None and is_users(frame.f_code.co_filename)
    if known is None:
        limited = described(lock, kind, frame, by_user)
        if limited is None:
            return acquire(lock)
        known = KNOWN[lock] = Known(limited)
    elif kind == CAPACITY_LIMITER and not by_user:
        return acquire(lock)
    return _acquire(lock, known, acquire, by, asking_line(by, frame))


async def _acquire(
    lock: Any,
    known: Known,
    acquire: Callable[[Any], Coroutine[Any, Any, Any]],
    by: Request,
    place: Place | None,
) -> Any:
    use = ask(by, known.limited, place)
    try:
        got = await acquire(lock)
    except BaseException:
        use.end()
        raise
    use.take()
    known.holders.append(use)
    return got


def _released(lock: Any, request: Request) -> None:
    known = KNOWN.get(lock)
    if known is None:
        return
    # Of several of one request it does not matter which: the first, as the sums are the same.
    for use in known.holders:
        if use.request is request:
            known.holders.remove(use)
            use.end()
            return


def lies_between(frame: FrameType) -> bool:
    """Whether it is a frame of the lock's own, or one of ours around the await."""
    its_own = frame.f_code.co_name in ASKING and frame.f_globals.get("__name__") in ITS_OWN
    return its_own or is_probes(frame.f_code.co_filename)


def maker(frame: FrameType | None) -> FrameType | None:
    """The frame of the user's code, or of FastAPI's, that makes a lock; None if it is that of
    another library. Code without a file (a dataclass's) makes it for someone else."""
    while frame is not None:
        file, module = frame.f_code.co_filename, frame.f_globals.get("__name__")
        if is_users(file) or module in FASTAPI:
            return frame
        if not file.startswith("<") and module not in ITS_OWN:
            return None
        frame = frame.f_back
    return None


def described(lock: Any, kind: str, frame: FrameType | None, by_user: bool) -> Limited | None:
    """What a lock is that is asked for the first time; None if it is not to be recorded."""
    made = MADE.get(lock)
    capacity, place = made or (None, None)
    name = f"{type(lock).__name__}({'' if kind == LOCK else capacity or ''})"
    if frame is not None and frame.f_globals.get("__name__") in FASTAPI:
        kind, place = MAX_CONCURRENCY, dependency(frame)
        name = "a dependency" if place is None else place.function
    elif kind == CAPACITY_LIMITER and not by_user:
        return None
    elif place is None:
        if not by_user:
            return None
        place = users_line(frame)
    return Limited(kind, name, capacity, place, next(INSTANCES))


def dependency(frame: FrameType | None) -> Place | None:
    """The function that FastAPI is about to call for a place that it asks for here."""
    while frame is not None:
        known_as = SOLVING.get(frame.f_code.co_name)
        if known_as is not None and frame.f_globals.get("__name__") == DEPENDENCIES:
            found = frame.f_locals.get(known_as)
            code = code_of(getattr(found, "call", found), ())
            return code and Place(code.co_filename, code.co_firstlineno, code.co_name)
        frame = frame.f_back
    return None
