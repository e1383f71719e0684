"""The probe of one worker process: its tables, and the requests in flight."""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine, MutableMapping
from pathlib import Path
from time import perf_counter
from typing import Any

from .notes import note
from .numbering import Numbering, Sites
from .record_format import SENT_HEADER
from .request import CURRENT, STEPPING, Request, Timed
from .tables import Tables

# How often the loop says that it is there. Rarer would see less of how late it comes to
# things; this costs a thousandth of a core.
TICK_S = 0.01
# How often the watchdog's thread writes to disk.
WRITE_S = 0.25
# So many requests a second are recorded by a worker, and so many of them in detail. At some
# ten and some hundred microseconds each that is less than a hundredth of a core. Where
# requests are slow, it is all of them.
RECORDED_PER_S = 400.0
DETAILED_PER_S = 25.0
# What was not used of that within so long may be used at once: requests come in waves.
BURST_S = 2.0
SENT = SENT_HEADER.encode("ascii")
NOWHERE = float("nan")
# The endpoint of a request that no route matched.
UNMATCHED: dict[str, Any] = {"method": "", "path": "", "handler": None}


class Worker:
    """One for each process, made at the first call of its app, in the loop's thread."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.pid = os.getpid()
        self.tables = Tables(Path(folder))
        self.sites = Sites(folder)
        self.resources = Numbering(folder, "resource")
        self._routes = Numbering(folder, "route")
        self.loop = asyncio.get_running_loop()
        self.loop_thread = threading.get_ident()
        self.in_flight: dict[int, Request] = {}
        self.last_tick = perf_counter()
        self.next_record = 0.0
        self._number = 0
        self._next_detail = 0.0
        self._gc_began = 0.0
        self._loop_clock = time.pthread_getcpuclockid(self.loop_thread)
        note(
            folder,
            "worker",
            python=f"{sys.implementation.name} {sys.version.partition(' ')[0]}",
            loop=type(self.loop).__module__.partition(".")[0],
            perf_counter=perf_counter(),
            epoch=time.time(),
        )
        gc.callbacks.append(self._collected)
        self.loop.set_task_factory(task_factory(self.loop.get_task_factory()))
        self.loop.call_soon(self._tick)
        threading.Thread(target=self._keep_writing, name="asyncperf", daemon=True).start()
        atexit.register(self.close)

    # Requests.

    def begin(self, scope: MutableMapping[str, Any]) -> Request:
        start = perf_counter()
        number = self._number
        self._number += 1
        self.next_record = max(self.next_record, start - BURST_S) + 1 / RECORDED_PER_S
        detail = start >= self._next_detail
        if detail:
            self._next_detail = max(self._next_detail, start - BURST_S) + 1 / DETAILED_PER_S
        request = Request(number, take_sent(scope), start, detail)
        self.in_flight[number] = request
        return request

    def finish(self, request: Request, scope: MutableMapping[str, Any]) -> None:
        end = perf_counter()
        del self.in_flight[request.number]
        self.tables.requests.add(
            request.sent,
            request.start,
            request.answered or end,
            end,
            request.number,
            request.steps,
            request.loop_s,
            request.gc_s,
            request.pool_wait_s,
            request.pool_run_s,
            request.resume_s,
            self._route(scope),
            request.status,
            min(request.trips, 0xFFFF),
            request.detail,
        )

    def _route(self, scope: MutableMapping[str, Any]) -> int:
        endpoint = scope.get("endpoint")
        if endpoint is None:
            return self._routes.number(None, lambda: UNMATCHED)
        method = scope.get("method", "")
        return self._routes.number((method, endpoint), lambda: describe_route(method, scope))

    # What goes on besides.

    def _tick(self) -> None:
        now = perf_counter()
        late_s = now - self.last_tick - TICK_S
        self.last_tick = now
        cpu_s = time.clock_gettime(self._loop_clock)
        self.tables.ticks.add(now, cpu_s, max(0.0, late_s), len(self.in_flight), 0, 0)
        self.tables.cut()
        self.loop.call_later(TICK_S, self._tick)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._gc_began = perf_counter()
            return
        duration_s = perf_counter() - self._gc_began
        on_loop = threading.get_ident() == self.loop_thread
        if not on_loop:
            return  # another thread's; the tables are the loop's
        request = STEPPING.request
        if request is not None:
            request.gc_s += duration_s
        self.tables.collections.add(
            self._gc_began, duration_s, len(self.in_flight), info["generation"], on_loop
        )

    def _keep_writing(self) -> None:
        while True:
            time.sleep(WRITE_S)
            try:
                self.tables.write()
            except OSError as error:
                note(self.folder, "not-written", error=repr(error))
                return

    def close(self) -> None:
        """At the end of the process: what is left, from whichever thread ends it."""
        if os.getpid() != self.pid:
            return  # a child that was forked off and has no part in this
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


def describe_route(method: str, scope: MutableMapping[str, Any]) -> dict[str, Any]:
    endpoint, route = scope["endpoint"], scope.get("route")
    path = getattr(route, "path_format", None) or getattr(route, "path", None) or scope["path"]
    code = getattr(endpoint, "__code__", None)
    handler = None
    if code is not None:
        handler = {"file": code.co_filename, "line": code.co_firstlineno, "name": code.co_name}
    return {"method": method, "path": path, "handler": handler}


TaskFactory = Callable[..., "asyncio.Future[Any]"]


def task_factory(before: Any) -> Any:
    """A factory that times the tasks which a request creates as it is timed itself."""

    def make(loop: Any, coroutine: Coroutine[Any, Any, Any], **how: Any) -> Any:
        request = CURRENT.get()
        if request is not None:
            coroutine = timed(coroutine, request)
        if before is not None:
            return before(loop, coroutine, **how)
        return asyncio.Task(coroutine, loop=loop, **how)

    return make


def timed(coroutine: Coroutine[Any, Any, Any], request: Request) -> Coroutine[Any, Any, Any]:
    """The coroutine, timed, under its own name."""
    request.tasks += 1
    outer = _await(Timed(coroutine, request))
    for name in ("__name__", "__qualname__"):
        if isinstance(own := getattr(coroutine, name, None), str):
            setattr(outer, name, own)
    return outer


async def _await(awaitable: Timed) -> Any:
    return await awaitable
