"""Verdicts on what was seen to run: awaits and dependencies, by where they stand, and the calls
that block the loop behind what answered requests.

The judge is that of every scan; here it is asked about any two awaits of a function, neighbours
or not. For `scan` and whoever starts one.
"""

import ast
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from pathlib import Path
from typing import Self, TypeVar

from asyncperf.insight import Site
from asyncperf.scan import Loaded, load, room_to_work, sources
from asyncperf.scan.blocking import blocking_calls
from asyncperf.scan.candidates import SCOPES, Awaiting, all_loops, runs
from asyncperf.scan.columns import characters
from asyncperf.scan.conflicts import Finding
from asyncperf.scan.dependencies import Dependency, dependencies, judge_pair
from asyncperf.scan.endpoints import endpoints, place_of
from asyncperf.scan.index import AnyFunction, Function
from asyncperf.scan.judge import Judge
from asyncperf.scan.siblings import siblings
from asyncperf.sites import (
    BlockingCall,
    Independence,
    Problem,
    Remedy,
    Route,
    SeenAt,
    Verdict,
    Verdicts,
)

T = TypeVar("T")

CHANGED = "its source has changed since it ran"
OUTSIDE = "its file is not there, or not in the project"
ELEMENTS = "how the elements of the `async for` come is not known"
APART = "they stand in different blocks, or only one of them happens"
# The text of a site is cut at its end with this.
CUT = "…"


@dataclass(frozen=True)
class Asked:
    """What was seen, by file: awaits, where functions begin that are dependencies, and the `def`s
    that answered requests."""

    awaits: Mapping[str, Sequence[Site]]
    dependencies: Mapping[str, Sequence[Site]]
    routes: Mapping[str, Sequence[Route]] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        return sorted({*self.awaits, *self.dependencies, *self.routes})

    def without(self, files: Collection[str]) -> Self:
        def kept(found: Mapping[str, Sequence[T]]) -> Mapping[str, Sequence[T]]:
            return {file: each for file, each in found.items() if file not in files}

        return replace(
            self,
            awaits=kept(self.awaits),
            dependencies=kept(self.dependencies),
            routes=kept(self.routes),
        )


def judge_seen(paths: Sequence[Path], root: Path, asked: Asked) -> Verdicts:
    """What the Python files under `paths`, all below `root`, say of it."""
    names = {file: sources.relative(Path(os.path.abspath(file)), root) for file in asked.files}
    routes = [replace(r, file=names[file]) for file, each in asked.routes.items() for r in each]
    with room_to_work():
        loaded = load(paths, root, routes=routes)
        found_in = {file: loaded.project.at(name) for file, name in names.items()}
        modules = {file: module for file, module in found_in.items() if module is not None}
        unread = {
            file: _why_not(name, loaded.problems)
            for file, name in names.items()
            if file not in modules
        }
        found: list[Verdict] = []
        for file, sites in asked.awaits.items():
            if file in unread:
                continue
            seen = still_there(root / names[file], root, sites)
            if seen is None:
                unread[file] = CHANGED
                continue
            for function in modules[file].functions:
                if function.is_async:
                    found += judge_awaits(function, loaded, seen)
        functions = {
            function: (site.file, site.line, None)
            for file, sites in asked.dependencies.items()
            if file not in unread
            for site in sites
            for function in modules[file].functions
            if _is_at(function, site)
        }
        found += judge_dependencies(functions, loaded)
        blocking = list(blocking_behind(routes, loaded, root))
    return Verdicts(
        tuple(_on_disk(verdict, root) for verdict in found), unread, blocking=tuple(blocking)
    )


def _why_not(name: str, problems: Sequence[Problem]) -> str:
    return next((problem.what for problem in problems if problem.file == name), OUTSIDE)


def _at(site: Site) -> SeenAt:
    return site.file, site.line, site.column


def _is_at(function: Function, site: Site) -> bool:
    first = min([function.line, *(decorator.lineno for decorator in function.decorators)])
    return site.line == first and site.function.rpartition(".")[2] == function.name


def _on_disk(verdict: Verdict, root: Path) -> Verdict:
    """With the deciding fact's file as the probe names files."""
    said = verdict.independence
    if said.file is None:
        return verdict
    return replace(verdict, independence=replace(said, file=str(root / said.file)))


def blocking_behind(routes: Sequence[Route], loaded: Loaded, root: Path) -> Iterator[BlockingCall]:
    """The calls that would block the loop behind these endpoints, with their files on disk."""
    if not routes:
        return
    loaded.trees.make_room(sum(module.lines for module in loaded.project.modules.values()))
    answering = {
        function: names
        for function, names in endpoints(loaded.analyst, loaded.included, loaded.routed).items()
        if place_of(function) in loaded.routed  # another app of the folder may have its like
    }
    for call in blocking_calls(loaded.analyst, answering, loaded.launching):
        if call.endpoints:
            chain = tuple(replace(step, file=str(root / step.file)) for step in call.chain)
            yield replace(call, file=str(root / call.file), chain=chain)


# Where the awaits of a file stand, as the parser counts; with what was seen of each.
Seen = Mapping[tuple[int, int], Site]


def still_there(path: Path, root: Path, sites: Sequence[Site]) -> Seen | None:
    """The awaits that were seen; None if one of them does not read as it did when it ran."""
    source = sources.read(path, root)
    tree = source if isinstance(source, Problem) else sources.parse(source)
    if isinstance(source, Problem) or isinstance(tree, Problem):
        return None
    lines = source.text.split("\n")
    awaits = {
        (node.lineno, characters(lines[node.lineno - 1], node.col_offset) + 1): node
        for node in ast.walk(tree)
        if isinstance(node, ast.Await)
    }
    found = {}
    for site in sites:
        node = awaits.get((site.line, site.column or 0))
        if node is None or not _reads_as(ast.get_source_segment(source.text, node) or "", site):
            return None
        found[node.lineno, node.col_offset] = site
    return found


