"""What a function gives a loop of its own, or hands on to who runs it elsewhere, remembered while
it is walked. For `scan` only.
"""

import ast
from collections.abc import Iterator

from asyncperf.scan import blocking_catalogue as catalogue
from asyncperf.scan.analyst import Analyst
from asyncperf.scan.annotations import last_name
from asyncperf.scan.index import Function
from asyncperf.scan.project import Project
from asyncperf.scan.switches import parameters
from asyncperf.scan.traces import Trace, key_of, spot_of
from asyncperf.scan.values import Value
from asyncperf.scan.walk import Walk

LAUNCHING = frozenset({"run", *catalogue.OWN_LOOP})
LOOPS = frozenset({*catalogue.LOOP_MODULES, "loop"})


class Parameters(Analyst):
    """An analyst that knows what becomes of coroutines and functions that others are given."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        # Parameters that their functions hand on to threads, or to who knows where; for a
        # decorator's inner functions its own parameters, as names of the enclosing function.
        self.handed_on: set[tuple[str, str]] = set()
        # Parameters that their functions give a loop of their own, or call to get what they give.
        self.launching: set[tuple[str, str]] = set()


class Launching(Walk):
    analyst: Parameters
    trace: Trace

    def known(self, node: ast.expr) -> Value:
        """What was evaluated before."""
        begin = len(self.effects)
        value = self.evaluate(node)
        del self.effects[begin:]
        return value

    def launches(self, node: ast.Call, name: str) -> bool:
        """Whether it gives what it is given a loop of its own."""
        if name in catalogue.OWN_LOOP or gives_loop(node):
            return True
        func = node.func
        return name == "run" and isinstance(func, ast.Attribute) and self.runs_loops(func.value)

    def runs_loops(self, node: ast.expr) -> bool:
        """Whether `.run` of it gives a coroutine a loop of its own."""
        if last_name(node) in catalogue.LOOP_MODULES:
            return True
        return any(type_.of == "asyncio.Runner" for type_ in self.known(node).types)

    def hand_on(self, value: Value) -> None:
        self.analyst.handed_on.update(self.parameters_of(value))

    def parameters_of(self, value: Value) -> Iterator[tuple[str, str]]:
        """The parameters that a value may be, of this function and of those around it."""
        for place in value.places:
            if place[0] == "param" and len(place) == 2 and self.function is not None:
                yield key_of(self.function), place[1]
            elif place[0] == "free" and len(place) == 3:
                yield place[1], place[2]

    def launch(self, node: ast.Call) -> None:
        """What is given here gets a loop of its own: coroutines, what makes them, and what the
        function itself was given."""
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        for each in [inner for argument in given for inner in ast.walk(argument)]:
            if isinstance(each, ast.Call):
                spot = spot_of(each)
                # Of very many heirs' methods not all are followed, but all may be what is given.
                meant = {callee.target for callee in self.known(each.func).callees}
                for made in meant | self.trace.chosen.get(spot, set()):
                    if isinstance(made, Function) and made.is_async:
                        self.awaited_within(made)
                        self.trace.launched.add(made)
                        self.trace.calls.pop((spot, made), None)
            elif isinstance(each, ast.Name):
                self.analyst.launching.update(self.parameters_of(self.known(each)))
        for argument in given:
            if isinstance(argument, ast.Name | ast.Attribute):
                for callee in self.known(argument).callees:
                    if isinstance(callee.target, Function) and callee.target.is_async:
                        self.trace.launched.add(callee.target)
                        self.trace.calls.pop((spot_of(node), callee.target), None)

    def awaited_within(self, inner: Function) -> None:
        """Coroutines that this function was given, and that one inside it waits for."""
        if inner.outer is not self.function or self.function is None or inner.node is None:
            return
        names = parameters(self.function.node) if self.function.node is not None else frozenset()
        waited = (each.value for each in ast.walk(inner.node) if isinstance(each, ast.Await))
        for each in waited:
            if isinstance(each, ast.Name) and each.id in names:
                self.analyst.launching.add((key_of(self.function), each.id))


def gives_loop(call: ast.Call) -> bool:
    """`Thread(target=asyncio.run, args=(work(),))`"""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(
        each.attr in LAUNCHING and last_name(each.value) in LOOPS
        for each in given
        if isinstance(each, ast.Attribute)
    )


def steps(call: ast.Call) -> bool:
    """`work.send(None)`, which takes a coroutine one step on without a loop."""
    match call:
        case ast.Call(func=ast.Attribute(attr="send"), args=[ast.Constant(value=None)]):
            return True
    return False
