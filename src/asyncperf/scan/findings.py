"""What of a scan is worth telling: pure decisions over its sites and its blocking calls."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from asyncperf.scan.ignores import Ignore, ignores
from asyncperf.scan.project import TESTS
from asyncperf.sites import (
    BlockingCall,
    Problem,
    Remedy,
    Scan,
    Site,
    SiteKind,
    SourceCode,
    SourceFinding,
    Suppression,
)

# The lines of a file, for its path relative to the root; none where it cannot be read.
Lines = Callable[[str], Sequence[str]]

CODES: dict[SiteKind, SourceCode] = {
    "pair": "sequential-awaits",
    "run": "sequential-awaits",
    "loop": "sequential-loop",
    "dependencies": "sequential-dependencies",
}
WHAT: dict[SiteKind, str] = {
    "loop": "Each round of the loop waits for the one before it",
    "dependencies": "FastAPI resolves these dependencies one after another",
}
ADVICE: dict[Remedy, str] = {
    "overlap": "Let them run together: `asyncio.gather`, or a task for each. When one fails, the "
    "others have begun all the same.",
    "batch": "One query or one call for all of them gains more than running them together.",
    "bounded-overlap": "Let so many run together as the other side bears: `asyncio.gather` over "
    "tasks that share an `asyncio.Semaphore`.",
}
BATCHED_TOGETHER = "Let one dependency await what they do together: `asyncio.gather`."
BLOCKS = {
    "sleep": ("sleeps", "Use `await asyncio.sleep(...)`."),
    "network": ("waits for the network", "Use an async client (httpx.AsyncClient, aiohttp)."),
    "file": ("waits for the disk", "Hand it to a thread: `await asyncio.to_thread(...)`."),
    "process": ("waits for a process", "Use `asyncio.create_subprocess_exec(...)`."),
    "cpu": (
        "computes for long",
        "Hand it to a thread if it releases Python's lock, as hashes do; else to a process.",
    ),
    "database": ("waits for a database", "Use the driver's async variant, or a `def` endpoint."),
    "wait": ("waits for a thread or a process", "Await its async variant, or hand it to a thread."),
}


def findings(scan: Scan, lines_of: Lines) -> tuple[tuple[SourceFinding, ...], tuple[Problem, ...]]:
    """What is worth telling, by place; each with the comment that suppresses it, if one does.
    The problems are those of the comments themselves."""
    found = [*_of_sites(scan.sites), *map(_of_call, scan.blocking)]
    found.sort(key=lambda each: (each.file, each.line, each.column, each.code))
    files = {each.file for each in found} | set(scan.commented)
    comments = {file: ignores(lines_of(file)) for file in files}
    used: set[tuple[str, int]] = set()
    told = []
    for finding in found:
        finding = replace(finding, fingerprint=_fingerprint(finding, lines_of(finding.file)))
        ignore = _ignoring(finding, comments[finding.file])
        if ignore is not None:
            used.add((finding.file, ignore.line))
            finding = replace(finding, suppressed=Suppression("ignore", ignore.reason))
        told.append(finding)
    problems = [
        Problem(file, ignore.line, what)
        for file, found_in in sorted(comments.items())
        for ignore in found_in
        for what in ignore.problems((file, ignore.line) in used)
    ]
    return tuple(told), tuple(problems)


def _of_sites(sites: Sequence[Site]) -> Iterator[SourceFinding]:
    worth = [site for site in sites if site.verdict in ("independent", "likely")]
    # A test has its event loop to itself: what would be faster there serves no request.
    worth = [site for site in worth if site.remedy != "none" and not TESTS.search(site.file)]
    in_a_row: dict[tuple[str, str], list[Site]] = defaultdict(list)
    for site in worth:
        if site.kind in ("pair", "run"):
            in_a_row[site.file, site.function].append(site)
    for site in worth:
        if not any(_within(site, other) for other in in_a_row[site.file, site.function]):
            yield _of_site(site)


def _within(site: Site, other: Site) -> bool:
    """Whether all awaits of a pair or run are told with a longer one."""
    if site.kind not in ("pair", "run") or len(other.lines) <= len(site.lines):
        return False
    return not Counter(site.lines) - Counter(other.lines)


def _of_site(site: Site) -> SourceFinding:
    what = WHAT.get(site.kind, f"{len(site.lines)} awaits, one after another")
    advice = ADVICE[site.remedy]
    if site.kind == "dependencies" and site.remedy == "overlap":
        advice = BATCHED_TOGETHER
    return SourceFinding(
        code=CODES[site.kind],
        severity="warning" if site.verdict == "independent" else "info",
        file=site.file,
        line=site.line,
        column=site.column,
        lines=site.lines,
        function=site.function,
        message=f"{what}: {site.verdict}. {_sentence(site.reason)}",
        advice=advice,
        fingerprint="",
    )


def _of_call(call: BlockingCall) -> SourceFinding:
    what, advice = BLOCKS[call.blocks]
    start = call.chain[0]
    through = [step.function for step in call.chain[1:]]
    message = f"`{call.call}` {what} and blocks the event loop"
    if not (call.certain or through):
        message += ", if it is what its name says"
    if call.once:
        message += ", but only as the app starts or ends, or the first time"
    elif call.cached:
        message += ", but only the first time for the same object or arguments"
    elif call.brief:
        message += ", as a rule for a short time"
    if through:
        more = f" and {call.callers - 1} more async functions" if call.callers > 2 else ""
        comes = ("come" if more else "comes") if call.certain else "may come"
        message += f"; `{start.function}`{more} {comes} to it through {_in_words(through)}"
    if call.endpoints:
        message += f". Reached from {_in_words(call.endpoints, most=3)}"
    is_minor = not call.certain or call.brief or call.once or call.cached
    return SourceFinding(
        code="blocking-call",
        severity="info" if is_minor else "warning",
        file=call.file,
        line=call.line,
        column=call.column,
        lines=(call.line,),
        function=call.chain[-1].function,
        message=message + ".",
        advice=advice,
        fingerprint="",
        related=call.chain[:-1],
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _in_words(names: Sequence[str], most: int = 6) -> str:
    told = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        told.append(f"{len(names) - most} more")
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"


def _fingerprint(finding: SourceFinding, lines: Sequence[str]) -> str:
    text = [" ".join(lines[at - 1].split()) for at in finding.lines if at <= len(lines)]
    parts = (finding.code, finding.function, *text)
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:16]


def _ignoring(finding: SourceFinding, comments: Iterable[Ignore]) -> Ignore | None:
    lines = {finding.line, *finding.lines}
    for ignore in comments:
        if ignore.concerns in lines and finding.code in ignore.codes:
            return ignore
    return None
