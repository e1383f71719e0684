"""Stays with things of limited capacity: asked for, got, released.

A stay may be asked for on the loop or in a thread that a trip is on. What is recorded of it
is put together where it ends, and added to the loop's table by the loop (see `ledger`).
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable
from contextvars import ContextVar
from threading import get_ident
from time import perf_counter
from types import FrameType
from typing import Any, NamedTuple

from .ledger import OPEN, Ledger
from .places import is_users
from .record_format import CONNECTIONS, NO_REQUEST, NO_SITE, NO_TASK
from .request import STEPPING, Request, count_beside
from .threads import HERE, Trip, task_of

NOT_YET = float("nan")
# Stays that may be open at once. An app that never gives back what it took must not fill the
# memory with our notes of it.
MOST_OPEN = 20_000
# A stay that is open for so long is written down as it is: a deadlock never ends, and the
# server that is in one may have to be killed.
LONG_OPEN_S = 1.0
# How often that is looked for.
LOOK_S = 0.5


# Connections that the running code has asked for: its own, and those of the tasks that have
# led to it, up to when they started the next.
ASKED_HERE: ContextVar[tuple[Use, ...]] = ContextVar("asyncperf_asked", default=())


class Place(NamedTuple):
    """A line of source code, not yet numbered."""

    file: str
    line: int
    function: str


class Limited(NamedTuple):
    """Something of limited capacity. Those that are alike differ in `instance`."""

    kind: str
    name: str
    capacity: float | None
    place: Place | None
    instance: int

    def is_same(self, other: Limited) -> bool:
        return (self.kind, self.name, self.instance) == (other.kind, other.name, other.instance)


class Use:
    """A stay of a request, from its asking on."""

    __slots__ = (
        "__weakref__",
        "asked",
        "beside",
        "got",
        "limited",
        "nested",
        "on_loop",
        "place",
        "released",
        "request",
        "task",
        "told",
        "trip",
    )

    def __init__(
        self, request: Request, trip: Trip | None, limited: Limited, place: Place | None
    ) -> None:
        self.request = request
        self.trip = trip
        self.on_loop = trip is None
        self.limited = limited
        self.place = place
        self.got = self.released = NOT_YET
        self.nested = False
        self.told = False
        self.beside: tuple[Callable[[], None], ...] = ()
        self.task = task_of(request) if trip is None else trip.task
        self.asked = perf_counter()

    @property
    def waits(self) -> bool:
        return self.got != self.got  # NaN

    @property
    def lasts(self) -> bool:
        """Whether it has what it asked for, or may yet get it."""
        return self.released != self.released

    @property
    def has(self) -> bool:
        return self.got == self.got and self.released != self.released

    def take(self) -> None:
        """It has what it asked for."""
        self.got = perf_counter()
        self.told = False
        self._waited(self.got)

    def lose(self) -> None:
        """What it was given went to another after all."""
        if self.waits:
            return
        if self.trip is not None:
            self.trip.conn_wait_s -= self.got - self.asked
        else:
            self.request.begin_wait(self)
        self.got = NOT_YET

    def end(self) -> None:
        """It gives back what it has, or will not have it."""
        now = perf_counter()
        if self.waits:
            self._waited(now)
        else:
            self.released = now
        self._close()

    def forget(self) -> None:
        """It was but a part of another."""
        self.released = self.asked
        if OPEN.ledger is not None:
            OPEN.ledger.open_uses.discard(self)

    def _waited(self, until: float) -> None:
        trip = self.trip
        if trip is not None:
            trip.conn_wait_s += until - self.asked
            return
        request = self.request
        since = request.end_wait(self, self.asked, until)
        if since is None:
            count_beside(request, functools.partial(self._waited, until))
            return
        if request.answered:  # what a background task waits for is none of the answer's time
            until = min(until, request.answered)
        if until <= since:
            return
        if self.limited.kind == CONNECTIONS:
            request.conn_wait_s += until - since
        else:
            request.lock_wait_s += until - since

    def _close(self) -> None:
        ledger = OPEN.ledger
        if ledger is None or self not in ledger.open_uses:
            return
        ledger.open_uses.discard(self)
        if get_ident() == ledger.loop_thread:
            add(ledger, self)
        else:
            ledger.handed_over.append(self)


def asker() -> Request | Trip | None:
    """On whose behalf this code runs: of a request's task on the loop, of a trip in a thread;
    None if that is not recorded."""
    ledger = OPEN.ledger
    if ledger is None:
        return None
    if get_ident() != ledger.loop_thread:
        trip = HERE.trip
        return None if trip is None or trip.request.number == NO_REQUEST else trip
    request = STEPPING.request
    return None if request is None or request.number == NO_REQUEST else request


def ask(by: Request | Trip, limited: Limited, place: Place | None) -> Use:
    """Begin a stay."""
    ledger = OPEN.ledger
    trip, request = (by, by.request) if isinstance(by, Trip) else (None, by)
    use = Use(request, trip, limited, place)
    if limited.kind == CONNECTIONS:
        use.nested = is_nested(use)
    if ledger is not None and len(ledger.open_uses) < MOST_OPEN:
        ledger.open_uses.add(use)
    if trip is None:
        request.begin_wait(use)
    return use


def is_nested(use: Use) -> bool:
    """Whether it is asked for while the asker has another one of the same pool, or whoever
    waits for the asker has: then that one is not given back before this one is got. What a
    task beside it has is given back whatever becomes of this one."""
    request, limited = use.request, use.limited
    mine = [other for other in ASKED_HERE.get() if other.request is request and other.lasts]
    ASKED_HERE.set((*mine, use))
    request.kept = tuple(other for other in request.kept if other.lasts)
    over = [other for other in request.kept if other.trip is None or other.trip.ended]
    if use.trip is not None:
        request.kept = (*request.kept, use)
    return any(other.has and other.limited.is_same(limited) for other in (*mine, *over))


def asking_line(by: Request | Trip, frame: FrameType | None) -> Place | None:
    """The user's line, in requests that are recorded in detail: to look for it costs."""
    request = by.request if isinstance(by, Trip) else by
    return users_line(frame) if request.detail else None


