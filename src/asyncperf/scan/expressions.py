"""What an expression may stand for, and what evaluating it does. For `scan` only."""

import ast
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from asyncperf.scan.members import Members
from asyncperf.scan.narrowing import without_plain_twins
from asyncperf.scan.syntax import children
from asyncperf.scan.values import (
    NOTHING,
    Callee,
    Type,
    Value,
    bare,
    join,
    ordered,
    step,
)


class Expressions(Members):
    def evaluate(self, node: ast.expr | None, awaited: bool = False) -> Value:
        if node is None:
            return NOTHING
        handler = HANDLERS.get(type(node))
        if handler is not None:
            return handler(self, node)
        if isinstance(node, ast.Call):
            return self.call(node, awaited)
        return NOTHING  # a literal, or a node kind that makes nothing of interest

    @abstractmethod
    def call(self, node: ast.Call, awaited: bool) -> Value:
        """What a call gives, and does; its arguments are evaluated first."""

    # Names and parts of objects

    def _name(self, node: ast.Name) -> Value:
        value = self.lookup(node.id)
        for place in ordered(value.places):
            if place[0] in {"global", "free"}:
                self.emit("memory", place, "r", node.id, node)
        return self.as_narrowed(value, node) if self.narrowed else value

    def _attribute(self, node: ast.Attribute) -> Value:
        value = self.attribute(self.evaluate(node.value), node.attr, node)
        return self.as_narrowed(value, node) if self.narrowed else value

    def _subscript(self, node: ast.Subscript) -> Value:
        value = self.evaluate(node.value)
        self.evaluate(node.slice)
        if isinstance(node.ctx, ast.Load):
            for place in ordered(step(value, "[]")):
                self.emit("memory", place, "r", "[]", node)
        if value.elements and isinstance(node.slice, ast.Constant):
            number = node.slice.value
            if isinstance(number, int) and -len(value.elements) <= number < len(value.elements):
                return value.elements[number]
        return self.element(value)

    # Compositions

    def _await(self, node: ast.Await) -> Value:
        begin = len(self.effects)
        value = self.awaited(node)
        self.spans[id(node)] = (begin, len(self.effects))
        return value

    def awaited(self, node: ast.Await) -> Value:
        value = self.evaluate(node.value, awaited=True)
        if not isinstance(node.value, ast.Call):
            self.emit("suspend", (), "", "await", node)
            self.emit("unknown", (), "await", "what was started before", node)
        return value

    def _bool(self, node: ast.BoolOp) -> Value:
        outer, goes_on = self.narrowed, isinstance(node.op, ast.And)
        found = []
        for part in node.values:
            found.append(self.evaluate(part))
            self.narrow(part, goes_on)
        self.narrowed = outer
        return join(found)

    def _choice(self, node: ast.IfExp) -> Value:
        self.evaluate(node.test)
        outer = self.narrowed
        self.narrow(node.test, True)
        body = self.evaluate(node.body)
        self.narrowed = outer
        self.narrow(node.test, False)
        other = self.evaluate(node.orelse)
        self.narrowed = outer
        found = join([body, other])
        if self.function is not None and self.function.is_async and found.callees:
            return replace(found, callees=without_plain_twins(found.callees))
        return found

    def _binary(self, node: ast.BinOp) -> Value:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        text = left.text
        if text is None and right.text is not None and right.text.startswith("/"):
            text = right.text  # a path, whatever the host; else it begins as the left one does
        return Value(left.places if left.text is None else frozenset(), left.types, text=text)

    def _text(self, node: ast.JoinedStr) -> Value:
        known, first, seen = [], NOTHING, False
        for part in node.values:
            if isinstance(part, ast.Constant):
                known.append(str(part.value))
            elif isinstance(part, ast.FormattedValue):
                value = self.evaluate(part.value)
                if not seen and not "".join(known).strip():
                    first, seen = value, True
                known.append(value.text or "{}")
        text = "".join(known)
        # A text that begins with an argument is what that argument says it is; but what comes
        # after a host is a path, whatever the host.
        start = text.lstrip()
        opened = not start or (start.startswith("{}") and not start.startswith("{}/"))
        return Value(first.places if opened else frozenset(), text=None if opened else text)

    def _tuple(self, node: ast.Tuple | ast.List | ast.Set) -> Value:
        parts = tuple(self.evaluate(part) for part in node.elts)
        made = self.made(node, (Type("builtins.list"),))
        held = frozenset(place for part in parts for place in part.places)
        inner = join(parts)
        return Value(
            made.places,
            (Type("builtins.list", inner.types[:1]),),
            inner.callees,
            elements=parts if parts and (held or inner.types or inner.callees) else None,
        )

    def _dict(self, node: ast.Dict) -> Value:
        for key in node.keys:
            self.evaluate(key)
        held = join([self.evaluate(value) for value in node.values])
        return Value(self.made(node).places, (Type("builtins.dict"),), held.callees)

    def _constant(self, node: ast.Constant) -> Value:
        return Value(text=node.value) if isinstance(node.value, str) else NOTHING

    def iterated(self, node: ast.expr, is_async: bool | int, at: ast.AST | None = None) -> Value:
        """What a loop goes over; what taking elements by `async for` does is known where its
        class is, or the call that gives it."""
        begin = len(self.effects)
        value = self.evaluate(node)
        if is_async:
            is_known = bool(value.types) or value.yields is not None
            if not is_known and isinstance(node, ast.Call):
                done = self.effects[begin:]
                is_known = not any(effect.kind in {"unknown", "call"} for effect in done)
            self.emit("suspend", (), "", "async for", at or node)
            if not is_known:
                self.emit("unknown", (), "await", "async for", at or node)
        return value

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> Value:
        begin = taken = len(self.effects)
        hidden = {}
        for number, generator in enumerate(node.generators):
            iterated = self.iterated(generator.iter, generator.is_async)
            if number == 0:  # all that follows is done for each of its elements
                taken = len(self.effects)
            names = [n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)]
            hidden.update({name: self.env.get(name) for name in names})
            self.bind(generator.target, self.item(iterated, node))
            for test in generator.ifs:
                self.evaluate(test)
        self.spans[id(node)] = (begin, taken)
        if isinstance(node, ast.DictComp):
            self.evaluate(node.key)
            value = self.evaluate(node.value)
        else:
            value = self.evaluate(node.elt)
        self.spans[-id(node)] = (taken, len(self.effects))
        for name, old in hidden.items():
            if old is None:
                self.env.pop(name, None)
            else:
                self.env[name] = old
        return Value(
            self.made(node).places, (Type("builtins.list", value.types[:1]),), value.callees
        )

    @abstractmethod
    def bind(self, target: ast.expr, value: Value) -> None:
        """Let a target of an assignment stand for this value."""

    def _lambda(self, node: ast.Lambda) -> Value:
        kept = dict(self.env)
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            self.env[argument.arg] = NOTHING
        value = self.body_of_lambda(node)  # it may be called at once, so it counts here
        self.env = kept
        return Value(self.made(node).places, callees=(Callee("builtins.lambda", bare(value)),))

    def body_of_lambda(self, node: ast.Lambda) -> Value:
        return self.evaluate(node.body)

    def _compare(self, node: ast.Compare) -> Value:
        self.evaluate(node.left)
        for operator, part in zip(node.ops, node.comparators, strict=True):
            value = self.evaluate(part)
            if isinstance(operator, ast.In | ast.NotIn):
                self.looked_through(value, node)
        return NOTHING

    def _children(self, node: ast.expr) -> Value:
        for child in children(node):
            if isinstance(child, ast.expr):
                self.evaluate(child)
        return NOTHING

    def _yield(self, node: ast.Yield | ast.YieldFrom) -> Value:
        self.yielded.append(self.evaluate(node.value))
        return NOTHING

    def _starred(self, node: ast.Starred) -> Value:
        return self.evaluate(node.value)

    def _walrus(self, node: ast.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        self.bind(node.target, value)
        return value


HANDLERS: dict[type[ast.AST], Callable[[Any, Any], Value]] = {
    ast.Name: Expressions._name,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.Await: Expressions._await,
    ast.BoolOp: Expressions._bool,
    ast.IfExp: Expressions._choice,
    ast.BinOp: Expressions._binary,
    ast.JoinedStr: Expressions._text,
    ast.Tuple: Expressions._tuple,
    ast.List: Expressions._tuple,
    ast.Set: Expressions._tuple,
    ast.Dict: Expressions._dict,
    ast.Constant: Expressions._constant,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._comprehension,
    ast.Lambda: Expressions._lambda,
    ast.Compare: Expressions._compare,
    ast.UnaryOp: Expressions._children,
    ast.Slice: Expressions._children,
    ast.Yield: Expressions._yield,
    ast.YieldFrom: Expressions._yield,
    ast.Starred: Expressions._starred,
    ast.NamedExpr: Expressions._walrus,
}
