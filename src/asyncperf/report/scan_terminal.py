"""A scan on a terminal: each finding with the code it is about, then what was looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from asyncperf.report.layout import INDENT, Page, prose, titled
from asyncperf.report.units import TIE, count, in_words, plural
from asyncperf.report.untrusted import clean, clean_code, clean_path, cut
from asyncperf.sites import Problem, ScanResult, Site, SiteVerdict, SourceFinding

MARKS = {"warning": ("!", "bold yellow"), "info": ("i", "bold cyan")}
# A frame shows so many lines; of more, the rest is left out.
FRAME = 12
# Lines that are further apart have the ones between them left out.
GAP = 3
TAB = "    "
# Problems told, and findings for information; `--all` and the JSON have all of these.
TOLD = 10
# Places named of findings that say the same.
NAMED = 5
VERDICTS: tuple[SiteVerdict, ...] = ("independent", "likely", "dependent", "unsafe")
Lines = Callable[[str], Sequence[str]]
Shown = Callable[[str], str]


def render_scan(result: ScanResult, lines_of: Lines, every_site: bool, console: Console) -> None:
    """Print the findings; with `every_site` also minor ones, and what was judged and is not
    worth a finding."""
    for i, section in enumerate(_sections(result, lines_of, every_site, console.width)):
        console.print(Page(Group("", section) if i else section), end="", crop=False)


def _sections(
    result: ScanResult, lines_of: Lines, every_site: bool, width: int
) -> Iterator[RenderableType]:
    for alike in _told(result, every_site):
        yield _finding(alike, result.shown, lines_of(alike[0].file), width)
    if every_site and result.scan.sites:
        yield Group(*(_judged(site, result.shown, width) for site in result.scan.sites))
    if result.problems:
        yield Group(*_problems(result.problems, result.shown, width))
    yield Group(*(prose(line, width) for line in _summary(result, every_site)))


def _told(result: ScanResult, every_site: bool) -> list[list[SourceFinding]]:
    """The findings shown, warnings first; those for information that say the same together."""
    told = [finding for finding in result.findings if finding.suppressed is None]
    warnings = [[finding] for finding in told if finding.severity == "warning"]
    rest = [finding for finding in told if finding.severity != "warning"]
    if every_site:
        return warnings + [[finding] for finding in rest]
    alike: dict[tuple[str, str], list[SourceFinding]] = {}
    for finding in rest:
        if not _is_minor(finding):
            alike.setdefault((finding.code, finding.message), []).append(finding)
    return warnings + list(alike.values())[:TOLD]


def _is_minor(finding: SourceFinding) -> bool:
    """Whether it is only counted, as calls on files are, of which there are many."""
    return finding.code == "blocking-call" and finding.severity == "info"


def _finding(
    alike: Sequence[SourceFinding], shown: Shown, lines: Sequence[str], width: int
) -> RenderableType:
    finding, *others = alike
    through = [
        prose(
            f"{_place(shown(step.file), step.line)} in {clean(step.function)}",
            width,
            indent=INDENT,
        )
        for step in finding.related
    ]
    places = [_place(shown(other.file), other.line) for other in others[:NAMED]]
    if len(others) > NAMED:
        places.append(f"{len(others) - NAMED} more places")
    same = [prose(f"The same at {in_words(places)}.", width, indent=INDENT)] if places else []
    return Group(
        _title(finding, shown, width),
        *_frame(lines, finding, width),
        prose(clean(finding.message), width, indent=INDENT),
        *through,
        prose(clean(finding.advice), width, indent=INDENT),
        *same,
    )


def _title(finding: SourceFinding, shown: Shown, width: int) -> Text:
    mark, style = MARKS[finding.severity]
    place = f"{clean_path(shown(finding.file))}:{finding.line}"
    return titled(Text(f"{mark} {finding.code}", style), [place, clean(finding.function)], width)


def _place(file: str, lines: int | str | None) -> str:
    """In prose, which must not break it."""
    return f"{clean_path(file)}{f':{lines}' if lines else ''}".replace(" ", TIE)


def _frame(lines: Sequence[str], finding: SourceFinding, width: int) -> Iterator[Text]:
    """The lines concerned, what stands between them where that is little, and the line that the
    finding is told at: of a loop its `for`."""
    concerned = finding.lines
    wanted = sorted({at for at in (finding.line, *concerned) if 1 <= at <= len(lines)})
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
        code = clean_code(lines[number - 1].expandtabs(len(TAB)))
        line = f"{INDENT}{arrow} {number:>{digits}} │ {code}".rstrip()
        yield Text(cut(line, width), "" if number in concerned else "dim")
    if len(shown) > FRAME:
        yield Text(f"{INDENT}{'…':>{digits + 2}}", "dim")


def _judged(site: Site, shown: Shown, width: int) -> RenderableType:
    fact = ""
    if site.fact_line is not None:
        fact = f" ({_place(shown(site.fact_file or site.file), site.fact_line)})"
    lines = ", ".join(str(line) for line in site.lines)
    place = _place(shown(site.file), lines)
    text = f"{site.verdict}  {place}  {clean(site.function)}: "
    reason = clean(site.reason).rstrip(".")
    return prose(f"{text}{reason[:1].upper()}{reason[1:]}{fact}.", width, hang=INDENT)


def _problems(problems: Sequence[Problem], shown: Shown, width: int) -> Iterator[RenderableType]:
    for problem in problems[:TOLD]:
        place = _place(shown(problem.file), problem.line)
        yield prose(f"? {place}: {clean(problem.what)}", width, hang="  ")
    if rest := problems[TOLD:]:
        yield prose(f"? and {plural(len(rest), 'more problem')}", width)


def _hidden(result: ScanResult, told: Sequence[SourceFinding]) -> list[str]:
    shown = sum(map(len, _told(result, every_site=False)))
    minor = sum(map(_is_minor, told))
    more = len(told) - shown - minor
    found = [f"{plural(more, 'finding')} for information"] if more else []
    if minor:
        found.append(f"{plural(minor, 'blocking call')} that may be short or not reached")
    return found


def _summary(result: ScanResult, every_site: bool) -> Iterator[str]:
    scan = result.scan
    verdicts = Counter(site.verdict for site in scan.sites)
    looked = f"{plural(scan.files, 'file')}, {plural(scan.lines, 'line')}"
    told = [finding for finding in result.findings if finding.suppressed is None]
    warnings = sum(finding.severity == "warning" for finding in told)
    mixed = f"; {plural(warnings, 'warning')} among them" if 0 < warnings < len(told) else ""
    yield f"{plural(len(told), 'finding')} in {looked}{mixed}"
    hidden = [] if every_site else _hidden(result, told)
    if hidden:
        yield f"not shown: {in_words(hidden)} (--all shows them)"
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
        gone = f"{plural(result.stale, 'finding')} of the baseline"
        if result.elsewhere:  # calls lead out of what was read, where more would be known
            yield f"{gone} not found without the rest of the files that it knows"
        else:
            yield f"{gone} found no more: asyncperf scan --write-baseline"
