"""Sessions and connections that do one thing at a time: which of them an await uses.

Two awaits on one of these cannot run together, whatever their source looks like. Only what
requests in detail do with them is recorded, each call as a stay; nobody waits here.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from .connections import HELD, unknown
from .imports import AfterImport
from .record_format import ONE_AT_A_TIME
from .request import STEPPING, Request
from .uses import Limited, ask, asker, mark_as_coroutine_function

# One that is gone may leave its place in memory to the next; a number is its own.
NUMBERS: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
COUNTER = itertools.count(1)
# A session has a connection of its pool's, by way of which it does what it is asked.
INSIDE: ContextVar[bool] = ContextVar("asyncperf_inside_exclusive", default=False)
# What asyncpg's connections are asked by; one that is prepared first comes as `prepare`.
ASYNCPG = ("execute", "executemany", "fetch", "fetchrow", "fetchval", "prepare")

Begin = Callable[[], Coroutine[Any, Any, Any]]


def hooks() -> dict[str, AfterImport]:
    return {
        "sqlalchemy.ext.asyncio.session": _sqlalchemy,
        "sqlalchemy.ext.asyncio.engine": _sqlalchemy,
        "asyncpg.connection": _asyncpg,
        "psycopg.connection_async": _psycopg,
    }


def _sqlalchemy(module: ModuleType) -> None:
    """All that its asynchronous sessions and connections do is a method of the synchronous one,
    in a greenlet."""
    spawn = vars(module)["greenlet_spawn"]

    @functools.wraps(spawn)
    def spawned(function: Any, *args: Any, **options: Any) -> Any:
        owner = None if STEPPING.track is None else getattr(function, "__self__", None)
        # An engine connects any number at once; it executes nothing.
        if not hasattr(owner, "execute"):
            return spawn(function, *args, **options)
        begin = functools.partial(spawn, function, *args, **options)
        return used(owner, begin, type(owner).__name__)

    mark_as_coroutine_function(spawned)
    vars(module)["greenlet_spawn"] = spawned


def _asyncpg(module: ModuleType) -> None:
    def owner(connection: Any) -> object:
        # All versions know by these two what a connection of a pool's is: in use, or given back.
        if connection._proxy is not None:
            return _stay(connection._proxy)
        return None if connection._pool_release_ctr else connection

    for name in ASYNCPG:
        _watch(module.Connection, name, owner)


def _psycopg(module: ModuleType) -> None:
    """Its cursors, transactions and copies all wait for the server by way of their connection."""

    def owner(connection: Any) -> object:
        pooled = getattr(connection, "_pool", None) is not None
        return _stay(connection) if pooled else connection

    _watch(module.AsyncConnection, "wait", owner)


def _stay(connection: Any) -> object:
    """With a pool's connection: the same one is another one's later. None for what the pool
    does for itself, as when it is given back."""
    return HELD.get(id(connection))


def _watch(cls: Any, name: str, owner_of: Callable[[Any], object]) -> None:
    method = getattr(cls, name)

    @functools.wraps(method)
    def called(self: Any, *args: Any, **options: Any) -> Any:
        if STEPPING.track is None:
            return method(self, *args, **options)
        begin = functools.partial(method, self, *args, **options)
        try:
            owner = owner_of(self)
        except AttributeError as error:
            unknown(self, error)
            return begin()
        return begin() if owner is None else used(owner, begin, type(self).__name__)

    mark_as_coroutine_function(called)
    setattr(cls, name, called)


def used(owner: Any, begin: Begin, name: str) -> Coroutine[Any, Any, Any]:
    by = asker()
    if INSIDE.get() or not isinstance(by, Request):
        return begin()
    try:
        number = NUMBERS.get(owner)
        if number is None:
            number = NUMBERS[owner] = next(COUNTER)
    except TypeError:  # the user's own kind, perhaps, that cannot be a key
        return begin()
    return _used(Limited(ONE_AT_A_TIME, name, None, None, number), by, begin)


async def _used(limited: Limited, by: Request, begin: Begin) -> Any:
    use = ask(by, limited, None)
    use.take()
    inside = INSIDE.set(True)
    try:
        return await begin()
    finally:
        use.end()
        try:
            INSIDE.reset(inside)
        except ValueError:
            pass  # thrown away unfinished, in another context
