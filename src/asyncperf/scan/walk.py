"""Walks one function's statements in order and sums up what it does. For `scan` only."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from asyncperf.scan.annotations import types_of
from asyncperf.scan.calls import Calls
from asyncperf.scan.index import AnyFunction, Class, Function
from asyncperf.scan.values import (
    NOTHING,
    PRIVATE_ROOTS,
    Callee,
    Effect,
    Place,
    Summary,
    Type,
    Value,
    extend,
    is_private,
    is_unknown,
    join,
    same_value,
    spelled,
    step,
)

MAX_EFFECTS = 400  # of one summary; beyond that "does too much to follow" says enough
MAX_STORES = 40  # attributes of one object that are followed
MAX_UNKNOWN = 4  # unresolved calls that a summary names
BROAD = frozenset({"Exception", "BaseException"})


class Walk(Calls):
    """One function, or one module-level expression, being walked."""

    def start(self) -> None:
        self.heap = {}
        self.stores = []
        self.exclusive = {}
        self.spans: dict[int, tuple[int, int]] = {}
        self.declared_nonlocal: set[str] = set()
        self.tested: dict[Place, int] = {}  # what an `if` around looked at, and when

    def function_body(self, function: Function, node: AnyFunction) -> Summary:
        self.parameters(function, node)
        self.block(node.body)
        self.effects = [
            self.as_seen(effect) if effect.kind == "own" else effect for effect in self.effects
        ]
        return self.summary(node)

    def as_seen(self, effect: Effect) -> Effect:
        """A session in an attribute of an object made here, when nobody saw it put there: it
        may be anyone's."""
        place = effect.place
        if len(place) < 3 or place[0] not in PRIVATE_ROOTS:
            return effect
        if effect.mode == "o" or any(place[:end] in self.heap for end in range(3, len(place) + 1)):
            return effect
        return effect._replace(place=("call", spelled(place))) if place[0] == "new" else effect

    def parameters(self, function: Function, node: AnyFunction) -> None:
        arguments = node.args
        plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for argument in plain:
            self.env[argument.arg] = Value(
                frozenset({("param", argument.arg)}), types_of(argument.annotation, self.resolve)
            )
        for rest in (arguments.vararg, arguments.kwarg):
            if rest is not None:
                inner = types_of(rest.annotation, self.resolve)
                self.env[rest.arg] = Value(
                    frozenset({("param", rest.arg)}), (Type("builtins.list", inner[:1]),)
                )
        owner = function.owner
        if owner is not None and plain and not self.analyst.is_static(function):
            first = plain[0].arg
            if self.analyst.is_class_method(function):
                place = ("global", f"{owner.module.file}:{owner.qualname}")
                self.env[first] = Value(frozenset({place}), callees=(Callee(owner),))
            else:
                self.env[first] = Value(frozenset({("param", first)}), (Type(owner),))

    def summary(self, node: AnyFunction) -> Summary:
        declared = types_of(node.returns, self.resolve)
        returned = join(self.returned)
        yielded: Value | None = None
        if self.yielded:
            yielded = join(self.yielded)
            inner = tuple(t.args[0] for t in declared if t.args and not isinstance(t.of, Class))
            if not yielded.types and inner:
                yielded = replace(yielded, types=inner)
            returned = NOTHING
        elif declared:
            known = tuple(callee for callee in returned.callees if not is_unknown(callee))
            returned = replace(returned, types=declared, callees=known, either=())
        given = returned if yielded is None else yielded
        holds = tuple(dict(self.contents(given)).items())[:MAX_STORES]
        return Summary(condense(self.effects), returned, yielded, self.kept_stores(), holds)

    def kept_stores(self) -> tuple[tuple[tuple[str, ...], Value], ...]:
        kept = {place: value for place, value in self.stores if not is_private(place)}
        return tuple(kept.items())[:MAX_STORES]

    # Statements

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            begin = len(self.effects)
            handler = STATEMENTS.get(type(statement))
            if handler is not None:
                handler(self, statement)
            self.spans[id(statement)] = (begin, len(self.effects))

    def conditional(self, body: list[ast.stmt]) -> None:
        self.depth += 1
        self.block(body)
        self.depth -= 1

    def bind(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._bind_name(target, value)
        elif isinstance(target, ast.Tuple | ast.List):
            parts = value.elements
            for number, part in enumerate(target.elts):
                fits = parts and number < len(parts) and not isinstance(part, ast.Starred)
                self.bind(part, parts[number] if parts and fits else self.part(value, number))
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value)
        elif isinstance(target, ast.Attribute):
            for place in step(self.evaluate(target.value), f".{target.attr}"):
                self.emit("memory", place, self.rebinding(place), same_value(value), target)
                if place[0] == "new":
                    self.heap[place] = value
                elif value.places or value.types:
                    self.stores.append((place, value))
                    for held, inner in self.contents(value):
                        self.stores.append((extend(place, held), inner))
        elif isinstance(target, ast.Subscript):
            self.evaluate(target.slice)
            for place in step(self.evaluate(target.value), "[]"):
                self.emit("memory", place, "k", "[]", target)

    def rebinding(self, place: Place) -> str:
        """How an attribute is assigned: `if self.x is None: self.x = ...` happens once, or, with
        an await in between, may happen twice with the same outcome, as a cache is filled."""
        begin = self.tested.get(place)
        if begin is None:
            return "w"
        return "k" if any(effect.kind == "suspend" for effect in self.effects[begin:]) else "i"

    def contents(self, value: Value) -> Iterator[tuple[Place, Value]]:
        """What the attributes of an object made here hold."""
        for place in value.places:
            if place[0] == "new":
                for held, inner in list(self.heap.items()):
                    if held[: len(place)] == place:
                        yield held[len(place) :], inner

    def part(self, value: Value, number: int) -> Value:
        """One of the values that a tuple without written elements unpacks to."""
        for type_ in value.types:
            if type_.of in {"builtins.tuple", "typing.Tuple"} and number < len(type_.args):
                return Value(step(value, "[]"), (type_.args[number],))
        return self.element(value)

    def _bind_name(self, target: ast.Name, value: Value) -> None:
        name = target.id
        if name in self.declared_nonlocal or name in self.declared_global:
            for place in self.lookup(name).places:
                self.emit("memory", place, self.rebinding(place), name, target)
            return
        if not value.places and (value.types or value.callees) and not value.text:
            value = replace(value, places=self.made(target).places)
        old = self.env.get(name)
        self.env[name] = join([old, value]) if old is not None and self.depth else value

    def _assign(self, node: ast.Assign) -> None:
        begin = len(self.effects)
        value = self.evaluate(node.value)
        outer = dict(self.tested)
        if isinstance(node.value, ast.BoolOp):  # `self.x = self.x or 10` sets it once, too
            tested = (e.place for e in self.effects[begin:] if e.kind == "memory")
            self.tested.update(dict.fromkeys(tested, begin))
        for target in node.targets:
            self.bind(target, value)
        self.tested = outer

    def _annotated(self, node: ast.AnnAssign) -> None:
        declared = types_of(node.annotation, self.resolve)
        value = self.evaluate(node.value)
        if declared and not value.types:
            value = replace(value, types=declared)
        if node.value is not None:
            self.bind(node.target, value)

    def _augmented(self, node: ast.AugAssign) -> None:
        value = self.evaluate(node.value)
        target = node.target
        if isinstance(target, ast.Name):
            held = self.lookup(target.id)
            for place in step(held, "[]"):
                self.emit("memory", place, "a", target.id, node)
            if target.id in self.declared_nonlocal | self.declared_global:
                for place in held.places:
                    self.emit("memory", place, "u", target.id, node)
            elif value.text and held.text:
                self.env[target.id] = replace(held, text=held.text + value.text)
            return
        name = f".{target.attr}" if isinstance(target, ast.Attribute) else "[]"
        for place in step(self.evaluate(target.value), name):
            self.emit("memory", place, "u", name, node)

    def _expression(self, node: ast.Expr) -> None:
        value = node.value
        self.discarded = value.value if isinstance(value, ast.Await) else value
        self.evaluate(value)
        self.discarded = None

    def _return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.returned.append(self.evaluate(node.value))

    def _raise(self, node: ast.Raise) -> None:
        self.evaluate(node.exc)
        if not self.handler_depth and not self.catching and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = getattr(raised, "attr", getattr(raised, "id", "an exception"))
            if name != "NotImplementedError":
                self.emit("raise", (), "0", name, node)

    def _assert(self, node: ast.Assert) -> None:
        self.evaluate(node.test)

    def _if(self, node: ast.If) -> None:
        begin = len(self.effects)
        self.evaluate(node.test)
        tested = {e.place for e in self.effects[begin:] if e.kind == "memory" and e.mode == "r"}
        outer = dict(self.tested)
        self.tested.update(dict.fromkeys(tested, begin))
        self.conditional(node.body)
        if not (node.body and isinstance(node.body[-1], ast.Return | ast.Raise | ast.Continue)):
            self.tested = outer  # else what follows is under the test's opposite
        self.conditional(node.orelse)

    def _while(self, node: ast.While) -> None:
        self.evaluate(node.test)
        self.conditional(node.body)
        self.conditional(node.orelse)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        iterated = self.evaluate(node.iter)
        if isinstance(node, ast.AsyncFor):
            self.emit("suspend", (), "", "async for", node)
            if not iterated.types and iterated.yields is None:
                self.emit("unknown", (), "await", "async for", node)
        self.depth += 1
        begin = len(self.effects)
        self.bind(node.target, self.item(iterated, node))
        self.block(node.body)
        self.spans[-id(node)] = (begin, len(self.effects))
        self.depth -= 1
        self.conditional(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        awaited = isinstance(node, ast.AsyncWith)
        suppressing = 0
        for item in node.items:
            value = self.evaluate(item.context_expr, awaited)
            entered = self.entered(value, item.context_expr, awaited)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, entered)
            func = item.context_expr.func if isinstance(item.context_expr, ast.Call) else None
            if func is not None and getattr(func, "attr", getattr(func, "id", "")) == "suppress":
                suppressing = 1
        self.catching += suppressing
        self.block(node.body)
        self.catching -= suppressing

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        swallows = any(_swallows(handler) for handler in node.handlers)
        self.catching += swallows
        self.block(node.body)
        self.catching -= swallows
        for handler in node.handlers:
            if handler.name:
                self.env[handler.name] = NOTHING
            self.handler_depth += 1
            self.conditional(handler.body)
            self.handler_depth -= 1
        self.conditional(node.orelse)
        self.block(node.finalbody)

    def _match(self, node: ast.Match) -> None:
        subject = self.evaluate(node.subject)
        for case in node.cases:
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(name, str):
                    self.env[name] = subject
            self.evaluate(case.guard)
            self.conditional(case.body)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Attribute | ast.Subscript):
                for place in step(self.evaluate(target.value), "[]"):
                    self.emit("memory", place, "k", "del", node)

    def _global(self, node: ast.Global) -> None:
        self.declared_global.update(node.names)

    def _nonlocal(self, node: ast.Nonlocal) -> None:
        self.declared_nonlocal.update(node.names)


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches all and raises nothing of its own."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(kind is None or getattr(kind, "id", "") in BROAD for kind in kinds)
    return broad and not any(
        isinstance(inner, ast.Raise) for statement in handler.body for inner in ast.walk(statement)
    )


