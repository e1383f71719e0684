"""Why the scan does not tell a blocking call that another tool tells. For `scan_blocking` only."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asyncperf.scan import load, room_to_work
from asyncperf.scan.blocking import Reached, calls, reached
from asyncperf.scan.call_graph import TESTS
from asyncperf.scan.endpoints import endpoints
from asyncperf.scan.index import Function
from asyncperf.scan.phases import COMMAND_FILES
from asyncperf.sites import BlockingCall

Place = tuple[str, int]

LOCKS = re.compile(r"([lL]ock|Condition|Semaphore)\.(__enter__|acquire)$")
STREAMS = re.compile(r"^(typing|_?io|_io)\.\w*IO\w*\.|^_?io\.|TextIOWrapper\.|Buffered\w+\.")

MISSED = "MISSED: reached, but not known to block"
LOCK = "a lock: taken for an instant, unless another thread keeps it"
STREAM = "reads or writes an open stream, which may be in memory; the opening of a file is told"
TEST = "only tests come to it"
IMPORT = "runs as the module is imported, before a loop does"
BESIDE = "only commands, scripts, or tasks with an event loop of their own come to it"
PLAIN = "no async function comes to it: the chain begins in a plain one, or in a thread"
BREAKS = "a step of the chain is not taken"
ELSEWHERE = "told at the line where the call begins"


class Finding(NamedTuple):
    """What another tool tells: the places of its chain, and the library's function."""

    chain: tuple[Place, ...]
    call: str

    @property
    def place(self) -> Place:
        return self.chain[-1]


class Own(NamedTuple):
    """What the scan tells of a tree, and how it came to it."""

    calls: tuple[BlockingCall, ...]
    places: frozenset[Place]
    reached: Reached
    functions: dict[str, list[tuple[int, int, Function]]]

    def around(self, place: Place) -> Function | None:
        """The innermost function around a line."""
        file, line = place
        spans = [each for each in self.functions.get(file, ()) if each[0] <= line <= each[1]]
        return max(spans, key=lambda span: span[0])[2] if spans else None

    def is_reached(self, function: Function) -> bool:
        return any(each is function for each, _ in self.reached.chains)


def find_own(folder: Path) -> Own:
    folder = folder.absolute()
    with room_to_work():
        loaded = load([folder], folder)
        tracer = loaded.analyst
        answering = endpoints(tracer, loaded.included, loaded.routed)
        of = reached(tracer, answering, loaded.launching)
        told = calls(of)
        functions = {
            module.file: list(spans(module.functions)) for module in loaded.project.modules.values()
        }
    return Own(told, frozenset((call.file, call.line) for call in told), of, functions)


def spans(functions: list[Function]) -> Iterator[tuple[int, int, Function]]:
    for function in functions:
        node = function.node
        if node is not None:
            yield node.lineno, node.end_lineno or node.lineno, function


def reason(own: Own, finding: Finding) -> str:
    """The first of these that holds."""
    if LOCKS.search(finding.call):
        return LOCK
    if STREAMS.search(finding.call):
        return STREAM
    function, begin = own.around(finding.place), own.around(finding.chain[0])
    if TESTS.search(finding.chain[0][0]):
        return TEST
    if function is None or begin is None:
        return IMPORT
    if own.is_reached(function):
        return ELSEWHERE if is_told(own, function, finding.place[1]) else MISSED
    if is_beside(own, begin) or is_beside(own, function):
        return BESIDE
    if not begin.is_async:
        return PLAIN
    return BREAKS


def is_beside(own: Own, function: Function) -> bool:
    """Whether it, or for an inner function the one around it, is none that requests wait for."""
    around: Function | None = function
    while around is not None:
        if around in own.reached.when.aside or COMMAND_FILES.search(around.module.file):
            return True
        around = around.outer
    return False


def is_told(own: Own, function: Function, line: int) -> bool:
    trace = own.reached.graph.tracer.traces.get(function)
    return trace is not None and any(
        spot.line <= line <= spot.end_line and (function.module.file, spot.line) in own.places
        for spot in trace.primitives
    )


def last_step(own: Own, finding: Finding) -> str:
    """Of another tool's chain, the last one in a function that async code is seen to come to."""
    reached_steps = [
        place for place in finding.chain if (f := own.around(place)) and own.is_reached(f)
    ]
    file, line = (reached_steps or finding.chain)[-1 if reached_steps else 0]
    return f"{file}:{line}"
