"""The tables: figures, percentiles, ceilings, and the whole run beside the steady window."""

import re
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from asyncperf.model import Skipped
from asyncperf.report.layout import LEAST_LABEL, prose, table
from asyncperf.report.limiter import OF_THE_LOAD, SHORT
from asyncperf.report.units import (
    TIE,
    UNKNOWN,
    count,
    known,
    number,
    percent,
    plural,
    seconds,
    span,
)
from asyncperf.report.untrusted import clean, fold, shorten
from asyncperf.results import PERCENTILES, EndpointResult, Figures, Latency, NextLimiter, Published

HEAD = ("requests", "failed", "mean", "min", "max", "median", "req/s")
# Room for a percentile's column: its endpoint's label is folded to this width and height.
PERCENTILE_COLUMN = 16
PERCENTILE_HEAD = 4
# Of an endpoint's kinds of failure, and of the reasons not to load one, so many are shown.
ERRORS = 3
SKIPPED = 5
# So many endpoints that redirect are named.
REDIRECTED = 5
# A label in a sentence is shortened to this.
LABEL = 40
# Why an endpoint was not loaded ends in what to type, and is cut only where it is absurd.
WHY_LINES = 3
WHOLE_RUN = "Steady state, whole run (ramp included, as Locust counts)"
INDENT = TIE * 2

Results = Sequence[EndpointResult]


def names(results: Results) -> tuple[str, list[str]]:
    """A heading and a name per endpoint; a method that all share goes into the heading."""
    methods = {result.endpoint.method for result in results}
    if len(methods) == 1:
        return shorten(clean(methods.pop()), LEAST_LABEL), [
            clean(result.endpoint.path) for result in results
        ]
    return "endpoint", [clean(result.endpoint.label) for result in results]


def steady(results: Results, width: int) -> RenderableType | None:
    """A row per endpoint: its figures in the steady window."""
    if all(result.steady is None for result in results):
        return None
    head, labels = names(results)
    rows = [(label, *_figures(r.steady)) for label, r in zip(labels, results, strict=True)]
    return table("Steady state", (head, *HEAD), rows, width)


def _figures(figures: Figures | None) -> tuple[str, ...]:
    if figures is None:
        return (UNKNOWN,) * len(HEAD)
    counts = (count(figures.requests), count(figures.failures))
    return (*counts, *_times(figures.latency), number(figures.rate_rps))


def _times(latency: Latency | None) -> tuple[str, ...]:
    if latency is None:
        return (UNKNOWN,) * 4
    median = latency.percentiles_s.get(50)
    times = (latency.mean_s, latency.min_s, latency.max_s, median)
    return tuple(seconds(time) for time in times)


