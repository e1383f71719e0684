"""A figure against load: what was measured as points, on the curve that was predicted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from asyncperf.report.charts import BAR_STYLE, Glyphs
from asyncperf.report.units import TIE

ROWS = 9
# Loads further apart than this are drawn on a logarithmic scale.
WIDE = 8.0
# Room above the highest measured point for a curve that lies higher.
HEADROOM = 1.15


@dataclass(frozen=True)
class Series:
    """Pairs of load and figure, in order of the load; `name` writes a figure."""

    title: str
    measured: Sequence[tuple[float, float]]
    predicted: Sequence[tuple[float, float]]
    name: Callable[[float], str]


def curve_chart(
    series: Series,
    unit: str,
    knee: tuple[float | None, float | None],
    width: int,
    glyphs: Glyphs,
) -> Text:
    """Lines no wider than `width`; `knee` is marked on the axis of the load, whose `unit` is
    such as "users"."""
    loads = [load for load, _ in (*series.measured, *series.predicted)]
    if not series.measured or max(loads) <= min(loads):
        return Text(f"{series.title}: too few levels to draw", "dim")
    highest = max(value for _, value in series.measured)
    top = max(highest, min(HEADROOM * highest, max((v for _, v in series.predicted), default=0.0)))
    marks = [series.name(top).replace(TIE, " "), "0"]
    axis = max(map(len, marks)) + 2
    scale = _Scale(min(loads), max(loads), max(1, width - axis - 1))
    cells = [[" "] * scale.columns for _ in range(ROWS)]
    for column, value in _curve(series.predicted, scale):
        if value <= top:
            cells[_row(value / top)][column] = glyphs.ramp
    for load, value in series.measured:
        cells[_row(value / top)][scale.column(load)] = glyphs.point
    chart = Text(no_wrap=True)
    chart.append(f"{series.title}\n", "bold")
    for number, row in enumerate(reversed(cells)):
        mark = marks[0] if number == 0 else marks[1] if number == ROWS - 1 else ""
        chart.append(f"{mark:>{axis - 2}} {glyphs.axis}")
        chart.append("".join(row).rstrip() + "\n", BAR_STYLE)
    chart.append(" " * axis + _knee(knee, scale, glyphs) + "\n", "green")
    chart.append(" " * axis + _loads(scale, unit))
    return chart


class _Scale:
    """From a load to a column: even, or where loads are far apart logarithmic."""

    def __init__(self, low: float, high: float, columns: int) -> None:
        self.low, self.high, self.columns = low, high, columns
        self.is_wide = high > WIDE * low

    def column(self, load: float) -> int:
        of = np.log if self.is_wide else np.asarray
        share = (of(load) - of(self.low)) / (of(self.high) - of(self.low))
        return int(np.clip(round(float(share) * (self.columns - 1)), 0, self.columns - 1))

    def load(self, column: int) -> float:
        share = column / max(1, self.columns - 1)
        if self.is_wide:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)


def _curve(predicted: Sequence[tuple[float, float]], scale: _Scale) -> list[tuple[int, float]]:
    """The curve's value in each column, between its samples on a straight line."""
    if not predicted:
        return []
    loads, values = zip(*predicted, strict=True)
    within = [c for c in range(scale.columns) if scale.load(c) <= loads[-1] * (1 + 1e-9)]
    found = np.interp([scale.load(column) for column in within], loads, values)
    return list(zip(within, map(float, found), strict=True))


def _row(share: float) -> int:
    return min(ROWS - 1, max(0, round(share * (ROWS - 1))))


def _knee(knee: tuple[float | None, float | None], scale: _Scale, glyphs: Glyphs) -> str:
    """The stretch of the load's axis in which the knee lies."""
    low, high = knee
    first = 0 if low is None else scale.column(low)
    last = scale.columns - 1 if high is None else scale.column(high)
    return "" if low is high is None else " " * first + glyphs.steady * (last - first + 1)


def _loads(scale: _Scale, unit: str) -> str:
    low, high = f"{scale.low:,g}", f"{scale.high:,g} {unit}"
    return low + " " * max(1, scale.columns - len(low) - len(high)) + high
