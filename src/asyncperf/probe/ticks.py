"""When an event loop says that it is there: by a timer, and by the requests that come."""

from __future__ import annotations

import asyncio
import contextvars
import random
import sys
from collections.abc import Callable
from threading import get_ident
from time import perf_counter
from typing import Protocol

from .request import STEPPING
from .watchdog import Watchdog

# How often the loop says that it is there. Rarer would see less of how late it comes to
# things.
TICK_S = 0.01
# Ticks decide which of the workers accepts a user: the one that was awake last. One whose loop
# has nothing to do has few, or of 500 users that came evenly one worker would get 400.
IDLE_TICK_S = 0.05
# Ticks in step with users who come at even intervals would decide it as well.
TICK_VARIES = (0.75, 1.25)
# A request that comes so long after the timer does it in the timer's place.
SIGN_S = 0.006


class Look(Protocol):
    def __call__(self, now: float, late_s: float, timer_late_s: float, by_timer: bool) -> bool:
        """A tick, so much later than was expected, and than the timer was to come. Whether the
        loop has little to do, where `by_timer`."""


class Ticks:
    """Of the loop that runs where they are made. A request that begins, or goes on, is as good
    as a timer: a loop that is busy with them comes late to its timers, and pays for each."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        watchdog: Watchdog,
        look: Look,
        failed: Callable[[Exception], None],
    ) -> None:
        self._loop = loop
        self._watchdog = watchdog
        self._look = look
        self._failed = failed
        self._thread = get_ident()
        # Not in the context of whichever request it was that ticked.
        self._context = contextvars.Context()
        self._resting: asyncio.TimerHandle | None = None  # where the loop is idle
        self._due = self._timer_due = perf_counter()
        self._by_requests = 0  # ticks, since the timer was set
        STEPPING.sign, STEPPING.next_sign = self.sign, 0.0
        loop.call_soon(self._fired, context=self._context)

    def sign(self, now: float) -> None:
        """A request shows that the loop goes on."""
        if get_ident() != self._thread:
            return  # another loop, in a thread of the app's own
        STEPPING.next_sign = now + TICK_S
        self._by_requests += 1
        try:
            self._look(now, now - self._due, max(0.0, now - self._timer_due), False)
            if self._resting is None:
                self._due = now + TICK_S
                self._watchdog.expect(now, TICK_S)
            else:
                self._resting.cancel()
                self._set_timer(now, TICK_S)
        except Exception as error:  # which is none of the app's
            self._failed(error)

    def _fired(self) -> None:
        try:
            if not self._watchdog.base:
                self._watchdog.learn_base(sys._getframe(1))
            now = perf_counter()
            if self._by_requests and now < STEPPING.next_sign:
                # It has little to add: amid other work each timer costs some thirty microseconds.
                # Any later, a rest of the loop could be taken for a stall.
                self._set_timer(now, TICK_S, covered_until=STEPPING.next_sign)
                return
            late_s = max(0.0, now - self._timer_due)
            idle = self._look(now, now - self._due, late_s, True) and not self._by_requests
            self._set_timer(now, IDLE_TICK_S if idle else TICK_S)
        except Exception as error:
            self._failed(error)

    def _set_timer(self, now: float, timer_s: float, *, covered_until: float = 0.0) -> None:
        delay_s = timer_s * random.uniform(*TICK_VARIES) + max(0.0, covered_until - now)
        self._by_requests = 0
        self._timer_due = now + delay_s
        timer = self._loop.call_later(delay_s, self._fired, context=self._context)
        self._resting = None
        if covered_until:
            return
        self._due = self._timer_due
        self._watchdog.expect(now, delay_s)
        if timer_s == IDLE_TICK_S:
            self._resting = timer
            STEPPING.next_sign = now
        else:
            STEPPING.next_sign = now + SIGN_S
