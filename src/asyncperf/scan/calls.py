"""What a call does: the effects of a callee of the project, or those that the catalogue names.

For `scan` only.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

from asyncperf.scan import by_name, caches, lending, library, library_special
from asyncperf.scan.annotations import last_name
from asyncperf.scan.catalogue_names import LOCK_LIKE
from asyncperf.scan.index import Class, Function
from asyncperf.scan.inferring import Inferring
from asyncperf.scan.keeping import is_empty
from asyncperf.scan.state import BUILTINS
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import (
    NOTHING,
    SUPER,
    Arguments,
    Callee,
    Place,
    Type,
    Value,
    bare,
    extend,
    is_private,
    is_unknown,
    join,
    named,
    ordered,
)
from asyncperf.scan.verbs import writes

SIDES = frozenset({".reader", ".writer", ".read", ".write", ".reader_lock", ".writer_lock"})
LOGGER = re.compile(r"^_*log(ging)?$|^(?!.*audit).*logger$", re.IGNORECASE)
LOG_METHODS = named("debug info warning warn error critical exception fatal trace success")
LOGGED = frozenset({"own", "raise"})  # what telling a logger does that matters to others
MAX_IMPLEMENTATIONS = 8  # of one method; more than that are named, not followed


def is_logging(func: ast.expr) -> bool:
    """Whether a logger is told something, by its name: `self._logger.info(...)`."""
    return (
        isinstance(func, ast.Attribute)
        and func.attr in LOG_METHODS
        and bool(LOGGER.search(last_name(func.value)))
    )


def gives_coroutine(callee: Callee) -> bool:
    """Whether awaiting what it gives runs its own body, and so waits only where that does; what a
    plain function gives may be a future or a task."""
    return not isinstance(callee.target, Function | Class) or (
        isinstance(callee.target, Function) and callee.target.is_async
    )


def is_lock_like(place: Place) -> bool:
    """Whether its name says so, or that of which it is one side: `lock.reader`."""
    parts = place[-2:] if place[-1] in SIDES else place[-1:]
    return any(LOCK_LIKE.search(part) for part in parts)


class Calls(Inferring):
    def call(self, node: ast.Call, awaited: bool) -> Value:
        func = node.func
        if isinstance(func, ast.Attribute):
            begin = len(self.effects)
            receiver = self.evaluate(func.value)
            if func.attr == "result":  # what is waited for at once is in the background no more
                started = [e for e in self.effects[begin:] if e.what != library_special.BACKGROUND]
                self.effects[begin:] = started
            value = self.attribute(receiver, func.attr, func)
            name = func.attr
        else:
            receiver, value = NOTHING, self.evaluate(func)
            name = func.id if isinstance(func, ast.Name) else "call"
        arguments = self.arguments(node)
        value = self.inferred(func, receiver, value, awaited)
        callees = [callee for callee in value.callees if not is_unknown(callee)]
        if awaited and len(callees) > 1:
            callees = self.awaitable(callees)
        if callees:
            begin = len(self.effects)
            results = [
                self.apply(callee, arguments, node, awaited)
                for callee in callees[:MAX_IMPLEMENTATIONS]
            ]
            if len(callees) > MAX_IMPLEMENTATIONS:
                self.emit("unknown", (), "call", f"{spelling(func)}, one of many", node)
            if awaited and self.discarded is node and is_hook(callees):
                self.emit("unknown", (), "await", f"{spelling(func)}, a hook", node)
            if awaited and self.is_to_be_filled(callees):
                self.emit("unknown", (), "await", f"{spelling(func)}, filled elsewhere", node)
                if writes(name):
                    self.emit("external", (), "w", f"whatever {spelling(func)} reaches", node)
            if not awaited and is_logging(func):
                self.effects[begin:] = [e for e in self.effects[begin:] if e.kind in LOGGED]
            if awaited and not all(gives_coroutine(callee) for callee in callees):
                self.emit("suspend", (), "", f"what {spelling(func)} gives", node)
            self.fill(node, begin)
            return join(results)
        made = library.called_object(value.types)
        if made:
            return self.made_by_factory(made, value, node)
        for type_ in value.types:
            if isinstance(type_.of, Class):
                methods = self.declarations.methods(type_.of, "__call__")
                if methods:
                    return join(
                        self.apply(Callee(m, bare(value)), arguments, node, awaited)
                        for m in methods
                    )
        result = library.called_scheme(self, value, arguments, node, awaited)
        if result is not None:
            return result
        parameters = [p for p in ordered(value.places) if p[0] == "param"]
        if not isinstance(func, ast.Name):
            parameters = []
        if parameters:
            own = lending.lent(self, name, NOTHING, arguments, node, awaited)
            for place in parameters:
                mode = "enter" if own else "await" if awaited else "call"
                self.emit("call", place, mode, name, node)
            if own is not None:
                return own
            self.hand_over(arguments, node)
            return Value(frozenset({("call", name)}))
        begin = len(self.effects)
        if isinstance(func, ast.Attribute):
            result = library.inherited(self, name, receiver, arguments, node, awaited)
            if result is None:
                result = library.by_objects_name(self, func, receiver, arguments, node, awaited)
        if result is None:
            result = by_name.unknown_call(self, func, receiver, arguments, node, awaited)
        self.fill(node, begin)
        return result

    def awaited(self, node: ast.Await) -> Value:
        value = super().awaited(node)
        if isinstance(node.value, ast.Attribute):  # `await request.form` is a call of its own
            for callee in value.callees:
                if callee.receiver is not None:
                    self.used_elsewhere(callee.receiver, node)
        return value

    def awaitable(self, callees: list[Callee]) -> list[Callee]:
        """Of several that an awaited call may mean, those without the plain methods, where an
        async one is among them: what these give could not be awaited."""
        targets = [callee.target for callee in callees]
        if not any(isinstance(each, Function) and each.is_async for each in targets):
            return callees
        return [c for c in callees if not self.declarations.is_plain(c.target)]

    def is_to_be_filled(self, callees: Sequence[Callee]) -> bool:
        """Whether all that is seen of a method only promised does nothing: others will fill it."""
        methods = [c.target for c in callees if isinstance(c.target, Function)]
        bodies = [method.node for method in methods]
        return bool(methods) and all(
            method.owner is not None
            and body is not None
            and is_empty(body)
            and not self.declarations.is_abstract(method)
            and any(
                self.declarations.is_abstract(above)
                for base in self.project.ancestry(method.owner)[1:]
                if isinstance(base, Class)
                for above in base.methods.get(method.name, ())
            )
            for method, body in zip(methods, bodies, strict=True)
        )

    def fill(self, node: ast.Call, begin: int) -> None:
        """Makes what a call does a part of a read, where it only fills a cache."""
        if caches.is_store(node) and self.only_fills(node):
            self.effects[begin:] = map(caches.filling, self.effects[begin:])

    def only_fills(self, node: ast.Call | ast.Subscript) -> bool:
        """Whether a call or an assignment only fills a cache."""
        if self.fills is None:
            self.fills = caches.fills(self.around) if self.around is not None else frozenset()
        return caches.position(node) in self.fills

    def arguments(self, node: ast.Call) -> Arguments:
        positional = tuple(self.evaluate(argument) for argument in node.args)
        keywords = {k.arg: self.evaluate(k.value) for k in node.keywords if k.arg}
        is_open = False
        for keyword in node.keywords:
            if keyword.arg is None:
                self.evaluate(keyword.value)
                is_open = True
        is_open = is_open or any(isinstance(argument, ast.Starred) for argument in node.args)
        return Arguments(positional, keywords, is_open)

    def made_by_factory(self, made: Type, factory: Value, node: ast.AST) -> Value:
        if made.of == "sqlalchemy.shared_session":
            place = frozenset(extend(p, (".session",)) for p in factory.places)
            return Value(place, (Type("sqlalchemy.AsyncSession"),))
        return self.made(node, (made,))

    def apply(self, callee: Callee, arguments: Arguments, node: ast.AST, awaited: bool) -> Value:
        """The result of one callee, and its effects."""
        if callee.given:
            arguments = arguments._replace(positional=callee.given + arguments.positional)
        target = callee.target
        if isinstance(target, Function):
            return self.apply_function(target, callee.receiver, arguments, node)
        if isinstance(target, Class):
            return self.construct(target, arguments, node)
        if target == "builtins.lambda":
            return callee.receiver or NOTHING
        if target == "builtins.super" and self.owner is not None and self.function is not None:
            return Value(self.env.get("self", NOTHING).places, self.above(self.owner))
        if target in {"builtins.type", "builtins.isinstance"}:
            return NOTHING
        return library.apply(self, callee, arguments, node, awaited)

    def above(self, owner: Class) -> tuple[Type, ...]:
        """The classes that `super()` may mean; a mixin's is a class that it is mixed into."""
        bases: Sequence[Class | str] = self.project.bases(owner)
        if not bases and all(getattr(base, "id", "") in BUILTINS for base in owner.bases):
            bases = self.declarations.mixed_with(owner) or ["builtins.object"]
        return tuple(
            Type(base, (SUPER,)) if isinstance(base, Class) else Type(str(base)) for base in bases
        )

    def construct(self, target: Class, arguments: Arguments, node: ast.AST) -> Value:
        made = self.made(node, (Type(target),))
        initialisers = [
            found
            for base in self.project.ancestry(target)
            if isinstance(base, Class)
            for found in base.methods.get("__init__", ())
        ][:1]
        for function in initialisers:
            self.apply_function(function, made, arguments, node)
        if not initialisers:  # a dataclass or a model: its fields hold what it is given
            (place,) = made.places
            fields = self.declarations.fields(target)
            held = dict(zip(fields, arguments.positional, strict=False)) | arguments.keywords
            for name, value in held.items():
                if value.places or value.types:
                    self.heap[extend(place, (f".{name}",))] = value
        for base in self.project.ancestry(target):
            if isinstance(base, str) and library.is_exclusive(base):
                return replace(made, types=(*made.types, Type(str(base))))
        return made

    def property_of(self, owner: Class, name: str, receiver: Value, node: ast.AST) -> Value | None:
        found = self.declarations.methods(owner, name)
        nothing = Arguments((), {}, False)
        return join([self.apply_function(function, receiver, nothing, node) for function in found])

    def entered(self, value: Value, node: ast.AST, awaited: bool) -> Value:
        """What `with value as ...` binds, with the effects of entering and leaving."""
        if value.yields is not None:
            return value.yields
        results = []
        method = "__aenter__" if awaited else "__enter__"
        for type_ in value.types:
            if isinstance(type_.of, Class):
                if len(value.types) > 1 and not self.declarations.methods(type_.of, method):
                    continue
                results.append(self.entered_own(type_.of, value, node, awaited))
            else:
                results.append(library.entered(self, type_.of, value, node, awaited))
        if not value.types:
            if awaited:
                self.emit("suspend", (), "", "async with", node)
                if any(is_lock_like(place) for place in value.places):
                    for place in ordered(value.places):
                        self.emit("lock", place, "w", library.lock_kind(value, place), node)
                elif not value.places or not all(is_private(p) for p in value.places):
                    self.emit("unknown", (), "await", "async with", node)
            return value
        return join(results)

    def entered_own(self, owner: Class, value: Value, node: ast.AST, awaited: bool) -> Value:
        enter, leave = ("__aenter__", "__aexit__") if awaited else ("__enter__", "__exit__")
        nothing = Arguments((), {}, False)
        result = value
        for function in self.declarations.methods(owner, enter)[:MAX_IMPLEMENTATIONS]:
            result = self.apply_function(function, value, nothing, node)
        for function in self.declarations.methods(owner, leave)[:MAX_IMPLEMENTATIONS]:
            self.apply_function(function, value, nothing, node)
        return result if result.places or result.types else value


def is_hook(callees: Sequence[Callee]) -> bool:
    """Whether one class does nothing there and another something: more may be to come."""
    bodies = [c.target.node for c in callees if isinstance(c.target, Function)]
    empty = [is_empty(body) for body in bodies if body is not None]
    return any(empty) and not all(empty)
