"""Programs run with their awaits rewritten, as in a request that is recorded in detail."""

import ast
import asyncio
import builtins
from collections.abc import Iterator
from typing import Any, NamedTuple

from asyncperf.probe import awaits, timeline
from asyncperf.probe.record_format import SPANS_FILE
from asyncperf.probe.request import STEPPING, Request, Stepping, timed
from asyncperf.probe.rewrite import rewrite
from asyncperf.probe.tasks import watch_tasks
from asyncperf.probe.timeline import NONE, PLACES, Timeline, Track


class Span(NamedTuple):
    """A record in words: `site` is the await's text, `callee` the function's name."""

    start: float
    end: float
    request: int
    task: int
    span: int
    parent: int
    site: str | None
    callee: str | None
    outcome: str


class Recording:
    """A table of spans and the sites in it, in memory."""

    def __init__(self) -> None:
        self.names: list[str | None] = [None]
        self.rows: list[tuple[float, ...]] = []

    def line(self, file: str, line: int, column: int, function: str, text: str) -> int:
        return self._number(text)

    def function(self, code: Any) -> int:
        return 0 if code is None else self._number(code.co_qualname.rpartition("<locals>.")[2])

    def _number(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    @property
    def spans(self) -> list[Span]:
        """In the order in which they began."""
        words = ("returned", "raised", "cancelled")
        assert all(len(row) == len(SPANS_FILE) for row in self.rows)
        found = [
            Span(r[0], r[0] + r[1], *r[2:6], self.names[r[6]], self.names[r[7]], words[r[8]])  # type: ignore[arg-type]
            for r in self.rows
        ]
        return sorted(found, key=lambda span: span.span)


class Detail:
    """A request in detail, and its own task."""

    def __init__(self, folder: str = "/nowhere") -> None:
        self.recording = Recording()
        self.request = Request(7, 0.0, 0.0, 1)
        self.timeline = Timeline(folder, self.recording, self.recording)  # type: ignore[arg-type]
        self.track = Track(self.timeline, self.request, 0, NONE)

    @property
    def spans(self) -> list[Span]:
        return self.recording.spans


def rewritten(source: str, file: str = "program.py") -> Any:
    tree = ast.parse(source, file)
    rewrite(tree, source, file, PLACES.number)
    return compile(tree, file, "exec", dont_inherit=True)


def run(code: Any, module: dict[str, Any], detail: Detail | None = None) -> Any:
    """What `main()` of a program returns; `module` takes its names."""
    module["__name__"] = "program"
    exec(code, module)

    async def run_main() -> Any:
        if detail is None:
            return await module["main"]()
        watch_tasks(asyncio.get_running_loop())
        try:
            return await timed(module["main"](), detail.request, detail.track)
        finally:
            STEPPING.attributes = Stepping().attributes

    return asyncio.run(run_main())


def installed() -> Iterator[None]:
    """The names that rewritten code calls, among the builtins for a while."""
    awaits.install()
    yield
    for name in (awaits.AWAIT, awaits.ITERATE, awaits.ENTER):
        delattr(builtins, name)


def limit(monkeypatch: Any, **limits: int) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(timeline, name, value)
