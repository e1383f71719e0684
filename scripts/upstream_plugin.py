"""A pytest plugin: every await of FastAPI, of Starlette and of the tests themselves passes
through the probe and is recorded, as if every test were a request in detail.

What it did is appended to the file that UPSTREAM_SEEN names, a line for each process.
"""

import ast
import os
import threading
from typing import Any

import pytest
from _pytest.assertion import rewrite as pytest_rewrite

from asyncperf.probe import awaits, sources, timeline
from asyncperf.probe.accelerator import NATIVE
from asyncperf.probe.record_format import SPANS, packing
from asyncperf.probe.request import STEPPING, Request
from asyncperf.probe.rewrite import rewrite

PACKAGES = ("fastapi", "starlette")
# Which of its two forms the hook has.
FORM = "Python" if NATIVE is None else "C"


class Spans:
    """A table whose rows are checked and thrown away, from any thread."""

    def __init__(self) -> None:
        self.count = 0
        self._pack = packing(SPANS).pack
        self._lock = threading.Lock()

    @property
    def rows(self) -> "Spans":
        return self

    def append(self, row: tuple[float, ...]) -> None:
        self._pack(*row)
        with self._lock:
            self.count += 1


class Sites:
    def line(self, *_: Any) -> int:
        return 1

    def function(self, _: Any) -> int:
        return 1


class AllThreads(timeline.Timeline):
    """Tests start loops of their own, in threads of their own."""

    @property
    def thread(self) -> int:
        return threading.get_ident()

    @thread.setter
    def thread(self, _: int) -> None:
        pass


class TheirSources(sources.UserSources):
    def _wants(self, name: str, path: str) -> bool:
        return name.partition(".")[0] in PACKAGES or super()._wants(name, path)


FOLDER = os.path.dirname(os.environ["UPSTREAM_SEEN"])
SPANS_SEEN = Spans()
timeline.MOST_SPANS = 1 << 62
timeline.DEEPEST = 1 << 62
TRACK = timeline.Track(
    AllThreads(FOLDER, SPANS_SEEN, Sites()), Request(0, detail=1), 0, timeline.NONE
)


def rewrite_tests(tree: ast.Module, source: bytes, path: str | None = None, *more: Any) -> None:
    """pytest compiles test modules itself: ours comes before its own rewriting."""
    rewrite(tree, sources.decode_source(source), path or "", timeline.PLACES.number)
    rewrite_asserts(tree, source, path, *more)


rewrite_asserts = pytest_rewrite.rewrite_asserts
pytest_rewrite.rewrite_asserts = rewrite_tests
sources.FRAMEWORK = {}
STEPPING.track = TRACK
awaits.install()
TheirSources(FOLDER).install()


def pytest_sessionfinish(session: pytest.Session) -> None:
    broken = "broken" if TRACK.timeline.broken else "whole"
    with open(os.environ["UPSTREAM_SEEN"], "a", encoding="utf-8") as file:
        file.write(f"{len(timeline.PLACES.all)} {SPANS_SEEN.count} {broken} {FORM}\n")
