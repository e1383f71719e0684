"""What a type checker says of names that annotations do not explain. For `scan` only."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from asyncperf.scan import sources
from asyncperf.scan.checkers import Checker, environment
from asyncperf.scan.defined_names import Definitions, Library
from asyncperf.scan.index import Class, Function, Module
from asyncperf.scan.language_server import LanguageServer, Location, ServerFailed
from asyncperf.scan.project import Project
from asyncperf.scan.values import MAX_ALTERNATIVES, Type
from asyncperf.sites import Inferred, Problem

# The first answer comes once the server has read what it needs, which took basedpyright 23 s for
# an app of 40,000 lines on a busy machine; later ones take milliseconds.
ANSWER_S = 40.0
# Of all waiting. Beyond it the scan goes on with what it has.
DEADLINE_S = 90.0
MAX_TEXTS = 64  # source files kept at hand: questions come in no order of theirs
NONE_TYPES = frozenset({"types.NoneType", "_typeshed.NoneType"})
# Classes that say nothing of what an object can do.
VAGUE = frozenset(
    {"typing.Any", "builtins.object", "builtins.type", "types.ModuleType"}
    | {"types.FunctionType", "types.MethodType", "typing.TypeVar", "typing.ParamSpec"}
)

Target = Function | Class | Library
Place = tuple[str, int, int]  # file, line from 1, column in bytes from 0


class Server(Protocol):
    """See `LanguageServer`."""

    def initialize(self, until: float) -> None: ...

    def locate(
        self, what: str, path: Path, text: str, line: int, column: int, until: float
    ) -> list[Location]: ...


class Inference:
    """Asks a server what a name means, each place once. A server that fails is asked no more."""

    def __init__(
        self,
        server: Server,
        project: Project,
        root: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._root = root.resolve()
        self._definitions = Definitions(project, self._root)
        self._clock = clock
        self._left_s = DEADLINE_S
        self._located: dict[tuple[str, Place], list[Location]] = {}
        self._text = lru_cache(MAX_TEXTS)(self._read)
        self._calls: dict[Place, bool] = {}
        self.trouble: str | None = None
        with self._waiting() as until:
            server.initialize(until)

    def answer(self, checker: str) -> Inferred:
        """What came of it all."""
        return Inferred(checker, len(self._calls), sum(self._calls.values()), self.trouble)

    def count(self, module: Module, node: ast.expr, is_known: bool) -> None:
        """Remembers whether a call that was asked about is now known."""
        place = _place(module, node)
        if place is not None:
            self._calls[place] = self._calls.get(place, False) or is_known

    def callees(self, module: Module, node: ast.expr) -> tuple[Target, ...]:
        """The functions or classes that a name or an attribute stands for."""
        found = [self._definitions.at(*each) for each in self._locate("definition", module, node)]
        known = tuple(dict.fromkeys(target for target in found if target is not None))
        return known[:MAX_ALTERNATIVES] if None not in found else ()

    def types(self, module: Module, node: ast.expr) -> tuple[Type, ...]:
        """The classes of which the object behind a name or an attribute may be."""
        found: dict[Type, None] = {}
        for each in self._locate("typeDefinition", module, node):
            target = self._definitions.at(*each)
            if isinstance(target, Class):
                found[Type(target)] = None
            elif not isinstance(target, Library) or target.is_method or target.dotted in VAGUE:
                return ()
            elif target.dotted not in NONE_TYPES:
                found[Type(target.dotted)] = None
        return tuple(found)[:MAX_ALTERNATIVES]

    def _locate(self, what: str, module: Module, node: ast.expr) -> list[Location]:
        place = _place(module, node)
        if place is None:
            return []
        if (what, place) not in self._located:
            self._located[what, place] = self._ask(what, node, place)
        return self._located[what, place]

    def _ask(self, what: str, node: ast.expr, place: Place) -> list[Location]:
        file, line, column = place
        text = self._text(file)
        found: list[Location] = []
        if text is not None and self.trouble is None and _stands_there(node, text, line, column):
            with self._waiting() as until:
                path = self._root / file
                found = self._server.locate(what, path, text, line, column, until)
        return found

    @contextmanager
    def _waiting(self) -> Iterator[float]:
        begin = self._clock()
        try:
            yield begin + min(ANSWER_S, self._left_s)
        except ServerFailed as error:
            self.trouble = str(error)
        self._left_s -= self._clock() - begin

    def _read(self, file: str) -> str | None:
        source = sources.read(self._root / file, self._root)
        return None if isinstance(source, Problem) else source.text


@contextmanager
def asking(checker: Checker | None, project: Project, root: Path) -> Iterator[Inference | None]:
    """Runs the checker's server for as long as it is asked; None without one."""
    if checker is None:
        yield None
        return
    command = [checker.program, *checker.arguments]
    folder = root.resolve()
    server = LanguageServer(command, folder, checker.settings, checker.options, environment())
    with server:
        yield Inference(server, project, root)


def _place(module: Module, node: ast.expr) -> Place | None:
    """Where the name stands that says what `node` is."""
    if isinstance(node, ast.Name):
        return module.file, node.lineno, node.col_offset
    if isinstance(node, ast.Attribute):
        column = (node.end_col_offset or 0) - len(node.attr.encode())
        return module.file, node.end_lineno or node.lineno, column
    return None


def _stands_there(node: ast.expr, text: str, line: int, column: int) -> bool:
    """Whether the name does: inside f-strings Python 3.11 counts from elsewhere, and the file may
    have changed."""
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    lines = text.split("\n")
    return line <= len(lines) and lines[line - 1].encode()[column:].startswith(name.encode())
