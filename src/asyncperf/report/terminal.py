"""The report on a terminal: the answer first, then the evidence, then the shapes."""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType

from asyncperf.report import charts, knees, levels, tables, verdict
from asyncperf.report.breakdown import breakdowns
from asyncperf.report.budgets import budgets
from asyncperf.report.findings import findings, healthy
from asyncperf.report.layout import Page, prose
from asyncperf.report.units import TIE, count, in_words, plural, seconds, span
from asyncperf.report.untrusted import clean, shorten
from asyncperf.results import Diagnosis, EndpointResult, Figures, Window


def render(diagnosis: Diagnosis, console: Console, charted: bool | None = None) -> None:
    """Print the report at the console's width.

    `charted` asks for the charts or leaves them out; None draws them for a few endpoints.
    """
    if charted is None:
        charted = len(diagnosis.endpoints) <= verdict.FEW
    for i, section in enumerate(_sections(diagnosis, console, charted)):
        console.print(Page(Group("", section) if i else section), end="", crop=False)


def _sections(diagnosis: Diagnosis, console: Console, charted: bool) -> Iterator[RenderableType]:
    width, results = console.width, diagnosis.endpoints
    glyphs = charts.PLAIN if console.options.ascii_only else charts.BLOCKS
    sections = [
        verdict.alerts(diagnosis, width),
        verdict.header(diagnosis, width),
        knees.knees(diagnosis.knees, width) or verdict.verdict(diagnosis, width),
        budgets(diagnosis.budgets, width),
        findings(diagnosis, width),
        healthy(diagnosis.healthy, width),
    ]
    # Of an endpoint whose load was never made, the verdict says all there is.
    loaded = [result for result in results if result.loaded]
    if results:
        sections += [tables.errors(results, width), tables.redirects(results, width)]
    if loaded:
        sections += [
            knees.points(diagnosis, width),
            *(knees.charts(knee, width, glyphs) for knee in diagnosis.knees),
            knees.shown(diagnosis, width),
            levels.stages(loaded, width) if diagnosis.run.plan.stages else None,
            tables.steady(loaded, width),
            tables.percentiles(loaded, width),
            tables.repetitions(loaded, width),
            tables.ceilings(loaded, width),
            breakdowns(loaded, width),
            tables.whole_run(loaded, width),
        ]
    if charted:
        sections += [_charts(diagnosis, result, width, glyphs) for result in loaded]
    sections += [
        tables.skipped(diagnosis.run.target.skipped, width),
        _method(diagnosis, width),
        _folded(results, width),
    ]
    return (section for section in sections if section is not None)


def _charts(
    diagnosis: Diagnosis, result: EndpointResult, width: int, glyphs: charts.Glyphs
) -> RenderableType | None:
    parts: list[RenderableType] = []
    label = shorten(clean(result.endpoint.label), width - 30)
    if result.histogram is not None:
        title = f"{label}  latency, requests"
        parts.append(charts.histogram(title, result.histogram, width, glyphs))
    if result.timeline.rates_rps:
        title = f"{label}  req/s over time"
        if result.repetitions:
            title += f", repetition {result.repetition} of {len(result.repetitions)}"
        marks = _marks(diagnosis, result)
        parts.append(charts.timeline(title, result.timeline, *marks, width, glyphs))
    return Group(*parts) if parts else None


def _marks(diagnosis: Diagnosis, result: EndpointResult) -> tuple[list[charts.Ramp], list[Window]]:
    """When the load that a timeline shows changed to its levels, and its steady windows."""
    if result.levels:
        shown = [
            next((x for x in level.repetitions if x.repetition == result.repetition), level)
            for level in result.levels
        ]
        ramps = [(x.held.begins_s, x.held.reached_s) for x in shown if x.held]
        return ramps, [x.window for x in shown if x.window]
    this = (result.load, result.repetition)
    load = next((x for x in diagnosis.run.loads if (x.name, x.repetition) == this), None)
    return [(0.0, load.ramp_end_s if load else None)], [result.window] if result.window else []


def _method(diagnosis: Diagnosis, width: int) -> RenderableType | None:
    """How the figures were made: windows, cycles, sample sizes."""
    results = [r for r in diagnosis.endpoints if r.window and r.steady]
    if not results:
        return None
    text = "Steady state spans whole cycles of the load, without ramp and end: "
    if len(results) > verdict.FEW:
        text += _ranges(results)
    else:
        text += "; ".join(_sample(r, r.window, r.steady) for r in results if r.window and r.steady)
    exact = "" if any(r.folded for r in results) else " Percentiles are of unrounded times."
    return prose(f"{text}.{exact}", width, style="dim")


def _folded(results: Sequence[EndpointResult], width: int) -> RenderableType | None:
    """Which requests were not kept one by one, and how finely they are known at worst."""
    found = [(result, result.folded) for result in results if result.folded]
    if not found:
        return None
    requests = plural(sum(folded.requests for _, folded in found), "request")
    if len(found) < len(results):
        named = [shorten(clean(result.endpoint.label), 40) for result, _ in found]
        more = [f"{len(named) - verdict.FEW} more"] if len(named) > verdict.FEW else []
        requests += f" of {in_words(named[: verdict.FEW] + more)}"
    time_s = max(folded.precision.time_s for _, folded in found)
    time = f"{time_s:g}{TIE}s" if time_s >= 1 else f"{1000 * time_s:g}{TIE}ms"
    share = f"{100 * max(folded.precision.latency for _, folded in found):.2g}{TIE}%"
    text = f"{requests}, folded: times to {time}, latencies to {share}; means are exact."
    return prose(text, width, style="dim")


def _sample(result: EndpointResult, window: Window, steady: Figures) -> str:
    label = shorten(clean(result.endpoint.path), 40)
    cycles = f"{count(window.cycles)}{TIE}x{TIE}{seconds(window.cycle_s)}"
    if result.repetitions:
        cycles = f"{len(result.repetitions)} repetitions of about {cycles}"
    return f"{label} {cycles}, {plural(steady.requests, 'request')}"


def _ranges(results: list[EndpointResult]) -> str:
    lengths = [r.window.length_s for r in results if r.window]
    requests = [r.steady.requests for r in results if r.steady]
    length = span(seconds(min(lengths)), seconds(max(lengths)))
    return f"{length} and {span(count(min(requests)), count(max(requests)))} requests an endpoint"
