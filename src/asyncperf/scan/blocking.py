"""Blocking calls that async code reaches: the search over the call graph.

A call blocks the event loop if an `async def` makes it, or calls a plain function that does,
however deep; what goes to a thread was left out when the graph was made (see `trace`).
For `scan` only.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from asyncperf.scan.annotations import last_name, types_of
from asyncperf.scan.blocking_catalogue import OF_FUTURES
from asyncperf.scan.branches import Lines
from asyncperf.scan.call_graph import Edge, Graph, is_settled
from asyncperf.scan.dependencies import dependencies, depends_on, with_defaults
from asyncperf.scan.index import AnyFunction, Class, Function
from asyncperf.scan.phases import KEEPING, Phases, has_cache, is_of_flask, phases
from asyncperf.scan.project import TESTS
from asyncperf.scan.switches import Given, Guard, are_off
from asyncperf.scan.trace import Tracer
from asyncperf.scan.traces import Primitive, Spot
from asyncperf.sites import BlockingCall, Step

# What pydantic calls when a request's data become a model.
VALIDATORS = frozenset({"validator", "field_validator", "model_validator", "root_validator"})

Line = tuple[Function, int]  # of a function

# What waits unless the future is done.
FUTURES_WAITS = frozenset(f"concurrent.Future.{name}" for name in OF_FUTURES)


class Entered(NamedTuple):
    """A function, what of it the call that came to it switches off, and what that call sets
    parameters to which the function passes on."""

    function: Function
    off: tuple[Guard, ...] = ()
    known: tuple[tuple[str, object], ...] = ()


class Reached(NamedTuple):
    """What async code reaches, by the shortest chains; the first `repeated` of them more often
    than once in a process."""

    graph: Graph
    served: dict[Function, tuple[str, ...]]
    when: Phases
    chains: dict[Entered, tuple[Edge, ...]]
    repeated: int


def reached(
    tracer: Tracer, answering: dict[Function, tuple[str, ...]], launching: Iterable[Function]
) -> Reached:
    """`answering` are the functions that answer requests, with the names of their endpoints."""
    checking = validating(tracer, answering)
    graph = Graph(tracer)
    graph.build(launching)
    project = tracer.project
    served = {
        f: names for f, names in answering.items() if f.is_async and not is_of_flask(project, f)
    } | checking
    depend(graph, answering, served)
    when = phases(graph, served)
    begins = [
        function
        for function in dict.fromkeys([*tracer.traces, *served])
        if (function.is_async or function in served)
        and function not in when.aside
        and not TESTS.search(function.module.file)
        and not graph.is_never_run(function)
    ]
    chains = shortest(graph, {Entered(f): () for f in begins if f not in when.once}, when.first)
    repeated = len(chains)
    chains = shortest(graph, chains | {Entered(f): () for f in begins if f in when.once})
    return Reached(graph, served, when, chains, repeated)


def blocking_calls(
    tracer: Tracer, answering: dict[Function, tuple[str, ...]], launching: Iterable[Function]
) -> tuple[BlockingCall, ...]:
    """Each blocking call that async code reaches, by place, with the shortest chain to it."""
    return calls(reached(tracer, answering, launching))


def calls(of: Reached) -> tuple[BlockingCall, ...]:
    tracer = of.graph.tracer
    reaching = Reaching(of.graph, of.served)
    found: dict[tuple[str, int, int], BlockingCall] = {}
    for number, ((function, off, _), chain) in enumerate(of.chains.items()):
        trace = of.graph.trace(function)
        left_out = (*trace.for_desktops, *trace.without_loop)
        for spot, primitive in trace.primitives.items():
            place = (function.module.file, spot.line, spot.column)
            if place in found or are_off((*off, *left_out), spot.line):
                continue
            if function in tracer.done_callbacks and primitive.name in FUTURES_WAITS:
                continue
            settled = is_settled(trace, spot) and all(edge.certain for edge in chain)
            certain = primitive.certain and settled
            is_once = number >= of.repeated
            is_cached = is_kept(of.graph, function, spot.line, chain)
            found[place] = told(
                function, spot, primitive, chain, certain, is_once, is_cached, reaching
            )
    return tuple(found[place] for place in sorted(found))


def told(
    function: Function,
    spot: Spot,
    primitive: Primitive,
    chain: tuple[Edge, ...],
    certain: bool,
    is_once: bool,
    is_cached: bool,
    reaching: "Reaching",
) -> BlockingCall:
    file = function.module.file
    steps = [Step(e.caller.module.file, e.line, e.caller.qualname) for e in chain]
    begins = reaching.async_callers(function, spot.line)
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
        max(len({begin for begin, _ in begins}), 1),
        is_once,
        is_cached,
        primitive.by_loop,
    )


def is_kept(graph: Graph, function: Function, line: int, chain: tuple[Edge, ...]) -> bool:
    """Whether a step of the chain is only taken until what it gives is kept."""
    if any(has_cache(edge.callee, KEEPING) for edge in chain):
        return True
    steps = [*((edge.caller, edge.line) for edge in chain), (function, line)]
    return any(are_off(graph.trace(f).first_time, at) for f, at in steps)


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
    """The project's classes, and their bases, that an endpoint's parameters are declared as, but
    for those that a dependency gives as it is, or makes in a thread."""
    walk = tracer.walker(endpoint)
    for argument, default in with_defaults(node):
        call, _, _ = depends_on(argument, default, walk)
        if call is not None:
            continue
        for type_ in types_of(argument.annotation, walk.resolve):
            for class_ in tracer.project.ancestry(type_.of) if isinstance(type_.of, Class) else ():
                if isinstance(class_, Class):
                    yield class_


def validators(class_: Class) -> Iterator[Function]:
    for methods in class_.methods.values():
        for method in methods:
            if any(last_name(decorator) in VALIDATORS for decorator in method.decorators):
                yield method


def shortest(
    graph: Graph, begins: Mapping[Entered, tuple[Edge, ...]], but: Collection[Function] = ()
) -> dict[Entered, tuple[Edge, ...]]:
    """The shortest chain to each function from `begins`, which have theirs, through plain ones
    other than `but`; over settled calls alone where there is such a chain."""
    found = dict(begins)

    def spread(follow: Callable[[Edge], bool]) -> None:
        waiting = deque(
            sorted(
                found, key=lambda at: (len(found[at]), at.function.module.file, at.function.line)
            )
        )
        while waiting:
            at = waiting.popleft()
            off: tuple[Guard | Lines, ...] = (*at.off, *graph.trace(at.function).without_loop)
            known = dict(at.known)
            for edge in graph.out.get(at.function, ()):
                callee = edge.callee
                if callee.is_async or callee in but or Entered(callee) in found:
                    continue
                if not follow(edge) or are_off(off, edge.line):
                    continue
                entered = enter(graph, callee, edge.given.where(known) if known else edge.given)
                if entered not in found:
                    found[entered] = (*found[at], edge)
                    waiting.append(entered)

    spread(lambda edge: edge.certain)
    spread(lambda edge: True)
    return found


def enter(graph: Graph, callee: Function, given: Given) -> Entered:
    switches = graph.switches(callee)
    known = {name: switches.known(name, given) for name in sorted(graph.passing(callee))}
    constants = tuple((name, value[0]) for name, value in known.items() if value is not None)
    return Entered(callee, switches.off(given), constants)


class Reaching:
    """Who comes to a line of a function: async functions through plain ones, and endpoints."""

    def __init__(self, graph: Graph, served: dict[Function, tuple[str, ...]]) -> None:
        self.graph = graph
        self.served = served
        self._async: dict[Line, tuple[Line, ...]] = {}
        self._endpoints: dict[tuple[Line, ...], tuple[str, ...]] = {}

    def begins(self, function: Function) -> bool:
        return function.is_async or function in self.served

    def at(self, function: Function, line: int) -> Line:
        """The line matters only to a function of which callers can switch lines off."""
        return function, line if self.graph.switches(function).guards else 0

    def callers(self, at: Line) -> Iterator[Line]:
        function, line = at
        switches = self.graph.switches(function)
        for edge in self.graph.into[function]:
            without = self.graph.trace(edge.caller).without_loop
            if not (switches.skipped(line, edge.given) or are_off(without, edge.line)):
                yield self.at(edge.caller, edge.line)

    def async_callers(self, function: Function, line: int) -> tuple[Line, ...]:
        """Where the async functions nearest to `function`, itself among them, come to it."""
        begin = self.at(function, line)
        if self.begins(function):
            return (begin,)
        if begin not in self._async:
            begins: dict[Line, None] = {}
            waiting, seen = [begin], {begin}
            while waiting:
                for caller in self.callers(waiting.pop()):
                    if caller not in seen:
                        seen.add(caller)
                        if self.begins(caller[0]):
                            begins[caller] = None
                        else:
                            waiting.append(caller)
            self._async[begin] = tuple(begins)
        return self._async[begin]

    def endpoints(self, begins: tuple[Line, ...]) -> tuple[str, ...]:
        if begins not in self._endpoints:
            names: set[str] = set()
            waiting, seen = list(begins), set(begins)
            while waiting:
                at = waiting.pop()
                names.update(self.served.get(at[0], ()))
                for caller in self.callers(at):
                    if caller not in seen:
                        seen.add(caller)
                        waiting.append(caller)
            self._endpoints[begins] = tuple(sorted(names))
        return self._endpoints[begins]
