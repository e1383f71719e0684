"""At what the event loop's thread is while it computes: looked at at random, some twelve times a
second, however short its steps are.

Only the C parts can look (`native/sampler.h` says why), and only at the main thread, where servers
have their loops. Elsewhere nothing is recorded.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Sequence
from types import CodeType, FrameType

from .accelerator import NATIVE
from .numbering import Numbering
from .places import is_probes, is_users
from .record_format import NO_REQUEST
from .request import STEPPING
from .stalls import Stack, name_of
from .tables import Table
from .watchdog import DEPTH, Watchdog

# Half of that to half as much again lies between two looks.
APART_S = 0.08
# More than this wait for nobody: the loop takes them at each tick.
MOST_SAMPLES = 1024

# (code, line), the innermost frame first.
Frames = Sequence[tuple[CodeType, int]]


class Sampling:
    """Of the thread that makes it, until it is stopped. `stacks` numbers what is found."""

    def __init__(self, table: Table, stacks: Numbering, watchdog: Watchdog) -> None:
        self._table = table
        self._stacks = stacks
        self._watchdog = watchdog
        self._seen: deque[tuple[float, int, Frames]] = deque(maxlen=MOST_SAMPLES)
        self._sampler = None
        if NATIVE is not None and threading.current_thread() is threading.main_thread():
            self._sampler = NATIVE.Sampler(self._take, APART_S)

    def _take(self, at: float) -> None:
        """Called amid whatever the thread is at, so it does as little as it can."""
        frame: FrameType | None = sys._getframe(1)
        frames: list[tuple[CodeType, int]] = []
        base = self._watchdog.base
        while frame is not None and frame.f_code not in base and len(frames) < DEPTH:
            frames.append((frame.f_code, frame.f_lineno or 0))
            frame = frame.f_back
        request = STEPPING.request
        self._seen.append((at, NO_REQUEST if request is None else request.number, frames))

    def record(self) -> None:
        """What has been seen since the last time; for the loop's thread."""
        while self._seen:
            at, request, frames = self._seen.popleft()
            number = self._number(told(frames))
            self._table.add(at, request, number)

    def _number(self, stack: Stack) -> int:
        blame = 0 if stack and is_users(stack[0][0]) else -1
        return self._stacks.number((stack, blame), lambda: {"frames": stack, "blame": blame})

    def stop(self) -> None:
        if self._sampler is not None:
            self._sampler.stop()


def told(frames: Frames) -> Stack:
    """What is kept of a look, from the outermost frame inwards: the user's innermost line, if there
    is any, and the functions that it called; else the function that it was in. So there are few
    kinds, and they can be counted."""
    ours = [(code, line) for code, line in frames if not is_probes(code.co_filename)]
    users = (n for n, (code, _) in enumerate(ours) if is_users(code.co_filename))
    users_at = next(users, None)
    inner = ours[:1] if users_at is None else ours[:users_at]
    stack = [(code.co_filename, code.co_firstlineno, name_of(code)) for code, _ in inner]
    if users_at is not None:
        code, line = ours[users_at]
        stack.append((code.co_filename, line, name_of(code)))
    return tuple(reversed(stack))
