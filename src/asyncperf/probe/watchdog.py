"""A thread that looks at the event loop's thread whenever the loop is overdue.

It cannot run while a call holds the interpreter's lock; but then it runs right after that
call, at the line that made it, because that is where Python hands the lock over.
"""

from __future__ import annotations

import selectors
import sys
import threading
from collections import deque
from dataclasses import dataclass
from time import perf_counter
from types import CodeType, FrameType

from .alarm import alarm

# How often it looks while the loop is overdue. With the loop's own ticks this finds a stall of
# 20 ms at least once.
LOOK_S = 0.01
# So much later than asked the loop comes to its tick when it has something else to do.
OVERDUE_S = 0.004
# How deep into a stack it looks.
DEPTH = 60
# More looks than this wait for nobody: the loop takes them at each tick.
MOST_LOOKS = 512
# How asyncio's own loops wait, where the loop itself calls it.
WAITS = frozenset(
    getattr(selectors, name).select.__code__
    for name in ("SelectSelector", "PollSelector", "EpollSelector", "KqueueSelector")
    if hasattr(selectors, name)
)


@dataclass(frozen=True)
class Look:
    """The loop's thread at a moment. `callback` is the outermost frame that the loop itself
    called, and identifies what it was at; `stack` goes inwards from there, as (code, line,
    instruction). `late_s` is how late the look was: the lock was not to be had."""

    at: float
    late_s: float
    callback: FrameType
    stack: tuple[tuple[CodeType, int, int], ...]


class Watchdog:
    """Looks from construction on, as a daemon, whenever the loop has not said in time that it
    is there."""

    def __init__(self, loop_thread: int) -> None:
        self.looks: deque[Look] = deque(maxlen=MOST_LOOKS)
        self.base: frozenset[CodeType] = frozenset()
        # When it looked and found the loop at nothing, before it found it at something.
        self.quiet_at = 0.0
        self._loop_thread = loop_thread
        self._alarm = alarm(LOOK_S)
        threading.Thread(target=self._run, name="asyncperf", daemon=True).start()

    def expect(self, now: float, within_s: float) -> None:
        """The loop is there, and is to say so again within that time."""
        self._alarm.put_off(now, within_s + OVERDUE_S)

    def learn_base(self, frame: FrameType | None) -> None:
        """Take the code of all frames from here outwards as the loop's own: called with the
        frame that called a callback of the loop."""
        codes = set()
        while frame is not None:
            codes.add(frame.f_code)
            frame = frame.f_back
        self.base = frozenset(codes)

    def _run(self) -> None:
        while True:
            due = self._alarm.wait()
            if self.base:
                now = perf_counter()
                self._look(now, now - due)

    def _look(self, now: float, late_s: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        stack: list[tuple[CodeType, int, int]] = []
        callback = None
        while frame is not None and len(stack) < DEPTH:
            if frame.f_code in self.base:
                break
            callback = frame
            stack.append((frame.f_code, frame.f_lineno or 0, frame.f_lasti))
            frame = frame.f_back
        if callback is not None and not (len(stack) == 1 and stack[0][0] in WAITS):
            self.looks.append(Look(now, late_s, callback, tuple(reversed(stack))))
        elif not self.looks:
            self.quiet_at = now
