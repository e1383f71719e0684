"""Wakes a thread when nobody has put that off in time.

A thread that wakes by the clock takes Python's lock from the event loop each time: at a
hundred times a second that was 2 to 4 % of a busy loop, under uvloop most of all. Linux has
timers that are files (`timerfd_create(2)`): to read one is to sleep until it is due,
without the lock, and to set it anew wakes nobody.
"""

from __future__ import annotations

import functools
import math
import os
import sys
import time
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .accelerator import NATIVE

NS_PER_S = 1_000_000_000


class Sleep:
    """How a thread rests until it is `due`: another puts that off by `put_off`. This one sleeps,
    and wakes each time it was to ring."""

    def __init__(self, again_s: float) -> None:
        self._again_s = again_s
        self.due = math.inf

    def put_off(self, now: float, delay_s: float) -> None:
        self.due = now + delay_s

    def rest(self, at_most_s: float) -> None:
        time.sleep(min(at_most_s, self._again_s))


class Timer(Sleep):
    """The same by a timer of Linux's; OSError or ImportError where there is none. Python has
    them from 3.13 on, so the C library is asked."""

    def __init__(self, again_s: float) -> None:
        super().__init__(again_s)
        if sys.platform != "linux":
            raise OSError("no timerfd")
        import ctypes

        library = ctypes.PyDLL(None)  # keeps the lock: none of its calls waits
        self._file = library.timerfd_create(time.CLOCK_MONOTONIC, os.O_CLOEXEC)
        if self._file < 0:
            raise OSError("no timerfd")
        # struct itimerspec: how often again, and first after how long, as seconds, nanoseconds.
        spec = (ctypes.c_long * 4)(0, int(again_s * NS_PER_S), 0, 0)
        self._spec: Any = spec
        self._delay_s = again_s
        self._set: Callable[[], Any] = functools.partial(
            library.timerfd_settime,
            ctypes.c_int(self._file),
            ctypes.c_int(0),
            ctypes.byref(spec),
            None,
        )

    def put_off(self, now: float, delay_s: float) -> None:
        self.due = now + delay_s
        if delay_s != self._delay_s:  # mostly it is the same again
            self._delay_s = delay_s
            self._spec[2:] = divmod(int(delay_s * NS_PER_S), NS_PER_S)
        self._set()

    def rest(self, at_most_s: float) -> None:
        os.read(self._file, 8)


if NATIVE is not None and not TYPE_CHECKING:
    Timer = NATIVE.Timer


class Alarm:
    """Rings first when its timer is `due`, and then again every `again_s`, until that is put off:
    `put_off` is for one thread, `wait` for another."""

    def __init__(self, again_s: float, timer: Sleep) -> None:
        self._again_s = again_s
        self.timer = timer
        self._rang = -math.inf

    def wait(self) -> float:
        """Return once it rings: for when that was set. It may be long ago."""
        while True:
            due = next_ring(self.timer.due, self._rang, self._again_s)
            now = perf_counter()
            if now >= due:
                self._rang = now
                return due
            self.timer.rest(due - now)


def alarm(again_s: float) -> Alarm:
    try:
        return Alarm(again_s, Timer(again_s))
    except (OSError, ImportError, AttributeError):  # another system, or C library
        return Alarm(again_s, Sleep(again_s))


def next_ring(due: float, rang: float, again_s: float) -> float:
    """When an alarm rings next that was set for `due`, and last rang at `rang`."""
    if rang < due:
        return due
    return due + again_s * (math.floor((rang - due) / again_s) + 1)
