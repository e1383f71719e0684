"""Blocking calls that async code reaches: the search over the call graph.

A call blocks the event loop if an `async def` makes it, or calls a plain function that does,
however deep; what goes to a thread was left out when the graph was made (see `trace`).
For `scan` only.
"""

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from asyncperf.scan.annotations import last_name, types_of
from asyncperf.scan.dependencies import dependencies
from asyncperf.scan.index import AnyFunction, Class, Function
from asyncperf.scan.trace import Primitive, Spot, Trace, Tracer
from asyncperf.sites import BlockingCall, Step

# Where nobody else waits for the event loop: tests, and what runs before the first request.
TESTS = re.compile(r"(^|/)(tests?/|test_[^/]*\.py$|conftest\.py$|[^/]*_test\.py$)")
STARTING = re.compile(r"lifespan|^(on_)?(startup|shutdown)(_event)?$")
# A command, which has its loop to itself.
COMMAND_FILES = re.compile(r"(^|/)(_?cli|scripts|__main__)(/|\.py$)")
COMMANDS = frozenset({"command", "callback", "group"})
MAINS = frozenset({"main", "_main", "amain", "async_main", "main_async", "_amain"})


# What pydantic calls when a request's data become a model.
VALIDATORS = frozenset({"validator", "field_validator", "model_validator", "root_validator"})


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
        self.needed: dict[Function, tuple[Function, ...]] = {}

    def build(self, launching: Iterable[Function]) -> None:
        """Walks all async functions, and so all that they call; and plain ones of files that
        start event loops."""
        tracer = self.tracer
        everything = [f for module in tracer.project.modules.values() for f in module.functions]
        for function in [f for f in everything if f.is_async] + list(launching):
            if not TESTS.search(function.module.file):
                tracer.summary(function)
        threaded: dict[Function, bool] = {}
        for caller, trace in list(tracer.traces.items()):
            if TESTS.search(caller.module.file):
                continue
            self.spawned |= trace.spawned
            self.launched |= trace.launched
            for spot, callee in trace.calls:
                if callee not in threaded:
                    threaded[callee] = bool(callee.decorators) and tracer.is_threaded(callee)
                if not threaded[callee] and callee is not caller:
                    self.add(caller, callee, spot.line, is_settled(trace, spot))
        for function in [f for f, away in threaded.items() if f.decorators and not away]:
            for wrapper in tracer.wrappers(function):
                self.add(function, wrapper, function.decorators[0].lineno, certain=True)

    def add(self, caller: Function, callee: Function, line: int, certain: bool) -> None:
        self.out[caller].append(Edge(caller, callee, line, certain))
        self.callers[callee].append(caller)


def is_settled(trace: Trace, spot: Spot) -> bool:
    """Whether a call can only mean one definition."""
    return len(trace.chosen.get(spot, ())) < 2


def blocking_calls(
    tracer: Tracer, answering: dict[Function, tuple[str, ...]], launching: Iterable[Function]
) -> tuple[BlockingCall, ...]:
    """Each blocking call that async code reaches, by place, with the shortest chain to it.

    `answering` are the functions that answer requests, with the names of their endpoints.
    """
    checking = validating(tracer, answering)
    graph = Graph(tracer)
    graph.build(launching)
    served = {f: names for f, names in answering.items() if f.is_async} | checking
    depend(graph, answering, served)
    quiet = quiet_functions(graph, served)
    begins = dict.fromkeys(
        function
        for function in [*tracer.traces, *served]
        if (function.is_async or function in served)
        and function not in quiet
        and not TESTS.search(function.module.file)
    )
    chains = shortest(graph, begins)
    reaching = Reaching(graph, served)
    found: dict[tuple[str, int, int], BlockingCall] = {}
    for function, chain in chains.items():
        trace = tracer.traces.get(function, Trace())
        for spot, primitive in trace.primitives.items():
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


def depend(
    graph: Graph,
    answering: dict[Function, tuple[str, ...]],
    served: dict[Function, tuple[str, ...]],
) -> None:
    """An endpoint reaches what it depends on; `def` endpoints and dependencies run in threads,
    but what is async of their own dependencies does not."""
    for endpoint, names in answering.items():
        waiting, seen = [endpoint], {endpoint}
        while waiting:
            function = waiting.pop()
            for callee in needed(graph, function):
                if callee.is_async:
                    served[callee] = tuple(sorted({*served.get(callee, ()), *names}))
                if callee not in seen:
                    seen.add(callee)
                    waiting.append(callee)


def needed(graph: Graph, function: Function) -> tuple[Function, ...]:
    """The functions that one depends on, each looked up once."""
    if function not in graph.needed:
        node = function.node
        graph.needed[function] = tuple(
            each.function
            for each in (dependencies(function, node, graph.tracer) if node is not None else ())
            if each.function is not None
        )
    return graph.needed[function]


def validating(
    tracer: Tracer, answering: dict[Function, tuple[str, ...]]
) -> dict[Function, tuple[str, ...]]:
    """Validators of the models that endpoints take, with those endpoints: FastAPI calls them on
    the event loop, for `def` endpoints too."""
    found: dict[Function, set[str]] = defaultdict(set)
    for endpoint, names in answering.items():
        node = endpoint.node
        if node is None:
            continue
        for class_ in models(tracer, endpoint, node):
            for method in validators(class_):
                found[method].update(names)
                tracer.summary(method)
    return {method: tuple(sorted(names)) for method, names in found.items()}


def models(tracer: Tracer, endpoint: Function, node: AnyFunction) -> Iterator[Class]:
    """The project's classes that an endpoint's parameters are declared as, and their bases."""
    walk = tracer.walker(endpoint)
    for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        for type_ in types_of(argument.annotation, walk.resolve):
            for class_ in tracer.project.ancestry(type_.of) if isinstance(type_.of, Class) else ():
                if isinstance(class_, Class):
                    yield class_


def validators(class_: Class) -> Iterator[Function]:
    for methods in class_.methods.values():
        for method in methods:
            if any(last_name(decorator) in VALIDATORS for decorator in method.decorators):
                yield method


def quiet_functions(graph: Graph, served: Iterable[Function]) -> set[Function]:
    """Functions that only commands, tests and the app's start come to."""
    tracer = graph.tracer
    known = dict.fromkeys([*tracer.traces, *graph.callers])
    alone = {f for f in known if is_quiet(f) or (f in graph.launched and not graph.callers[f])}
    loud = {f for f in known if f not in alone and not graph.callers[f]}
    loud |= {f for f in graph.spawned if not COMMAND_FILES.search(f.module.file)} | set(served)
    return reach(graph, alone) - reach(graph, (loud - alone) | set(served))


def is_quiet(function: Function) -> bool:
    if TESTS.search(function.module.file) or COMMAND_FILES.search(function.module.file):
        return True
    if STARTING.search(function.name):
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
    found: dict[Function, tuple[Edge, ...]] = dict.fromkeys(begins, ())

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

    def begins(self, function: Function) -> bool:
        return function.is_async or function in self.served

    def async_callers(self, function: Function) -> tuple[Function, ...]:
        """The async functions nearest to `function`, itself among them."""
        if self.begins(function):
            return (function,)
        if function not in self._async:
            begins: dict[Function, None] = {}
            waiting, seen = [function], {function}
            while waiting:
                for caller in self.graph.callers[waiting.pop()]:
                    if caller not in seen:
                        seen.add(caller)
                        if self.begins(caller):
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
