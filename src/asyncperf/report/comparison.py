"""Two runs on a terminal: what was not alike, the verdicts, then the figures."""

import math
import time
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from asyncperf.judgement import (
    Change,
    ChangeVerdict,
    ComparedMetric,
    Comparison,
    EndpointComparison,
    Side,
)
from asyncperf.report.layout import Page, prose, table
from asyncperf.report.units import TIE, UNKNOWN, in_words, number, plural, seconds
from asyncperf.report.untrusted import clean, shorten

MARKS: dict[ChangeVerdict, str] = {
    "better": "+",
    "worse": "x",
    "no_difference_shown": "=",
    "cannot_tell": "?",
}
STYLES: dict[ChangeVerdict, str] = {
    "better": "green",
    "worse": "red",
    "no_difference_shown": "",
    "cannot_tell": "yellow",
}
NAMES: dict[ComparedMetric, str] = {
    "rate": "req/s",
    "mean": "mean",
    "p50": "p50",
    "p95": "p95",
    "p99": "p99",
}
INDENT = TIE * 2


def render_comparison(comparison: Comparison, console: Console) -> None:
    """Print it at the console's width."""
    width = console.width
    sections = [
        _warnings(comparison.warnings, width),
        _header(comparison, width),
        _verdicts(comparison, width),
        _figures(comparison, width),
        _method(comparison, width),
    ]
    shown = [section for section in sections if section is not None]
    for i, section in enumerate(shown):
        console.print(Page(Group("", section) if i else section), end="", crop=False)


def _warnings(warnings: Sequence[str], width: int) -> RenderableType | None:
    lines = [prose(f"! {clean(text)}", width, style="yellow", hang="  ") for text in warnings]
    return Group(*lines) if lines else None


def _header(comparison: Comparison, width: int) -> RenderableType:
    sides = (("BASE", comparison.base), ("NEW", comparison.new))
    return Group(*(prose(_side(name, side), width) for name, side in sides))


def _side(name: str, side: Side) -> str:
    started = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(side.started_at))
    parts = [
        started,
        clean(side.app),
        "workers not known" if side.workers is None else plural(side.workers, "worker"),
        plural(side.users, "user"),
        clean(side.engine),
        plural(side.repetitions, "repetition"),
    ]
    return f"{name:<4}{TIE} " + " · ".join(parts)


def _verdicts(comparison: Comparison, width: int) -> RenderableType:
    lines = []
    for endpoint in comparison.endpoints:
        label = shorten(clean(endpoint.label), 50).replace(" ", TIE)
        text = f"{MARKS[endpoint.verdict]} {label}: {sentence(endpoint)}"
        lines.append(prose(text, width, style=STYLES[endpoint.verdict], hang="  "))
    if not lines:
        lines.append(prose("No endpoint was measured in both runs.", width))
    for name, only in (("BASE", comparison.only_in_base), ("NEW", comparison.only_in_new)):
        if only:
            named = ", ".join(shorten(clean(label), 50).replace(" ", TIE) for label in only)
            lines.append(prose(f"only in {name}: {named}", width, hang="  "))
    return Group(*lines)


def sentence(endpoint: EndpointComparison) -> str:
    """The verdict on one endpoint in words, with the changes that speak for it."""
    by_verdict = {
        verdict: [change for change in endpoint.changes if change.verdict == verdict]
        for verdict in MARKS
    }
    parts = [
        f"{verdict}: {in_words([_change(change) for change in by_verdict[verdict]])}"
        for verdict in ("worse", "better")
        if by_verdict[verdict]
    ]
    if parts:
        return "; ".join(parts)
    unsettled = by_verdict["cannot_tell"]
    if not unsettled:
        return "no difference shown"
    same = in_words([NAMES[change.metric] for change in by_verdict["no_difference_shown"]])
    what = f" of {in_words([NAMES[change.metric] for change in unsettled])}" if same else ""
    reasons = dict.fromkeys(clean(change.why or "") for change in unsettled)
    why = f": {next(iter(reasons))}" if len(reasons) == 1 else ""
    most = max(unsettled, key=lambda change: change.more_data or 0.0)
    return "; ".join(
        part
        for part in (
            f"cannot tell{what}{why}",
            more_data(most, endpoint),
            f"no difference shown in {same}" if same else None,
        )
        if part
    )


def _change(change: Change) -> str:
    return f"{NAMES[change.metric]}{TIE}{_percent(change.ratio)}"


def _percent(ratio: float | None) -> str:
    """A ratio as a change: +20 %, -3.2 %."""
    if ratio is None:
        return UNKNOWN
    percent = 100 * (ratio - 1)
    return f"{percent:+.{0 if abs(percent) >= 9.95 else 1}f}{TIE}%"


def _share(share: float) -> str:
    return f"{100 * share:g}{TIE}%"


def _figures(comparison: Comparison, width: int) -> RenderableType | None:
    rows: list[tuple[str, ...]] = []
    styles: dict[int, str] = {}
    for endpoint in comparison.endpoints:
        styles[len(rows)] = "bold"
        rows.append((clean(endpoint.label), "", "", "", "", ""))
        for change in endpoint.changes:
            styles[len(rows)] = STYLES[change.verdict]
            rows.append(_row(change, endpoint))
    interval = f"{_share(comparison.confidence)} interval"
    head = ("", "base", "new", "change", interval, "verdict")
    return table("", head, rows, width, words=1, styles=styles) if rows else None


def _row(change: Change, endpoint: EndpointComparison) -> tuple[str, ...]:
    show = number if change.metric == "rate" else seconds
    interval = UNKNOWN
    if change.low is not None and change.high is not None:
        low, high = _percent(change.low), _percent(change.high)
        interval = f"{low} to {high}"
    return (
        f"{INDENT}{NAMES[change.metric]}",
        show(change.base),
        show(change.new),
        _percent(change.ratio),
        interval,
        _verdict(change, endpoint),
    )


def _verdict(change: Change, endpoint: EndpointComparison) -> str:
    parts = [change.verdict.replace("_", " "), clean(change.why or "")]
    parts.append(more_data(change, endpoint) or "")
    return "; ".join(part for part in parts if part)


def more_data(change: Change, endpoint: EndpointComparison) -> str | None:
    """How much longer, or how many more repetitions, would probably settle it; None where
    it is settled, or where nothing is known."""
    if change.verdict != "cannot_tell" or change.low is None:
        return None
    if change.more_data is None:
        return "would take over 100 times the data"
    repetitions = min(endpoint.base_repetitions, endpoint.new_repetitions)
    if repetitions > 1:
        return f"takes about --repeat {math.ceil(repetitions * change.more_data)}"
    return f"takes about {change.more_data:.2g} x the time (-t)"


def _method(comparison: Comparison, width: int) -> RenderableType:
    margin = _share(comparison.at_least)
    text = (
        f"Better and worse: the whole {_share(comparison.confidence)} interval of new / base "
        f"lies beyond {margin} (--at-least). No difference shown: it lies within {margin}, so "
        "a smaller change is possible, a larger one unlikely. "
        f"{_source(comparison)}"
    )
    return prose(text, width, style="dim") if comparison.endpoints else Text("")


def _source(comparison: Comparison) -> str:
    repeated = min(comparison.base.repetitions, comparison.new.repetitions) > 1
    drawn = "whole repetitions" if repeated else "whole blocks of cycles"
    return f"Intervals: bootstrap over {drawn}, docs/compare.md."
