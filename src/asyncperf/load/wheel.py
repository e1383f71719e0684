"""A clock wheel: calls at points in time, exact to some 50 microseconds.

The event loop's own timers count in whole milliseconds, and start a request up to one
early or late. A `timerfd` has the kernel's resolution; where there is none (macOS), the
loop's timers have to do.
"""

import asyncio
import ctypes
import os
import struct
import sys
from collections.abc import Callable
from heapq import heappop, heappush
from time import perf_counter
from typing import Protocol

Call = Callable[[float], object]
# The least that a timer is set to; a timerfd set to 0 would be switched off.
LEAST_S = 1e-6


class Alarm(Protocol):
    """Calls back once, about `delay_s` after it was last set."""

    def set(self, delay_s: float) -> None: ...

    def close(self) -> None: ...


class Wheel:
    """Calls in order of their time. `max_drift_s` is how late one was called at worst."""

    __slots__ = ("_alarm", "_armed", "_calls", "_clock", "_number", "max_drift_s")

    def __init__(
        self,
        make_alarm: Callable[[Callable[[], object]], Alarm],
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._calls: list[tuple[float, int, Call]] = []
        self._number = 0
        self._clock = clock
        self._armed = float("inf")
        self._alarm = make_alarm(self.turn)
        self.max_drift_s = 0.0

    def at(self, due: float, call: Call) -> None:
        """Have `call(due)` called at `due`, or as soon as may be if that has passed."""
        self._number += 1
        heappush(self._calls, (due, self._number, call))
        if due < self._armed:
            self._arm(due)

    def turn(self) -> None:
        """Call all that is due. What those calls add is called in the next turn, so that
        the event loop gets its turn as well."""
        calls = self._calls
        now = self._clock()
        self._armed = float("-inf")
        last = self._number
        while calls and calls[0][0] <= now and calls[0][1] <= last:
            due, _, call = heappop(calls)
            if now - due > self.max_drift_s:
                self.max_drift_s = now - due
            call(due)
        self._armed = float("inf")
        if calls:
            self._arm(calls[0][0])

    def close(self) -> None:
        self._calls.clear()
        self._alarm.close()

    def _arm(self, due: float) -> None:
        self._armed = due
        self._alarm.set(max(LEAST_S, due - self._clock()))


class LoopAlarm:
    """On the event loop's timers, to a millisecond."""

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
        self._loop = loop
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def set(self, delay_s: float) -> None:
        self.close()
        self._handle = self._loop.call_later(delay_s, self._call)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()


class TimerfdAlarm:
    """On a Linux `timerfd`. Raises OSError where the kernel has none."""

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._time = ctypes.create_string_buffer(ITIMERSPEC.size)
        self._loop = loop
        self._call = call
        loop.add_reader(self._fd, self._fired)

    def set(self, delay_s: float) -> None:
        seconds = int(delay_s)
        ITIMERSPEC.pack_into(self._time, 0, 0, 0, seconds, int((delay_s - seconds) * 1e9))
        self._libc.timerfd_settime(self._fd, 0, self._time, None)

    def _fired(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # set anew between the event and its handling
        self._call()

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1


CLOCK_MONOTONIC = 1
# struct itimerspec: the interval, then the first expiry, each in seconds and nanoseconds.
ITIMERSPEC = struct.Struct("@llll")


def best_alarm(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> Alarm:
    if sys.platform == "linux":
        try:
            return TimerfdAlarm(loop, call)
        except (OSError, AttributeError):
            pass  # a kernel or a C library without it
    return LoopAlarm(loop, call)
