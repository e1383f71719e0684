"""Blocking calls that async code reaches: the search over the call graph.

A call blocks the event loop if an `async def` makes it, or calls a plain function that does,
however deep; what goes to a thread was left out when the graph was made (see `trace`).
For `scan` only.
"""

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from asyncperf.scan.annotations import last_name
from asyncperf.scan.dependencies import dependencies
from asyncperf.scan.endpoints import Inclusion, endpoints
from asyncperf.scan.index import Function
from asyncperf.scan.trace import Primitive, Spot, Trace, Tracer
from asyncperf.sites import BlockingCall, Step

# Where nobody else waits for the event loop: tests, and what runs before the first request.
TESTS = re.compile(r"(^|/)(tests?/|test_[^/]*\.py$|conftest\.py$|[^/]*_test\.py$)")
STARTING = re.compile(r"lifespan|^(on_)?(startup|shutdown)(_event)?$")
# A command, which has its loop to itself.
COMMANDS = frozenset({"command", "callback", "group"})
MAINS = frozenset({"main", "_main", "amain", "async_main", "main_async", "_amain"})


@dataclass(frozen=True, slots=True)
class Edge:
    """A call from one function of the project to another."""

    caller: Function
    callee: Function
    line: int
    certain: bool


class Graph:
    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.out: dict[Function, list[Edge]] = defaultdict(list)
        self.callers: dict[Function, list[Function]] = defaultdict(list)
        self.spawned: set[Function] = set()
        self.launched: set[Function] = set()

    def build(self) -> None:
        functions = [
            function
            for module in self.tracer.project.modules.values()
            if not TESTS.search(module.file)
            for function in module.functions
        ]
        for function in functions:
            if function.is_async:
                self.tracer.summary(function)
        threaded: dict[Function, bool] = {}
        for caller, trace in list(self.tracer.traces.items()):
            if TESTS.search(caller.module.file):
                continue
            self.spawned |= trace.spawned
            self.launched |= trace.launched
            for spot, callee in trace.calls:
                if callee not in threaded:
                    threaded[callee] = bool(callee.decorators) and self.tracer.is_threaded(callee)
                if not threaded[callee] and callee is not caller:
                    self.add(caller, callee, spot.line, is_settled(trace, spot))

    def add(self, caller: Function, callee: Function, line: int, certain: bool) -> None:
        self.out[caller].append(Edge(caller, callee, line, certain))
        self.callers[callee].append(caller)


def is_settled(trace: Trace, spot: Spot) -> bool:
    """Whether a call can only mean one definition."""
    return len(trace.chosen.get(spot, ())) < 2


def blocking_calls(tracer: Tracer, included: Iterable[Inclusion]) -> tuple[BlockingCall, ...]:
    """Each blocking call that async code reaches, by place, with the shortest chain to it."""
    graph = Graph(tracer)
    graph.build()
    served = {f: names for f, names in endpoints(tracer, included).items() if f.is_async}
    depend(graph, served)
    quiet = quiet_functions(graph, served)
    begins = [f for f in tracer.traces if f.is_async and f not in quiet and not TESTS.search(f.module.file)]  # fmt: skip
    chains = shortest(graph, begins)
    reaching = Reaching(graph, served)
    found: dict[tuple[str, int, int], BlockingCall] = {}
    for function, chain in chains.items():
        trace = tracer.traces.get(function)
        for spot, primitive in trace.primitives.items() if trace else ():
            certain = (
                primitive.certain
                and is_settled(trace, spot)
                and all(edge.certain for edge in chain)
            )
            call = told(function, spot, primitive, chain, certain, reaching)
            found.setdefault((call.file, call.line, call.column), call)
    return tuple(found[place] for place in sorted(found))


def told(
    function: Function,
    spot: Spot,
    primitive: Primitive,
    chain: tuple[Edge, ...],
    certain: bool,
    reaching: "Reaching",
) -> BlockingCall:
    file = function.module.file
    steps = [Step(e.caller.module.file, e.line, e.caller.qualname) for e in chain]
    begins = reaching.async_callers(function)
    return BlockingCall(
        file,
        spot.line,
        spot.column,
        primitive.name,
        primitive.does.blocks,
        (*steps, Step(file, spot.line, function.qualname)),
        reaching.endpoints(begins),
        certain,
        primitive.does.brief,
        max(len(begins), 1),
    )


