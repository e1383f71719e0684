"""Judges from source which awaits could run together; nothing is imported or run."""

import ast
import gc
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asyncperf.scan import sources
from asyncperf.scan.blocking import blocking_calls
from asyncperf.scan.blocking_catalogue import SCRIPT, SERVING, launches, registered
from asyncperf.scan.candidates import has_candidates
from asyncperf.scan.checkers import Checker
from asyncperf.scan.columns import in_characters
from asyncperf.scan.dependencies import is_endpoint, judge_dependencies
from asyncperf.scan.endpoints import (
    Inclusion,
    Routed,
    by_place,
    endpoints,
    inclusions,
    place_of,
)
from asyncperf.scan.ignores import MARK
from asyncperf.scan.index import Function, Module, Trees, index_module
from asyncperf.scan.inference import asking
from asyncperf.scan.judge import judge
from asyncperf.scan.project import TESTS, Project
from asyncperf.scan.trace import Tracer
from asyncperf.scan.unreached import ASKED
from asyncperf.sites import Problem, Route, Scan, Site, Watch, unwatched

# The walk of a chain of calls is as deep as the chain; Python's own limit is meant for less.
RECURSION_LIMIT = 30_000


def scan_paths(
    paths: Sequence[Path],
    root: Path | None = None,
    exclude: Sequence[str] = (),
    routes: Iterable[Route] = (),
    checker: Checker | None = None,
    watch: Watch = unwatched,
) -> Scan:
    """Every site of awaits in the Python files under `paths`, but for those that a pattern of
    `exclude` leaves out.

    Files are named relative to `root`, by default the folder that holds all paths. `routes` are
    those of the app itself, where it was asked for them. `checker` is asked what annotations do
    not tell; `watch` is told how far it has come.
    """
    paths = [path.absolute() for path in paths]
    root = (root or common_root(paths)).absolute()
    with room_to_work():
        loaded = load(paths, root, exclude, routes, watch)
        found = _scan(loaded, root, checker, watch)
        loaded.project.untie()
        del loaded  # before the collector looks for garbage in it
    return found


def common_root(paths: Sequence[Path]) -> Path:
    """The folder that holds all of them."""
    found = Path(os.path.commonpath([str(path) for path in paths]))
    return found.parent if found.is_file() else found


class Loaded:
    """A project's index, what its analysis remembers, and the functions with sites to judge."""

    def __init__(
        self,
        project: Project,
        trees: Trees,
        awaiting: list[Function],
        depending: list[Function],
        included: list[Inclusion],
        launching: list[Function],
        routed: Routed,
        problems: list[Problem],
        commented: list[str],
        wide: set[str],
    ) -> None:
        self.project = project
        self.trees = trees
        self.analyst = Tracer(project)
        self.awaiting = awaiting
        self.depending = depending
        self.included = included
        self.launching = launching
        self.routed = routed
        self.problems = problems
        self.commented = commented
        self.wide = wide


def _scan(loaded: Loaded, root: Path, checker: Checker | None, watch: Watch) -> Scan:
    lines = sum(module.lines for module in loaded.project.modules.values())
    with asking(checker, loaded.project, root) as asked:
        loaded.analyst.inference = asked
        sites = list(judged(loaded, watch))
        watch("blocking", 0, 0)
        loaded.trees.make_room(lines)
        answering = endpoints(loaded.analyst, loaded.included, loaded.routed)
        blocking = blocking_calls(loaded.analyst, answering, loaded.launching)

    def text_of(file: str) -> str:
        source = sources.read(root / file, root)
        return "" if isinstance(source, Problem) else source.text

    sites.sort(key=lambda site: (site.file, site.line, site.column, site.kind))
    return Scan(
        str(root),
        len(loaded.project.modules),
        lines,
        tuple(in_characters(sites, loaded.wide, text_of)),
        tuple(loaded.problems),
        tuple(in_characters(blocking, loaded.wide, text_of)),
        asked.answer(checker.name) if asked and checker else None,
        tuple(loaded.commented),
    )


