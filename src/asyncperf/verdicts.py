"""What the source says of what the probe saw in a run: the scan, asked once the load is over.

The edge between both views: it reads the app's project, and never fails. For `pipeline` only.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from asyncperf.analysis.findings.awaits import is_await
from asyncperf.analysis.findings.resolving import resolved_by
from asyncperf.insight import Insight, Site
from asyncperf.model import Load
from asyncperf.probe.places import is_users
from asyncperf.probe.record_format import RETURNED
from asyncperf.scan.seen import CHANGED, Asked, judge_seen
from asyncperf.scan.sources import find_files
from asyncperf.sites import Route, Verdicts
from asyncperf.source_files import def_line, source_lines

# So much source, some 250,000 lines, is read in about ten seconds. Of a larger project only the
# files that were seen are: what they call is then unknown, so that nothing of it is "proved".
MOST_BYTES = 10_000_000


def verdicts_of(loads: Sequence[Load], started_at: float) -> Verdicts | None:
    """None without a probe. A run is worth more than what its source says of it, so whatever
    goes wrong here is said, and that is all."""
    insights = [load.insight for load in loads if load.insight is not None]
    if not insights:
        return None
    try:
        return judged(insights, started_at)
    except Exception as error:
        return Verdicts(trouble=f"the scan failed ({type(error).__name__}: {error})")


def judged(insights: Sequence[Insight], started_at: float) -> Verdicts:
    texts = Verdicts(lines=kept_lines(insights, started_at), defs=decorated(insights, started_at))
    asked = asked_of(insights)
    changed = {file: CHANGED for file in asked.files if is_newer(file, started_at)}
    asked = asked.without(changed)
    if not asked.files:
        return replace(texts, unread=changed)
    found = judge_seen(*project_of(asked.files, started_at), asked)
    return replace(found, lines=texts.lines, defs=texts.defs, unread={**found.unread, **changed})


def kept_lines(insights: Iterable[Insight], started_at: float) -> dict[str, dict[int, str]]:
    """The texts of the lines that kept an event loop, the user's if any is, by file and number."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for insight in insights:
        for stack in insight.stacks:
            if stack.frames:
                frame = stack.frames[-1 if stack.blame is None else stack.blame]
                numbers[frame.file].add(frame.line)
    found = {}
    for file, each in sorted(numbers.items()):
        lines = [] if is_newer(file, started_at) else source_lines(file)
        found[file] = {n: lines[n - 1].strip() for n in sorted(each) if 0 < n <= len(lines)}
    return found


def decorated(insights: Iterable[Insight], started_at: float) -> dict[str, dict[int, int]]:
    """The lines of the `def`s of the user's decorated functions, by file and first line."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for site in {site for insight in insights for site in insight.sites}:
        if site.column is not None or not is_users(site.file) or is_newer(site.file, started_at):
            continue
        if (line := def_line(site.file, site.line)) != site.line:
            found[site.file][site.line] = line
    return {file: dict(sorted(each.items())) for file, each in sorted(found.items())}


def asked_of(insights: Sequence[Insight]) -> Asked:
    """The user's awaits that returned, the dependencies that FastAPI awaited, and the user's
    functions that answered requests."""
    awaits: dict[str, set[Site]] = defaultdict(set)
    dependencies: dict[str, set[Site]] = defaultdict(set)
    for insight in insights:
        returned = insight.spans[insight.spans["outcome"] == RETURNED]
        for number in np.unique(returned["site"]):
            if number < len(insight.sites) and is_await(site := insight.sites[number]):
                awaits[site.file].add(site)
        for site in resolved_by(insight, returned):
            dependencies[site.file].add(site)
    return Asked(_sorted(awaits), _sorted(dependencies), _routes(insights))


def _routes(insights: Iterable[Insight]) -> dict[str, list[Route]]:
    found: dict[str, set[Route]] = defaultdict(set)
    for route in {route for insight in insights for route in insight.routes}:
        if route.file is not None and route.line is not None and is_users(route.file):
            line = def_line(route.file, route.line)
            found[route.file].add(Route(f"{route.method} {route.path}", route.file, line))
    return {
        file: sorted(found[file], key=lambda route: (route.line, route.endpoint))
        for file in sorted(found)
    }


def _sorted(found: dict[str, set[Site]]) -> dict[str, list[Site]]:
    return {
        file: sorted(found[file], key=lambda site: (site.line, site.column or 0))
        for file in sorted(found)
    }


def is_newer(file: str, than: float) -> bool:
    """Whether a file was written after that; what ran was read from it before."""
    try:
        return os.stat(file).st_mtime > than
    except OSError:
        return False  # not there: the scan says so


def project_of(files: Sequence[str], started_at: float) -> tuple[list[Path], Path]:
    """What to read, and the folder that holds it: all below the roots of these files, or where
    that is too much, the files alone. What was written since is left out: it is not what ran,
    so that what it does is unknown."""
    paths = [Path(os.path.abspath(file)) for file in files]
    roots = sorted({root_of(path) for path in paths})
    outermost = [
        root for root in roots if not any(root != o and root.is_relative_to(o) for o in roots)
    ]
    root = Path(os.path.commonpath(outermost))
    read, as_it_ran = 0, []
    for file in find_files(outermost, root):
        read += file.stat().st_size if file.exists() else 0
        if read > MOST_BYTES:
            return [path for path in paths if path.exists()], root
        if not is_newer(str(file), started_at):
            as_it_ran.append(file)
    return as_it_ran, root


def root_of(file: Path) -> Path:
    """The folder from which a file is imported: the first one above it that is no package."""
    folder = file.parent
    while (folder / "__init__.py").exists() and folder != folder.parent:
        folder = folder.parent
    return folder
