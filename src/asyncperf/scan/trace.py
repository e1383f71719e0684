"""Remembers, while functions are walked, what each of them calls: see `traces`.

For `scan` only.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace

from asyncperf.scan import blocking_catalogue as catalogue
from asyncperf.scan.annotations import last_name
from asyncperf.scan.branches import Branch, branches, for_desktops
from asyncperf.scan.index import AnyFunction, Class, Function, Module
from asyncperf.scan.keeping import (
    first_time,
    is_empty,
    keeps_result,
    sets,
    takes_nothing,
    works_once,
)
from asyncperf.scan.launching import Launching, Parameters, steps
from asyncperf.scan.project import Project
from asyncperf.scan.streams import calls_inside, iterated, tuples_in
from asyncperf.scan.switches import given, parameters, switches
from asyncperf.scan.traces import Primitive, Spot, Trace, inner_functions, key_of, spot_of
from asyncperf.scan.unreached import without_loop
from asyncperf.scan.values import Arguments, Callee, Effect, Summary, Type, Value
from asyncperf.scan.waiting import (
    attribute_used,
    is_idle,
    is_ready,
    made_by,
    opens_memory,
    returns_at_once,
)
from asyncperf.scan.walk import Walk

# What a `sessionmaker` makes is taken for async, but async sessions cannot be entered by `with`.
FACTORY_MADE = Type("sqlalchemy.AsyncSession")
SELF = frozenset({("param", "self")})
SYNC_SESSION = Type("sqlalchemy.orm.Session")


class Tracer(Parameters):
    """An analyst that keeps a trace of each function it walks."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self.traces: dict[Function, Trace] = {}
        # What is called with a future that is done already.
        self.done_callbacks: set[Function] = set()

    def make_walk(self, module: Module, function: Function | None, owner: Class | None) -> Walk:
        return TracingWalk(self, module, function, owner)

    def is_threaded(self, function: Function) -> bool:
        """Whether a decorator runs it in a thread."""
        if any(last_name(d) in catalogue.THREADING_DECORATORS for d in function.decorators):
            return True
        for decorator in self.own_decorators(function):
            for maker in (decorator, *inner_functions(decorator)):
                self.summary(maker)
                if any(
                    (key_of(maker), n) in self.handed_on
                    for n in self.declarations.signature(maker).names
                ):
                    return True
        return False

    def wrappers(self, function: Function) -> Iterator[Function]:
        """What the project's own decorators put around it."""
        for decorator in self.own_decorators(function):
            for inner in inner_functions(decorator):
                if not inner.is_async and not inner.inner:
                    self.summary(inner)
                    yield inner

    def own_decorators(self, function: Function) -> Iterator[Function]:
        for decorator in function.decorators:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            meant = self.project.expression(target, function.module)
            if isinstance(meant, Function):
                for inner in inner_functions(meant):
                    self.summary(inner)
                yield meant


