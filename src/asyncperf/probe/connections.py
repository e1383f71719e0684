"""What the hooks of all connection pools share: who waits for one, and who holds which."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from .ledger import OPEN
from .record_format import CONNECTIONS
from .request import Request
from .threads import Trip
from .uses import (
    Limited,
    Place,
    Use,
    ask,
    asker,
    asking_line,
    calling,
    mark_as_coroutine_function,
)

# A pool, as its name and how many connections it may have.
Describe = Callable[[Any], "tuple[str, float | None]"]
# What will be given back of a connection that was taken.
KnownBy = Callable[[Any], object]
# What says that a pool has no limit: libraries have various large numbers for it.
UNLIMITED = 2**31 - 1
# Who asks for a connection: there may be a moment, deeper in, from which on it only has to be
# connected.
ASKING: ContextVar[Use | None] = ContextVar("asyncperf_asking", default=None)
# By the identity of the connection, or of what the pool knows it by.
HELD: dict[int, Use] = {}


def pool_of(pool: Any, describe: Describe) -> Limited:
    try:
        name, capacity = describe(pool)
    except AttributeError as error:
        name, capacity = type(pool).__name__, None
        unknown(pool, error)
    if capacity is not None and not 0 < capacity < UNLIMITED:
        capacity = None
    return Limited(CONNECTIONS, name, capacity, None, id(pool) >> 4)


def unknown(thing: object, error: Exception) -> None:
    if OPEN.ledger is not None:
        OPEN.ledger.unknown(type(thing).__module__, error)


def hold(connection: Any, known_by: KnownBy, use: Use) -> None:
    if use.waits:
        use.take()
    try:
        key = known_by(connection)
    except AttributeError as error:
        unknown(connection, error)
        use.forget()  # when it is given back could not be told
        return
    part = HELD.get(id(key))
    if part is not None:
        part.forget()  # a method that was called by the one which it overrides
    HELD[id(key)] = use


def arrived() -> None:
    """The one that asks has its place in the pool; what follows is connecting."""
    use = ASKING.get()
    if use is not None and use.waits:
        use.take()


def watch_taking(
    cls: Any,
    method: str,
    describe: Describe,
    known_by: KnownBy = lambda connection: connection,
) -> None:
    """Record who takes a connection of a pool by that method of its class."""
    taking = getattr(cls, method)

    @functools.wraps(taking)
    def taken(self: Any, *args: Any, **options: Any) -> Any:
        by = asker()
        if by is None:
            return taking(self, *args, **options)
        before = ASKING.get()
        use = ask(by, pool_of(self, describe), asking_line(by, calling()))
        ASKING.set(use)
        try:
            connection = taking(self, *args, **options)
        except BaseException:
            use.end()
            raise
        finally:
            ASKING.set(before)
        hold(connection, known_by, use)
        return connection

    @functools.wraps(taking)
    def taken_later(self: Any, *args: Any, **options: Any) -> Any:
        by = asker()
        acquiring = functools.partial(taking, self, *args, **options)
        if by is None:
            return acquiring()
        limited = pool_of(self, describe)
        return _taken(acquiring, by, limited, asking_line(by, calling()), known_by)

    replace(cls, method, taken, taken_later)


def watch_giving(cls: Any, method: str, which: int = 0) -> None:
    """Record that a connection is given back by that method: its argument, by position."""
    giving = getattr(cls, method)

    def use_of(args: tuple[Any, ...], options: dict[str, Any]) -> Use | None:
        connection = args[which] if len(args) > which else next(iter(options.values()), None)
        return HELD.pop(id(connection), None)

    @functools.wraps(giving)
    def given(self: Any, *args: Any, **options: Any) -> Any:
        use = use_of(args, options)
        try:
            return giving(self, *args, **options)
        finally:
            if use is not None:
                use.end()

    @functools.wraps(giving)
    def given_later(self: Any, *args: Any, **options: Any) -> Any:
        use = use_of(args, options)
        returning = functools.partial(giving, self, *args, **options)
        return returning() if use is None else _given(returning, use)

    replace(cls, method, given, given_later)


def replace(cls: Any, method: str, synchronous: Any, asynchronous: Any) -> None:
    """Put the one of two in a method's place that is of its kind."""
    if inspect.iscoroutinefunction(inspect.unwrap(getattr(cls, method))):
        mark_as_coroutine_function(asynchronous)
        setattr(cls, method, asynchronous)
    else:
        setattr(cls, method, synchronous)


async def _taken(
    acquiring: Callable[[], Any],
    by: Request | Trip,
    limited: Limited,
    place: Place | None,
    known_by: KnownBy,
) -> Any:
    before = ASKING.get()
    use = ask(by, limited, place)
    ASKING.set(use)
    try:
        connection = await acquiring()
    except BaseException:
        use.end()
        raise
    finally:
        ASKING.set(before)
    hold(connection, known_by, use)
    return connection


async def _given(returning: Callable[[], Any], use: Use) -> Any:
    try:
        return await returning()
    finally:
        use.end()


def arriving(method: Any) -> Any:
    """A method which connects, called by one that has its place in the pool."""

    @functools.wraps(method)
    def connecting(*args: Any, **options: Any) -> Any:
        arrived()
        return method(*args, **options)

    if inspect.iscoroutinefunction(method):
        mark_as_coroutine_function(connecting)
    return connecting
