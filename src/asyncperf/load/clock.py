"""How far a worker's clock is from the master's, from messages there and back.

Latencies are durations, measured on the worker; only the times at which requests began
need correcting, so that those of all workers lie on one axis.
"""

from collections import deque
from dataclasses import dataclass

# One a second: a quartz clock drifts by up to 50 us a second, some 3 ms in this time.
PINGS_KEPT = 60
DRIFT_S = 0.01


@dataclass(frozen=True)
class Ping:
    """A message to the master and back: sent and received by the worker's clock, answered
    by the master's."""

    sent_s: float
    answered_s: float
    received_s: float

    @property
    def round_trip_s(self) -> float:
        return self.received_s - self.sent_s

    @property
    def offset_s(self) -> float:
        """What to add to the worker's times, if both ways took equally long (Cristian,
        "Probabilistic clock synchronization", 1989)."""
        return self.answered_s - (self.sent_s + self.received_s) / 2

    @property
    def uncertainty_s(self) -> float:
        """However the round trip was divided, the offset is wrong by no more."""
        return self.round_trip_s / 2


class Clock:
    """One worker's clock. The least round trip among the latest says most about it."""

    def __init__(self) -> None:
        self._pings: deque[Ping] = deque(maxlen=PINGS_KEPT)

    def add(self, ping: Ping) -> None:
        if ping.round_trip_s < 0:
            return  # the clock was set back in between
        best = self._best
        if best is not None:
            apart_s = abs(ping.offset_s - best.offset_s)
            if apart_s > ping.uncertainty_s + best.uncertainty_s + DRIFT_S:
                self._pings.clear()  # the clock was set; what was known of it is void
        self._pings.append(ping)

    @property
    def _best(self) -> Ping | None:
        return min(self._pings, key=lambda ping: ping.round_trip_s, default=None)

    @property
    def offset_s(self) -> float:
        """What to add to a time of the worker's; 0 for a clock that is the master's."""
        return self._best.offset_s if self._best else 0.0

    @property
    def uncertainty_s(self) -> float:
        return self._best.uncertainty_s if self._best else 0.0
