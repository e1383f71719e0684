"""The words of what was tested and measured: frozen data that the stages hand to each other.

Every module may import this one; it imports only the words of `levels`, `samples`, `insight`
and `sites`. What the analysis concludes of it stands in `results`. Times are seconds. A time
inside a load counts from the moment its ramp began; a `*_at` is seconds since the Unix epoch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from asyncperf.insight import Insight
from asyncperf.levels import Held, Level, Stage
from asyncperf.samples import Samples
from asyncperf.sites import Verdicts

# What is under test


@dataclass(frozen=True)
class Handler:
    """The function that answers an endpoint; `line` is its `def`."""

    file: str
    line: int
    name: str
    is_async: bool


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    handler: Handler | None = None

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Skipped:
    """An endpoint that is not loaded, and why."""

    method: str
    path: str
    why: str


@dataclass(frozen=True)
class Request:
    """What is sent to an endpoint, the same each time.

    `target` is the path with its query, percent-encoded. `weight` is its share of a mix,
    relative to the other requests' weights.
    """

    endpoint: Endpoint
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    weight: float = 1.0

    @property
    def method(self) -> str:
        return self.endpoint.method

    @property
    def key(self) -> tuple[str, str]:
        """Under which its samples are recorded: the endpoint's method and path."""
        return self.endpoint.method, self.endpoint.path


@dataclass(frozen=True)
class SentRequest:
    """What a run remembers of a request. Header values and bodies may be secret, so only
    the headers' names and the body's size are kept."""

    method: str
    path: str
    target: str
    headers: tuple[str, ...]
    body_bytes: int
    weight: float


@dataclass(frozen=True)
class Target:
    """What was under test, as it was found and served.

    None stands for what cannot be known of a server that someone else runs, or that was
    started by a command. `sent` is empty for a locustfile, which decides itself.
    """

    app: str
    command: tuple[str, ...]
    workers: int | None
    server: str | None
    python: str | None
    access_log: bool | None
    endpoints: tuple[Endpoint, ...]
    skipped: tuple[Skipped, ...] = ()
    # "tuned": the collector of each worker frozen after its start-up, its thresholds raised.
    gc: Literal["default", "tuned"] = "default"
    # What was set for the app by name, each value as a short digest: enough to see that two
    # runs differ in it, and no place for a password to lie in.
    env_digests: Mapping[str, str] = field(default_factory=dict)
    sent: tuple[SentRequest, ...] = ()


# The load


@dataclass(frozen=True)
class LoadPlan:
    """How the target is loaded: closed, by `users` who think between their requests, or
    open, by requests that arrive at `rate_rps` whatever becomes of those before.

    `engine` is the load generator's name and version, such as "locust 2.47.0".
    `run_time_s` fixes how long each load lasts, ramp included; None means "until the
    steady window holds enough", at most `max_time_s`. `timeout_s` bounds a response
    without load; under load a request may queue for `response_timeout_s`, or if that is
    None for as long as the load lasts. `ca_file` holds the certificates to trust besides
    the system's. Locust knows closed loads without think time alone. `probed`: the workers
    held our probe.

    With `stages` a load goes through several levels; `users` is then the most of them, and
    `run_time_s` what they take together. With `find_limit` a load's highest good level is
    searched for, up to `users` or `rate_rps`: the level that keeps these budgets, or where there
    are none, from which on throughput no longer grows.
    """

    engine: str
    users: int
    spawn_rate: float
    run_time_s: float | None
    max_time_s: float
    timeout_s: float
    model: Literal["closed", "open"] = "closed"
    processes: int = 1
    think_time: Literal["fixed", "exponential"] = "fixed"
    think_time_s: float = 0.0
    rate_rps: float | None = None
    arrivals: Literal["constant", "poisson"] = "constant"
    keepalive: bool = True
    headers: tuple[tuple[str, str], ...] = ()
    connect_timeout_s: float = 30.0
    response_timeout_s: float | None = None
    ca_file: str | None = None
    probed: bool = False
    stages: tuple[Stage, ...] = ()
    find_limit: tuple[str, ...] | None = None

    @property
    def level(self) -> Level:
        """What is held; of several stages the last."""
        if self.stages:
            return self.stages[-1].level
        return Level(self.users) if self.rate_rps is None else Level(rate_rps=self.rate_rps)

    @property
    def ramp_s(self) -> float:
        """How long it takes until the first level is reached."""
        users = self.stages[0].level.users if self.stages else self.users
        return 0.0 if self.model == "open" else (users or 0) / self.spawn_rate

    def at(self, level: Level) -> "LoadPlan":
        """The same plan with that level alone, for arithmetic."""
        return replace(self, users=level.users or self.users, rate_rps=level.rate_rps)


