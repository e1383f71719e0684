"""The project's calls on the thread of the caller, as one graph. For `scan` only."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from asyncperf.scan.index import Class, Function, Import
from asyncperf.scan.project import TESTS
from asyncperf.scan.switches import Given, Switches, are_off, assigned
from asyncperf.scan.trace import Tracer
from asyncperf.scan.traces import Spot, Trace, inner_functions, key_of

# What `with` calls besides what it is given.
AROUND = frozenset({"__enter__", "__exit__", "__aenter__", "__aexit__"})

# Bases of other packages that call no method of their heirs' own by themselves.
PASSIVE_BASES = frozenset({"object", "ABC", "Protocol", "Generic", "BaseModel"})

NO_TRACE = Trace()


@dataclass(frozen=True, slots=True)
class Edge:
    """A call from one function of the project to another."""

    caller: Function
    callee: Function
    line: int
    certain: bool
    given: Given = field(default_factory=Given)


class Graph:
    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.out: dict[Function, list[Edge]] = defaultdict(list)
        self.into: dict[Function, list[Edge]] = defaultdict(list)
        # Methods that are called where the object's class is not known, going by their names
        # alone: callers and callees of what is otherwise never called.
        self.named: dict[Function, list[Function]] = defaultdict(list)
        self.namers: dict[Function, list[Function]] = defaultdict(list)
        self.spawned: dict[Function, list[Function]] = defaultdict(list)  # with who starts it
        self.launched: dict[Function, list[Function]] = defaultdict(list)  # with who starts it
        self.handed: set[Function] = set()
        self.used: set[Function] = set()  # of which somebody takes what they give
        # What no async function calls, but what starts event loops.
        self.beside: set[Function] = set()
        self.needed: dict[Function, tuple[Function, ...]] = {}
        self._passing: dict[Function, frozenset[str]] = {}

    def build(self, launching: Iterable[Function]) -> None:
        """Walks all async functions, and so all that they call; and plain ones of files that
        start event loops, or that import what does."""
        tracer = self.tracer
        everything = [f for module in tracer.project.modules.values() for f in module.functions]
        self.walk(f for f in everything if f.is_async)
        known = set(tracer.traces)
        self.walk(launching)
        self.walk(launchers_callers(tracer))
        self.beside = set(tracer.traces) - known
        threaded: dict[Function, bool] = {}
        for caller, trace in list(tracer.traces.items()):
            if TESTS.search(caller.module.file):
                continue
            for started in trace.spawned:
                self.spawned[started].append(caller)
            for started in trace.launched:
                self.launched[started].append(caller)
            self.handed |= trace.handed
            for spot, callee in list(trace.calls):  # heirs may have it walked again
                if spot not in trace.dropped:
                    self.used.add(callee)
                if are_off(trace.for_desktops, spot.line):
                    continue
                if self.is_far_fetched(caller, callee, trace.chosen.get(spot, ())):
                    continue
                if spot in trace.by_self and self.has_own(caller, callee.owner):
                    continue
                if callee not in threaded:
                    threaded[callee] = bool(callee.decorators) and tracer.is_threaded(callee)
                if not threaded[callee] and callee is not caller:
                    settled = is_settled(trace, spot)
                    given = trace.given.get(spot, Given())
                    self.add(Edge(caller, callee, spot.line, settled, given))
        for function in [f for f, away in threaded.items() if f.decorators and not away]:
            for wrapper in tracer.wrappers(function):
                self.add(Edge(function, wrapper, function.decorators[0].lineno, certain=True))
        self.link_names()

    def walk(self, functions: Iterable[Function]) -> None:
        for function in functions:
            if not TESTS.search(function.module.file):
                self.tracer.summary(function)

    def is_far_fetched(
        self, caller: Function, callee: Function, chosen: Collection[object]
    ) -> bool:
        """Whether it overrides, for some heirs, what the object's declared class does itself;
        other than for an async method of theirs, which may well be called on an heir."""
        if callee.owner is None or len(chosen) < 2:
            return False
        bases = self.tracer.project.ancestry(callee.owner)[1:]
        if caller.is_async and caller.owner in bases:
            return False
        return any(
            isinstance(other, Function)
            and other.name == callee.name
            and other.owner in bases
            and not self.tracer.traces.get(other, Trace()).is_empty
            for other in chosen
        )

    def has_own(self, method: Function, heir: Class | None) -> bool:
        """Whether an heir has a method of its own in place of one, and never calls that one."""
        if heir is None or heir is method.owner or method.owner is None:
            return False
        above = self.tracer.project.ancestry(heir)
        if method.owner not in above:
            return False
        own = [m for c in above if isinstance(c, Class) for m in c.methods.get(method.name, ())]
        before = own[: own.index(method)] if method in own else []
        calls = (called for each in before for _, called in self.traced(each).calls)
        return bool(before) and method not in calls

    def traced(self, function: Function) -> Trace:
        self.tracer.summary(function)
        return self.tracer.traces.get(function, Trace())

    def link_names(self) -> None:
        nameless: dict[str, list[Function]] = defaultdict(list)
        for function in self.tracer.traces:
            if not self.into[function] and not self.may_be_called_by_libraries(function):
                nameless[function.name].append(function)
        promised = self.promised([f for found in nameless.values() for f in found])
        for caller, trace in self.tracer.traces.items():
            if TESTS.search(caller.module.file):
                continue
            for name in sorted(trace.named):
                for method in nameless.get(name, ()):
                    if method not in promised:
                        self.link(caller, method)
            for called in dict.fromkeys(f for _, f in trace.calls if self.is_of_protocol(f)):
                for method in nameless.get(called.name, ()):
                    if called in promised.get(method, (called,)):
                        self.link(caller, method)
        for function in [f for f in self.tracer.traces if f.decorators]:
            for decorator in self.tracer.own_decorators(function):
                for inner in inner_functions(decorator):
                    if inner.is_async:  # a wrapper
                        self.link(function, inner)

    def promised(self, methods: Iterable[Function]) -> dict[Function, set[Function]]:
        """For methods of classes that have all the methods of a protocol that is called: the
        protocol's own."""
        called = {f for trace in self.tracer.traces.values() for _, f in trace.calls}
        protocols = {f.owner for f in called if self.is_of_protocol(f)}
        found: dict[Function, set[Function]] = defaultdict(set)
        for method in methods:
            for protocol in protocols:
                of_protocol = protocol.methods if protocol is not None else {}
                own = method.owner.methods if method.owner is not None else {}
                if method.name in of_protocol and of_protocol.keys() <= own.keys():
                    found[method].update(of_protocol[method.name])
        return found

    def link(self, caller: Function, callee: Function) -> None:
        if caller is not callee:
            self.named[caller].append(callee)
            self.namers[callee].append(caller)

    def is_of_protocol(self, function: Function) -> bool:
        """Whether any class may have it that never says so."""
        owner = function.owner
        return owner is not None and self.tracer.declarations.is_protocol(owner)

    def may_be_called_by_libraries(self, function: Function) -> bool:
        if function.owner is None or function.name.startswith("__"):
            return True
        bases = self.tracer.project.ancestry(function.owner)
        return any(
            isinstance(base, str) and base.rpartition(".")[2] not in PASSIVE_BASES for base in bases
        )

    def add(self, edge: Edge) -> None:
        self.out[edge.caller].append(edge)
        self.into[edge.callee].append(edge)

    def trace(self, function: Function) -> Trace:
        """What is known of a function, which may not have been walked."""
        return self.tracer.traces.get(function, NO_TRACE)

    def switches(self, function: Function) -> Switches:
        return self.trace(function).switches

    def passing(self, function: Function) -> frozenset[str]:
        """The parameters that a function gives others as it was given them."""
        if function not in self._passing:
            names = {
                name for each in self.out.get(function, ()) for name in each.given.passed.values()
            }
            node = function.node if names else None
            self._passing[function] = frozenset(names - assigned(node) if node is not None else ())
        return self._passing[function]

    def has_own_loop(self, function: Function) -> bool:
        """Whether it is only ever given a loop of its own."""
        return function in self.launched and function not in self.handed and not self.into[function]

    def is_never_run(self, function: Function) -> bool:
        """Whether it is a coroutine that a plain function makes and gives back, and of which all
        of that one's callers drop what it gives."""
        outer = function.outer
        if not function.is_async or outer is None or outer.is_async or outer in self.used:
            return False
        if self.is_root(outer) or function in self.spawned or function in self.launched:
            return False
        callers = {edge.caller for edge in self.into[function]}
        return callers == {outer} and function not in self.handed

    def is_root(self, function: Function) -> bool:
        """Whether the project is not seen to call it: a library does, or nobody."""
        return not self.into[function] and not self.namers[function]

    def callees(self, function: Function) -> Iterator[Function]:
        for edge in self.out.get(function, ()):
            yield edge.callee
        yield from self.named.get(function, ())


def launchers_callers(tracer: Tracer) -> Iterator[Function]:
    """Plain functions of the files that import what gives its arguments a loop of their own."""
    keys = {key for key, _ in tracer.launching}
    modules = list(tracer.project.modules.values())
    names = {f.name for module in modules for f in module.functions if key_of(f) in keys}
    for module in modules if names else ():
        scopes = [module.names, *(function.inner for function in module.functions)]
        bound = [b for scope in scopes for b in scope.values() if isinstance(b, Import)]
        if any(each.attribute in names for each in bound):
            yield from (function for function in module.functions if not function.is_async)


def is_settled(trace: Trace, spot: Spot) -> bool:
    """Whether a call can only mean one definition."""
    chosen = trace.chosen.get(spot, ())
    names = [each.name if isinstance(each, Function) else "" for each in chosen]
    around = [name for name in names if name in AROUND]
    return len(names) - len(around) < 2 and len(set(around)) == len(around)
