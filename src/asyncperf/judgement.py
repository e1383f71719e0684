"""The words of a judgement: budgets that were kept or missed, the highest load that an app
keeps up with, and two runs compared.

Frozen data like `results`, which builds on it; it imports only the words of `levels`. Times
are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from asyncperf.levels import Level

# Budgets

Operator = Literal["<", "<=", ">", ">="]
# What a limit and the actual value are counted in; a share is 0 to 1.
BudgetUnit = Literal["s", "share", "count", "rps"]
BudgetStatus = Literal["met", "missed", "cannot_tell"]


@dataclass(frozen=True)
class Budget:
    """A limit that a figure has to keep, such as `p95<500ms`, as written in `text`.

    `metric` is mean, max, p50 ... p99.99, errors or rate. `method` and `path`, a glob,
    choose the endpoints that it holds for; None is any.
    """

    text: str
    metric: str
    operator: Operator
    limit: float
    unit: BudgetUnit
    method: str | None = None
    path: str | None = None

    @property
    def is_upper(self) -> bool:
        return self.operator in ("<", "<=")


@dataclass(frozen=True)
class BudgetResult:
    """A budget against one endpoint. `endpoint` is its label, None where none matches;
    `why` says why it cannot be told."""

    budget: Budget
    endpoint: str | None
    status: BudgetStatus
    actual: float | None
    why: str | None = None


# The knee: how much load is too much

KneeStatus = Literal["found", "at_least", "below", "cannot_tell"]


@dataclass(frozen=True)
class Curve:
    """What arithmetic predicts of rate and latency against load: `response_s` without load,
    `think_s` between two requests, and the most that can be served. `ceiling_from` is the kind
    of the limiter that says so, or "measured" for the most that was seen once it had stopped
    growing; both are None where no such limit is known."""

    response_s: float
    think_s: float
    ceiling_rps: float | None
    ceiling_from: str | None


@dataclass(frozen=True)
class Predicted:
    """What a curve says of one level; the latency is None where the queue has no end."""

    rate_rps: float
    mean_s: float | None


@dataclass(frozen=True)
class Point:
    """A whole load at one level. `kept` says whether it still kept the criterion, None where
    that cannot be told; `why` then says why, None if more levels would tell.

    `intervals` are of rate, mean, p50, p95 and p99, as far as there are requests enough.
    """

    level: Level
    rate_rps: float | None
    mean_s: float | None
    p95_s: float | None
    kept: bool | None = None
    why: str | None = None
    intervals: Mapping[str, tuple[float, float]] | None = None
    budgets: tuple[BudgetResult, ...] = ()
    predicted: Predicted | None = None


@dataclass(frozen=True)
class Knee:
    """The highest level of a load that keeps a criterion: these budgets, or where there are
    none, that a higher level gives more throughput.

    It lies from `kept`, the highest level that kept it, to `not_kept`, the lowest that did
    not. `limited_by` is the kind of the limiter at `not_kept`. `why` says why the knee cannot
    be told, or not beyond `kept`. `predicted` is what `curve` says of loads between the lowest
    and the highest point, in users or in requests a second.
    """

    load: str
    criterion: tuple[str, ...]
    status: KneeStatus
    kept: Level | None
    not_kept: Level | None
    points: tuple[Point, ...]
    curve: Curve | None = None
    predicted: tuple[tuple[float, Predicted], ...] = ()
    limited_by: str | None = None
    why: str | None = None


# Comparisons

ComparedMetric = Literal["rate", "mean", "p50", "p95", "p99"]
ChangeVerdict = Literal["better", "worse", "no_difference_shown", "cannot_tell"]


@dataclass(frozen=True)
class Change:
    """One figure in two runs: `ratio` is new / base, with its interval from `low` to `high`.

    `base` and `new` are req/s for the rate, else seconds. Where nothing can be told, `why`
    says why, and `more_data` how many times the data would probably settle it; None where
    more data is not what it takes.
    """

    metric: ComparedMetric
    base: float | None
    new: float | None
    ratio: float | None
    low: float | None
    high: float | None
    verdict: ChangeVerdict
    why: str | None = None
    more_data: float | None = None


@dataclass(frozen=True)
class EndpointComparison:
    """One endpoint in two runs; `verdict` sums up those of its changes."""

    method: str
    path: str
    verdict: ChangeVerdict
    changes: tuple[Change, ...]
    base_requests: int
    new_requests: int
    base_repetitions: int
    new_repetitions: int

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Side:
    """One of the two runs, in a line."""

    app: str
    started_at: float
    workers: int | None
    users: int
    engine: str
    repetitions: int


@dataclass(frozen=True)
class Comparison:
    """Two runs, compared. `at_least` is the smallest relative change worth naming, and
    `confidence` how often an interval covers the true ratio. The endpoints that only one
    of the runs measured stand in `only_in_base` and `only_in_new`."""

    base: Side
    new: Side
    endpoints: tuple[EndpointComparison, ...]
    only_in_base: tuple[str, ...]
    only_in_new: tuple[str, ...]
    warnings: tuple[str, ...]
    at_least: float
    confidence: float
