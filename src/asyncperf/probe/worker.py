"""The probe of one worker process: its tables, and the requests in flight."""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import threading
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident
from time import perf_counter
from typing import Any

from .access_log import AccessLog
from .clock import ThreadClock
from .garbage import Garbage
from .ledger import OPEN, Ledger
from .loop_watch import LoopWatch
from .modes import debug_modes
from .notes import note
from .numbering import Numbering, Sites
from .record_format import MOST, NO_REQUEST, SENT_HEADER
from .request import STEPPING, Request
from .routes import describe_route
from .tables import BUFFERED, Tables
from .tasks import close_cancelled, watch_tasks
from .threads import watch_executors
from .ticks import Ticks
from .timeline import Timeline
from .turns import is_uvloop, turns_of
from .uses import close, take_over

# A loop with less to do than this share of the time is idle.
BUSY_SHARE = 0.2
# So often a tick is recorded at least, and what else there is to do is done. Each costs.
RECORD_S = 0.05
# How often a thread of its own writes to disk.
WRITE_S = 0.25
# What was not used of a rate within so long may be used at once: requests come in waves, such as
# the experiment's of 250 every five seconds.
BURST_S = 4.0
# What is left to do once an answer is handed over, without background tasks, takes less.
LATE_S = 0.0005
# Where more come than are recorded, it is so many one after another: the first costs five times
# as much as the next, for which all of the probe that they need is in the CPU's caches.
TOGETHER = 8
SENT = SENT_HEADER.encode("ascii")
NOWHERE = float("nan")


@dataclass(frozen=True)
class Rates:
    """So many requests a second are recorded by a worker, and so many of them in detail. At
    some ten and some hundred microseconds each that is less than a hundredth of a core.
    Where requests are slow, it is all of them. So many spans a second, at two microseconds
    each: after a request with more than its part of them, the next in detail has to wait."""

    recorded_per_s: float = 100.0
    detailed_per_s: float = 25.0
    spans_per_s: float = 4000.0


DEFAULT_RATES = Rates()
EVERYTHING = Rates(float("inf"), float("inf"), float("inf"))