def _reads_as(text: str, site: Site) -> bool:
    text, recorded = " ".join(text.split()), site.text or ""
    if recorded.endswith(CUT):
        return text.startswith(recorded.removesuffix(CUT))
    return text == recorded


# Awaits


def judge_awaits(function: Function, loaded: Loaded, seen: Seen) -> Iterator[Verdict]:
    """Every two of the function's awaits that were seen, and each that a loop repeats."""
    node = function.node
    if node is None:
        return
    awaits = _Awaits(node)
    own = [
        (await_, seen[await_.lineno, await_.col_offset])
        for await_ in awaits.found
        if (await_.lineno, await_.col_offset) in seen
    ]
    if not own:
        return
    walk = loaded.analyst.walker(function)
    try:
        walk.function_body(function, node)
        judge = Judge(function, node, walk)
        for (a, first), (b, second) in combinations(own, 2):
            yield Verdict("pair", (_at(first), _at(second)), awaits.pair(judge, a, b))
        for await_, site in own:
            rounds = awaits.repeated(judge, await_)
            if rounds is not None:
                yield Verdict("loop", (_at(site),), rounds)
    except RecursionError:
        loaded.problems.append(
            Problem(function.module.file, function.line, "nested too deeply to judge")
        )


def _says(finding: Finding, remedy: Remedy) -> Independence:
    return Independence(finding.verdict, finding.reason, remedy, finding.file, finding.line)


def _untold(reason: str, remedy: Remedy) -> Independence:
    return Independence(None, reason, remedy)


class _Awaits:
    """The awaits of one function's own code, in their order, and what they stand in."""

    def __init__(self, function: AnyFunction) -> None:
        self._parents: dict[ast.AST, ast.AST] = {}
        self.found: list[ast.Await] = []
        self._visit(function)
        self.found.sort(key=lambda node: (node.lineno, node.col_offset))
        self._runs = {
            id(part.statement): (run, number)
            for run in runs(function)
            for number, part in enumerate(run)
        }
        self._loops = {id(await_): loop for loop in all_loops(function) for await_ in loop.awaits}
        self._siblings = {
            id(part.await_): (parts, number)
            for parts in siblings(function)
            for number, part in enumerate(parts)
        }

    def _visit(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, SCOPES):
                continue
            self._parents[child] = node
            if isinstance(child, ast.Await):
                self.found.append(child)
            self._visit(child)

    def _up(self, node: ast.AST) -> Iterator[ast.AST]:
        while node in self._parents:
            node = self._parents[node]
            yield node

    def _statement(self, node: ast.AST) -> ast.stmt:
        return next(outer for outer in self._up(node) if isinstance(outer, ast.stmt))

    def pair(self, judge: Judge, a: ast.Await, b: ast.Await) -> Independence:
        """What the judge says of two awaits, or why it says nothing."""
        before, after = self._statement(a), self._statement(b)
        if before is after:
            return self._within(judge, a, b)
        run, first = self._runs.get(id(before), ((), 0))
        other, second = self._runs.get(id(after), ((), 0))
        if run is not other or not run:
            return _untold(APART, "none")
        between: tuple[Awaiting, ...] = run[first + 1 : second]
        return _says(*judge.pair(run[first], run[second], between))

    def _within(self, judge: Judge, a: ast.Await, b: ast.Await) -> Independence:
        """Two awaits of one statement."""
        if a in self._up(b) or b in self._up(a):
            reason = f"one await of line {a.lineno} is given what the other one gave"
            return Independence("dependent", reason, "none", judge.file, a.lineno)
        # An await that is given to another one goes where that one goes.
        for one, other in product((a, *self._up(a)), (b, *self._up(b))):
            parts, first = self._siblings.get(id(one), ((), 0))
            others, second = self._siblings.get(id(other), ((), 0))
            if parts and parts is others:
                found = judge.of_siblings(parts, *sorted((first, second)))
                return _untold(APART, "none") if found is None else _says(*found)
        return _untold(APART, "none")

    def repeated(self, judge: Judge, await_: ast.Await) -> Independence | None:
        """What the judge says of the rounds of the loop nearest around an await; None without
        one."""
        loop = self._loops.get(id(await_))
        if loop is not None and loop.is_async:
            found = judge.judge_async_loop(loop)
            return _untold(ELEMENTS, "bounded-overlap") if found is None else _says(*found)
        if loop is not None:
            return _says(*judge.judge_loop(loop))
        for outer in self._up(await_):
            if isinstance(outer, ast.While):
                reason = "the `while` loop decides after each round whether there is another"
                return Independence("dependent", reason, "none", judge.file, outer.lineno)
        return None


# Dependencies


def judge_dependencies(functions: Mapping[Function, SeenAt], loaded: Loaded) -> Iterator[Verdict]:
    """Every two of these functions, in either order, as dependencies of one endpoint; and each
    with itself, as one that was resolved again was not cached."""
    named = {
        dependency.function
        for function in (*loaded.depending, *functions)
        if functions and (node := function.node) is not None
        for dependency in dependencies(function, node, loaded.analyst)
        if dependency.is_named
    }
    parts = [
        Dependency(f, f.name, f.module.file, f.line, is_named=f in named, is_cached=False)
        for f in functions
    ]
    for (a, first), (b, second) in product(zip(parts, functions.values(), strict=True), repeat=2):
        finding = judge_pair(a, b, loaded.analyst)
        remedy: Remedy = "overlap" if finding.verdict in {"independent", "likely"} else "none"
        yield Verdict("dependencies", (first, second), _says(finding, remedy))
