"""What keeps a worker's event loop for long: from steps, ticks and looks to its table of stalls."""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from collections.abc import Sized
from threading import get_ident

from .clock import ThreadClock, seconds
from .garbage import Garbage
from .numbering import Numbering
from .pulse import Mark, Pulse
from .record_format import NO_REQUEST
from .stalls import between_steps, callbacks, is_stall, is_unseen, outside, stall_of
from .tables import Table
from .threads import on_threads_s
from .ticks import TICK_S
from .turns import turns_of
from .watchdog import OVERDUE_S, Look, Watchdog
from .without_frames import builtins_of


class LoopWatch:
    """Made in the loop's thread, for it alone."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        stacks: Numbering,
        table: Table,
        clock: ThreadClock,
        garbage: Garbage,
    ) -> None:
        self.watchdog = Watchdog(get_ident(), turns_of(loop), builtins_of(loop))
        self._table = table
        self._stacks = stacks
        self._clock = clock
        self._garbage = garbage
        # Steps since the last tick that were stalls, as (since, until).
        self._long_steps: list[tuple[float, float]] = []
        self._mark = Mark(clock, garbage)

    def pulse(self, *rows: Sized) -> Pulse:
        """That of the loop's ticks, which has an eye on the length of rows."""
        seen = self.watchdog.looks, self._long_steps
        within_s = TICK_S + OVERDUE_S
        return Pulse(TICK_S, within_s, self._mark, self.watchdog.timer, rows, seen)

    def reading_at_tick(self) -> tuple[float, float]:
        """Of the loop's thread's clock."""
        return seconds(self._mark.reading)

    def long_step(self, since: float, until: float, request: int) -> None:
        """A step of a request, or of a task that it made, was long enough for a stall."""
        self._long_steps.append((since, until))
        self._stalled(list(self.watchdog.looks), since, until, request)

    def tick(self, now: float) -> None:
        """The loop goes on. If it was late, and not because of a step that is known, then because
        of a callback, or of many small things. What it used so far is no later step's."""
        if self.watchdog.looks:
            self._look_back(now)
        if self._long_steps:
            self._long_steps.clear()
        self._mark.take(now)

    def _look_back(self, now: float) -> None:
        looks = between_steps(list(self.watchdog.looks), self._long_steps)
        self.watchdog.looks.clear()
        since = max(self._mark.at, self.watchdog.quiet_at)
        times = [outside(*each, self._long_steps) for each in callbacks(looks, since, now)]
        lasted_s = sum(until - since for since, until in times)
        for since, until in times:
            # The clocks tell of all of them together.
            part = (until - since) / lasted_s if len(times) > 1 else 1.0
            self._stalled(looks, since, until, NO_REQUEST, part)

    def _stalled(
        self, looks: list[Look], since: float, until: float, request: int, part: float = 1.0
    ) -> None:
        """Something kept the loop from then until then. It has its `part` of what the clocks say
        since the last tick."""
        cpu_s, delay_s = (part * spent_s for spent_s in self._clock.since(self._mark.reading))
        collected_s = part * (self._garbage.on_loop_s - self._mark.collected_s)
        # For one in another thread the loop waited, as it does for a CPU.
        elsewhere_s = self._garbage.elsewhere_s(since, until)
        delay_s += elsewhere_s
        # The collector's doing is told apart.
        if not is_stall(until - since - collected_s, delay_s):
            return
        all_cpu_s = part * (time.process_time() - self._mark.process_cpu_s)
        others_cpu_s = all_cpu_s - cpu_s - elsewhere_s
        helpers_cpu_s = others_cpu_s - part * on_threads_s(self._mark.at, until)
        own_cpu_s = cpu_s - collected_s
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