def depend(graph: Graph, served: dict[Function, tuple[str, ...]]) -> None:
    """An endpoint reaches what it depends on; `def` dependencies run in threads."""
    waiting, seen = list(served), set(served)
    while waiting:
        function = waiting.pop()
        node = function.node
        for each in dependencies(function, node, graph.tracer) if node is not None else ():
            callee = each.function
            if callee is not None and callee.is_async and callee is not function:
                graph.add(function, callee, each.line, certain=True)
                if callee not in seen:
                    seen.add(callee)
                    waiting.append(callee)


def quiet_functions(graph: Graph, served: Iterable[Function]) -> set[Function]:
    """Functions that only commands, tests and the app's start come to."""
    tracer = graph.tracer
    known = dict.fromkeys([*tracer.traces, *graph.callers])
    alone = {f for f in known if is_quiet(f) or (f in graph.launched and not graph.callers[f])}
    loud = {f for f in known if f not in alone and not graph.callers[f]}
    loud |= graph.spawned | set(served)
    return reach(graph, alone) - reach(graph, loud - alone)


def is_quiet(function: Function) -> bool:
    if TESTS.search(function.module.file) or STARTING.search(function.name):
        return True
    if function.name in MAINS and function.owner is None:
        return True
    return any(last_name(d) in COMMANDS | {"on_event"} for d in function.decorators)


def reach(graph: Graph, begins: Iterable[Function]) -> set[Function]:
    found = set(begins)
    waiting = list(found)
    while waiting:
        for edge in graph.out.get(waiting.pop(), ()):
            if edge.callee not in found:
                found.add(edge.callee)
                waiting.append(edge.callee)
    return found


def shortest(graph: Graph, begins: Iterable[Function]) -> dict[Function, tuple[Edge, ...]]:
    """The shortest chain to each function from an async one through plain ones; over settled
    calls alone where there is such a chain."""
    found: dict[Function, tuple[Edge, ...]] = {function: () for function in begins}

    def spread(follow: Callable[[Edge], bool]) -> None:
        waiting = deque(sorted(found, key=lambda f: (len(found[f]), f.module.file, f.line)))
        while waiting:
            function = waiting.popleft()
            for edge in graph.out.get(function, ()):
                if edge.callee not in found and not edge.callee.is_async and follow(edge):
                    found[edge.callee] = (*found[function], edge)
                    waiting.append(edge.callee)

    spread(lambda edge: edge.certain)
    spread(lambda edge: True)
    return found


class Reaching:
    """Who comes to a function: async functions through plain ones, and endpoints."""

    def __init__(self, graph: Graph, served: dict[Function, tuple[str, ...]]) -> None:
        self.graph = graph
        self.served = served
        self._async: dict[Function, tuple[Function, ...]] = {}
        self._endpoints: dict[tuple[Function, ...], tuple[str, ...]] = {}

    def async_callers(self, function: Function) -> tuple[Function, ...]:
        """The async functions nearest to `function`, itself among them."""
        if function.is_async:
            return (function,)
        if function not in self._async:
            begins: dict[Function, None] = {}
            waiting, seen = [function], {function}
            while waiting:
                for caller in self.graph.callers[waiting.pop()]:
                    if caller not in seen:
                        seen.add(caller)
                        if caller.is_async:
                            begins[caller] = None
                        else:
                            waiting.append(caller)
            self._async[function] = tuple(begins)
        return self._async[function]

    def endpoints(self, begins: tuple[Function, ...]) -> tuple[str, ...]:
        if begins not in self._endpoints:
            names: set[str] = set()
            waiting, seen = list(begins), set(begins)
            while waiting:
                function = waiting.pop()
                names.update(self.served.get(function, ()))
                for caller in self.graph.callers[function]:
                    if caller not in seen:
                        seen.add(caller)
                        waiting.append(caller)
            self._endpoints[begins] = tuple(sorted(names))
        return self._endpoints[begins]
