"""When an event loop says that it is there: by a timer, and by the requests that come."""

from __future__ import annotations

import asyncio
import contextvars
import random
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

from .pulse import Pulse
from .request import STEPPING
from .watchdog import Watchdog

# How often the loop says that it is there. Rarer would see less of how late it comes to
# things.
TICK_S = 0.01
# Ticks decide which of the workers accepts a user: the one that was awake last. One whose loop
# has nothing to do has few, or of 500 users that came evenly one worker would get 400.
IDLE_TICK_S = 0.05
# Ticks in step with users who come at even intervals would decide it as well. None is later than
# asked: the watchdog has to look in time.
TICK_VARIES = (0.6, 1.0)
# Where requests tick so much of the time, the timer has little to add, and comes half as often
# the next time: amid other work each costs some thirty microseconds.
COVERED = 0.8
# A request that comes so long after the timer does it in the timer's place.
SIGN_S = 0.006


class Look(Protocol):
    def __call__(self, now: float, late_s: float, by_timer: bool) -> bool:
        """A tick, so much later than the timer was to come. Whether the loop has little to do,
        where `by_timer`."""


class Ticks:
    """Of the loop that runs where they are made. A request that begins, or goes on, is as good
    as a timer: a loop that is busy with them comes late to its timers, and pays for each."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        watchdog: Watchdog,
        pulse: Pulse,
        look: Look,
        failed: Callable[[Exception], None],
    ) -> None:
        self._loop = loop
        self._watchdog = watchdog
        self._pulse = pulse
        self._look = look
        self._failed = failed
        # Not in the context of whichever request it was that ticked.
        self._context = contextvars.Context()
        self._resting: asyncio.TimerHandle | None = None  # where the loop is idle
        self._set_at = self._due = perf_counter()
        self._timer_s = TICK_S
        pulse.otherwise, pulse.failed = self._signed, failed
        STEPPING.sign, STEPPING.next_sign = pulse, 0.0
        loop.call_soon(self._fired, context=self._context)

    def _signed(self, now: float) -> None:
        """A request has ticked, and there is more to do than its pulse does."""
        self._look(now, max(0.0, now - self._due), False)
        if self._resting is None:
            self._watchdog.expect(now, TICK_S)
        else:
            self._resting.cancel()
            self._set_timer(now, TICK_S)

    def _fired(self) -> None:
        try:
            if not self._watchdog.base:
                self._watchdog.learn_base(sys._getframe(1))
            now = perf_counter()
            # Since the timer was set.
            by_requests = self._pulse.count
            if by_requests and (by_requests + 1) * TICK_S > COVERED * (now - self._set_at):
                self._set_timer(now, min(2 * self._timer_s, IDLE_TICK_S), covered=True)
                return
            late_s = max(0.0, now - self._due)
            idle = self._look(now, late_s, True) and not by_requests
            self._set_timer(now, IDLE_TICK_S if idle else TICK_S)
        except Exception as error:
            self._failed(error)

    def _set_timer(self, now: float, timer_s: float, *, covered: bool = False) -> None:
        delay_s = timer_s * random.uniform(*TICK_VARIES)
        self._set_at, self._timer_s, self._pulse.count = now, timer_s, 0
        self._due = now + delay_s
        timer = self._loop.call_later(delay_s, self._fired, context=self._context)
        self._resting = None
        if covered:
            return
        self._watchdog.expect(now, delay_s)
        if timer_s == IDLE_TICK_S:
            self._resting = timer
            STEPPING.next_sign, self._pulse.more_at = now, now
        else:
            STEPPING.next_sign = now + SIGN_S
