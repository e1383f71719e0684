"""How far a scan has come, on a terminal's standard error; silent anywhere else.

Rich is imported once there is something to show: a short scan needs it for its report at most.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from asyncperf.report.units import count
from asyncperf.sites import ScanStage, Watch, unwatched

if TYPE_CHECKING:
    from asyncperf.live_line import LiveLine

# Who waits for less has nothing to read.
PATIENCE_S = 0.5
# Often enough to look alive; drawing takes about a millisecond.
EVERY_S = 0.1


@contextmanager
def watching(quiet: bool) -> Iterator[Watch]:
    """What a scan is to tell how far it has come."""
    if quiet or not sys.stderr.isatty():
        yield unwatched
        return
    with ExitStack() as stack:
        yield Occasionally(lambda: stack.enter_context(stderr_line()), time.monotonic)


class Occasionally:
    """Shows one of many moments, and the first of each stage, on a line, which it asks for when
    it shows something."""

    def __init__(self, line: Callable[[], LiveLine], clock: Callable[[], float]) -> None:
        self._ask = line
        self._line: LiveLine | None = None
        self._clock = clock
        self._due_s = clock() + PATIENCE_S
        self._stage: ScanStage | None = None  # the one that is shown

    def __call__(self, stage: ScanStage, done: int, of: int) -> None:
        now_s = self._clock()
        is_next = self._stage not in {None, stage}  # whose first function may take long
        if now_s < self._due_s and not is_next:
            return
        self._due_s = now_s + EVERY_S
        self._stage = stage
        if self._line is None:
            self._line = self._ask()
        self._line.show(standing(stage, done, of))


def stderr_line() -> LiveLine:
    from rich.console import Console

    from asyncperf.live_line import LiveLine

    return LiveLine(Console(stderr=True))


def standing(stage: ScanStage, done: int, of: int) -> str:
    """The state of a scan in a few words."""
    from asyncperf.live_line import bar

    if stage == "blocking":
        return "looking for blocking calls"
    doing, things = ("read", "files") if stage == "reading" else ("judged", "functions")
    return f"{bar(done / of)}  {doing} {count(done)} of {count(of)} {things}"