def load(
    paths: Sequence[Path],
    root: Path,
    exclude: Sequence[str] = (),
    routes: Iterable[Route] = (),
    watch: Watch = unwatched,
) -> Loaded:
    """Reads and indexes all files; what cannot be read becomes a problem."""
    routed = by_place(routes)
    problems: list[Problem] = []

    def parse_again(file: str) -> ast.Module | None:
        source = sources.read(root / file, root)
        tree = source if isinstance(source, Problem) else sources.parse(source)
        if isinstance(tree, Problem):
            problems.append(tree)
            return None
        return tree

    trees = Trees(parse_again, sources.Excerpts(root))
    modules: list[Module] = []
    awaiting: list[Function] = []
    depending: list[Function] = []
    included: list[Inclusion] = []
    launching: list[Function] = []
    commented: list[str] = []
    wide: set[str] = set()
    pointed_at: set[str] = set()

    def unlisted(error: OSError) -> None:
        folder = sources.relative(Path(error.filename), root)
        problems.append(Problem(folder, None, f"cannot be listed: {error.strerror}"))

    files = list(sources.find_files(paths, root, exclude, unlisted))
    links = sources.links_among(files)
    for number, path in enumerate(files):
        watch("reading", number, len(files))
        if path in links:
            continue
        source = sources.read(path, root)
        if isinstance(source, Problem):
            problems.append(source)
            continue
        tree = sources.parse(source)
        if isinstance(tree, Problem):
            problems.append(tree)
            continue
        module, bodies = index_module(source.file, tree, source.lines, trees)
        modules.append(module)
        if MARK in source.text:
            commented.append(source.file)
        if not TESTS.search(source.file):
            pointed_at |= sources.pointed_at(source.text)
        if not source.text.isascii():
            wide.add(source.file)
        depending += [f for f, _ in bodies if is_endpoint(f) or place_of(f) in routed]
        if "include_router" in source.text:
            included += inclusions(module, tree)
        if launches(source.text):
            launching += [f for f, _ in bodies if not f.is_async]
            serves = SERVING.search(source.text)
            module.is_script = bool(SCRIPT.search(source.text)) and not serves
        module.registered = registered(source.text)
        module.asks_for_loop = any(word in source.text for word in ASKED)
        if "await" in source.text:
            awaiting += [f for f, node in bodies if f.is_async and has_candidates(node)]
    named = {sources.relative(a, root): sources.relative(b, root) for a, b in links.items()}
    project = Project(modules, root.parts, named)
    project.pointed_at = pointed_at
    return Loaded(
        *(
            project,
            trees,
            awaiting,
            depending,
            included,
            launching,
            routed,
            problems,
            commented,
            wide,
        )
    )


def judged(loaded: Loaded, watch: Watch) -> Iterator[Site]:
    """The sites of every function that has any."""
    of = len(loaded.awaiting) + len(loaded.depending)
    for number, function in enumerate(loaded.awaiting):
        watch("judging", number, of)
        node = function.node
        if node is None:
            continue
        try:
            walk, node = loaded.analyst.walked(function, node)
            yield from judge(function, node, walk)
        except RecursionError:
            loaded.problems.append(
                Problem(function.module.file, function.line, "nested too deeply to judge")
            )
    for number, function in enumerate(loaded.depending, len(loaded.awaiting)):
        watch("judging", number, of)
        yield from judge_dependencies(function, loaded.analyst)


@contextmanager
def room_to_work() -> Iterator[None]:
    """No collector, which would walk the syntax trees again and again, and deep recursion."""
    limit, collects = sys.getrecursionlimit(), gc.isenabled()
    gc.disable()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the scanned project's own, such as "\d" in a str
            yield
    except KeyboardInterrupt:
        gc.freeze()  # who has had enough waits for no look through all that is left behind
        raise
    finally:
        sys.setrecursionlimit(limit)
        if collects:
            gc.enable()
