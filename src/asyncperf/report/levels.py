"""A load at several levels: a row for each, with its own figures, ceiling and limiter."""

from collections.abc import Sequence

from rich.console import RenderableType

from asyncperf.levels import Level
from asyncperf.report.layout import table
from asyncperf.report.limiter import SHORT
from asyncperf.report.tables import LABEL, names
from asyncperf.report.units import TIE, UNKNOWN, number, plural, seconds
from asyncperf.report.untrusted import clean, shorten
from asyncperf.results import EndpointResult

INDENT = TIE * 2
HEAD = ("req/s", "ceiling", "mean", "p50", "p95", "limited by")


def level_name(level: Level) -> str:
    """`80 users`, `200 req/s`."""
    if level.rate_rps is not None:
        return f"{level.rate_rps:,g}{TIE}req/s"
    return plural(level.users or 0, "user")


def stages(results: Sequence[EndpointResult], width: int) -> RenderableType | None:
    """A row per endpoint and stage."""
    staged = [result for result in results if result.levels]
    if not staged:
        return None
    head, labels = names(staged)
    rows: list[tuple[str, ...]] = []
    groups = []
    for label, result in zip(labels, staged, strict=True):
        if len(staged) > 1:
            groups.append(len(rows))
            rows.append((label, *("",) * len(HEAD)))
        indent = INDENT if len(staged) > 1 else ""
        rows += [(f"{indent}{_name(level)}", *_figures(level)) for level in result.levels]
    if len(staged) == 1:
        head = shorten(clean(staged[0].endpoint.label), LABEL)
    title = "Stages, each in its steady state; the figures below are of the last one"
    bold = dict.fromkeys(groups, "bold")
    return table(title, (head, *HEAD), rows, width, words=1, styles=bold)


def _name(result: EndpointResult) -> str:
    return level_name(result.held.level) if result.held else UNKNOWN


def _figures(result: EndpointResult) -> tuple[str, ...]:
    if result.steady is None:
        why = result.trouble or result.no_window_why or "there is no steady window"
        return UNKNOWN, number(result.ceiling_rps), *(UNKNOWN,) * 3, f"cannot tell: {clean(why)}"
    latency = result.steady.latency
    times = [latency.mean_s, *map(latency.percentiles_s.get, (50, 95))] if latency else [None] * 3
    limited = SHORT[result.limiter.kind] if result.limiter else "cannot tell"
    rates = number(result.steady.rate_rps), number(result.ceiling_rps)
    return (*rates, *map(seconds, times), limited)