# A start this late is the generator's fault and worth counting: longer than a process of
# equal rank is usually kept waiting for a CPU (Linux's slices are some 3 ms).
LATE_START_S = 0.01


@dataclass(frozen=True)
class GeneratorHealth:
    """What the load generator itself went through while it loaded.

    `cpu` is in cores (1.0 is one core, all the time); `max_drift_s` is how late its
    scheduler woke at worst. None where the load was too short to tell. `cpu_each` is the
    CPU of each of its processes; `cpu_wait` is for how much of the time they were ready to run
    and no CPU was free, added up, None where that is not known. Of `starts` requests
    `late_starts` began more than `LATE_START_S` after they were meant to. `exhausted` counts
    requests that failed because it had run out of something, such as local ports, by the
    failure's text. `users_lost` counts the users of load processes that died.
    """

    cpu: float | None
    max_drift_s: float | None
    processes: int = 1
    cpu_each: tuple[float, ...] = ()
    starts: int = 0
    late_starts: int = 0
    exhausted: Mapping[str, int] = field(default_factory=dict)
    users_lost: int = 0
    cpu_wait: float | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """One endpoint in one load: alone with a single user first, then under load."""

    endpoint: Endpoint
    unloaded: Samples
    samples: Samples


@dataclass(frozen=True, eq=False)
class Load:
    """One load: `name` is an endpoint's label or a Locust user class.

    `ramp_end_s` is when the last user had started, None if that never happened.
    `trouble` says in one sentence what went wrong, None if nothing did. `machine_cpu` is
    the share of all the machine's CPUs that was busy under load, whoever used it.
    `repetition` counts the loads of that name from 1. `levels` are what it held in turn,
    empty where that was the plan's own level; `ramp_end_s` is then of the first. `insight` is
    None without a probe. `server_gone`: at its end nobody served any more.
    """

    name: str
    started_at: float
    duration_s: float
    ramp_end_s: float | None
    generator: GeneratorHealth
    measured: tuple[Measured, ...]
    trouble: str | None = None
    machine_cpu: float | None = None
    repetition: int = 1
    insight: Insight | None = None
    levels: tuple[Held, ...] = ()
    server_gone: bool = False

    @property
    def was_made(self) -> bool:
        """Whether any of its requests was sent; those of the single user are not its own."""
        return any(len(m.samples) or len(m.samples.cut_off_s) for m in self.measured)


@dataclass(frozen=True)
class Machine:
    system: str
    cpus: int
    cpu_model: str
    memory_bytes: int
    python: str


RunStatus = Literal["running", "complete", "partial"]


@dataclass(frozen=True, eq=False)
class Run:
    """Everything one `asyncperf run` recorded; the analysis needs nothing else. `verdicts` is
    what the source said when the load was over, None where it was not asked."""

    tool: str
    started_at: float
    machine: Machine
    target: Target
    plan: LoadPlan
    loads: tuple[Load, ...]
    status: RunStatus
    warnings: tuple[str, ...] = ()
    verdicts: Verdicts | None = None
