"""What a call does: the effects of a callee of the project, or those that the catalogue names.

For `scan` only.
"""

import ast
from dataclasses import replace
from typing import NamedTuple

from asyncperf.scan import library
from asyncperf.scan.catalogue_names import LOCK_LIKE
from asyncperf.scan.expressions import Expressions
from asyncperf.scan.index import Class, Function
from asyncperf.scan.values import (
    ARGUMENT,
    NOTHING,
    Callee,
    Effect,
    Place,
    Summary,
    Type,
    Value,
    bare,
    extend,
    is_private,
    is_unknown,
    join,
    same_value,
)
from asyncperf.scan.verbs import is_session_like

MAX_IMPLEMENTATIONS = 8  # of one method; more than that are named, not followed
CALLABLE_NAMES = frozenset({"func", "fn", "f", "callback", "cb", "callable", "handler", "function"})


class Arguments(NamedTuple):
    positional: tuple[Value, ...]
    keywords: dict[str, Value]
    is_open: bool  # with *args or **kwargs, so that any parameter may be filled

    def all(self) -> tuple[Value, ...]:
        return (*self.positional, *self.keywords.values())

    def get(self, position: int, *names: str) -> Value:
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        return self.positional[position] if position < len(self.positional) else NOTHING


class Calls(Expressions):
    heap: dict[Place, Value]  # what attributes of objects made here hold
    stores: list[tuple[Place, Value]]
    discarded: ast.AST | None = None  # the call whose result the statement drops
    exclusive: dict[Place, str]  # places seen to hold a session or the like
    catching = 0  # of `try` blocks around that swallow what is raised

    def call(self, node: ast.Call, awaited: bool) -> Value:
        func = node.func
        if isinstance(func, ast.Attribute):
            receiver = self.evaluate(func.value)
            value = self.attribute(receiver, func.attr, func)
            name = func.attr
        else:
            receiver, value = NOTHING, self.evaluate(func)
            name = func.id if isinstance(func, ast.Name) else "call"
        arguments = self.arguments(node)
        callees = [callee for callee in value.callees if not is_unknown(callee)]
        if callees:
            results = [
                self.apply(callee, arguments, node, awaited)
                for callee in callees[:MAX_IMPLEMENTATIONS]
            ]
            if len(callees) > MAX_IMPLEMENTATIONS:
                self.emit("unknown", (), "call", f"{spelling(func)}, one of many", node)
            return join(results)
        made = library.called_object(value.types)
        if made:
            return self.made_by_factory(made, value, node)
        for type_ in value.types:
            if isinstance(type_.of, Class):
                methods = self.analyst.methods(type_.of, "__call__")
                if methods:
                    return join(
                        self.apply(Callee(m, bare(value)), arguments, node, awaited)
                        for m in methods
                    )
        parameters = [p for p in value.places if p[0] == "param" and isinstance(func, ast.Name)]
        if parameters:
            for place in parameters:
                self.emit("call", place, "await" if awaited else "call", name, node)
            self.hand_over(arguments, node)
            return Value(frozenset({("call", name)}))
        return library.unknown_call(self, func, receiver, arguments, node, awaited)

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
            receiver = self.env.get("self", NOTHING)
            bases = self.project.bases(self.owner)
            return Value(
                receiver.places,
                tuple(Type(base if isinstance(base, Class) else str(base)) for base in bases),
            )
        if target in {"builtins.type", "builtins.isinstance"}:
            return NOTHING
        return library.apply(self, callee, arguments, node, awaited)

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
            fields = self.analyst.fields(target)
            held = dict(zip(fields, arguments.positional, strict=False)) | arguments.keywords
            for name, value in held.items():
                if value.places or value.types:
                    self.heap[extend(place, (f".{name}",))] = value
        for base in self.project.ancestry(target):
            if isinstance(base, str) and library.is_exclusive(base):
                return replace(made, types=(*made.types, Type(str(base))))
        return made

    def apply_function(
        self, function: Function, receiver: Value | None, arguments: Arguments, node: ast.AST
    ) -> Value:
        summary = self.analyst.summary(function)
        mapping = self.map_arguments(function, receiver, arguments)
        self.instantiate(summary, mapping, arguments.is_open, function, node)
        for place, value in summary.stores:
            for target in self.map_place(place, mapping):
                if target[0] == "new":
                    self.heap[target] = self.map_value(value, mapping)
                elif value.places:
                    self.stores.append((target, self.map_value(value, mapping)))
        result = self.map_value(summary.returns, mapping)
        if summary.yields is not None:
            inner = self.filled(summary, self.map_value(summary.yields, mapping), mapping, node)
            return Value(result.places, result.types, yields=inner)
        return self.filled(summary, result, mapping, node)

    def filled(
        self, summary: Summary, result: Value, mapping: dict[str, Value], node: ast.AST
    ) -> Value:
        """A result with a place of its own where the callee made it, and what it holds."""
        if not result.places and (result.types or result.callees):
            result = replace(result, places=self.made(node).places)
        for place in result.places:
            if place[0] == "new":
                for held, value in summary.holds:
                    self.heap[extend(place, held)] = self.map_value(value, mapping)
        return result

    def map_arguments(
        self, function: Function, receiver: Value | None, arguments: Arguments
    ) -> dict[str, Value]:
        signature = self.analyst.signature(function)
        names = list(signature.positional)
        mapping: dict[str, Value] = {}
        if receiver is not None and names and not self.analyst.is_static(function):
            mapping[names.pop(0)] = receiver
        for name, value in zip(names, arguments.positional, strict=False):
            mapping[name] = value
        extra = arguments.positional[len(names) :]
        if signature.rest and extra:
            mapping[signature.rest] = join(extra)
        for name, value in arguments.keywords.items():
            if name in signature.names:
                mapping[name] = value
            elif signature.keywords:
                mapping[signature.keywords] = join(
                    [mapping.get(signature.keywords, NOTHING), value]
                )
        return mapping

    def map_place(self, place: Place, mapping: dict[str, Value]) -> list[Place]:
        if place[0] == "param":
            value = mapping.get(place[1])
            if value is None:
                return []
            return [self.held(extend(root, place[2:])) for root in value.places]
        if place[0] == "free" and self.function is not None and len(place) > 2:
            own = f"{self.function.module.file}:{self.function.ordinal}"
            if place[1] == own and place[2] in self.env:
                roots = self.env[place[2]].places or {("new", place[2])}
                return [self.held(extend(root, place[3:])) for root in roots]
        return [place]

    def held(self, place: Place) -> Place:
        """The place that an attribute of an object made here really leads to."""
        if place[0] == "new":
            for end in range(3, len(place) + 1):
                value = self.heap.get(place[:end])
                if value is not None and value.places:
                    return extend(min(value.places), place[end:])
        return place

    def map_value(self, value: Value, mapping: dict[str, Value]) -> Value:
        if value is NOTHING:
            return value
        if value.either:
            return join([self.map_value(part, mapping) for part in value.either])
        places: set[Place] = set()
        types: tuple[Type, ...] = value.types
        text = value.text
        callees = value.callees
        for place in value.places:
            if place[0] in {"new", "item"}:
                continue
            places.update(self.map_place(place, mapping))
            if place[0] == "param" and len(place) == 2:
                given = mapping.get(place[1], NOTHING)
                types = types or given.types
                text = text or given.text
                callees = callees or given.callees
        return Value(
            frozenset(places),
            types,
            tuple(
                callee
                if callee.receiver is None
                else callee._replace(receiver=self.map_value(callee.receiver, mapping))
                for callee in callees
            ),
            text,
            self.map_value(value.yields, mapping) if value.yields is not None else None,
        )

    def instantiate(
        self,
        summary: Summary,
        mapping: dict[str, Value],
        is_open: bool,
        function: Function,
        node: ast.AST,
    ) -> None:
        """The effects of a callee, with its parameters filled in."""
        for effect in summary.effects:
            if effect.kind == "raise":
                if not self.catching:
                    _, _, mode, what, file, line = effect
                    deeper = str(min(9, int(mode) + 1))
                    self.effects.append(Effect("raise", (), deeper, what, file, line))
            elif not effect.place or effect.place[0] in {"global", "call"}:
                self.effects.append(effect)
            elif effect.kind == "call" and effect.place[0] == "param":
                self.called_back(effect, mapping, node)
            elif effect.mode == "?" and effect.place[0] == "param":
                value = mapping.get(effect.place[1], NOTHING)
                library.external(self, effect, value, tuple(mapping.values()))
            elif effect.place[0] == "param" and effect.place[1] not in mapping:
                if is_open and effect.kind in {"own", "lock"}:
                    name = effect.place[1]
                    self.effects.append(effect._replace(place=("call", name, *effect.place[2:])))
            else:
                if effect.mode == "w" and effect.what.startswith(ARGUMENT):
                    value = mapping.get(effect.what.removeprefix(ARGUMENT), NOTHING)
                    effect = effect._replace(what=same_value(value))
                kind, own, mode, what, file, line = effect
                self.effects += [
                    Effect(kind, place, mode, what, file, line)  # `_replace` takes thrice as long
                    for place in self.map_place(own, mapping)
                ]

    def called_back(self, effect: Effect, mapping: dict[str, Value], node: ast.AST) -> None:
        """A callee calls what it was given."""
        value = mapping.get(effect.place[1])
        if value is None:
            return
        if value.callees:
            for callee in value.callees:
                self.apply(callee, Arguments((), {}, True), node, effect.mode == "await")
        elif any(place[0] == "param" for place in value.places):
            for place in value.places:
                self.effects.append(effect._replace(place=place))
        elif value.places:
            self.effects.append(effect._replace(kind="unknown", place=()))

    def hand_over(self, arguments: Arguments, node: ast.AST) -> None:
        """Arguments of a callee that nobody knows: it may call functions and use sessions."""
        for value in arguments.all():
            self.used_elsewhere(value, node)
            for callee in value.callees:
                if isinstance(callee.target, Function):
                    self.apply(callee, Arguments((), {}, True), node, True)
            for place in value.places:
                if place[0] == "param" and not value.callees and self.is_callable(value, place):
                    self.emit("call", place, "await", place[1], node)

    def is_callable(self, value: Value, place: Place) -> bool:
        return len(place) == 2 and (
            place[1] in CALLABLE_NAMES
            or any(isinstance(t.of, str) and t.of.endswith(".Callable") for t in value.types)
        )

    def used_elsewhere(self, value: Value, node: ast.AST) -> None:
        """What nobody knows may use a session that it is given, or that a given object holds."""
        kind = self.exclusive_name(value)
        for place in value.places:
            if kind is None and place in self.exclusive:
                self.emit("own", place, "w", self.exclusive[place], node)
            elif kind or (self.is_untyped(value) and is_session_like(place[-1].lstrip("."))):
                self.emit("own", place, "w", kind or "session", node)
                self.exclusive[place] = kind or "session"

    def exclusive_in(self, arguments: Arguments) -> frozenset[Place]:
        """Sessions among the arguments: the result may hold them."""
        return frozenset(p for v in arguments.all() for p in v.places if p in self.exclusive)

    def written(self, node: ast.AST) -> str:
        return spelling(node.func) if isinstance(node, ast.Call) else ""

    def property_of(self, owner: Class, name: str, receiver: Value, node: ast.AST) -> Value | None:
        found = self.analyst.methods(owner, name)
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
                if len(value.types) > 1 and not self.analyst.methods(type_.of, method):
                    continue
                results.append(self.entered_own(type_.of, value, node, awaited))
            else:
                results.append(library.entered(self, type_.of, value, node, awaited))
        if not value.types:
            if awaited:
                self.emit("suspend", (), "", "async with", node)
                if any(LOCK_LIKE.search(place[-1]) for place in value.places):
                    for place in value.places:
                        self.emit("lock", place, "w", library.lock_kind(value, place), node)
                elif not value.places or not all(is_private(p) for p in value.places):
                    self.emit("unknown", (), "await", "async with", node)
            return value
        return join(results)

    def entered_own(self, owner: Class, value: Value, node: ast.AST, awaited: bool) -> Value:
        enter, leave = ("__aenter__", "__aexit__") if awaited else ("__enter__", "__exit__")
        nothing = Arguments((), {}, False)
        result = value
        for function in self.analyst.methods(owner, enter)[:MAX_IMPLEMENTATIONS]:
            result = self.apply_function(function, value, nothing, node)
        for function in self.analyst.methods(owner, leave)[:MAX_IMPLEMENTATIONS]:
            self.apply_function(function, value, nothing, node)
        return result if result.places or result.types else value


def spelling(node: ast.expr) -> str:
    """`a.b.c` as written, calls and subscripts shortened."""
    if isinstance(node, ast.Attribute):
        return f"{spelling(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return f"{spelling(node.func)}()"
    if isinstance(node, ast.Subscript):
        return f"{spelling(node.value)}[]"
    if isinstance(node, ast.Await):
        return spelling(node.value)
    return "…"
