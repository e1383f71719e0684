"""What each kind of statement does, in the order of the block. For `scan` only."""

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from asyncperf.scan.annotations import types_of
from asyncperf.scan.bindings import Bindings
from asyncperf.scan.branches import LEAVING
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import COUNTED, NOTHING, Place, Value, extend, join, ordered, step

FIXED = frozenset({"builtins.str", "builtins.bytes", "builtins.int", "builtins.float"})
BROAD = frozenset({"Exception", "BaseException"})


class Statements(Bindings):
    def block(self, body: list[ast.stmt]) -> None:
        outer = self.narrowed
        for statement in body:
            begin = len(self.effects)
            handler = STATEMENTS.get(type(statement))
            if handler is not None:
                handler(self, statement)
            self.spans[id(statement)] = (begin, len(self.effects))
        self.let_go(outer)

    def conditional(self, body: list[ast.stmt]) -> None:
        self.depth += 1
        self.block(body)
        self.depth -= 1

    def _assign(self, node: ast.Assign) -> None:
        begin = len(self.effects)
        value = self.evaluate(node.value)
        outer = dict(self.tested)
        if isinstance(node.value, ast.BoolOp):  # `self.x = self.x or 10` sets it once, too
            tested = (e.place for e in self.effects[begin:] if e.kind == "memory")
            self.tested.update(dict.fromkeys(tested, begin))
        for target in node.targets:
            if isinstance(target, ast.Attribute) and counts_on(node.value, target):
                for place in ordered(step(self.evaluate(target.value), f".{target.attr}")):
                    self.emit("memory", place, "u", COUNTED, target)
            else:
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
            if not (is_fixed(value, node.value) or is_fixed(held)):
                flags = isinstance(node.op, ast.BitOr)  # numbers, which are bound anew
                for place in ordered(held.places):
                    if not (flags and is_librarys_constant(place)):
                        self.emit("memory", extend(place, ("[]",)), "a", target.id, node)
            if target.id in self.declared_nonlocal | self.declared_global:
                for place in ordered(held.places):
                    self.emit("memory", place, "u", target.id, node)
            elif value.text and held.text:
                self.env[target.id] = replace(held, text=held.text + value.text)
            return
        name = f".{target.attr}" if isinstance(target, ast.Attribute) else "[]"
        what = COUNTED if is_number(node.value) else name
        for place in ordered(step(self.evaluate(target.value), name)):
            self.emit("memory", place, "u", what, node)

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
        self.narrow(node.test, True)

    def _if(self, node: ast.If) -> None:
        begin = len(self.effects)
        self.tested_for_truth(node.test)
        tested = {e.place for e in self.effects[begin:] if e.kind == "memory" and e.mode == "r"}
        outer = dict(self.tested)
        self.tested.update(dict.fromkeys(tested, begin))
        if asks_if_there(node.test):
            self.found_empty |= tested
        self.branch(node.body, node.test, True)
        if not (node.body and isinstance(node.body[-1], ast.Return | ast.Raise | ast.Continue)):
            self.tested = outer  # else what follows is under the test's opposite
        self.branch(node.orelse, node.test, False)
        if isinstance(node.body[-1], LEAVING):
            self.narrow(node.test, False)

    def branch(self, body: list[ast.stmt], test: ast.expr, outcome: bool) -> None:
        """What only happens if a test comes out so."""
        outer = self.narrowed
        self.narrow(test, outcome)
        self.conditional(body)
        self.let_go(outer)

    def tested_for_truth(self, node: ast.expr) -> None:
        """`if found:` asks a container whether anything is in it."""
        is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        tested = node.operand if isinstance(node, ast.UnaryOp) and is_not else node
        value = self.evaluate(tested)
        if isinstance(tested, ast.Name):
            self.looked_through(value, tested)

    def _while(self, node: ast.While) -> None:
        self.tested_for_truth(node.test)
        self.rounds += 1
        self.conditional(node.body)
        self.rounds -= 1
        self.conditional(node.orelse)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        iterated = self.iterated(node.iter, isinstance(node, ast.AsyncFor), node)
        before, outer = self.env.copy(), self.depth
        begin = len(self.effects)
        self.depth = 0  # what an iteration binds is what its rest sees, not what was there before
        self.rounds += 1
        self.bind(node.target, self.item(iterated, node))
        self.block(node.body)
        self.depth = outer
        self.rounds -= 1
        self.spans[-id(node)] = (begin, len(self.effects))
        for name, old in before.items():
            value = self.env[name]
            if value is not old:
                self.env[name] = join([old, value])
        self.conditional(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        awaited = isinstance(node, ast.AsyncWith)
        suppressing, outer, begin = 0, self.narrowed, len(self.effects)
        for item in node.items:
            self.entering = item.context_expr
            value = self.evaluate(item.context_expr, awaited)
            entered = self.entered(value, item.context_expr, awaited)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, entered)
            self.entered_as(item.context_expr, awaited)
            func = item.context_expr.func if isinstance(item.context_expr, ast.Call) else None
            if func is not None and getattr(func, "attr", getattr(func, "id", "")) == "suppress":
                suppressing = 1
        held = [e.place for e in self.effects[begin:] if e.kind == "lock" and e.what == "lock"]
        inside = len(self.effects)
        self.catching += suppressing
        self.block(node.body)
        self.catching -= suppressing
        self.let_go(outer)
        if held:
            self.take_turns({place[:-1] for place in held if len(place) > 2}, inside)

    def take_turns(self, owners: set[Place], begin: int) -> None:
        """Under a lock of one's own, callers take turns at what else one holds; what they write
        is told by itself."""
        for number in range(begin, len(self.effects)):
            effect = self.effects[number]
            if effect.kind == "own" and effect.mode in "rws" and effect.place[:-1] in owners:
                self.effects[number] = effect._replace(kind="memory", mode="r")

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
                for place in ordered(step(self.evaluate(target.value), "[]")):
                    self.emit("memory", place, "k", "del", node)

    def _global(self, node: ast.Global) -> None:
        self.declared_global.update(node.names)

    def _nonlocal(self, node: ast.Nonlocal) -> None:
        self.declared_nonlocal.update(node.names)


