"""Collections that run in another thread than the event loop's: they hold Python's lock, so
the loop stands for as long."""

from __future__ import annotations

from collections import deque
from time import perf_counter

from .clock import ThreadClock
from .tables import Table

# Shorter ones keep nobody waiting: a thread that has Python's lock keeps it for five times as
# long anyway (`sys.getswitchinterval`).
LEAST_S = 0.001
# So many are kept, to be found by stalls that they lie in, or to be recorded.
MOST = 512


class Elsewhere:
    """`begin` and `end` are for whichever thread collects, one at a time; the rest is for the
    loop's."""

    def __init__(self) -> None:
        self._began = 0.0
        self._clock: ThreadClock | None = None
        self._started: bytes | float = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=MOST)
        self._new: deque[tuple[float, float, int, int]] = deque(maxlen=MOST)

    def begin(self, generation: int) -> None:
        # The young are collected often and fast; of others the machine may take its part.
        self._clock = ThreadClock() if generation else None
        self._started = self._clock.raw() if self._clock else 0.0
        self._began = perf_counter()

    def end(self, in_flight: int, generation: int) -> None:
        duration_s = perf_counter() - self._began
        delay_s = 0.0
        if self._clock is not None:
            delay_s = self._clock.since(self._started)[1]
            self._clock.close()
            self._clock = None
        if duration_s >= LEAST_S:
            self._recent.append((self._began, duration_s))
            own_s = max(0.0, duration_s - delay_s)
            self._new.append((self._began, own_s, in_flight, generation))

    def within_s(self, since: float, until: float) -> float:
        """How much of that time went by in them."""
        return sum(
            max(0.0, min(until, began + duration_s) - max(since, began))
            for began, duration_s in self._recent.copy()
        )

    def record(self, collections: Table) -> None:
        while self._new:
            collections.add(*self._new.popleft(), False)
