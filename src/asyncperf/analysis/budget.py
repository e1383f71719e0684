"""Budgets: limits that a person sets on the figures, and whether a run kept them."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import get_args

from asyncperf.analysis.findings import generator_limit
from asyncperf.judgement import Budget, BudgetResult, BudgetUnit, Operator
from asyncperf.results import PERCENTILES, EndpointResult

FORM = re.compile(r"\s*([A-Za-z][\w.]*)\s*(<=|>=|<|>)\s*([\d.]+)\s*(\S*)\s*", re.ASCII)
ENDPOINT = re.compile(r"\s*(?:([A-Z]+)\s+)?(\S.*?)\s*", re.ASCII)
EXAMPLES = "Such as: p95<500ms, mean<=0.2s, errors<1%, errors<5, rate>200, 'GET /items: p99<1s'"

TIMES = ("mean", "max", "median", *(f"p{p:g}" for p in PERCENTILES))
TIME_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
# By metric: the unit that a text may carry, what it counts in, and its factor.
UNITS: Mapping[str, Mapping[str, tuple[BudgetUnit, float]]] = {
    **{metric: {text: ("s", factor) for text, factor in TIME_UNITS.items()} for metric in TIMES},
    "errors": {"%": ("share", 0.01), "": ("count", 1.0)},
    "rate": dict.fromkeys(("", "/s", "rps", "req/s"), ("rps", 1.0)),
}
UNIT_NAMES = {"errors": "a share (1%) or a count (5)", "rate": "requests per second (200)"}
KEEPS: Mapping[Operator, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class BudgetError(ValueError):
    """A budget that cannot be read; the message names its text and what is accepted."""


def parse_budget(text: str) -> Budget:
    """A budget from `p95<500ms`, or for some endpoints `GET /items*: rate>50`.

    Raises `BudgetError`.
    """
    where, colon, condition = text.rpartition(":")
    form = FORM.fullmatch(condition)
    endpoint = ENDPOINT.fullmatch(where)
    if form is None or (colon and endpoint is None):
        raise BudgetError(f"cannot read the budget {text!r}. {EXAMPLES}")
    metric, sign, figure, unit = form.groups()
    if metric not in UNITS:
        known = f"mean, median, max, {', '.join(TIMES[3:])}, errors and rate"
        raise BudgetError(f"the budget {text!r} is on {metric!r}. Known are {known}")
    compared = _operator(sign, metric, text)
    if unit not in UNITS[metric]:
        accepted = UNIT_NAMES.get(metric, f"a time with its unit ({', '.join(TIME_UNITS)})")
        raise BudgetError(f"the budget {text!r} needs {accepted}, not {figure + unit!r}")
    kind, factor = UNITS[metric][unit]
    limit = _number(figure, text) * factor
    if kind == "share" and limit > 1:
        raise BudgetError(f"the budget {text!r} is always kept: a share is at most 100%")
    method, path = endpoint.groups() if colon and endpoint else (None, None)
    return Budget(
        text=" ".join(text.split()),
        metric="p50" if metric == "median" else metric,
        operator=compared,
        limit=limit,
        unit=kind,
        method=method,
        path=path,
    )


def _operator(sign: str, metric: str, text: str) -> Operator:
    """The comparison, refused where it would ask for slowness."""
    accepted = ">" if metric == "rate" else "<"
    if not sign.startswith(accepted):
        raise BudgetError(f"the budget {text!r} must say {metric}{accepted}... or {accepted}=...")
    return next(known for known in get_args(Operator) if known == sign)


def _number(figure: str, text: str) -> float:
    try:
        return float(figure)
    except ValueError:
        raise BudgetError(f"{figure!r} in the budget {text!r} is no number") from None


def judge(budgets: Sequence[Budget], results: Sequence[EndpointResult]) -> tuple[BudgetResult, ...]:
    """Every budget against every endpoint it is meant for, in the order they were given."""
    return tuple(verdict for budget in budgets for verdict in _judged(budget, results))


def _judged(budget: Budget, results: Sequence[EndpointResult]) -> Iterable[BudgetResult]:
    meant = [result for result in results if _is_meant(budget, result)]
    if not meant:
        # A slip in a path must not pass as a budget that was kept.
        yield BudgetResult(budget, None, "cannot_tell", None, "no endpoint that was loaded matches")
    for result in meant:
        yield _against(budget, result)


def _is_meant(budget: Budget, result: EndpointResult) -> bool:
    method, path = result.endpoint.method, result.endpoint.path
    if budget.method not in (None, method):
        return False
    return budget.path is None or budget.path == path or fnmatchcase(path, budget.path)


def _against(budget: Budget, result: EndpointResult) -> BudgetResult:
    label = result.endpoint.label
    actual = actual_value(budget, result)
    why = _untrusted(result) or (_unknown(budget, result) if actual is None else None)
    if why is not None or actual is None:
        return BudgetResult(budget, label, "cannot_tell", actual, why)
    kept = KEEPS[budget.operator](actual, budget.limit)
    return BudgetResult(budget, label, "met" if kept else "missed", actual)


def actual_value(budget: Budget, result: EndpointResult) -> float | None:
    """What was measured, in the budget's unit.

    Errors are counted over the whole load, because one in the ramp is an error as well;
    everything else is of the steady window.
    """
    if budget.metric == "errors":
        failures, requests = result.whole.failures, result.whole.requests
        if budget.unit == "count":
            return float(failures) if requests else None
        return failures / requests if requests else None
    steady = result.steady
    if steady is None:
        return None
    if budget.metric == "rate":
        return steady.rate_rps
    if steady.latency is None:
        return None
    if budget.metric in ("mean", "max"):
        return steady.latency.mean_s if budget.metric == "mean" else steady.latency.max_s
    return steady.latency.percentiles_s.get(float(budget.metric[1:]))


def _untrusted(result: EndpointResult) -> str | None:
    """Why no figure of this endpoint may be held against it."""
    return generator_limit(result.generator) or result.trouble


def _unknown(budget: Budget, result: EndpointResult) -> str:
    if budget.metric == "errors":
        return "no request was answered"
    if result.steady is None:
        return result.no_window_why or "there is no steady window"
    if result.steady.latency is None:
        return "no request succeeded in the steady window"
    if budget.metric.startswith("p"):
        beyond = 100 - float(budget.metric[1:])
        return f"{budget.metric} takes {round(100 / beyond):,} requests"
    return "it was not measured"
