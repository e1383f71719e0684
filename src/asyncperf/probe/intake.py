"""Which requests a worker records, and what is written of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .accelerator import NATIVE
from .record_format import MOST, NO_REQUEST, SENT_HEADER
from .request import STEPPING, Request
from .timeline import Timeline

# What was not used of a rate within so long may be used at once: requests come in waves, such as
# the experiment's of 250 every five seconds.
BURST_S = 4.0
# What is left to do once an answer is handed over, without background tasks, takes less.
LATE_S = 0.0005
# Where more come than are recorded, it is so many one after another: the first costs five times
# as much as the next, for which all of the probe that they need is in the CPU's caches.
TOGETHER = 8
SENT = SENT_HEADER.encode("ascii")
# Of a request that does not say when it was sent.
NOWHERE = float("nan")


@dataclass(frozen=True)
class Rates:
    """So many requests a second are recorded by a worker, and so many of them in detail. At
    some ten and some hundred microseconds each that is less than a hundredth of a core.
    Where requests are slow, it is all of them. So many spans a second, at two microseconds
    each: after a request with more than its part of them, the next in detail has to wait."""

    recorded_per_s: float = 100.0
    detailed_per_s: float = 25.0
    spans_per_s: float = 4000.0


DEFAULT_RATES = Rates()
EVERYTHING = Rates(float("inf"), float("inf"), float("inf"))


class Intake(ABC):
    """`numbers` are those of the routes that are known, `rows` take what is written of requests.
    `next_detail` is when the next may be recorded in detail; until `idle_until` requests pass as
    they are."""

    def __init__(
        self,
        recorded_per_s: float,
        detailed_per_s: float,
        spans_per_s: float,
        numbers: dict[Hashable, int],
        rows: Any,
        timeline: Timeline,
    ) -> None:
        self._record_apart_s = 1 / recorded_per_s
        self._detail_apart_s = 1 / detailed_per_s
        self._span_apart_s = 1 / spans_per_s
        # So many spans of a request leave room for the next in detail when it may come. NaN where
        # there is room for all: none are more.
        self._spans_apart = spans_per_s / detailed_per_s
        self._numbers = numbers
        self._add_request = rows.append
        self.timeline = timeline
        self.in_flight = 0
        self.idle_until = 0.0
        self.next_detail = 0.0
        self._next_record = self._paused_until = 0.0
        self._number = -1

    def begin(self, scope: MutableMapping[str, Any], now: float) -> Request | None:
        """What begins now, if it is to be recorded; `NO_REQUEST` if it is none of HTTP's."""
        recorded_at = self._next_record
        if now < recorded_at:
            # None until there is room for several.
            self._paused_until = recorded_at + (TOGETHER - 1) * self._record_apart_s
        if now < self._paused_until:
            # One that is recorded ticks as it takes its first step.
            if now >= STEPPING.next_sign:
                STEPPING.sign(now)
            self.idle_until = min(self._paused_until, STEPPING.next_sign)
            return None
        # What was not used of the rates for long is lost.
        unused_since = now - BURST_S
        if recorded_at < unused_since:
            recorded_at = unused_since
        self._next_record = recorded_at + self._record_apart_s
        if scope["type"] != "http":
            return Request(NO_REQUEST)
        detail, detailed_at = 0, self.next_detail
        if now >= detailed_at:
            if detailed_at < unused_since:
                detailed_at = unused_since
            detail, self.next_detail = 1, detailed_at + self._detail_apart_s
        self._number = number = self._number + 1
        self.in_flight += 1
        return Request(number, take_sent(scope), now, detail)

    def finish(self, request: Request, scope: MutableMapping[str, Any]) -> None:
        end = STEPPING.clock()
        self.in_flight -= 1
        if request.spans > self._spans_apart:
            self.next_detail += request.spans * self._span_apart_s - self._detail_apart_s
        if not request.number:
            self._first(scope)
        start, answered, loop_s = request.start, request.answered, request.loop_s
        late_s = loop_s - request.answer_loop_s
        if late_s < LATE_S or not answered:
            late_s = 0.0
        waited = 0
        if late_s or request.counted_until or request.trips or request.gc_s:
            waited = 1
            self._add_waits(request, late_s)
        endpoint = scope.get("endpoint")
        route = self._numbers.get(
            (scope.get("method", ""), endpoint) if endpoint is not None else None
        )
        row = (
            request.sent,
            start,
            (answered or end) - start,
            end - start,
            loop_s,
            request.number,
            request.steps if request.steps < MOST else MOST,
            route or self._route(scope),
            request.status,
            request.detail if request.detail < MOST else MOST,
            waited,
        )
        if request.leaving:  # it ended in the turn in which it was answered, as most do
            request.row = row
        else:
            self._add_request((*row, request.left_s))

    def left(self) -> None:
        """The turn of the loop has ended in which the answers of some were handed over."""
        now = STEPPING.clock()
        leaving, STEPPING.leaving = STEPPING.leaving, []
        for request in leaving:
            request.left_s = left_s = now - request.answered
            request.leaving = False
            if request.row is not None:
                self._add_request((*request.row, left_s))

    # What is rare.

    @abstractmethod
    def _first(self, scope: MutableMapping[str, Any]) -> None:
        """The first request has been through the app."""

    @abstractmethod
    def _add_waits(self, request: Request, late_s: float) -> None:
        """It has something to say that most do not."""

    @abstractmethod
    def _route(self, scope: MutableMapping[str, Any]) -> int:
        """The number of a route that has none yet."""


if NATIVE is not None and not TYPE_CHECKING:
    Intake = NATIVE.Intake


def take_sent(scope: MutableMapping[str, Any]) -> float:
    """When the load engine began the request, NaN if it does not say. What travelled for us
    is taken out: the app gets the request as if there were no probe."""
    headers = scope["headers"]
    if headers and headers[-1][0] == SENT:
        found = headers[-1][1]
        scope["headers"] = headers[:-1]
        try:
            return int(found) / 1e9
        except ValueError:
            return NOWHERE
    return NOWHERE
