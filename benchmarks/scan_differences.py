"""Why the scan does not tell a blocking call that another tool tells. For `scan_blocking` only."""

import re
from collections.abc import Iterator
from itertools import pairwise
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
HEIR = "only some heirs of the class that is declared there do it, and that class does not"
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
    come_to: frozenset[Function]
    functions: dict[str, list[tuple[int, int, Function]]]

    def around(self, place: Place) -> Function | None:
        """The innermost function around a line."""
        file, line = place
        spans = [each for each in self.functions.get(file, ()) if each[0] <= line <= each[1]]
        return max(spans, key=lambda span: span[0])[2] if spans else None


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
    places = frozenset((call.file, call.line) for call in told)
    return Own(told, places, of, frozenset(function for function, _ in of.chains), functions)


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
    if function in own.come_to:
        return ELSEWHERE if is_told(own, function, finding.place[1]) else MISSED
    if is_beside(own, begin) or is_beside(own, function):
        return BESIDE
    if not begin.is_async:
        return PLAIN
    return HEIR if is_of_an_heir(own, finding) else BREAKS


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


def is_of_an_heir(own: Own, finding: Finding) -> bool:
    """Whether a step calls what is only an heir's: see `Graph.is_far_fetched`."""
    graph = own.reached.graph
    for place, after in pairwise(finding.chain):
        caller, callee = own.around(place), own.around(after)
        trace = graph.tracer.traces.get(caller) if caller else None
        if caller is None or callee is None or trace is None:
            continue
        spots = [spot for spot, called in trace.calls if called is callee and spot.line == place[1]]
        if any(graph.is_far_fetched(caller, callee, trace.chosen.get(at, ())) for at in spots):
            return True
    return False


def last_step(own: Own, finding: Finding) -> str:
    """Of another tool's chain, the last one in a function that async code is seen to come to."""
    steps = [place for place in finding.chain if own.around(place) in own.come_to]
    file, line = (steps or finding.chain)[-1 if steps else 0]
    return f"{file}:{line}"
