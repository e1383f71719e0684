"""Source code whose awaits pass through the probe, and that is otherwise the same code.

    await X               ->  await AWAIT(place, X)
    async for T in X      ->  async for T in ITERATE(place, X)      (comprehensions too)
    async with X as T     ->  async with ENTER(place, X) as T

Nothing else changes: no statement comes or goes, and what stays keeps its lines and columns.
The names are found among the builtins, so the module's own stay as they were; they end in
underscores, so a class does not make them private.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

AWAIT = "__asyncperf_await__"
ITERATE = "__asyncperf_iterate__"
ENTER = "__asyncperf_enter__"
# More of an expression's text than this says no more about which await it is.
MOST_TEXT = 160


class Place(NamedTuple):
    """Where an await stands; `column` counts characters from 1. Of an `async for` or an
    `async with` it is the place of what is iterated or entered."""

    file: str
    line: int
    column: int
    function: str
    text: str


def rewrite(
    tree: ast.Module,
    source: str,
    file: str,
    number: Callable[[Place], int],
    *,
    classes: bool = True,
    but: Collection[str] = (),
) -> None:
    """Change all awaits of `tree`, or those alone that stand in no class, `but` calls of these
    names. `number` gives what stands for a place in the code."""
    _Rewriting(_Text(source), file, number, classes, but).visit(tree)


class _Text:
    """Parts of a source by the parser's positions, which count UTF-8 bytes."""

    def __init__(self, source: str) -> None:
        # Not `splitlines`: a form feed, for one, ends no line of Python's.
        self._lines = source.split("\n")

    def column(self, node: Any) -> int:
        return len(self._part(node.lineno, 0, node.col_offset)) + 1

    def between(self, start: Any, end: Any) -> str:
        first, last = start.lineno, end.end_lineno
        if first == last:
            text = self._part(first, start.col_offset, end.end_col_offset)
        else:
            inner = self._lines[first : last - 1]
            outer = (
                self._part(first, start.col_offset, None),
                self._part(last, 0, end.end_col_offset),
            )
            text = " ".join((outer[0], *inner, outer[1]))
        text = " ".join(text.split())
        return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"

    def _part(self, line: int, start: int, end: int | None) -> str:
        if line > len(self._lines):
            return ""
        return self._lines[line - 1].encode("utf-8")[start:end].decode("utf-8", "replace")


class _Rewriting(ast.NodeTransformer):
    def __init__(
        self,
        text: _Text,
        file: str,
        number: Callable[[Place], int],
        classes: bool,
        but: Collection[str],
    ) -> None:
        self._text = text
        self._file = file
        self._number = number
        self._classes = classes
        self._but = but
        self._scope: list[str] = []

    # Scopes: their names make the function's.

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._inside(node, node.name) if self._classes else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._inside(node, node.name, "<locals>")

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._inside(node, node.name, "<locals>")

    def _inside(self, node: ast.AST, *names: str) -> ast.AST:
        self._scope += names
        self.generic_visit(node)
        del self._scope[-len(names) :]
        return node

    # Awaits.

    def visit_Await(self, node: ast.Await) -> ast.AST:
        text = self._text.between(node, node)
        column = self._text.column(node)
        self.generic_visit(node)
        node.value = self._passed(AWAIT, node.value, node.lineno, column, text)
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        node.iter = self._iterated(node)
        self._visit_others(node, "iter")
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        if not node.is_async:
            return self.generic_visit(node)
        node.iter = self._iterated(node)
        self._visit_others(node, "iter")
        return node

    def _iterated(self, node: ast.AsyncFor | ast.comprehension) -> ast.expr:
        text = "async for " + self._text.between(node.target, node.iter)
        line, column = node.iter.lineno, self._text.column(node.iter)
        return self._passed(ITERATE, self.visit(node.iter), line, column, text)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        for item in node.items:
            expression = item.context_expr
            text = "async with " + self._text.between(expression, expression)
            line, column = expression.lineno, self._text.column(expression)
            item.context_expr = self._passed(ENTER, self.visit(expression), line, column, text)
            if item.optional_vars is not None:
                item.optional_vars = self.visit(item.optional_vars)
        self._visit_others(node, "items")
        return node

    def _visit_others(self, node: ast.AST, done: str) -> None:
        """All parts of a node but the one that is done already, lists in place."""
        for name, value in ast.iter_fields(node):
            if name == done:
                continue
            if isinstance(value, list):
                value[:] = [
                    self.visit(part) if isinstance(part, ast.AST) else part for part in value
                ]
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))

    def _passed(self, name: str, value: ast.expr, line: int, column: int, text: str) -> ast.expr:
        if called(value) in self._but:
            return value
        function = ".".join(self._scope)
        if function.endswith(".<locals>"):
            function = function[: -len(".<locals>")]
        place = Place(self._file, line, column, function or "<module>", text)
        call = ast.Call(
            func=ast.Name(id=name, ctx=ast.Load()),
            args=[ast.Constant(value=self._number(place)), value],
            keywords=[],
        )
        for made in (call, call.func, call.args[0]):
            ast.copy_location(made, value)
        return call


def called(expression: ast.expr) -> str | None:
    """The name of the function that is called, or whose result is."""
    while isinstance(expression, ast.Call):
        expression = expression.func
    return expression.id if isinstance(expression, ast.Name) else None
