"""What the analysis concludes of a run: frozen data that the reports put into words.

Builds on the words of `model`, and every module above may import it. Times are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from asyncperf.explanation import Breakdown, Prediction
from asyncperf.judgement import BudgetResult, Knee
from asyncperf.levels import Held
from asyncperf.model import Endpoint, GeneratorHealth, Run
from asyncperf.samples import Folded
from asyncperf.sites import Independence

PERCENTILES = (50, 66, 75, 80, 90, 95, 98, 99, 99.9, 99.99)


@dataclass(frozen=True)
class Latency:
    """A latency distribution. `percentiles_s` maps 50, ..., 99.99 to the exact order
    statistic, or to None where fewer than one sample is expected beyond it."""

    mean_s: float
    min_s: float
    max_s: float
    percentiles_s: Mapping[float, float | None]

    @property
    def median_s(self) -> float | None:
        return self.percentiles_s[50]


@dataclass(frozen=True)
class Figures:
    """Requests that ended within one stretch of time.

    `requests` counts all of them, `failures` those that failed. In the steady window
    `rate_rps` and `latency` are of the successes, and the rate is averaged over the
    position of the window's edges; over the whole run they are of all requests, as
    Locust counts. `sent` is how many requests began while those of the steady window did,
    whatever became of them; None over the whole run.
    """

    requests: int
    failures: int
    rate_rps: float | None
    latency: Latency | None
    sent: int | None = None


@dataclass(frozen=True)
class Window:
    """The steady part of a load: `cycles` whole cycles of `cycle_s` seconds."""

    start_s: float
    end_s: float
    cycle_s: float
    cycles: int

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


LimiterKind = Literal[
    "users",
    "rate",
    "thread_pool",
    "threads_cpu",
    "machine_cpu",
    "connections",
    "lock",
    "loop_cpu",
    "loop_blocked",
    "gc",
    "awaited",
]


@dataclass(frozen=True)
class Limiter:
    """Something that caps throughput: `capacity` places, each held `hold_s` by a request.
    Of kind "rate", the arrivals of an open load: so many were asked for in each second, and
    `sent_rps` came. Of kind "awaited", what requests wait for that nobody watches: how many there
    are is not known, and `capacity` is how many requests were there at a time, on average.

    `utilization` is how much of the capacity was busy, `wait_s` how long a request
    waited for a place; None where nothing was measured under load. `each` is the utilisation
    of each worker's places where it was measured inside them, `name` a pool's or lock's own.
    For each request an event loop also waited `queued_s` for a CPU: a part of `hold_s` if that
    kept it busy all the time, else not.
    """

    kind: LimiterKind
    capacity: float
    hold_s: float
    utilization: float | None = None
    wait_s: float | None = None
    each: tuple[float, ...] = ()
    name: str = ""
    queued_s: float = 0.0
    sent_rps: float | None = None

    @property
    def answered(self) -> float | None:
        """Of kind "rate", which share of what was sent was answered. Latencies differ, so that
        what ends in a window is not quite what began for it, and can be a little more."""
        if self.utilization is None or not self.sent_rps:
            return None
        return min(1.0, self.utilization * self.ceiling_rps / self.sent_rps)

    @property
    def ceiling_rps(self) -> float:
        """The utilisation law: X <= c / s (Lazowska et al., 1984, section 5.2)."""
        return self.capacity / self.hold_s


@dataclass(frozen=True)
class NextLimiter:
    """What would cap throughput once the limiter is gone, and from how many users on."""

    kind: LimiterKind
    ceiling_rps: float
    users: int


@dataclass(frozen=True)
class Published:
    """A row of the experiment's published tables; times in milliseconds."""

    requests: int
    failures: int
    mean_ms: float
    min_ms: float
    max_ms: float
    median_ms: float
    rate_rps: float


@dataclass(frozen=True)
class Timeline:
    """Completions per second in bins of `bin_s` seconds from the start of the ramp."""

    bin_s: float
    rates_rps: tuple[float, ...]


