"""The spans of requests that are recorded in detail: what is open, and what is over."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable
from threading import get_ident
from time import perf_counter
from types import CodeType, CoroutineType
from typing import TYPE_CHECKING, Any

from .accelerator import NATIVE
from .callees import PASSES_ON, code_of
from .notes import note
from .numbering import Sites
from .record_format import CANCELLED, MOST, MOST_SPANS, NO_SITE, RAISED
from .request import Request
from .rewrite import Place
from .tables import Table

# Spans within spans of one task, at most. Each has a frame on Python's stack, of the thousand
# that an app may use for itself.
DEEPEST = 100
# The parent of a span that has none.
NONE = -1


class Places:
    """The places of all awaits that were rewritten in this process and in those that it was
    forked from, by the numbers that stand in their code."""

    def __init__(self) -> None:
        self.all: list[Place] = []

    def number(self, place: Place) -> int:
        self.all.append(place)
        return len(self.all) - 1


PLACES = Places()


class Spans:
    """Where the spans of a thread's tasks go, and whether there is room. `broken` once something
    failed: nothing more is recorded. What is known of awaits that have been here before: the
    numbers of `sites` by those of their places, of `coroutines` by the identity of their code."""

    def __init__(self, rows: Any, most_spans: int, deepest: int) -> None:
        self.add: Callable[[tuple[float, ...]], object] = rows.append
        self.most_spans = most_spans
        self.deepest = deepest
        self.thread = 0
        self.broken = False
        self.sites: dict[int, int] = {}
        self.coroutines: dict[int, int] = {}


if NATIVE is not None and not TYPE_CHECKING:
    Spans = NATIVE.Spans


class Timeline(Spans):
    """The spans of a worker."""

    def __init__(self, folder: str, spans: Table, sites: Sites) -> None:
        super().__init__(spans.rows, MOST_SPANS, DEEPEST)
        self.folder = folder
        self.thread = get_ident()
        self._sites = sites
        # By identity: code is compared, and hashed, by all that it consists of. It is kept
        # here as well, so that no other can take its place in memory.
        self._functions: dict[int, tuple[CodeType, int]] = {}

    def site(self, place: int) -> int:
        found = self.sites.get(place)
        if found is None:
            found = self.sites[place] = self._sites.line(*PLACES.all[place])
        return found

    def callee(self, awaitable: Any) -> int:
        if type(awaitable) is CoroutineType:
            found = self.coroutines.get(id(awaitable.cr_code))
            if found is not None:
                return found
        try:
            return self._function(awaitable, code_of(awaitable))
        except Exception as error:
            self.fail(error)
            return NO_SITE

    def _function(self, awaitable: Any, code: CodeType | None) -> int:
        known = self._functions.get(id(code))
        if known is not None:
            return known[1]
        found = self._sites.function(code)
        if code is not None:
            self._functions[id(code)] = (code, found)
            # What only runs another function is to be asked each time.
            itself = getattr(awaitable, "cr_code", None) is code
            if itself and code.co_name not in PASSES_ON:
                self.coroutines[id(code)] = found
        return found

    def fail(self, error: Exception) -> None:
        if not self.broken:
            self.broken = True
            note(self.folder, "failed", error=repr(error))


class Track:
    """One task of a request that is recorded in detail, and the span that is open in it. While
    the task runs on the loop, it is `STEPPING.track`."""

    __slots__ = ("depth", "open", "request", "task", "timeline")

    def __init__(self, timeline: Timeline, request: Request, task: int, open_: int) -> None:
        self.timeline = timeline
        self.request = request
        self.task = task if task < MOST else MOST
        self.open = open_
        self.depth = 0

    def child(self, task: int) -> Track:
        return Track(self.timeline, self.request, task, self.open)

    def takes(self) -> bool:
        """Whether one more span may be opened here. One that may not is counted. What a loop of
        the app's own does in another thread meanwhile is none of this task's."""
        timeline, request = self.timeline, self.request
        if get_ident() != timeline.thread:
            return False
        room = request.spans < timeline.most_spans and self.depth < timeline.deepest
        if room and not timeline.broken:
            return True
        request.detail += 1
        return False

    def close(
        self, start: float, span: int, parent: int, site: int, callee: int, outcome: int
    ) -> None:
        end = perf_counter()
        self.open = parent
        self.depth -= 1
        timeline = self.timeline
        if outcome == CANCELLED and get_ident() != timeline.thread:
            return  # thrown away unfinished, and the collector found it from another thread
        around = span if parent == NONE else parent
        number = self.request.number
        timeline.add((start, end - start, number, self.task, span, around, site, callee, outcome))


if NATIVE is not None and not TYPE_CHECKING:
    Track = NATIVE.Track


def outcome_of(error: BaseException) -> int:
    return CANCELLED if isinstance(error, (CancelledError, GeneratorExit)) else RAISED
