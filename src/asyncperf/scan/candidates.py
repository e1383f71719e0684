"""Which awaits of a function are to be judged: runs in one block, loops. For `scan` only."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from asyncperf.scan.index import AnyFunction, blocks
from asyncperf.scan.syntax import SINGLE, children

SIMPLE = ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return
FOR = ast.For | ast.AsyncFor
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda

SCOPE_KINDS = frozenset(SCOPES.__args__)


@dataclass(frozen=True, slots=True)
class Awaiting:
    """One statement that awaits, and the plain statements between it and the one before it; or
    one of several awaits of one statement, with the names that this binds around them."""

    statement: ast.stmt | ast.Await
    awaits: tuple[ast.Await, ...]
    between: tuple[ast.stmt, ...] = ()
    bound: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Loop:
    """A `for` loop or comprehension that awaits once per element."""

    statement: ast.stmt  # around it, or the loop itself
    node: FOR | COMPREHENSIONS
    awaits: tuple[ast.Await, ...]

    @property
    def is_async(self) -> bool:
        """Whether it waits for its elements too."""
        if isinstance(self.node, COMPREHENSIONS):
            return any(generator.is_async for generator in self.node.generators)
        return isinstance(self.node, ast.AsyncFor)


def has_candidates(function: AnyFunction) -> bool:
    """Whether a function has two awaits, or one in a loop: a cheap first look."""
    count = 0
    for node in own_nodes(function):
        if isinstance(node, ast.Await):
            count += 1
            if count > 1:
                return True
        elif isinstance(node, ast.For | COMPREHENSIONS) and any(awaits_in(node)):
            return True
    return False


def own_nodes(root: ast.AST) -> Iterator[ast.AST]:
    """Everything below `root` but what belongs to a function or class of its own."""
    waiting = children(root)
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind in SCOPE_KINDS:
            continue
        yield node
        if kind not in SINGLE:
            waiting += children(node)


def awaits_in(node: ast.AST) -> tuple[ast.Await, ...]:
    found = [inner for inner in own_nodes(node) if isinstance(inner, ast.Await)]
    if isinstance(node, ast.Await):
        found.append(node)
    if len(found) > 1:
        found.sort(key=lambda inner: (inner.lineno, inner.col_offset))
    return tuple(found)


def runs(function: AnyFunction) -> Iterator[tuple[Awaiting, ...]]:
    """Two or more awaiting statements of one block with only plain statements between them."""
    for body in bodies(function.body):
        found: list[Awaiting] = []
        between: list[ast.stmt] = []
        for statement in body:
            awaits = () if isinstance(statement, SCOPES) else awaits_in(statement)
            if awaits and isinstance(statement, SIMPLE):
                found.append(Awaiting(statement, awaits, tuple(between)))
                between = []
            elif awaits or isinstance(statement, ast.AsyncFor | ast.AsyncWith):
                yield from _complete(found)
                found, between = [], []
            else:
                between.append(statement)
        yield from _complete(found)


def _complete(found: list[Awaiting]) -> Iterator[tuple[Awaiting, ...]]:
    if len(found) > 1:
        yield tuple(found)


def bodies(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """A block and every one inside it that belongs to the same function."""
    yield body
    for statement in body:
        if not isinstance(statement, SCOPES):
            for block in blocks(statement):
                yield from bodies(block)


def loops(function: AnyFunction) -> Iterator[Loop]:
    """Loops with an await in their body, without `async for`."""
    return (loop for loop in all_loops(function) if not loop.is_async)


def all_loops(function: AnyFunction) -> Iterator[Loop]:
    """Loops with an await in their body, each await with the loop nearest around it."""
    for body in bodies(function.body):
        for statement in body:
            if isinstance(statement, SCOPES):
                continue
            if isinstance(statement, FOR):
                inside = tuple(a for s in statement.body for a in _nearest(s))
                if inside:
                    yield Loop(statement, statement, inside)
            for node in _own_expressions(statement):
                if isinstance(node, COMPREHENSIONS):
                    inside = tuple(a for part in _repeated(node) for a in _nearest(part))
                    if inside:
                        yield Loop(statement, node, inside)


def _nearest(node: ast.AST) -> Iterator[ast.Await]:
    """Awaits below `node` that no inner loop repeats."""
    if isinstance(node, ast.Await):
        yield node
    if isinstance(node, SCOPES):
        return
    if isinstance(node, ast.For | ast.AsyncFor):
        yield from _nearest(node.iter)
        return
    if isinstance(node, ast.While):
        return
    if isinstance(node, COMPREHENSIONS):
        yield from _nearest(node.generators[0].iter)
        return
    for child in children(node):
        yield from _nearest(child)


def _repeated(node: COMPREHENSIONS) -> Iterator[ast.expr]:
    if isinstance(node, ast.DictComp):
        yield node.key
        yield node.value
    else:
        yield node.elt
    for number, generator in enumerate(node.generators):
        if number:
            yield generator.iter
        yield from generator.ifs


def _own_expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """Expressions of a statement itself, not of the statements inside it."""
    for child in children(statement):
        if isinstance(child, ast.expr):
            if not isinstance(child, ast.Lambda):
                yield child
                yield from (n for n in own_nodes(child) if isinstance(n, ast.expr))
        elif isinstance(child, ast.withitem | ast.keyword):
            yield from (n for n in own_nodes(child) if isinstance(n, ast.expr))
