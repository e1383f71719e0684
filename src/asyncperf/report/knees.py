"""How much load is too much: the knee in words, a row per level, and both curves.

The words come first; the table has what was measured beside what arithmetic predicts.
"""

from collections.abc import Sequence

from rich.console import Group, RenderableType

from asyncperf.judgement import BudgetResult, Curve, Knee, Point
from asyncperf.levels import Level
from asyncperf.report.budgets import value as budget_value
from asyncperf.report.charts import Glyphs
from asyncperf.report.curves import Series, curve_chart
from asyncperf.report.layout import LEAST_LABEL, prose, table
from asyncperf.report.levels import level_name
from asyncperf.report.limiter import SHORT
from asyncperf.report.units import TIE, UNKNOWN, in_words, known, number, seconds, span
from asyncperf.report.untrusted import clean, shorten
from asyncperf.results import Diagnosis

LABEL = 50
STYLES = {"found": "bold", "at_least": "", "below": "yellow", "cannot_tell": "yellow"}
KEPT = {True: "kept", False: "missed", None: UNKNOWN}
GROWS = {True: "grows", False: "grows no more", None: UNKNOWN}
HEAD = ("req/s", "predicted", "mean", "predicted", "p95")


def knees(found: Sequence[Knee], width: int) -> RenderableType | None:
    """A paragraph per load: the knee with its interval, and what limits the app beyond it."""
    lines = [prose(sentence(knee), width, style=STYLES[knee.status], hang="  ") for knee in found]
    return Group(*lines) if lines else None


def sentence(knee: Knee) -> str:
    label = shorten(clean(knee.load), LABEL).replace(" ", TIE)
    said = f"{label}: {_by_budget(knee) if knee.criterion else _by_growth(knee)}"
    if _is_close(knee):
        said += " Within the noise it may lie a little lower or higher."
    if knee.status == "found" and knee.limited_by in SHORT:
        said += f" The limit beyond it is the {SHORT[knee.limited_by]}."
    if knee.why:
        where = "In between" if knee.status == "found" else "Beyond that"
        beyond = "" if knee.kept is None else f" {where} nothing can be told:"
        said += f"{beyond} {clean(knee.why)}."
    return said


def _is_close(knee: Knee) -> bool:
    """Whether a limit lies within an interval of the figure that was held against it."""
    for point in (_at(knee, knee.kept), _at(knee, knee.not_kept)):
        for result in point.budgets if point else ():
            low, high = ((point and point.intervals) or {}).get(result.budget.metric, (0.0, 0.0))
            if low < result.budget.limit < high:
                return True
    return False


def _by_budget(knee: Knee) -> str:
    text = in_words([clean(budget) for budget in knee.criterion])
    kept, missed = _at(knee, knee.kept), _at(knee, knee.not_kept)
    if knee.status == "found" and kept and missed:
        return (
            f"keeps {text} up to a load between {_between(kept.level, missed.level)}: "
            f"{_figures(kept)} at {level_name(kept.level)}, "
            f"{_figures(missed)} at {level_name(missed.level)}."
        )
    if kept:
        return (
            f"keeps {text} at {level_name(kept.level)} at least: {_figures(kept)}, {_rate(kept)}."
        )
    if missed:
        figures = _figures(missed)
        return f"misses {text} even at {level_name(missed.level)}: {figures}."
    return f"cannot tell how much load keeps {text}:"


def _by_growth(knee: Knee) -> str:
    kept, stopped = _at(knee, knee.kept), _at(knee, knee.not_kept)
    if knee.status == "found" and kept and stopped:
        return (
            f"throughput stops growing between {_between(kept.level, stopped.level)}, "
            f"at {_rate(stopped)}. More load only makes requests wait."
        )
    if kept:
        return f"throughput grows up to {level_name(kept.level)} at least, {_rate(kept)}."
    if stopped:
        return (
            f"throughput does not grow beyond {level_name(stopped.level)}, the least load: "
            f"{_rate(stopped)}."
        )
    return "cannot tell where throughput stops growing:"


def _at(knee: Knee, level: Level | None) -> Point | None:
    return next((point for point in knee.points if point.level == level), None)


def _between(low: Level, high: Level) -> str:
    return f"{number_of(low)} and {level_name(high)}"


def number_of(level: Level) -> str:
    return f"{level.amount:,g}"


def _rate(point: Point) -> str:
    rate = f"{number(point.rate_rps)}{TIE}req/s"
    interval = (point.intervals or {}).get("rate")
    if interval is None:
        return rate
    return f"{rate} ({number(interval[0])} to {number(interval[1])})"


