"""What every load engine does, whichever way it makes its requests."""

from dataclasses import dataclass
from typing import Protocol

from asyncperf.levels import Held
from asyncperf.model import GeneratorHealth, LoadPlan, Request
from asyncperf.samples import Samples

# The single user before the ramp: ten requests, or what fits into a second, but never
# fewer than two, because the first also pays for imports, connections and caches.
ALONE_REQUESTS = 10
ALONE_MIN_REQUESTS = 2
ALONE_S = 1.0


@dataclass(frozen=True)
class Workload:
    """What one load requests: these, in shares by their weights, or where there are none
    what the Locust user class of that name does."""

    name: str
    requests: tuple[Request, ...] = ()


@dataclass(frozen=True, eq=False)
class Recording:
    """Everything an engine has recorded of one load so far.

    A load begins with one user alone (`unloaded`), who sends each request in turn, then
    ramps up; times count from the start of the ramp, which is None while the single user
    is still at work. Both maps go by (method, name). `ramp_end_s` is when the plan's users
    had started, of a load in stages the first stage's; `levels` are then its stages, as far
    as they have begun. `clock_s` is where times count from by this machine's monotonic clock,
    which all its processes share, if the engine reads that one.
    """

    unloaded: dict[tuple[str, str], Samples]
    loaded: dict[tuple[str, str], Samples]
    ramp_started_at: float | None
    ramp_end_s: float | None
    duration_s: float
    generator: GeneratorHealth
    trouble: str | None = None
    waiting: str | None = None
    warnings: tuple[str, ...] = ()
    levels: tuple[Held, ...] = ()
    clock_s: float | None = None


class LoadSession(Protocol):
    """A load under way."""

    def read(self) -> Recording:
        """What has been recorded so far. Raises `LoadError` if the generator failed."""

    @property
    def ended(self) -> bool:
        """Whether the load is over: its run time was up, or the single user met failures."""

    def stop(self) -> Recording:
        """End the load, and return all that was recorded, requests in flight included."""


class LoadEngine(Protocol):
    """Something that can load a target at a base URL."""

    @property
    def name(self) -> str: ...

    def start(self, workload: Workload, plan: LoadPlan, url: str) -> LoadSession: ...

    def close(self) -> None:
        """No more loads follow: let go of whatever waits for one."""