@dataclass(frozen=True)
class Histogram:
    """Latencies counted in bins; `edges_s` has one entry more than `counts`."""

    edges_s: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class EndpointResult:
    """What one load says about one endpoint.

    `limiter` is None where the known limits do not explain the measured rate;
    `limiter_note` then says why, and `ceiling_rps` remains an upper bound. Where the load
    was repeated, `repetitions` holds each one's result and this one pools them: `window`,
    `timeline` and `predicted` are then those of number `repetition`. `folded` is None where
    every request was kept. `loaded` is False where its load was never made; the empty `whole`
    then says nothing. `breakdown_note` says why there is no breakdown. `redirects` counts the
    answers of the whole load that sent the client elsewhere, where it did not go; they are
    successes.

    Of a load that held several levels, `levels` holds each one's result. This one is then
    that of the level that was `held` last; what it says of the whole load, such as `whole`,
    `errors` and `timeline`, is of all of them. Where the levels were loads of a search, it is
    that of one of these: the highest that kept the criterion.
    """

    endpoint: Endpoint
    load: str
    whole: Figures
    steady: Figures | None
    window: Window | None
    no_window_why: str | None
    in_flight_at_end: int
    errors: Mapping[str, int]
    unloaded_s: float | None
    unloaded_requests: int
    limiter: Limiter | None
    limiter_note: str | None
    ceiling_rps: float | None
    next_limiter: NextLimiter | None
    generator: GeneratorHealth
    timeline: Timeline
    histogram: Histogram | None
    published: Published | None
    trouble: str | None
    repetition: int = 1
    repetitions: tuple["EndpointResult", ...] = ()
    folded: Folded | None = None
    loaded: bool = True
    breakdown: Breakdown | None = None
    breakdown_note: str | None = None
    predicted: Prediction | None = None
    held: Held | None = None
    levels: tuple["EndpointResult", ...] = ()
    redirects: int = 0

    @property
    def measured_over_ceiling(self) -> float | None:
        if self.steady is None or self.steady.rate_rps is None or not self.ceiling_rps:
            return None
        return self.steady.rate_rps / self.ceiling_rps


Severity = Literal["error", "warning", "info"]
# Each has a page in docs/findings. `blocking-call` is what a look at the source alone finds.
FindingCode = Literal[
    "loop-blocked",
    "loop-busy",
    "pool-saturated",
    "pool-trips",
    "connections-saturated",
    "connection-deadlock",
    "lock-saturated",
    "sequential-awaits",
    "sequential-loop",
    "sequential-dependencies",
    "server-settings",
    "gc-pauses",
    "blocking-call",
    "generator-saturated",
    "too-little-data",
]


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing: what, where, with which evidence, and what to do.

    `endpoint` is "*" where it is of no endpoint alone. `cost_ms_per_request` is what it costs each
    request on average, `cost_rps` how many more requests per second there would be without it,
    at most. `suffers` says how long the requests of other endpoints wait for it, seconds.
    `independence` is of awaits that stand one after another.
    """

    code: FindingCode
    severity: Severity
    endpoint: str
    message: str
    advice: str
    file: str | None = None
    line: int | None = None
    function: str | None = None
    evidence: Mapping[str, float] | None = None
    fix_kind: str | None = None
    predicted: Mapping[str, float] | None = None
    why_not: str | None = None
    cost_ms_per_request: float | None = None
    cost_rps: float | None = None
    suffers: Mapping[str, float] = field(default_factory=dict)
    independence: Independence | None = None


@dataclass(frozen=True)
class Healthy:
    """Something that was looked at for a code and found in good order."""

    code: FindingCode
    endpoint: str | None
    message: str


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A run, explained. `valid` is False when the load generator was the limit, and when
    the server was gone before the end of a load."""

    run: Run
    endpoints: tuple[EndpointResult, ...]
    findings: tuple[Finding, ...]
    valid: bool
    warnings: tuple[str, ...]
    budgets: tuple[BudgetResult, ...] = ()
    knees: tuple[Knee, ...] = ()
    healthy: tuple[Healthy, ...] = ()
