"""The project's calls on the thread of the caller, as one graph. For `scan` only."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from asyncperf.scan.index import Function
from asyncperf.scan.trace import Spot, Trace, Tracer

# Where nobody else waits for the event loop.
TESTS = re.compile(r"(^|/)(([^/]*_)?tests?/|test_[^/]*\.py$|conftest\.py$|[^/]*_test\.py$)")

# Bases of other packages that call no method of their heirs' own by themselves.
PASSIVE_BASES = frozenset({"object", "ABC", "Protocol", "Generic", "BaseModel"})


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
        # Methods that are called where the object's class is not known, going by their names
        # alone: callers and callees of what is otherwise never called.
        self.named: dict[Function, list[Function]] = defaultdict(list)
        self.namers: dict[Function, list[Function]] = defaultdict(list)
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
                if self.is_far_fetched(callee, trace.chosen.get(spot, ())):
                    continue
                if callee not in threaded:
                    threaded[callee] = bool(callee.decorators) and tracer.is_threaded(callee)
                if not threaded[callee] and callee is not caller:
                    self.add(caller, callee, spot.line, is_settled(trace, spot))
        for function in [f for f, away in threaded.items() if f.decorators and not away]:
            for wrapper in tracer.wrappers(function):
                self.add(function, wrapper, function.decorators[0].lineno, certain=True)
        self.link_names()

    def is_far_fetched(self, callee: Function, chosen: Collection[object]) -> bool:
        """Whether it overrides, for some heirs, what the object's declared class does itself."""
        if callee.owner is None or len(chosen) < 2:
            return False
        bases = self.tracer.project.ancestry(callee.owner)[1:]
        return any(
            isinstance(other, Function)
            and other.owner in bases
            and not self.tracer.traces.get(other, Trace()).is_empty
            for other in chosen
        )

    def link_names(self) -> None:
        nameless: dict[str, list[Function]] = defaultdict(list)
        for function in self.tracer.traces:
            if not self.callers[function] and not self.may_be_called_by_libraries(function):
                nameless[function.name].append(function)
        for caller, trace in self.tracer.traces.items():
            if TESTS.search(caller.module.file):
                continue
            names = trace.named | {f.name for _, f in trace.calls if self.is_of_protocol(f)}
            for method in [f for name in sorted(names) for f in nameless.get(name, ())]:
                if method is not caller:
                    self.named[caller].append(method)
                    self.namers[method].append(caller)

    def is_of_protocol(self, function: Function) -> bool:
        """Whether any class may have it that never says so."""
        owner = function.owner
        bases = self.tracer.project.bases(owner) if owner is not None else ()
        return any(isinstance(b, str) and b.rpartition(".")[2] == "Protocol" for b in bases)

    def may_be_called_by_libraries(self, function: Function) -> bool:
        if function.owner is None or function.name.startswith("__"):
            return True
        bases = self.tracer.project.ancestry(function.owner)
        return any(
            isinstance(base, str) and base.rpartition(".")[2] not in PASSIVE_BASES for base in bases
        )

    def add(self, caller: Function, callee: Function, line: int, certain: bool) -> None:
        self.out[caller].append(Edge(caller, callee, line, certain))
        self.callers[callee].append(caller)

    def is_root(self, function: Function) -> bool:
        """Whether the project is not seen to call it: a library does, or nobody."""
        return not self.callers[function] and not self.namers[function]

    def callees(self, function: Function) -> Iterator[Function]:
        for edge in self.out.get(function, ()):
            yield edge.callee
        yield from self.named.get(function, ())


def is_settled(trace: Trace, spot: Spot) -> bool:
    """Whether a call can only mean one definition."""
    return len(trace.chosen.get(spot, ())) < 2
