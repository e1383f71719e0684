"""The words of a load's level: so many users, or so many requests a second, held for a while.

Frozen data like `model`, which builds on it; standard library only, because the load
processes import it as well. Times are seconds.
"""

from dataclasses import dataclass

# Of a search for the limit, so long may all users of a level take to start.
SEARCH_RAMP_S = 10.0


@dataclass(frozen=True)
class Level:
    """`users` of a closed load, or `rate_rps` requests that arrive each second of an open
    one; the other is None."""

    users: int | None = None
    rate_rps: float | None = None

    @property
    def amount(self) -> float:
        """How much load it is, in users or in requests a second."""
        return self.rate_rps if self.rate_rps is not None else float(self.users or 0)


@dataclass(frozen=True)
class Stage:
    """A level, and for how long it is held once it is reached; None is until the end."""

    level: Level
    hold_s: float | None


@dataclass(frozen=True)
class Held:
    """A level as a load held it, in seconds from the load's beginning: the change to it began
    at `begins_s`, the level was reached at `reached_s` (None: never), and was left, or the load
    over, at `ends_s`."""

    level: Level
    begins_s: float
    reached_s: float | None
    ends_s: float