def condense(effects: list[Effect]) -> tuple[Effect, ...]:
    """Each effect once, without what nobody outside can see."""
    kept: dict[tuple[object, ...], Effect] = {}
    unknown = 0
    reset = {e.place for e in effects if e.kind == "context" and e.mode == "reset"}
    for effect in effects:
        if effect.kind == "context" and (effect.mode == "reset" or effect.place in reset):
            continue
        if effect.place and effect.place[0] in {"new", "item"} and effect.mode != "?":
            continue
        if effect.kind == "suspend":
            kept.setdefault(("suspend",), effect)
            continue
        if effect.kind == "raise":
            known = kept.get(("raise", effect.what))
            if known is None or effect.mode < known.mode:
                kept["raise", effect.what] = effect
            continue
        key: tuple[object, ...] = (effect.kind, effect.place, effect.mode, effect.what)
        if effect.kind == "memory":
            key = key[:3]
        if key in kept:
            continue
        if effect.kind == "unknown":
            unknown += 1
            if unknown > MAX_UNKNOWN:
                continue
        kept[key] = effect
    if len(kept) > MAX_EFFECTS:
        first = next(iter(kept.values()))
        important = [
            effect for effect in kept.values() if effect.kind != "memory" or effect.mode != "r"
        ]
        note = Effect("unknown", (), "call", "too much to follow", first.file, first.line)
        return (*important[:MAX_EFFECTS], note)
    return tuple(kept.values())


STATEMENTS: dict[type[ast.stmt], Callable[[Any, Any], None]] = {
    ast.Assign: Walk._assign,
    ast.AnnAssign: Walk._annotated,
    ast.AugAssign: Walk._augmented,
    ast.Expr: Walk._expression,
    ast.Return: Walk._return,
    ast.Raise: Walk._raise,
    ast.Assert: Walk._assert,
    ast.If: Walk._if,
    ast.While: Walk._while,
    ast.For: Walk._for,
    ast.AsyncFor: Walk._for,
    ast.With: Walk._with,
    ast.AsyncWith: Walk._with,
    ast.Try: Walk._try,
    ast.TryStar: Walk._try,
    ast.Match: Walk._match,
    ast.Delete: Walk._delete,
    ast.Global: Walk._global,
    ast.Nonlocal: Walk._nonlocal,
}
