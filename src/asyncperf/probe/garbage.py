"""The garbage collections of a worker: on its loop's thread, and on others."""

from __future__ import annotations

import gc
from collections.abc import Callable
from threading import get_ident
from time import perf_counter

from .clock import UNKNOWN, ThreadClock
from .elsewhere import Elsewhere
from .request import STEPPING
from .tables import Table


class Garbage:
    """Recorded from construction on, which is in the loop's thread. `on_loop_s` is what its
    collections took so far, their waits for a CPU apart."""

    def __init__(self, table: Table, clock: ThreadClock, in_flight: Callable[[], int]) -> None:
        self.on_loop_s = 0.0
        self._table = table
        self._clock = clock
        self._in_flight = in_flight
        self._loop_thread = get_ident()
        self._began = 0.0
        self._delay_s = UNKNOWN
        self._elsewhere = Elsewhere()
        gc.callbacks.append(self._collected)

    def elsewhere_s(self, since: float, until: float) -> float:
        """How much of that time went by in collections in other threads."""
        return self._elsewhere.within_s(since, until)

    def take_over(self) -> None:
        """Record what was collected in other threads: the table is the loop's."""
        self._elsewhere.record(self._table)

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if get_ident() != self._loop_thread:
            if phase == "start":
                self._elsewhere.begin(info["generation"])
            else:
                self._elsewhere.end(self._in_flight(), info["generation"])
            return
        # The young are collected often and fast; of others the machine may take its part.
        delay_s = self._clock.read()[1] if info["generation"] else UNKNOWN
        if phase == "start":
            self._began, self._delay_s = perf_counter(), delay_s
            return
        duration_s = perf_counter() - self._began
        delay_s -= self._delay_s
        if delay_s > 0:  # false where it is not known
            duration_s = max(0.0, duration_s - delay_s)
        self.on_loop_s += duration_s
        request = STEPPING.request
        if request is not None:
            request.gc_s += duration_s
        self._table.add(self._began, duration_s, self._in_flight(), info["generation"], True)
