"""What a tick that a request makes has to do, where nothing else is due: as of most."""

from __future__ import annotations

import time
from collections.abc import Callable, Sized
from threading import get_ident
from typing import TYPE_CHECKING

from .accelerator import NATIVE
from .alarm import Sleep
from .clock import ThreadClock
from .garbage import Garbage
from .request import STEPPING
from .tables import BUFFERED


class Mark:
    """What the loop's thread, its collections and the whole process had used `at` a time: what
    comes later is told from that."""

    def __init__(self, clock: ThreadClock, garbage: Garbage) -> None:
        self._clock = clock
        self._garbage = garbage
        self.take(0.0)

    def take(self, now: float) -> None:
        self.at = now
        self.reading = self._clock.raw()
        self.collected_s = self._garbage.on_loop_s
        self.process_cpu_s = time.process_time()


class Pulse:
    """Made in the loop's thread, and called as `STEPPING.sign`. Each tick costs what the CPU has to
    fetch for it amid other work, so most do no more than they must: take the mark, and let the
    watchdog's timer wait for `within_s` more. `otherwise` gets a tick from `more_at` on, one after
    which a thing has been seen (in `seen`), and one that finds so much in `rows` that it is to be
    handed over; `failed` what went wrong. `count` is how many ticks there were."""

    def __init__(
        self,
        tick_s: float,
        within_s: float,
        mark: Mark,
        timer: Sleep,
        rows: tuple[Sized, ...],
        seen: tuple[Sized, ...],
    ) -> None:
        self.count = 0
        self.more_at = 0.0
        self.otherwise: Callable[[float], None]
        self.failed: Callable[[Exception], None]
        self._tick_s = tick_s
        self._within_s = within_s
        self._mark = mark
        self._timer = timer
        self._rows = rows
        self._seen = seen
        self._thread = get_ident()

    def __call__(self, now: float) -> None:
        """A request shows that the loop goes on."""
        if get_ident() != self._thread:
            return  # another loop, in a thread of the app's own
        STEPPING.next_sign = now + self._tick_s
        self.count += 1
        try:
            if (
                now >= self.more_at
                or any(len(rows) >= BUFFERED for rows in self._rows)
                or any(self._seen)
            ):
                self.otherwise(now)
            else:
                self._mark.take(now)
                self._timer.put_off(now, self._within_s)
        except Exception as error:  # which is none of the app's
            self.failed(error)


if NATIVE is not None and not TYPE_CHECKING:
    Mark, Pulse = NATIVE.Mark, NATIVE.Pulse
