"""Each budget with the actual value beside its limit, in the manner of k6."""

from collections.abc import Sequence

from rich.console import RenderableType

from asyncperf.judgement import BudgetResult, BudgetStatus, BudgetUnit
from asyncperf.report.layout import table
from asyncperf.report.units import TIE, UNKNOWN, count, known, number, percent, plural, seconds
from asyncperf.report.untrusted import clean, shorten

MARKS: dict[BudgetStatus, str] = {"met": "ok", "missed": "x", "cannot_tell": "?"}
STYLES: dict[BudgetStatus, str] = {"met": "", "missed": "red", "cannot_tell": "yellow"}
# A budget that more endpoints keep than this names the closest to its limit alone.
FEW = 6


def budgets(results: Sequence[BudgetResult], width: int) -> RenderableType | None:
    """A row per budget and endpoint, in the order in which the budgets were given."""
    if not results:
        return None
    shown = [row for group in _by_budget(results) for row in _rows(group, width)]
    styles = {i: STYLES[status] for i, (status, _) in enumerate(shown)}
    cells = [row for _, row in shown]
    return table("", ("   budget", "actual", "endpoint"), cells, width, words=1, styles=styles)


def _by_budget(results: Sequence[BudgetResult]) -> list[list[BudgetResult]]:
    groups: dict[str, list[BudgetResult]] = {}
    for result in results:
        groups.setdefault(result.budget.text, []).append(result)
    return list(groups.values())


def _rows(
    group: Sequence[BudgetResult], width: int
) -> list[tuple[BudgetStatus, tuple[str, str, str]]]:
    met = [result for result in group if result.status == "met"]
    if len(met) <= FEW:
        return [(r.status, _row(r, _name(r), width)) for r in group]
    by_value = sorted(met, key=lambda r: r.actual or 0.0)
    closest = by_value[-1] if met[0].budget.is_upper else by_value[0]
    summary = f"{plural(len(met), 'endpoint')}, the closest {_name(closest)}"
    rest = [(r.status, _row(r, _name(r), width)) for r in group if r.status != "met"]
    return [("met", _row(closest, summary, width)), *rest]


def _row(result: BudgetResult, where: str, width: int) -> tuple[str, str, str]:
    mark = f"{MARKS[result.status]:<2}".replace(" ", TIE)
    text = shorten(clean(result.budget.text), max(20, width // 2)).replace(" ", TIE)
    said = f"{where}: cannot tell, {clean(result.why)}" if result.why else where
    return f"{mark}{TIE}{text}", value(result.actual, result.budget.unit), said


def _name(result: BudgetResult) -> str:
    if result.endpoint is None:
        return "none"
    return shorten(clean(result.endpoint), 50)


def value(value: float | None, unit: BudgetUnit) -> str:
    """A figure in a budget's unit."""
    if not known(value):
        return UNKNOWN
    if unit == "s":
        return seconds(value)
    if unit == "share":
        return percent(value, 2)
    if unit == "count":
        return count(round(value))
    return f"{number(value)}{TIE}req/s"