def asks_if_there(test: ast.expr) -> bool:
    """`if self.x`, `if not self.x`, `if self.x is None`, and several of them."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return asks_if_there(operand)
        case ast.BoolOp(values=values):
            return all(map(asks_if_there, values))
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant()]):
            return asks_if_there(left)
    return isinstance(test, ast.Name | ast.Attribute)


def is_librarys_constant(place: Place) -> bool:
    """`orjson.OPT_INDENT_2`; a project's own are spelled with their file."""
    return place[0] == "global" and ":" not in place[1] and place[1].rpartition(".")[2].isupper()


def is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def counts_on(node: ast.expr, target: ast.Attribute) -> bool:
    """`self.next = (self.next + 1) % len(those)`"""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        node = node.left
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Add | ast.Sub)
        and is_number(node.right)
        and spelling(node.left) == spelling(target)
    )


def is_fixed(value: Value, written: ast.expr | None = None) -> bool:
    """Whether it is a text or a number, to which `+=` does nothing: it binds the name anew."""
    if value.text is not None or isinstance(written, ast.JoinedStr | ast.Constant):
        return True
    return any(type_.of in FIXED for type_ in value.types)


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches all and raises nothing of its own."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(kind is None or getattr(kind, "id", "") in BROAD for kind in kinds)
    return broad and not any(
        isinstance(inner, ast.Raise) for statement in handler.body for inner in ast.walk(statement)
    )


STATEMENTS: dict[type[ast.stmt], Callable[[Any, Any], None]] = {
    ast.Assign: Statements._assign,
    ast.AnnAssign: Statements._annotated,
    ast.AugAssign: Statements._augmented,
    ast.Expr: Statements._expression,
    ast.Return: Statements._return,
    ast.Raise: Statements._raise,
    ast.Assert: Statements._assert,
    ast.If: Statements._if,
    ast.While: Statements._while,
    ast.For: Statements._for,
    ast.AsyncFor: Statements._for,
    ast.With: Statements._with,
    ast.AsyncWith: Statements._with,
    ast.Try: Statements._try,
    ast.TryStar: Statements._try,
    ast.Match: Statements._match,
    ast.Delete: Statements._delete,
    ast.Global: Statements._global,
    ast.Nonlocal: Statements._nonlocal,
}
