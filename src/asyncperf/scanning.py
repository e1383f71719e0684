"""`asyncperf scan`, start to end: read the source, judge it, take off what is known."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from asyncperf import baseline
from asyncperf.baseline import Entry
from asyncperf.errors import TargetError, UsageError
from asyncperf.scan import checkers, scan_paths
from asyncperf.scan.checkers import Checker, state_of
from asyncperf.scan.findings import findings
from asyncperf.scan.sources import fingerprints, is_excluded, relative, wholes
from asyncperf.scan_cache import cache_folder, keep_scan, key_of, load_scan
from asyncperf.scan_settings import BASELINE, TABLE, ScanSettings
from asyncperf.sites import Route, Scan, ScanResult, Watch, unwatched
from asyncperf.source_files import source_lines

Lines = Callable[[str], Sequence[str]]
Tell = Callable[[str], None]


def run_scan(
    settings: ScanSettings,
    working: Path,
    write_baseline: bool,
    force: bool,
    tell: Tell,
    watch: Watch = unwatched,
) -> ScanResult:
    """Raises `UsageError` for what cannot be read as asked, `StoreError` for a baseline that
    cannot be written."""
    paths = [working / path for path in settings.paths]
    for path, named in zip(paths, settings.paths, strict=True):
        check_there(path, named)
    paths = [path.resolve() for path in paths]  # as the root is: without `..` and links
    root = root_of(paths, working)
    routes = routes_of(settings.app, root) if settings.app else ()
    folder = cache_folder() if settings.cache else None
    checker = checker_of(settings.types, tell)
    scan = scan_or_recall(paths, root, settings.exclude, routes, folder, checker, tell, watch)
    if scan.files == 0 and not scan.problems:
        left = " that --exclude leaves" if settings.exclude else ""
        tell(f"no Python file in {', '.join(settings.paths)}{left}: nothing was judged")
    if scan.inferred is not None and scan.inferred.trouble is not None:
        tell(f"{scan.inferred.checker} {scan.inferred.trouble}: the rest was judged without it")
    found, problems = findings(scan, lines_below(root))
    file = settings.baseline or working / BASELINE
    unread = frozenset(problem.file for problem in scan.problems)
    frame = Frame(paths, root, settings.exclude, unread, file.absolute().parent.resolve())
    if write_baseline:
        others = [e for e in baseline.replaced(file, force) if not frame.covers(e)]
        baseline.write(file, [*baseline.entries(found, frame.placed), *others])
    known: Sequence[Entry] = ()
    if settings.baseline is not None or os.path.exists(file):
        known = baseline.read(file)
    told, stale = baseline.apply(found, known, frame.covers)
    base = working if root.is_relative_to(working) else root
    elsewhere = sum(not frame.covers(entry) for entry in known)
    problems = (*scan.problems, *problems)
    return ScanResult(scan, str(base), told, problems, stale, len(known), elsewhere)


@dataclass(frozen=True)
class Frame:
    """What a scan looked at, as seen from the `folder` of a baseline; all paths are real ones.
    `unread` are files of the scan that could not be read, and folders that could not be listed."""

    paths: Sequence[Path]
    root: Path
    exclude: Sequence[str]
    unread: frozenset[str]
    folder: Path

    def placed(self, file: str) -> str:
        """The path of a file of the scan from the baseline's folder."""
        return Path(os.path.relpath(self.root / file, self.folder)).as_posix()

    def covers(self, entry: Entry) -> bool:
        """Whether the scan would have found it if it were still there."""
        file = Path(os.path.normpath(self.folder / entry.file))
        if not any(file.is_relative_to(path) for path in self.paths):
            return False
        name = relative(file, self.root)
        return not is_excluded(name, self.exclude) and self.unread.isdisjoint(wholes(name))


def working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:
        raise UsageError("the folder that you are in is gone", "Go to another one.") from None


def check_there(path: Path, named: str) -> None:
    hint = f"Name a file or a folder of Python, here or as `paths` in {TABLE}."
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"there is no {named!r}", hint) from None
    except (OSError, ValueError) as error:  # `ValueError`: no path at all, with a null in it
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"cannot read {named!r}: {why}", hint) from None


def scan_or_recall(
    paths: Sequence[Path],
    root: Path,
    exclude: Sequence[str],
    routes: Sequence[Route],
    folder: Path | None,
    checker: Checker | None = None,
    tell: Tell = lambda text: None,
    watch: Watch = unwatched,
) -> Scan:
    """The scan kept in `folder` if no file has changed since; else a new one, which is kept
    unless the type checker failed."""

    def scan_now() -> Scan:
        if checker is not None:
            tell(f"asking {checker.name} about calls that annotations do not explain")
        return scan_paths(paths, root, exclude, routes, checker, watch)

    if folder is None:
        return scan_now()

    def key() -> str:
        asked = [repr((paths, root, exclude, routes))]
        if checker is not None:
            asked += [repr(checker), *state_of(checker)]
        return key_of(*asked, *map(repr, fingerprints(paths, root, exclude)))

    before = key()
    scan = load_scan(folder, before)
    if scan is None:
        scan = scan_now()
        whole = scan.inferred is None or scan.inferred.trouble is None
        if whole and key() == before:  # else files changed while they were read
            keep_scan(folder, before, scan)
    return scan


def checker_of(types: str, tell: Tell) -> Checker | None:
    """The type checker to ask; with `auto` it is none where none is installed. Raises
    `UsageError` where one was named that is not."""
    if types == "off":
        return None
    found = checkers.find(types)
    if found is None and types != "auto":
        raise UsageError(
            f"--types {types}: there is no {types} beside {sys.executable} or on the PATH",
            f"Install it there (pip install {types}), or leave --types out.",
        )
    if found is None:
        tell(f"--types auto: none of {', '.join(checkers.NAMES)} is installed, so none was asked")
    return found


def routes_of(app: str, root: Path) -> tuple[Route, ...]:
    """Imports the app in a process of its own, as its server would, and asks it for its routes.

    Raises `TargetError` where it cannot be imported, `UsageError` where none of its endpoints
    is among the scanned files.
    """
    from asyncperf.target.discover import find_app  # with NumPy, so only if asked for

    try:
        handlers = find_app(app, {}).handlers
    except TargetError as error:
        raise TargetError(str(error), of_scan(error.hint)) from None
    base = root.resolve()
    found = [
        Route(f"{method} {path}", file.relative_to(base).as_posix(), handler.line)
        for (method, path), handler in handlers.items()
        if handler is not None and (file := Path(handler.file).resolve()).is_relative_to(base)
    ]
    if not found:
        raise UsageError(
            f"--app {app} answers {len(handlers)} endpoints, none of them from files below {root}",
            "Scan the folder that holds its endpoints: asyncperf scan PATH --app MODULE:APP",
        )
    return tuple(found)


def of_scan(hint: str) -> str:
    """A hint of `asyncperf run`, as it is typed here; a scan has no server's own command."""
    if "run -- " in hint:
        return f"The Python that imports it is that of {sys.prefix}: install there what is missing."
    return hint.replace("asyncperf run ", "asyncperf scan --app ")


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
        return source_lines(str(root / file))

    return lines_of
