"""Text charts: the latency distribution, and requests per second over time.

Block characters, or plain ASCII; each function returns lines no wider than `width`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from rich.text import Text

from asyncperf.report.units import TIE, count, number, seconds
from asyncperf.results import Histogram, Timeline, Window

BAR_STYLE = "cyan"
# Enough rows to see two humps, few enough that four endpoints stay on a few screens.
HISTOGRAM_ROWS = 12
TIMELINE_ROWS = 4
# Room for the figures left of a timeline: `12,345 ` and its axis.
AXIS_WIDTH = 9
# Three or more empty rows in a row say no more than one.
EMPTY_RUN = 3


# From when to when the load changed to a level; None if that never ended.
Ramp = tuple[float, float | None]


@dataclass(frozen=True)
class Glyphs:
    """Bars from empty to full: one row of characters along, one upwards."""

    along: str
    upwards: str
    ramp: str
    steady: str
    axis: str
    point: str


BLOCKS = Glyphs(" ▏▎▍▌▋▊▉█", " ▁▂▃▄▅▆▇█", "·", "━", "│", "●")
PLAIN = Glyphs(" :#", " .:#", ".", "=", "|", "o")


def histogram(title: str, data: Histogram, width: int, glyphs: Glyphs = BLOCKS) -> Text:
    """A bar per latency bin, with its range and its count."""
    edges, counts = _merge(data, HISTOGRAM_ROWS)
    if not counts or max(counts) <= 0:
        return Text(f"{title}: no requests", "dim")
    ranges = _ranges(edges)
    label = max(map(len, ranges))
    figure = max(len(count(n)) for n in counts)
    room = max(1, width - label - figure - 5)
    chart = Text(no_wrap=True).append(f"{title}\n", "bold")
    for i in _rows(counts):
        if i is None:
            chart.append(f"{'…':>{label}}\n", "dim")
            continue
        chart.append(f"{ranges[i]:>{label}}  {count(counts[i]):>{figure}} {glyphs.axis}")
        chart.append(_bar(counts[i] / max(counts), room, glyphs.along) + "\n", BAR_STYLE)
    chart.rstrip()
    return chart


def _merge(data: Histogram, rows: int) -> tuple[list[float], list[int]]:
    """Neighbouring bins added up until at most `rows` are left."""
    bins = min(len(data.counts), len(data.edges_s) - 1)
    step = max(1, math.ceil(bins / rows))
    starts = range(0, bins, step)
    counts = [sum(data.counts[i : min(i + step, bins)]) for i in starts]
    edges = [data.edges_s[i] for i in starts] + [data.edges_s[bins]] if bins > 0 else []
    return edges, counts


def _rows(counts: Sequence[int]) -> Iterator[int | None]:
    """The rows to draw; None stands for a run of empty ones."""
    i = 0
    while i < len(counts):
        end = next((j for j in range(i, len(counts)) if counts[j]), len(counts))
        if end - i >= EMPTY_RUN:
            yield None
            i = end
        else:
            yield i
            i += 1


def _ranges(edges: Sequence[float]) -> list[str]:
    """`15.00 – 15.01 s`: one unit, and decimals enough to tell two edges apart."""
    unit, factor = ("s", 1.0) if edges[-1] >= 1 else ("ms", 1000.0)
    narrowest = min((b - a for a, b in pairwise(edges) if b > a), default=1.0)
    decimals = max(0, min(4, math.ceil(-math.log10(narrowest * factor / 2))))
    marks = [f"{edge * factor:,.{decimals}f}" for edge in edges]
    wide = max(map(len, marks))
    return [f"{a:>{wide}} – {b:>{wide}} {unit}" for a, b in pairwise(marks)]


def _bar(share: float, room: int, ramp: str) -> str:
    """A bar `share` of `room` long, at least the thinnest stroke where share is not 0."""
    steps = len(ramp) - 1
    filled = max(math.floor(share * room * steps), 1 if share > 0 else 0)
    return ramp[-1] * (filled // steps) + ramp[filled % steps].strip()


def timeline(
    title: str,
    data: Timeline,
    ramps: Sequence[Ramp],
    windows: Sequence[Window],
    width: int,
    glyphs: Glyphs = BLOCKS,
) -> Text:
    """Completions per second from the start of the ramp, the steady windows underlined."""
    axis = max(AXIS_WIDTH, len(number(max(data.rates_rps, default=0.0))) + 2)
    rates, column_s = _columns(data, max(1, width - axis))
    peak = max(rates, default=0.0)
    if peak <= 0:
        return Text(f"{title}: no requests", "dim")
    bar = seconds(max(column_s, data.bin_s)).replace(TIE, " ")
    chart = Text(no_wrap=True).append(f"{title}, {bar} a bar\n", "bold")
    for row in reversed(range(TIMELINE_ROWS)):
        mark = number(peak) if row == TIMELINE_ROWS - 1 else "0" if row == 0 else ""
        chart.append(f"{mark:>{axis - 2}} {glyphs.axis}")
        cells = (_cell(rate / peak, row, glyphs.upwards) for rate in rates)
        chart.append("".join(cells).rstrip() + "\n", BAR_STYLE)
    middles = [(i + 0.5) * column_s for i in range(len(rates))]
    phases = "".join(_phase(t, ramps, windows, glyphs) for t in middles)
    chart.append(" " * axis + phases.rstrip() + "\n", "green")
    legend = _legend(len(rates) * column_s, ramps, windows, glyphs)
    chart.append(" " * max(0, min(axis, width - len(legend))) + legend)
    return chart


def _columns(data: Timeline, room: int) -> tuple[list[float], float]:
    """One rate per column and the seconds it stands for: bins averaged, or drawn wider."""
    bins = len(data.rates_rps)
    if bins > room:
        step = math.ceil(bins / room)
        starts = range(0, bins, step)
        means = [float(np.mean(data.rates_rps[i : i + step])) for i in starts]
        return means, data.bin_s * step
    wide = room // bins if bins else 1
    return [rate for rate in data.rates_rps for _ in range(wide)], data.bin_s / wide


def _cell(share: float, row: int, ramp: str) -> str:
    """The part of a column `share` high that lies in `row`, counted from the bottom."""
    steps = len(ramp) - 1
    level = max(round(share * TIMELINE_ROWS * steps), 1 if share > 0 else 0)
    return ramp[min(max(level - row * steps, 0), steps)]


def _phase(t: float, ramps: Sequence[Ramp], windows: Sequence[Window], glyphs: Glyphs) -> str:
    if any(window.start_s <= t < window.end_s for window in windows):
        return glyphs.steady
    ramping = any(begin_s <= t and (end_s is None or t < end_s) for begin_s, end_s in ramps)
    return glyphs.ramp if ramping else " "


def _legend(
    length_s: float, ramps: Sequence[Ramp], windows: Sequence[Window], glyphs: Glyphs
) -> str:
    parts = []
    if len(ramps) > 1:
        parts.append(f"{glyphs.ramp} change to the next stage")
    elif ramps:
        [(_, end_s)] = ramps
        said = "ramp never ended" if end_s is None else f"ramp to {seconds(end_s)}"
        parts.append(f"{glyphs.ramp} {said}")
    if len(windows) > 1:
        parts.append(f"{glyphs.steady} steady windows")
    for window in windows if len(windows) == 1 else ():
        start, end = seconds(window.start_s), seconds(window.end_s)
        parts.append(f"{glyphs.steady} steady window {start} to {end}")
    parts.append(f"end {seconds(length_s)}")
    return "  ".join(parts).replace(TIE, " ")