def users_line(frame: FrameType | None) -> Place | None:
    """The innermost line of the user's code from here on outwards, out of greenlets too:
    SQLAlchemy runs its asynchronous engines in one."""
    greenlets = sys.modules.get("greenlet")
    greenlet: Any = None
    while True:
        while frame is not None:
            code = frame.f_code
            if is_users(code.co_filename):
                return Place(code.co_filename, frame.f_lineno, code.co_name)
            frame = frame.f_back
        if greenlets is None:
            return None
        greenlet = (greenlets.getcurrent() if greenlet is None else greenlet).parent
        if greenlet is None:
            return None
        frame = greenlet.gr_frame


def calling() -> FrameType | None:
    """The frame that called the hook in which this stands."""
    return sys._getframe(2)


def mark_as_coroutine_function(function: Any) -> None:
    """A function that returns a coroutine is to count as what it stands for."""
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(function)
    else:
        vars(function)["_is_coroutine"] = getattr(asyncio.coroutines, "_is_coroutine", None)


def add(ledger: Ledger, use: Use) -> None:
    """The record of a stay; in the loop's thread."""
    kind, name, capacity, place, instance = use.limited
    site = NO_SITE if place is None else ledger.sites.place(*place)
    resource = ledger.resource(kind, name, capacity, site or None)
    ledger.uses.add(
        use.asked,
        use.got,
        use.released,
        use.request.number,
        instance & 0xFFFFFFFF,
        resource,
        NO_SITE if use.place is None else ledger.sites.place(*use.place),
        min(use.task, NO_TASK),
        use.nested,
        not use.on_loop,
    )


def take_over(ledger: Ledger) -> None:
    """Add what other threads have handed over, and what stays open for long."""
    while ledger.handed_over:
        add(ledger, ledger.handed_over.popleft())
    now = perf_counter()
    if now < ledger.next_look:
        return
    ledger.next_look = now + LOOK_S
    for use in ledger.open_uses.copy():
        since = use.asked if use.waits else use.got
        if not use.told and now - since > LONG_OPEN_S:
            use.told = True
            add(ledger, use)


def close(ledger: Ledger) -> None:
    """At the end of the process: what is open."""
    while ledger.handed_over:
        add(ledger, ledger.handed_over.popleft())
    for use in ledger.open_uses.copy():
        add(ledger, use)
