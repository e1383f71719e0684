"""Why the scan does not tell a blocking call that another tool tells. For `scan_blocking` only."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from asyncperf.scan import load, room_to_work
from asyncperf.scan.annotations import last_name
from asyncperf.scan.blocking import Reached, calls, reached
from asyncperf.scan.endpoints import endpoints
from asyncperf.scan.index import AnyFunction, Function
from asyncperf.scan.phases import COMMAND_FILES, reach
from asyncperf.scan.project import TESTS
from asyncperf.scan.switches import are_off
from asyncperf.sites import BlockingCall

Place = tuple[str, int]

LOCKS = re.compile(r"([lL]ock|Condition|Semaphore)\.(__enter__|acquire)$")
STREAMS = re.compile(r"^(typing|_?io|_io)\.\w*IO\w*\.|^_?io\.|TextIOWrapper\.|Buffered\w+\.")

IN_MEMORY = ("BytesIO", "StringIO")

MISSED = "MISSED: reached, but not known to block"
LOCK = "a lock: taken for an instant, unless another thread keeps it"
STREAM = "reads or writes an open stream, which may be in memory; the opening of a file is told"
TEST = "only tests come to it"
IMPORT = "runs as the module is imported, before a loop does"
BESIDE = "only commands, scripts, or tasks with an event loop of their own come to it"
PLAIN = "no async function comes to it: the chain begins in a plain one, or in a thread"
HEIR = "only some heirs of the class that is declared there do it, and that class does not"
OFF = "callers that are async switch that line off"
DECORATED = "a decorator of the project runs a step elsewhere, or another function in its place"
OFFLOADED = "only makes what it gives to a thread, and comes to no blocking call"
AWAITED = "a step is awaited, and the plain method there gives nothing to await"
UNFIT = "a step gives the method there more arguments than it takes"
HELD = "a step calls a function that an attribute holds; which one is guessed"
BREAKS = "a step of the chain is not taken"
ELSEWHERE = "told at the line where the call begins"


class Finding(NamedTuple):
    """What another tool tells: the places of its chain, and the library's function, or the one
    that is called where it is given to a thread."""

    chain: tuple[Place, ...]
    call: str
    is_given: bool = False

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
    return Own(told, places, of, frozenset(at.function for at in of.chains), functions)


def spans(functions: list[Function]) -> Iterator[tuple[int, int, Function]]:
    for function in functions:
        node = function.node
        if node is not None:
            yield node.lineno, node.end_lineno or node.lineno, function


def reason(own: Own, findings: list[Finding]) -> tuple[str, Finding]:
    """Why none of the chains that lead to one place is told, and the one that is explained
    least."""
    of_app = [each for each in findings if not TESTS.search(each.chain[0][0])]
    reasons = {reason_of(own, each): each for each in of_app or findings[:1]}
    why = next((least for least in (MISSED, BREAKS) if least in reasons), min(reasons))
    return why, reasons[why]


def reason_of(own: Own, finding: Finding) -> str:
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
    if opens_stream(function, finding.place[1]):
        return STREAM
    if finding.is_given and not comes_to_blocking(own, function, finding.place[1]):
        return OFFLOADED
    if function in own.come_to and is_off(own, function, finding.place[1]):
        return OFF
    if function in own.come_to:
        return ELSEWHERE if is_told(own, function, finding.place[1]) else MISSED
    if is_beside(own, begin) or is_beside(own, function):
        return BESIDE
    if not begin.is_async:
        return PLAIN
    if is_of_an_heir(own, finding):
        return HEIR
    return next(misled(own, finding), BREAKS)


def is_off(own: Own, function: Function, line: int) -> bool:
    if are_off(own.reached.graph.trace(function).without_loop, line):
        return True
    return all(are_off(at.off, line) for at in own.reached.chains if at.function is function)


def opens_stream(function: Function, line: int) -> bool:
    """Whether what a line calls is given a stream that is made in memory."""
    nodes = list(ast.walk(function.node)) if function.node is not None else []
    made = [n for n in nodes if isinstance(n, ast.Call) and last_name(n.func) in IN_MEMORY]
    assigned = [n for n in nodes if isinstance(n, ast.Assign) and n.value in made]
    names = {last_name(target) for each in assigned for target in each.targets}
    given = [
        argument
        for n in nodes
        if isinstance(n, ast.Call) and n.lineno == line
        for argument in n.args
    ]
    return any(each in made or last_name(each) in names for each in given)


def comes_to_blocking(own: Own, function: Function, line: int) -> bool:
    """Whether what a line calls blocks, however deep."""
    graph = own.reached.graph
    called = reach(graph, {e.callee for e in graph.out.get(function, ()) if e.line == line})
    return any(graph.tracer.traces[each].primitives for each in called if not each.is_async)


def misled(own: Own, finding: Finding) -> Iterator[str]:
    """What speaks against the steps of a chain where they stand."""
    for place, after in pairwise(finding.chain):
        caller, callee = own.around(place), own.around(after)
        around, method = (each.node if each else None for each in (caller, callee))
        if callee is None or callee.is_async or around is None or method is None:
            continue
        if callee.decorators and own.reached.graph.tracer.is_threaded(callee):
            yield DECORATED
        nodes = [n for n in ast.walk(around) if getattr(n, "lineno", 0) == place[1]]
        awaited = {n.value for n in ast.walk(around) if isinstance(n, ast.Await)}
        called = [n for n in nodes if isinstance(n, ast.Call)]
        meant = [n for n in called if last_name(n.func) == callee.name]
        if meant and all(n in awaited for n in meant):
            yield AWAITED
        if meant and not any(fits(n, method) for n in meant):
            yield UNFIT
        if called and not meant and all(isinstance(n.func, ast.Attribute) for n in called):
            yield HELD


def fits(node: ast.Call, method: AnyFunction) -> bool:
    taken = [*method.args.posonlyargs, *method.args.args]
    return method.args.vararg is not None or len(node.args) <= len(taken) - 1


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
