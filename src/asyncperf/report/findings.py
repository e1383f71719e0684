"""The findings, and what was found in good order: what, where, what it costs, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from asyncperf.report.layout import INDENT, PROSE_WIDTH, prose, titled
from asyncperf.report.units import TIE, in_words, known, number, plural, seconds
from asyncperf.report.untrusted import clean, shorten
from asyncperf.results import Diagnosis, Finding, Healthy

MARKS = {"error": ("x", "bold red"), "warning": ("!", "bold yellow"), "info": ("i", "bold cyan")}
# More findings than this are counted, no longer told; the JSON has all of them.
TOLD = 12
# Of the endpoints that one line of code concerns, so many are named.
NAMED = 3
# Lines about what is in good order.
HEALTHY = 6
# A gain below these is in no digit that is printed of the rest.
LEAST_MS, LEAST_RPS = 0.001, 0.05
EVERYONE = "*"


def findings(diagnosis: Diagnosis, width: int) -> RenderableType | None:
    """Each finding once, for all endpoints that it concerns."""
    order = list(MARKS)
    found = sorted(diagnosis.findings, key=lambda finding: order.index(finding.severity))
    together = alike(found)
    handlers = {
        result.endpoint.label: result.endpoint.handler.name
        for result in diagnosis.endpoints
        if result.endpoint.handler is not None
    }
    blocks = [_block(each, handlers, width) for each in together[:TOLD]]
    if rest := together[TOLD:]:
        counts = Counter(clean(each[0].code) for each in rest)
        named = in_words([f"{count} {code}" for code, count in counts.items()])
        blocks.append(prose(f"and {plural(len(rest), 'more finding')}: {named}", width))
    return Group(*blocks) if blocks else None


def alike(found: Sequence[Finding]) -> list[list[Finding]]:
    """The findings of one line of code put together, where the first of them stands. Two of one
    endpoint are two things: what it depends on, and what FastAPI does for it."""
    places: dict[tuple[str, str, str, int, int], list[Finding]] = {}
    seen: Counter[tuple[str, str, str, int, str]] = Counter()
    for i, finding in enumerate(found):
        line = -1 - i if finding.line is None else finding.line
        place = (finding.severity, finding.code, finding.file or "", line)
        again = seen[*place, finding.endpoint]
        seen[*place, finding.endpoint] += 1
        places.setdefault((*place, again), []).append(finding)
    return list(places.values())


def _block(together: Sequence[Finding], handlers: dict[str, str], width: int) -> RenderableType:
    finding = together[0]
    said = [finding.message, *_others(together), finding.advice]
    if finding.why_not:
        said.append(f"why no fix: {finding.why_not}")
    body = [prose(clean(text), width, indent=INDENT) for text in said if text]
    body += [_explained(body, finding, width)]
    return Group(_title(finding, handlers, width), *body)


def _title(finding: Finding, handlers: dict[str, str], width: int) -> Text:
    mark, style = MARKS[finding.severity]
    place, function = clean(finding.file or ""), clean(finding.function or "")
    label = "every endpoint" if finding.endpoint == EVERYONE else clean(finding.endpoint)
    if finding.line is not None:
        place += f":{finding.line}"
    where = [place, function] if place else [label]
    if place and function != handlers.get(finding.endpoint, function):
        where.append(label)
    title = titled(Text(f"{mark} {clean(finding.code)}", style), [w for w in where if w], width)
    cost = _cost(finding)
    last = title.plain.rpartition("\n")[2]
    if cost and cell_len(last) + cell_len(cost) + 2 <= width:
        title.append(f"  {cost}", "dim")
    return title


def _cost(finding: Finding) -> str:
    parts = []
    each_ms, all_rps = finding.cost_ms_per_request, finding.cost_rps
    if known(each_ms) and each_ms >= LEAST_MS:
        parts.append(f"{seconds(each_ms / 1000)} a request")
    if known(all_rps) and all_rps >= LEAST_RPS:
        parts.append(f"{number(all_rps)} req/s")
    return f"costs {', '.join(parts)}".replace(TIE, " ") if parts else ""


def _others(together: Sequence[Finding]) -> list[str]:
    labels = [clean(finding.endpoint) for finding in together[1:]]
    named = [shorten(label, PROSE_WIDTH // 2) for label in labels[:NAMED]]
    more = [f"{len(labels) - NAMED} more"] if len(labels) > NAMED else []
    return [f"Also for {in_words(named + more)}."] if labels else []


def _explained(body: list[Text], finding: Finding, width: int) -> Text:
    """How to read more: at the end of the last line, if there is room for it."""
    command = f"asyncperf explain {clean(finding.code)}"
    full = min(width, PROSE_WIDTH)
    last = body[-1].plain.rpartition("\n")[2] if body else ""
    if not last or cell_len(last) + 2 + len(command) > full:
        return prose(command, width, indent=INDENT, style="dim")
    text = body.pop()
    return text.append(" " * (full - cell_len(last) - len(command))).append(command, "dim")


def healthy(found: Sequence[Healthy], width: int) -> RenderableType | None:
    """A line for each thing in good order; of one kind no more than a few."""
    lines = []
    # What several endpoints share is in good order once.
    once = dict.fromkeys((each.code, each.message) for each in found)
    for _, group in groupby(once, key=lambda each: each[0]):
        told = list(group)
        for _, message in told[:HEALTHY]:
            text = prose(f"ok {clean(message)}", width, hang="   ")
            text.stylize("bold green", 0, 2)
            lines.append(text)
        if len(told) > HEALTHY:
            lines.append(prose(f"ok and {len(told) - HEALTHY} more like these", width))
    return Group(*lines) if lines else None
