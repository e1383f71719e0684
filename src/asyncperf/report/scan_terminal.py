"""A scan on a terminal: each finding with the code it is about, then what was looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from asyncperf.report.layout import Page, prose
from asyncperf.report.units import count, in_words, plural
from asyncperf.report.untrusted import clean, shorten
from asyncperf.sites import Problem, ScanResult, Site, SiteVerdict, SourceFinding

MARKS = {"warning": ("!", "bold yellow"), "info": ("i", "bold cyan")}
INDENT = "    "
# A frame shows so many lines; of more, the rest is left out.
FRAME = 12
# Lines that are further apart have the ones between them left out.
GAP = 3
TAB = "    "
# Problems told; the JSON has all of them.
TOLD = 10
VERDICTS: tuple[SiteVerdict, ...] = ("independent", "likely", "dependent", "unsafe")
Lines = Callable[[str], Sequence[str]]
Shown = Callable[[str], str]


def render_scan(result: ScanResult, lines_of: Lines, every_site: bool, console: Console) -> None:
    """Print the findings; with `every_site` also minor ones, and what was judged and is not
    worth a finding."""
    for i, section in enumerate(_sections(result, lines_of, every_site, console.width)):
        console.print(Page(Group("", section) if i else section), end="")


def _sections(
    result: ScanResult, lines_of: Lines, every_site: bool, width: int
) -> Iterator[RenderableType]:
    for finding in result.findings:
        if finding.suppressed is None and (every_site or not _is_minor(finding)):
            yield _finding(finding, result.shown, lines_of(finding.file), width)
    if every_site and result.scan.sites:
        yield Group(*(_judged(site, result.shown, width) for site in result.scan.sites))
    if result.problems:
        yield Group(*_problems(result.problems, result.shown, width))
    yield Group(*(prose(line, width) for line in _summary(result, every_site)))


def _is_minor(finding: SourceFinding) -> bool:
    """Whether it is only counted, as calls on files are, of which there are many."""
    return finding.code == "blocking-call" and finding.severity == "info"


def _finding(
    finding: SourceFinding, shown: Shown, lines: Sequence[str], width: int
) -> RenderableType:
    mark, style = MARKS[finding.severity]
    title = Text(overflow="fold").append(f"{mark} {finding.code}", style)
    place = f"{clean(shown(finding.file))}:{finding.line}"
    title.append(f"  {shorten(place, width)}  {shorten(clean(finding.function), width)}")
    through = [
        prose(
            f"{clean(shown(step.file))}:{step.line} in {clean(step.function)}", width, indent=INDENT
        )
        for step in finding.related
    ]
    return Group(
        title,
        *_frame(lines, finding.lines, width),
        prose(clean(finding.message), width, indent=INDENT),
        *through,
        prose(clean(finding.advice), width, indent=INDENT),
    )


def _frame(lines: Sequence[str], concerned: Sequence[int], width: int) -> Iterator[Text]:
    """The lines concerned, and what stands between them where that is little."""
    wanted = sorted({at for at in concerned if 1 <= at <= len(lines)})
    shown: list[int | None] = []
    for at in wanted:
        last = shown[-1] if shown else None
        if last is not None and at - last <= GAP:
            shown.extend(range(last + 1, at))
        elif last is not None:
            shown.append(None)
        shown.append(at)
    digits = len(str(wanted[-1])) if wanted else 0
    for number in shown[:FRAME]:
        if number is None:
            yield Text(f"{INDENT}{'…':>{digits + 2}}", "dim")
            continue
        arrow = ">" if number in concerned else " "
        line = f"{INDENT}{arrow} {number:>{digits}} │ {_code(lines[number - 1])}".rstrip()
        yield Text(line[:width], "" if number in concerned else "dim")
    if len(shown) > FRAME:
        yield Text(f"{INDENT}{'…':>{digits + 2}}", "dim")


def _code(line: str) -> str:
    """A line of source with its indentation, and nothing that a terminal would act on."""
    line = line.expandtabs(len(TAB)).rstrip()
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + clean(line)


def _judged(site: Site, shown: Shown, width: int) -> RenderableType:
    fact = ""
    if site.fact_line is not None:
        fact = f" ({clean(shown(site.fact_file or site.file))}:{site.fact_line})"
    lines = ", ".join(str(line) for line in site.lines)
    text = f"{site.verdict}  {clean(shown(site.file))}:{lines}  {clean(site.function)}: "
    reason = clean(site.reason).rstrip(".")
    return prose(f"{text}{reason[:1].upper()}{reason[1:]}{fact}.", width, hang=INDENT)


def _problems(problems: Sequence[Problem], shown: Shown, width: int) -> Iterator[RenderableType]:
    for problem in problems[:TOLD]:
        place = clean(shown(problem.file)) + (f":{problem.line}" if problem.line else "")
        yield prose(f"? {place}: {clean(problem.what)}", width, hang="  ")
    if rest := problems[TOLD:]:
        yield prose(f"? and {plural(len(rest), 'more problem')}", width)


def _summary(result: ScanResult, every_site: bool) -> Iterator[str]:
    scan = result.scan
    verdicts = Counter(site.verdict for site in scan.sites)
    looked = f"{plural(scan.files, 'file')}, {plural(scan.lines, 'line')}"
    told = [finding for finding in result.findings if finding.suppressed is None]
    yield f"{plural(len(told), 'finding')} in {looked}"
    minor = sum(map(_is_minor, told))
    if minor and not every_site:
        calls = plural(minor, "blocking call")
        yield f"not shown: {calls} that may be short or not reached (--all shows them)"
    if scan.sites:
        counts = [f"{count(verdicts[verdict])} {verdict}" for verdict in VERDICTS]
        yield f"{plural(len(scan.sites), 'place')} with awaits in a row: {in_words(counts)}"
    if scan.inferred is not None:
        asked, answered = plural(scan.inferred.asked, "call"), count(scan.inferred.answered)
        yield f"{scan.inferred.checker} explained {answered} of {asked} that annotations do not"
    kinds = Counter(each.suppressed.kind for each in result.findings if each.suppressed)
    if kinds["ignore"]:
        yield f"{plural(kinds['ignore'], 'finding')} ignored by a comment"
    if kinds["baseline"]:
        yield f"{plural(kinds['baseline'], 'finding')} known to the baseline"
    if result.stale:
        gone = plural(result.stale, "finding")
        yield f"{gone} of the baseline found no more: asyncperf scan --write-baseline"
