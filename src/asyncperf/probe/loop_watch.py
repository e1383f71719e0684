"""What keeps a worker's event loop for long: from steps, ticks and looks to its table of stalls."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import get_ident

from .clock import ThreadClock
from .garbage import Garbage
from .numbering import Numbering
from .record_format import NO_REQUEST
from .stalls import between_steps, callbacks, is_stall, is_unseen, stall_of
from .tables import Table
from .threads import on_threads_s
from .turns import Turns
from .watchdog import Watchdog


@dataclass(frozen=True)
class Mark:
    """What the loop's thread had used so far, at a moment."""

    at: float
    reading: tuple[float, float]  # of its clock
    collected_s: float


class LoopWatch:
    """Made in the loop's thread, for it alone."""

    def __init__(
        self, turns: Turns, folder: str, table: Table, clock: ThreadClock, garbage: Garbage
    ) -> None:
        self.watchdog = Watchdog(get_ident(), turns)
        self._table = table
        self._stacks = Numbering(folder, "stack")
        self._clock = clock
        self._garbage = garbage
        # Steps since the last tick that were stalls, as (since, until).
        self._long_steps: list[tuple[float, float]] = []
        self._tick = self._sign = Mark(0.0, clock.read(), garbage.on_loop_s)
        self._process_cpu_at_tick_s = time.process_time()

    def sign(self, now: float) -> None:
        """The loop goes on. What it used before is no later step's."""
        self._sign = Mark(now, self._clock.read(), self._garbage.on_loop_s)

    def long_step(self, since: float, until: float, request: int) -> None:
        """A step of a request, or of a task that it made, was long enough for a stall."""
        self._long_steps.append((since, until))
        self._stalled(since, until, request)

    def tick(self, now: float, reading: tuple[float, float]) -> None:
        """The loop came to its tick. If it was late, and not because of a step that is known,
        then because of a callback, or of many small things."""
        looks = between_steps(list(self.watchdog.looks), self._long_steps)
        for since, until in callbacks(looks, self._tick.at, now):
            self._stalled(since, until, NO_REQUEST)
        self.watchdog.looks.clear()
        self._long_steps.clear()
        self._tick = self._sign = Mark(now, reading, self._garbage.on_loop_s)
        self._process_cpu_at_tick_s = time.process_time()

    def _stalled(self, since: float, until: float, request: int) -> None:
        # A sign may have been given in its midst, or after it.
        mark = self._sign if self._sign.at <= since else self._tick
        cpu_s, delay_s = self._clock.since(mark.reading)
        collected_s = self._garbage.on_loop_s - mark.collected_s
        # For one in another thread the loop waited, as it does for a CPU.
        elsewhere_s = self._garbage.elsewhere_s(since, until)
        delay_s += elsewhere_s
        # The collector's doing is told apart.
        if not is_stall(until - since - collected_s, delay_s):
            return
        since_tick_s = self._clock.since(self._tick.reading)[0]
        process_s = time.process_time() - self._process_cpu_at_tick_s
        others_cpu_s = process_s - since_tick_s - elsewhere_s
        helpers_cpu_s = others_cpu_s - on_threads_s(self._tick.at, until)
        own_cpu_s = cpu_s - collected_s
        looks = list(self.watchdog.looks)
        stall = stall_of(looks, since, until, own_cpu_s, delay_s, helpers_cpu_s, others_cpu_s)
        if is_unseen(stall, others_cpu_s):
            return
        number = self._stacks.number(
            (stall.stack, stall.blame), lambda: {"frames": stall.stack, "blame": stall.blame}
        )
        self._table.add(
            stall.start,
            stall.duration_s,
            stall.cpu_s,
            stall.delay_s,
            request,
            number,
            stall.kind,
        )