class TracingWalk(Launching):
    """A walk that keeps what it resolves: see `Trace`."""

    analyst: Tracer
    is_away = False  # whether what is applied now runs elsewhere, or perhaps never
    is_spawned = False
    is_launched = False
    is_done = False
    is_in_lambda = False  # which is called later, if at all, by whom it is given to
    is_nested = False  # whether a call is applied within another one, that of a callback
    callee: Function | None = None  # of which the effects are being taken over
    applied: ast.AST | None = None
    branches: tuple[Branch, ...] = ()
    own_names: frozenset[str] = frozenset()

    def __init__(
        self, analyst: Tracer, module: Module, function: Function | None, owner: Class | None
    ) -> None:
        super().__init__(analyst, module, function, owner)
        self.trace = (
            analyst.traces.setdefault(function, Trace()) if function is not None else Trace()
        )

    def function_body(self, function: Function, node: AnyFunction) -> Summary:
        self.branches = branches(node)
        self.own_names = parameters(node)
        self.trace.is_empty = is_empty(node)
        self.trace.switches = switches(node, self.branches)
        self.trace.for_desktops = for_desktops(self.branches)
        if function.module.asks_for_loop:
            self.trace.without_loop = without_loop(node, self.branches)
        self.trace.is_bare = takes_nothing(node)
        self.trace.keeps_result = self.trace.is_bare and keeps_result(node)
        self.trace.works_once = works_once(node)
        self.trace.first_time = first_time(node, self.makers)
        found = super().function_body(function, node)
        defines = any(isinstance(bound, Function) for bound in function.inner.values())
        for call in calls_inside(node) if defines else ():
            if last_name(call) in catalogue.ITERATING_IN_THREADS:
                self.iterate_elsewhere(call)
        return found

    def lasting(self, attribute: str) -> bool:
        """Whether an attribute of the object itself only ever holds what a class makes."""
        if self.owner is None or attribute in self.owner.attributes:
            return False
        kept = [value for _, _, value in self.declarations.kept(self.owner, attribute)]
        return bool(kept) and all(
            isinstance(value, ast.Call) and last_name(value)[:1].isupper() for value in kept
        )

    def makers(self, kept: str) -> set[str]:
        """What makes what an attribute of the object, or else a global of the file, holds."""
        found = self.declarations.makers(self.owner, kept)
        if not found and kept in self.module.names:
            found = {f.name for f in self.module.functions if f.node and sets(f.node, kept)}
        return found

    def call(self, node: ast.Call, awaited: bool) -> Value:
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if self.is_in_lambda and isinstance(func, ast.Name):
            self.hand_on(self.lookup(func.id))
        for given_away in tuples_in(node) if name in catalogue.QUEUING else ():
            self.hand_on(self.lookup(given_away))
        if name == "add_done_callback":
            outer, self.is_done = self.is_done, True
            value = super().call(node, awaited)
            self.is_done = outer
            return value
        if name in catalogue.SPAWNING:
            outer, self.is_spawned = self.is_spawned, True
            value = super().call(node, awaited)
            self.is_spawned = outer
            return value
        if self.launches(node, name):
            outer, self.is_launched = self.is_launched, True
            value = super().call(node, awaited)
            self.is_launched = outer
            self.launch(node)
            return value
        if isinstance(func, ast.Attribute) and steps(node):
            self.analyst.launching.update(self.parameters_of(self.known(func.value)))
        is_dropped = self.discarded is node
        if is_dropped:
            self.trace.dropped.add(spot_of(node))
        value = super().call(node, awaited)
        if name in catalogue.ITERATING_IN_THREADS:
            self.iterate_elsewhere(node)
        if name == "enter_context" and node.args:
            self.leaving(self.known(node.args[0]), node)
        if self.applied is not node and isinstance(func, ast.Attribute):
            self.trace.named.add(name)
            if not awaited:
                self.unresolved(func, node, is_dropped)
        return value

    def iterate_elsewhere(self, node: ast.Call) -> None:
        """Of plain generators that are given here nothing runs on this thread."""
        waiting, seen = iterated(node, self.around), set[Spot]()
        while waiting:
            each = waiting.pop()
            spot = spot_of(each)
            if spot in seen:
                continue
            seen.add(spot)
            for made in self.trace.chosen.get(spot, ()):
                if isinstance(made, Function) and self.analyst.summary(made).yields is not None:
                    if not made.is_async:
                        self.trace.calls.pop((spot, made), None)
                    waiting += iterated(each, self.around)

    def unresolved(self, func: ast.Attribute, node: ast.Call, is_dropped: bool) -> None:
        """A method of which the class is not known, or not in the project, though its heir is."""
        name = func.attr
        if name in catalogue.BY_NAME:
            self.primitive(catalogue.BY_NAME[name], node, is_method=True, certain=False)
        elif name in catalogue.OF_PATHS and catalogue.PATH_NAMES.search(
            catalogue.path_name(func.value)
        ):
            self.primitive(f"pathlib.Path.{name}", node, is_method=True, certain=False)
        elif name in catalogue.METHOD_NAMES and isinstance(func.value, ast.Name | ast.Attribute):
            for base in self.library_bases(func.value):
                self.primitive(f"{base}.{name}", node, is_method=True, certain=True)
        if name in catalogue.OF_POOLS and catalogue.POOL_NAMES.search(last_name(func.value)):
            self.primitive(f"concurrent.futures.ThreadPoolExecutor.{name}", node, True, False)
        called = last_name(func.value)
        is_future = name in catalogue.OF_FUTURES and catalogue.FUTURE_NAMES.search(called)
        if is_future and (node.args or node.keywords):
            self.primitive(f"concurrent.futures.Future.{name}", node, True, False)
        if is_dropped and name in catalogue.DROPPED and catalogue.SESSION_NAMES.search(called):
            self.primitive(catalogue.DROPPED[name], node, is_method=True, certain=False)

    def library_bases(self, node: ast.expr) -> Iterator[str]:
        """The classes outside the project that an object's own class is made from."""
        for type_ in self.known(node).types:
            for base in self.project.ancestry(type_.of) if isinstance(type_.of, Class) else ():
                if isinstance(base, str):
                    yield base

    def apply(self, callee: Callee, arguments: Arguments, node: ast.AST, awaited: bool) -> Value:
        if not (isinstance(callee.target, str) and ".state." in callee.target):
            self.applied = node  # what a request carries in its `state` has no type
        if not self.is_nested:
            self.trace.chosen.setdefault(spot_of(node), set()).add(callee.target)
        outer, self.is_nested = self.is_nested, True
        if isinstance(callee.target, str):
            value = self.apply_library(callee, callee.target, arguments, node, awaited)
        else:
            value = super().apply(callee, arguments, node, awaited)
        self.is_nested = outer
        return value

    def apply_library(
        self, callee: Callee, dotted: str, arguments: Arguments, node: ast.AST, awaited: bool
    ) -> Value:
        outer = self.is_away
        name = dotted.rpartition(".")[2]
        if name[:1].isupper():
            self.trace.makes.add(name)
        elif awaited:
            self.trace.named.add(name)
        if not awaited and not any(
            type_.of in catalogue.IN_MEMORY for value in arguments.all() for type_ in value.types
        ):
            self.primitive(dotted, node, callee.receiver is not None, certain=True)
        launched = self.is_launched
        self.is_launched = launched or bool(catalogue.JOBS.search(dotted))
        self.is_away = outer or name not in catalogue.CALLS_HERE
        value = super().apply(callee, arguments, node, awaited)
        self.is_away, self.is_launched = outer, launched
        if not value.types:
            made = made_by(dotted, node)
            if made is not None:
                value = replace(value, types=(made,))
        return value

    def primitive(
        self, dotted: str, node: ast.AST, is_method: bool, certain: bool, by_loop: bool = False
    ) -> None:
        if self.is_away or returns_at_once(node) or self.is_in_memory(dotted, node):
            return
        found = catalogue.blocking(dotted, is_method)
        if found is not None and not self.is_ready(node):
            self.trace.primitives.setdefault(spot_of(node), Primitive(*found, certain, by_loop))

    def is_in_memory(self, dotted: str, node: ast.AST) -> bool:
        """Whether a database is opened in memory here, or kept in an attribute of its own."""
        if not dotted.startswith("sqlite3."):
            return False
        kept = [value for _, _, value in self.declarations.kept(self.owner, attribute_used(node))]
        return opens_memory(node) or (bool(kept) and all(map(opens_memory, kept)))

    def is_ready(self, node: ast.AST) -> bool:
        around = self.around
        return around is not None and is_ready(node, around, self.branches)

    def entered(self, value: Value, node: ast.AST, awaited: bool) -> Value:
        found = super().entered(value, node, awaited)
        if not awaited:
            self.leaving(value, node)
        if not awaited and FACTORY_MADE in found.types:
            return replace(found, types=(SYNC_SESSION,))
        return found

    def leaving(self, value: Value, node: ast.AST) -> None:
        """What `with` waits for as it ends."""
        around = self.around
        for type_ in value.types:
            if not isinstance(type_.of, str):
                continue
            is_pool = type_.of.endswith("PoolExecutor")
            if not (is_pool and around is not None and is_idle(node, around)):
                self.primitive(f"{type_.of}.__exit__", node, True, certain=len(value.types) < 2)

    def arguments(self, node: ast.Call) -> Arguments:
        """Evaluated where they stand, whoever then runs what they give."""
        outer, nested = self.is_away, self.is_nested
        self.is_away, self.is_nested = self.is_in_lambda, False
        found = super().arguments(node)
        self.is_away, self.is_nested = outer, nested
        return found

    def body_of_lambda(self, node: ast.Lambda) -> Value:
        outer, lambda_ = self.is_away, self.is_in_lambda
        self.is_away = self.is_in_lambda = True
        value = super().body_of_lambda(node)
        self.is_away, self.is_in_lambda = outer, lambda_
        return value

    def hand_over(self, arguments: Arguments, node: ast.AST) -> None:
        if not self.is_launched:
            callees = [callee.target for value in arguments.all() for callee in value.callees]
            self.trace.handed |= {f for f in callees if isinstance(f, Function) and f.is_async}
        name = last_name(node.func) if isinstance(node, ast.Call) else ""
        outer, self.is_away = self.is_away, self.is_away or name not in catalogue.CALLS_HERE
        if self.is_away:
            given = arguments.all()
            whole = isinstance(node, ast.Call) and len(arguments.positional) == len(node.args)
            # What `partial` is made of is known again where that is called or handed on.
            for value in given[1:] if name == "partial" and whole else given:
                self.hand_on(value)
        elif name in catalogue.CALLED_BY_LOOP:
            for callee in (callee for value in arguments.all() for callee in value.callees):
                if isinstance(callee.target, str):
                    is_method = callee.receiver is not None
                    self.primitive(callee.target, node, is_method, certain=True, by_loop=True)
        super().hand_over(arguments, node)
        self.is_away = outer

    def instantiate(
        self,
        summary: Summary,
        mapping: dict[str, Value],
        is_open: bool,
        function: Function,
        node: ast.AST,
    ) -> None:
        outer, self.callee = self.callee, function
        super().instantiate(summary, mapping, is_open, function, node)
        self.callee = outer
        if isinstance(node, ast.Call) and any(
            (key_of(function), name) in self.analyst.launching for name in mapping
        ):
            self.launch(node)

    def called_back(
        self, effect: Effect, mapping: dict[str, Value], function: Function, node: ast.AST
    ) -> None:
        name, outer = effect.place[1], self.is_away
        if self.callee is not None and (key_of(self.callee), name) in self.analyst.handed_on:
            self.is_away = True
        if self.is_away:
            self.hand_on(mapping.get(name, Value()))
        super().called_back(effect, mapping, function, node)
        self.is_away = outer

    def apply_function(
        self, function: Function, receiver: Value | None, arguments: Arguments, node: ast.AST
    ) -> Value:
        trace = self.trace
        if self.is_launched:
            trace.launched.add(function)
        elif not self.is_away:
            spot = spot_of(node)
            trace.calls[spot, function] = None
            if receiver is not None and receiver.places == SELF:
                trace.by_self.add(spot)
            if not self.is_nested:
                trace.chosen.setdefault(spot, set()).add(function)
            trace.given.setdefault(spot, given(node, self.branches, self.own_names, self.lasting))
            if self.is_done:
                self.analyst.done_callbacks.add(function)
            if self.is_spawned:
                trace.spawned.add(function)
        return super().apply_function(function, receiver, arguments, node)
