"""`asyncperf scan`, start to end: read the source, judge it, take off what is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from asyncperf import baseline
from asyncperf.errors import UsageError
from asyncperf.scan import scan_paths
from asyncperf.scan.findings import findings
from asyncperf.scan_settings import BASELINE, ScanSettings
from asyncperf.sites import ScanResult
from asyncperf.source_files import read_source

Lines = Callable[[str], Sequence[str]]


def run_scan(
    settings: ScanSettings, working: Path, write_baseline: bool, force: bool
) -> ScanResult:
    """Raises `UsageError` for what cannot be read as asked, `StoreError` for a baseline that
    cannot be written."""
    paths = [working / path for path in settings.paths]
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no {str(path)!r}", "Name a file or a folder of Python.")
    root = root_of(paths, working)
    scan = scan_paths(paths, root, settings.exclude)
    found, problems = findings(scan, lines_below(root))
    file = settings.baseline or working / BASELINE
    if write_baseline:
        baseline.write(file, found, force)
    known = Counter[str]()
    if settings.baseline is not None or file.exists():
        known = baseline.read(file)
    told, stale = baseline.apply(found, known)
    base = working if root.is_relative_to(working) else root
    return ScanResult(scan, str(base), told, (*scan.problems, *problems), stale)


def root_of(paths: Sequence[Path], working: Path) -> Path:
    """A folder alone is the root; of several paths, or of files, the working directory is, or
    where they lie outside of it, what they have in common."""
    resolved = [path.resolve() for path in paths]
    if len(resolved) == 1 and resolved[0].is_dir():
        return resolved[0]
    if all(path.is_relative_to(working) for path in resolved):
        return working
    folders = [path if path.is_dir() else path.parent for path in resolved]
    common = folders[0]
    while not all(folder.is_relative_to(common) for folder in folders):
        common = common.parent
    return common


def lines_below(root: Path) -> Lines:
    """The lines of a file, for its path relative to the root; none where it cannot be read."""

    @cache
    def lines_of(file: str) -> Sequence[str]:
        return (read_source(str(root / file)) or "").splitlines()

    return lines_of