class Worker:
    """One for each process, made at the first call of its app, in the loop's thread."""

    def __init__(self, folder: str, rates: Rates = DEFAULT_RATES) -> None:
        self._record_apart_s = 1 / rates.recorded_per_s
        self._detail_apart_s = 1 / rates.detailed_per_s
        self._span_apart_s = 1 / rates.spans_per_s
        # So many spans of a request leave room for the next in detail when it may come. NaN where
        # there is room for all: none are more.
        self._spans_apart = rates.spans_per_s / rates.detailed_per_s
        self.folder = folder
        self.pid = os.getpid()
        self.tables = Tables(Path(folder))
        self.sites = Sites(folder)
        self.ledger = Ledger(folder, self.tables, self.sites)
        self._routes = Numbering(folder, "route")
        self._numbers = self._routes.numbers
        self._requests, self._spans = self.tables.requests, self.tables.spans
        self._add_request = self._requests.rows.append
        self.timeline = Timeline(folder, self._spans, self.sites)
        self.loop = asyncio.get_running_loop()
        self.loop_thread = get_ident()
        self.in_flight = 0
        self._recorded_at = perf_counter()
        # Until then requests pass as they are.
        self.idle_until = 0.0
        self._next_record = self._paused_until = 0.0
        self._cpu_recorded_s = 0.0
        self._number = -1
        self._next_detail = 0.0
        clock = ThreadClock()
        self._access_log = AccessLog(clock)
        self._garbage = Garbage(self.tables.collections, clock, lambda: self.in_flight)
        self._next_cut = 0.0
        self._has_failed = False
        note(
            folder,
            "worker",
            python=f"{sys.implementation.name} {sys.version.partition(' ')[0]}",
            loop=type(self.loop).__module__.partition(".")[0],
            perf_counter=perf_counter(),
            epoch=time.time(),
        )
        self._watch = LoopWatch(
            turns_of(self.loop), folder, self.tables.stalls, clock, self._garbage
        )
        # asyncio's own loops write to the socket at once.
        STEPPING.next_turn = self.loop.call_soon if is_uvloop(self.loop) else None
        STEPPING.left = self._left
        STEPPING.long_step = self._long_step
        self._ticks = Ticks(self.loop, self._watch.watchdog, self._look_around, self._failed)
        OPEN.ledger = self.ledger
        try:
            watch_tasks(self.loop)
            watch_executors(self.loop)
        except Exception as error:
            note(folder, "not-hooked", module=type(self.loop).__module__, error=repr(error))
        threading.Thread(target=self._write, name="asyncperf-writer", daemon=True).start()
        atexit.register(self.close)

    # Requests.

    def begin(self, scope: MutableMapping[str, Any], now: float) -> Request | None:
        """What begins now, if it is to be recorded; `NO_REQUEST` if it is none of HTTP's."""
        recorded_at = self._next_record
        if now < recorded_at:
            # None until there is room for several.
            self._paused_until = recorded_at + (TOGETHER - 1) * self._record_apart_s
        if now < self._paused_until:
            # One that is recorded ticks as it takes its first step.
            if now >= STEPPING.next_sign:
                self._ticks.sign(now)
            self.idle_until = min(self._paused_until, STEPPING.next_sign)
            return None
        # What was not used of the rates for long is lost.
        unused_since = now - BURST_S
        if recorded_at < unused_since:
            recorded_at = unused_since
        self._next_record = recorded_at + self._record_apart_s
        if scope["type"] != "http":
            return Request(NO_REQUEST)
        detail, detailed_at = 0, self._next_detail
        if now >= detailed_at:
            if detailed_at < unused_since:
                detailed_at = unused_since
            detail, self._next_detail = 1, detailed_at + self._detail_apart_s
        self._number = number = self._number + 1
        self.in_flight += 1
        return Request(number, take_sent(scope), now, detail)

    def finish(self, request: Request, scope: MutableMapping[str, Any]) -> None:
        end = perf_counter()
        self.in_flight -= 1
        if request.spans > self._spans_apart:
            self._next_detail += request.spans * self._span_apart_s - self._detail_apart_s
        if not request.number:
            debug = debug_modes(self.loop, scope)
            note(self.folder, "modes", debug=debug, access_log=self._access_log.writes)
        start, answered, loop_s = request.start, request.answered, request.loop_s
        late_s = loop_s - request.answer_loop_s
        if late_s < LATE_S or not answered:
            late_s = 0.0
        waited = 0
        if late_s or request.counted_until or request.trips or request.gc_s:
            waited = 1
            self._add_waits(request, late_s)
        endpoint = scope.get("endpoint")
        route = self._numbers.get(
            (scope.get("method", ""), endpoint) if endpoint is not None else None
        )
        row = (
            request.sent,
            start,
            (answered or end) - start,
            end - start,
            loop_s,
            request.number,
            request.steps if request.steps < MOST else MOST,
            route or self._route(scope),
            request.status,
            request.detail if request.detail < MOST else MOST,
            waited,
        )
        if request.leaving:  # it ended in the turn in which it was answered, as most do
            request.row = row
        else:
            self._add_request((*row, request.left_s))

    def _left(self, request: Request) -> None:
        """The turn of the loop in which its answer was handed over has ended."""
        request.left_s = left_s = perf_counter() - request.answered
        request.leaving = False
        if request.row is not None:
            self._add_request((*request.row, left_s))

    def _add_waits(self, request: Request, late_s: float) -> None:
        self.tables.waits.add(
            request.number,
            late_s,
            request.gc_s,
            request.pool_wait_s,
            request.pool_run_s,
            request.resume_s,
            request.conn_wait_s,
            request.lock_wait_s,
            request.thread_conn_wait_s,
            request.trips if request.trips < MOST else MOST,
        )

    def _route(self, scope: MutableMapping[str, Any]) -> int:
        """The number of a route that has none yet."""
        endpoint = scope.get("endpoint")
        key = None if endpoint is None else (scope.get("method", ""), endpoint)
        return self._routes.number(key, lambda: describe_route(scope))

    # What goes on besides.

    def _failed(self, error: Exception) -> None:
        """Once is enough to know of, and what goes on may yet be recorded."""
        if not self._has_failed:
            self._has_failed = True
            note(self.folder, "failed", error=repr(error))

    def _look_around(self, now: float, late_s: float, by_timer: bool) -> bool:
        """A tick (see `ticks`). Every instruction of it is out of the CPU's caches, so of a
        tick that a request makes most do no more than they must."""
        # What comes from one tick to the next is what the loop does in a hundredth of a second.
        if len(self._requests.rows) >= BUFFERED:
            self._requests.cut()
        if len(self._spans.rows) >= BUFFERED:
            self._spans.cut()
        self._watch.tick(now)
        if by_timer or now >= self._recorded_at + RECORD_S:
            return self._record(now, late_s)
        return False

    def _record(self, now: float, late_s: float) -> bool:
        """Whether the loop had little to do since the last time."""
        take_over(self.ledger)
        self._garbage.take_over()
        close_cancelled()
        cpu_s, delay_s = self._watch.reading_at_tick()
        logged_s, in_flight = self._access_log.spent_s, self.in_flight
        busy, process_s = self.ledger.threads_busy(), time.process_time()
        self.tables.ticks.add(now, cpu_s, process_s, delay_s, logged_s, late_s, in_flight, busy)
        if now >= self._next_cut:
            self._next_cut = now + WRITE_S
            self.tables.cut()
        idle = cpu_s - self._cpu_recorded_s < BUSY_SHARE * (now - self._recorded_at)
        self._recorded_at, self._cpu_recorded_s = now, cpu_s
        return idle

    def _long_step(self, request: Request, since: float, now: float) -> None:
        try:
            self._watch.long_step(since, now, request.number)
        except Exception as error:  # which is none of the app's
            self._failed(error)

    def _write(self) -> None:
        while True:
            time.sleep(WRITE_S)
            self._watch.watchdog.glance()
            try:
                self.tables.write()
            except OSError as error:
                note(self.folder, "not-written", error=repr(error))
                return

    def close(self) -> None:
        """At the end of the app's lifespan, and of the process: what is left, from whichever
        thread ends it."""
        if os.getpid() != self.pid:
            return  # a child that was forked off and has no part in this
        note(self.folder, "closed")
        close(self.ledger)
        close_cancelled()
        self._garbage.take_over()
        self.tables.cut()
        try:
            self.tables.write()
        except OSError as error:
            note(self.folder, "not-written", error=repr(error))
        if self.tables.dropped:
            note(self.folder, "dropped", records=self.tables.dropped)


def take_sent(scope: MutableMapping[str, Any]) -> float:
    """When the load engine began the request, NaN if it does not say. What travelled for us
    is taken out: the app gets the request as if there were no probe."""
    headers = scope["headers"]
    if headers and headers[-1][0] == SENT:
        found = headers[-1][1]
        scope["headers"] = headers[:-1]
        try:
            return int(found) / 1e9
        except ValueError:
            return NOWHERE
    return NOWHERE
