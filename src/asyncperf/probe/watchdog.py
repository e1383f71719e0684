"""A thread that looks at the event loop's thread whenever the loop is overdue.

It cannot run while a call holds the interpreter's lock; but then it runs right after that
call, at the line that made it, because that is where Python hands the lock over.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from time import perf_counter
from types import CodeType, FrameType

from .alarm import alarm
from .turns import Turn, Turns
from .without_frames import Builtin, Builtins

# How often it looks while the loop is overdue. With the loop's own ticks what sleeps for 20 ms is
# seen twice.
LOOK_S = 0.005
# So much later than asked the loop comes to its tick when it has something else to do. Who
# looks waits for Python's lock up to 5 ms more (`sys.getswitchinterval`) where the loop computes:
# even then it is in time for 20 ms.
OVERDUE_S = 0.003
# How deep into a stack it looks.
DEPTH = 60
# More looks than this wait for nobody: the loop takes them at each tick.
MOST_LOOKS = 1024


@dataclass(frozen=True)
class Look:
    """The loop's thread at a moment. `callback` is the outermost frame that the loop itself
    called; `stack` goes inwards from there, as (code, line, instruction). Where it called a
    `builtin` there is none, and `callback` is the frame that called that.
    `late_s` is how late the look was: the lock was not to be had."""

    at: float
    late_s: float
    callback: FrameType
    stack: tuple[tuple[CodeType, int, int], ...]
    turn: Turn | None = None
    builtin: Builtin | None = None

    @property
    def call(self) -> Hashable:
        """Which call of the loop's it was."""
        return id(self.callback) if self.builtin is None else self.builtin.call


class Watchdog:
    """Looks from construction on, as a daemon, whenever the loop has not said in time that it
    is there."""

    def __init__(self, loop_thread: int, turns: Turns, builtins: Builtins) -> None:
        self.looks: deque[Look] = deque(maxlen=MOST_LOOKS)
        self.base: frozenset[CodeType] = frozenset()
        # What of it calls callbacks; else the loop waits, or is busy with itself.
        self._caller: CodeType | None = None
        # When it looked and found the loop at nothing, before it found it at something.
        self.quiet_at = 0.0
        self._loop_thread = loop_thread
        self._turns = turns
        self._builtins = builtins
        self._looked = 0.0
        self._alarm = alarm(LOOK_S)
        self.timer = self._alarm.timer
        threading.Thread(target=self._run, name="asyncperf", daemon=True).start()

    def expect(self, now: float, within_s: float) -> None:
        """The loop is there, and is to say so again within that time."""
        self.timer.put_off(now, within_s + OVERDUE_S)

    def learn_base(self, frame: FrameType | None) -> None:
        """Take the code of all frames from here outwards as the loop's own: called with the
        frame that called a callback of the loop."""
        codes = set()
        self._caller = frame and frame.f_code
        while frame is not None:
            codes.add(frame.f_code)
            frame = frame.f_back
        self.base = frozenset(codes)

    def glance(self) -> None:
        """Look if that is due, for another thread that has just got Python's lock: after a call
        that kept it, whoever is second finds the loop further on."""
        if perf_counter() > self.timer.due:
            self._look(self.timer.due)

    def _run(self) -> None:
        while True:
            self._look(self._alarm.wait())

    def _look(self, due: float) -> None:
        if not self.base:
            return
        now = perf_counter()
        late_s = now - max(due, self._looked)
        self._looked = now
        frame = sys._current_frames().get(self._loop_thread)
        stack: list[tuple[CodeType, int, int]] = []
        callback = builtin = None
        if frame is not None and frame.f_code is self._caller:
            builtin = self._builtin(frame)
            callback = frame if builtin else None
        while frame is not None and len(stack) < DEPTH:
            if frame.f_code in self.base:
                if frame.f_code is not self._caller:
                    callback = None  # the loop is busy with itself, or waits
                break
            callback = frame
            stack.append((frame.f_code, frame.f_lineno or 0, frame.f_lasti))
            frame = frame.f_back
        if callback is not None:
            turn = self._turns(callback.f_back)
            self.looks.append(Look(now, late_s, callback, tuple(reversed(stack)), turn, builtin))
        elif not self.looks:
            self.quiet_at = now

    def _builtin(self, caller: FrameType) -> Builtin | None:
        try:
            return self._builtins(caller)
        except Exception:  # another version of the loop, or a thread that is no more
            return None
