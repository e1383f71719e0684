"""The probe of one worker process: its tables, and the requests in flight."""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import threading
import time
from collections.abc import MutableMapping
from pathlib import Path
from threading import get_ident
from time import perf_counter
from typing import Any

from .accelerator import NATIVE
from .access_log import AccessLog
from .clock import ThreadClock
from .garbage import Garbage
from .intake import DEFAULT_RATES, Intake, Rates
from .ledger import OPEN, Ledger
from .loop_watch import LoopWatch
from .modes import debug_modes
from .notes import note
from .numbering import Numbering, Sites
from .record_format import MOST
from .request import STEPPING, Request, count_rest
from .routes import describe_route
from .sampler import Sampling
from .tables import BUFFERED, Tables
from .tasks import close_cancelled, watch_tasks
from .threads import watch_executors
from .ticks import Ticks
from .timeline import Timeline
from .turns import is_uvloop
from .uses import close, take_over

# A loop with less to do than this share of the time is idle.
BUSY_SHARE = 0.2
# So often a tick is recorded at least, and what else there is to do is done. Each costs.
RECORD_S = 0.05
# How often a thread of its own writes to disk.
WRITE_S = 0.25


class Worker(Intake):
    """One for each process, made at the first call of its app, in the loop's thread."""

    def __init__(self, folder: str, rates: Rates = DEFAULT_RATES) -> None:
        self.folder = folder
        self.pid = os.getpid()
        self.tables = Tables(Path(folder))
        self.sites = Sites(folder)
        self.ledger = Ledger(folder, self.tables, self.sites)
        self._routes = Numbering(folder, "route")
        self._requests, self._spans = self.tables.requests, self.tables.spans
        timeline = Timeline(folder, self._spans, self.sites)
        super().__init__(
            rates.recorded_per_s,
            rates.detailed_per_s,
            rates.spans_per_s,
            self._routes.numbers,
            self._requests.rows,
            timeline,
        )
        self.loop = asyncio.get_running_loop()
        self.loop_thread = get_ident()
        self._recorded_at = perf_counter()
        self._cpu_recorded_s = 0.0
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
            native=NATIVE is not None,
        )
        stacks = Numbering(folder, "stack")
        self._watch = LoopWatch(self.loop, stacks, self.tables.stalls, clock, self._garbage)
        self._sampling = Sampling(self.tables.profile, stacks, self._watch.watchdog)
        # asyncio's own loops write to the socket at once.
        STEPPING.next_turn = self.loop.call_soon if is_uvloop(self.loop) else None
        STEPPING.left = self.left
        STEPPING.long_step = self._long_step
        self._pulse = self._watch.pulse(self._requests.rows, self._spans.rows)
        watchdog = self._watch.watchdog
        self._ticks = Ticks(self.loop, watchdog, self._pulse, self._look_around, self._failed)
        OPEN.ledger = self.ledger
        try:
            watch_tasks(self.loop)
            watch_executors(self.loop)
        except Exception as error:
            note(folder, "not-hooked", module=type(self.loop).__module__, error=repr(error))
        threading.Thread(target=self._write, name="asyncperf-writer", daemon=True).start()
        atexit.register(self.close)

    # Of requests.

    def _first(self, scope: MutableMapping[str, Any]) -> None:
        debug = debug_modes(self.loop, scope)
        note(self.folder, "modes", debug=debug, access_log=self._access_log.writes)

    def _add_waits(self, request: Request, late_s: float) -> None:
        count_rest(request)
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
        """A tick (see `ticks`), but those that a request makes while no more is due than its
        pulse."""
        # What comes from one tick to the next is what the loop does in a hundredth of a second.
        if len(self._requests.rows) >= BUFFERED:
            self._requests.cut()
        if len(self._spans.rows) >= BUFFERED:
            self._spans.cut()
        self._watch.tick(now)
        idle = (by_timer or now >= self._recorded_at + RECORD_S) and self._record(now, late_s)
        self._pulse.more_at = self._recorded_at + RECORD_S
        return idle

    def _record(self, now: float, late_s: float) -> bool:
        """Whether the loop had little to do since the last time."""
        take_over(self.ledger)
        self._garbage.take_over()
        self._sampling.record()
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
        self._sampling.stop()
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