def percentiles(results: Results, width: int) -> RenderableType | None:
    """A row per percentile, a column per endpoint, as many columns as fit."""
    measured = [(r, r.steady.latency) for r in results if r.steady and r.steady.latency]
    if not measured:
        return None
    each = max(1, (width - len("99.99")) // (PERCENTILE_COLUMN + 2))
    chunks = [measured[start : start + each] for start in range(0, len(measured), each)]
    _, labels = names([result for result, _ in measured])
    parts: list[RenderableType] = []
    for i, chunk in enumerate(chunks):
        title = " " if i else "Latency percentiles, steady state"
        here = labels[i * each : (i + 1) * each]
        columns = [fold(label, PERCENTILE_COLUMN, PERCENTILE_HEAD) for label in here]
        rows = [(f"{p:g}", *_percentile(p, chunk)) for p in (*PERCENTILES, 100)]
        parts.append(table(title, ("%", *columns), rows, width))
    note = _percentile_note([latency for _, latency in measured])
    return Group(*parts, prose(note, width, style="dim")) if note else Group(*parts)


def _percentile(p: float, chunk: Sequence[tuple[EndpointResult, Latency]]) -> list[str]:
    latencies = [latency for _, latency in chunk]
    return [seconds(x.max_s if p == 100 else x.percentiles_s.get(p)) for x in latencies]


def _percentile_note(latencies: Sequence[Latency]) -> str | None:
    """How many requests it takes to know the percentiles that are missing."""
    missing = [p for p in PERCENTILES if any(x.percentiles_s.get(p) is None for x in latencies)]
    if not missing:
        return None
    takes = [f"{p:g} takes {count(round(100 / (100 - p)))}" for p in missing]
    if len(takes) > 3:
        takes = [takes[0], "...", takes[-1]]
    return f"{UNKNOWN} too few requests to know; {', '.join(takes)}"


def ceilings(results: Results, width: int) -> RenderableType | None:
    """What the limiter allows, what a single user's requests foretold, how much of it was
    reached, and what comes after."""
    if all(result.ceiling_rps is None for result in results):
        return None
    head, labels = names(results)
    told = [r.predicted is not None for r in results]
    rows = [
        (
            label,
            number(r.ceiling_rps),
            *([number(r.predicted.rate_rps if r.predicted else None)] if any(told) else []),
            percent(r.measured_over_ceiling),
            SHORT[r.limiter.kind] if r.limiter else "cannot tell",
            _next(r.next_limiter),
        )
        for label, r in zip(labels, results, strict=True)
    ]
    before = ("ceiling", "predicted") if any(told) else ("ceiling",)
    columns = (head, *before, "reached", "set by", "next limit")
    return table("Ceilings, req/s", columns, rows, width, words=2)


def _next(limiter: NextLimiter | None) -> str:
    if limiter is None:
        return UNKNOWN
    where = "" if limiter.kind in OF_THE_LOAD else f" from {plural(limiter.users, 'user')}"
    return f"{SHORT[limiter.kind]} at {number(limiter.ceiling_rps)}{where}"


def whole_run(results: Results, width: int) -> RenderableType | None:
    """The steady window beside the whole run, where they differ."""
    if any(result.published for result in results):
        return _beside_published(results, width)
    head, labels = names(results)
    rows = [
        (label, *_side_by_side(r.steady, r.whole), count(r.in_flight_at_end))
        for label, r in zip(labels, results, strict=True)
    ]
    rows = [row for row in rows if row[1] != row[2] or row[3] != row[4] or row[5] != "0"]
    if not rows:
        return None
    columns = (
        head,
        "steady\nreq/s",
        "whole\nreq/s",
        "steady\nmean",
        "whole\nmean",
        "in flight\nat the end",
    )
    return table(WHOLE_RUN, columns, rows, width)


def _side_by_side(steady: Figures | None, whole: Figures) -> tuple[str, ...]:
    rates = [number(f.rate_rps if f else None) for f in (steady, whole)]
    means = [seconds(f.latency.mean_s if f and f.latency else None) for f in (steady, whole)]
    return (*rates, *means)


def _beside_published(results: Results, width: int) -> RenderableType:
    head, labels = names(results)
    rows: list[tuple[str, ...]] = []
    groups = []
    for label, result in zip(labels, results, strict=True):
        groups.append(len(rows))
        rows.append((label, *("",) * len(HEAD)))
        rows.append((f"{INDENT}steady", *_figures(result.steady)))
        rows.append((f"{INDENT}whole run", *_figures(result.whole if result.loaded else None)))
        if result.published:
            rows.append((f"{INDENT}published", *_published(result.published)))
    body = table(
        f"{WHOLE_RUN}, published", (head, *HEAD), rows, width, styles=dict.fromkeys(groups, "bold")
    )
    flying = [f"{x} {count(r.in_flight_at_end)}" for x, r in zip(labels, results, strict=True)]
    if len({result.in_flight_at_end for result in results}) == 1:
        flying = [f"{count(results[0].in_flight_at_end)} each"]
    note = f"In flight at the end, in no figure above: {', '.join(flying)}"
    return Group(body, prose(note, width, style="dim"))


def _published(row: Published) -> tuple[str, ...]:
    times = (row.mean_ms, row.min_ms, row.max_ms, row.median_ms)
    figures = (seconds(time / 1000) for time in times)
    return (count(row.requests), count(row.failures), *figures, f"{row.rate_rps:,.2f}")


def repetitions(results: Results, width: int) -> RenderableType | None:
    """The spread over the repetitions of each endpoint, where there are any."""
    repeated = [result for result in results if result.repetitions]
    if not repeated:
        return None
    head, labels = names(repeated)
    rows = []
    for label, result in zip(labels, repeated, strict=True):
        steady = [r.steady for r in result.repetitions if r.steady is not None]
        rates = [figures.rate_rps for figures in steady if known(figures.rate_rps)]
        medians = [f.latency.median_s for f in steady if f.latency and known(f.latency.median_s)]
        rows.append(
            (
                label,
                count(len(steady)),
                number(result.steady.rate_rps if result.steady else None),
                span(number(min(rates)), number(max(rates))) if rates else UNKNOWN,
                _spread(rates),
                span(seconds(min(medians)), seconds(max(medians))) if medians else UNKNOWN,
            )
        )
    columns = (head, "steady", "req/s", "least to most", "spread", "median, least to most")
    loads = max(len(result.repetitions) for result in repeated)
    title = f"{count(loads)} repetitions, in turns; the figures above are of all, rates their mean"
    return table(title, columns, rows, width)


def _spread(rates: Sequence[float]) -> str:
    """How far apart the least and the greatest are, as a share of the mean."""
    mean = sum(rates) / len(rates) if rates else 0.0
    return percent((max(rates) - min(rates)) / mean) if len(rates) > 1 and mean > 0 else UNKNOWN


def errors(results: Results, width: int) -> RenderableType | None:
    """The most frequent failures of each endpoint."""
    lines = []
    for result in results:
        found = sorted(result.errors.items(), key=lambda item: -item[1])
        for text, times in found[:ERRORS]:
            label = shorten(clean(result.endpoint.label), LABEL).replace(" ", TIE)
            why = shorten(clean(text), width)
            lines.append(prose(f"{label}: {count(times)}{TIE}x {why}", width, hang="  "))
        if len(found) > ERRORS:
            lines.append(prose(f"  and {plural(len(found) - ERRORS, 'other kind')}", width))
    return Group(Text("Failures", "bold"), *lines) if lines else None


def redirects(results: Results, width: int) -> RenderableType | None:
    """How much of what counts as answered only sent the client elsewhere."""
    found = [result for result in results if result.redirects]
    if not found:
        return None
    lines = []
    for result in found[:REDIRECTED]:
        label = shorten(clean(result.endpoint.label), LABEL).replace(" ", TIE)
        lines.append(prose(f"{label}: {count(result.redirects)}{TIE}x", width, hang="  "))
    if len(found) > REDIRECTED:
        more = plural(len(found) - REDIRECTED, "other endpoint")
        lines.append(prose(f"and {more}", width))
    advice = "counted as answered; to load where they lead: --endpoint"
    return Group(Text("Redirects, not followed", "bold"), *lines, prose(advice, width, style="dim"))


def skipped(endpoints: Sequence[Skipped], width: int) -> RenderableType | None:
    """The endpoints that were not loaded: one for each kind of reason, and how many like it."""
    groups: dict[str, list[Skipped]] = {}
    for each in endpoints:
        groups.setdefault(_kind_of(each.why), []).append(each)
    lines = []
    for first, *others in list(groups.values())[:SKIPPED]:
        label = shorten(clean(f"{first.method} {first.path}"), LABEL).replace(" ", TIE)
        more = f"; {count(len(others))} more like it" if others else ""
        why = shorten(clean(first.why), WHY_LINES * width)
        lines.append(prose(f"{label}: {why}{more}", width, hang="  "))
    left = sum(map(len, list(groups.values())[SKIPPED:]))
    if left:
        lines.append(prose(f"and {plural(left, 'other')}", width))
    if len(endpoints) > len(lines):
        lines.append(prose("--json FILE lists all of them", width, style="dim"))
    return Group(Text("Not loaded", "bold"), *lines) if lines else None


def _kind_of(why: str) -> str:
    """What the reason says without the names in it: "needs the path parameter"."""
    return re.sub(r"^[A-Z]+ |'[^']*'", "", why.partition(": ")[0])