def _figures(point: Point) -> str:
    """The budgets' own figures with their intervals, those that were missed if any was."""
    missed = [result for result in point.budgets if result.status == "missed"]
    parts = [_figure(result, point) for result in (missed or point.budgets)[:2]]
    return in_words(parts) if parts else "the queue has no end"


def _figure(result: BudgetResult, point: Point) -> str:
    metric, unit = result.budget.metric, result.budget.unit
    interval = (point.intervals or {}).get(metric)
    around = f" ({span(*(budget_value(end, unit) for end in interval))})" if interval else ""
    return f"{metric} {budget_value(result.actual, unit)}{around}"


def shown(diagnosis: Diagnosis, width: int) -> RenderableType | None:
    """Of which level the figures are that follow."""
    at = [
        f"{shorten(clean(knee.load), LABEL).replace(' ', TIE)} at {level_name(level)}"
        for knee in diagnosis.knees
        if (level := knee.kept or knee.not_kept) is not None
    ]
    return prose(f"The figures below are of {in_words(at)}.", width) if at else None


def points(diagnosis: Diagnosis, width: int) -> RenderableType | None:
    """A table per load, a row per level."""
    parts: list[RenderableType] = []
    for knee in diagnosis.knees:
        if not knee.points:
            continue
        if parts:
            parts.append("")
        parts.append(_points(knee, width))
    return Group(*parts) if parts else None


def _points(knee: Knee, width: int) -> RenderableType:
    rows = [
        (_mark(knee, point) + level_name(point.level), *_row(point), _said(knee, point))
        for point in knee.points
    ]
    styles = {i: "bold" for i, row in enumerate(rows) if row[0].startswith(">")}
    label = shorten(clean(knee.load), LABEL)
    title = f"{label}, level by level"
    last = "budget" if knee.criterion else "throughput"
    body = table(title, ("", *HEAD, last), rows, width, words=1, styles=styles)
    return Group(body, prose(_legend(knee.curve), width, style="dim")) if knee.curve else body


def _mark(knee: Knee, point: Point) -> str:
    return f">{TIE}" if point.level in (knee.kept, knee.not_kept) else TIE * 2


def _row(point: Point) -> tuple[str, ...]:
    predicted = point.predicted
    endless = predicted is not None and predicted.mean_s is None
    return (
        number(point.rate_rps),
        number(predicted.rate_rps if predicted else None),
        seconds(point.mean_s),
        "no end" if endless else seconds(predicted.mean_s if predicted else None),
        seconds(point.p95_s),
    )


def _said(knee: Knee, point: Point) -> str:
    if point.why is not None:
        return f"cannot tell: {clean(point.why)}"
    if not knee.criterion:
        return GROWS[point.kept]
    return KEPT[point.kept] if point.budgets else "missed: the queue has no end"


def _legend(curve: Curve) -> str:
    """Where the predicted figures come from."""
    turn = f"{seconds(curve.response_s)} a request without load"
    if curve.think_s:
        turn += f" and {seconds(curve.think_s)} think time"
    if curve.ceiling_rps is None:
        return f"Predicted: {turn}; no ceiling is known."
    by = "the most that was measured"
    if curve.ceiling_from in SHORT:
        by = f"the {SHORT[curve.ceiling_from]}"
    return f"Predicted: {turn}, at most {number(curve.ceiling_rps)} req/s ({by})."


def charts(knee: Knee, width: int, glyphs: Glyphs) -> RenderableType | None:
    """Rate and latency against load, what was measured on what is predicted."""
    if len(knee.points) < 2 or knee.curve is None:
        return None
    label = shorten(clean(knee.load), max(LEAST_LABEL, width - 60))
    unit = "users" if knee.points[0].level.rate_rps is None else "requests a second asked for"
    legend = f"{glyphs.point} measured  {glyphs.ramp} predicted  {glyphs.steady} the knee"
    span = (
        knee.kept.amount if knee.kept else None,
        knee.not_kept.amount if knee.not_kept else None,
    )
    rate = Series(
        title=f"{label}  req/s against load  {legend}",
        measured=[(p.level.amount, p.rate_rps) for p in knee.points if known(p.rate_rps)],
        predicted=[(amount, predicted.rate_rps) for amount, predicted in knee.predicted],
        name=number,
    )
    latency = Series(
        title=f"{label}  mean latency against load",
        measured=[(p.level.amount, p.mean_s) for p in knee.points if known(p.mean_s)],
        predicted=[(amount, p.mean_s) for amount, p in knee.predicted if known(p.mean_s)],
        name=seconds,
    )
    return Group(*(curve_chart(each, unit, span, width, glyphs) for each in (rate, latency)))
