"""The words of a judgement: budgets that were kept or missed.

Frozen data like `model`, which builds on it; it imports nothing. Times are seconds.
"""

from dataclasses import dataclass
from typing import Literal

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
