"""Budgets and knees in the JSON result."""

from asyncperf.judgement import BudgetResult, Curve, Knee, Point, Predicted
from asyncperf.levels import Level
from asyncperf.report.document import Json, finite


def level_document(level: Level | None) -> Json | None:
    if level is None:
        return None
    return {"users": level.users, "arrivals_rps": finite(level.rate_rps)}


def knee_document(knee: Knee) -> Json:
    return {
        "load": knee.load,
        "criterion": list(knee.criterion),
        "status": knee.status,
        "kept": level_document(knee.kept),
        "not_kept": level_document(knee.not_kept),
        "limited_by": knee.limited_by,
        "why": knee.why,
        "points": [_point(point) for point in knee.points],
        "curve": _curve(knee.curve),
        "predicted": [{"load": amount, **_predicted(p)} for amount, p in knee.predicted],
    }


def _point(point: Point) -> Json:
    return {
        **(level_document(point.level) or {}),
        "rate_rps": finite(point.rate_rps),
        "mean_s": finite(point.mean_s),
        "p95_s": finite(point.p95_s),
        "kept": point.kept,
        "why": point.why,
        "intervals": {name: [*map(finite, ends)] for name, ends in (point.intervals or {}).items()},
        "budgets": [budget_document(result) for result in point.budgets],
        "predicted": _predicted(point.predicted) if point.predicted else None,
    }


def _curve(curve: Curve | None) -> Json | None:
    if curve is None:
        return None
    return {
        "response_s": finite(curve.response_s),
        "think_s": finite(curve.think_s),
        "ceiling_rps": finite(curve.ceiling_rps),
        "ceiling_from": curve.ceiling_from,
    }


def _predicted(predicted: Predicted) -> Json:
    return {"rate_rps": finite(predicted.rate_rps), "mean_s": finite(predicted.mean_s)}


def budget_document(result: BudgetResult) -> Json:
    budget = result.budget
    return {
        "budget": budget.text,
        "endpoint": result.endpoint,
        "metric": budget.metric,
        "operator": budget.operator,
        "limit": finite(budget.limit),
        "unit": budget.unit,
        "actual": finite(result.actual),
        "status": result.status,
        "why": result.why,
    }
