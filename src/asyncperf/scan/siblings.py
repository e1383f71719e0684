"""Awaits side by side in one expression, such as `f(await a(), await b())`. For `scan` only."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from asyncperf.scan.candidates import COMPREHENSIONS, SCOPES, SIMPLE, awaits_in, bodies
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import children

# Which part of an expression an await stands in, where that decides whether it happens.
Branches = tuple[tuple[ast.expr, int], ...]
BRANCHING = ast.BoolOp | ast.IfExp | ast.Compare


@dataclass(frozen=True, slots=True)
class Sibling:
    """`bound` are names that the same expressions bind on the way."""

    await_: ast.Await
    branches: Branches = ()
    bound: frozenset[str] = frozenset()


def siblings(function: AnyFunction) -> Iterator[tuple[Sibling, ...]]:
    """Two or more awaits of one statement, none inside another, in order of evaluation."""
    for body in bodies(function.body):
        for statement in body:
            if isinstance(statement, SCOPES):
                continue
            for roots in _expressions(statement):
                yield from _groups(roots)


def relation(first: Sibling, second: Sibling) -> Literal["decides", "excludes"] | None:
    """Whether the first's result decides if the second happens, or only one of them does."""
    for (node, one), (other, two) in zip(first.branches, second.branches, strict=False):
        if node is not other:
            return None
        if one == two:
            continue
        if isinstance(node, ast.BoolOp):
            return "decides"
        if isinstance(node, ast.IfExp):
            return "excludes" if one else "decides"
        return "decides" if two > 1 else None  # `a < b < c` may leave out `c` alone
    return None


def _expressions(statement: ast.stmt) -> Iterator[list[ast.AST]]:
    """The expressions of a statement that are evaluated in one go, each list in order."""
    if isinstance(statement, SIMPLE):
        yield list(_children(statement))
        return
    for child in children(statement):
        if isinstance(child, ast.expr):
            yield [child]
        elif isinstance(child, ast.withitem):
            yield [child.context_expr]


def _groups(roots: Iterable[ast.AST]) -> Iterator[tuple[Sibling, ...]]:
    roots = list(roots)
    if sum(len(awaits_in(root)) for root in roots) < 2:
        return
    found = [sibling for root in roots for sibling in _outermost(root, ())]
    if len(found) > 1:
        nodes = (node for root in roots for node in ast.walk(root))
        bound = frozenset(node.target.id for node in nodes if isinstance(node, ast.NamedExpr))
        yield tuple(replace(sibling, bound=bound) for sibling in found)
    for sibling in found:
        yield from _groups([sibling.await_.value])


def _outermost(node: ast.AST, branches: Branches) -> Iterator[Sibling]:
    """Awaits below `node` that no other await, inner function or loop has inside it."""
    if isinstance(node, ast.Await):
        yield Sibling(node, branches)
    elif isinstance(node, COMPREHENSIONS):
        yield from _outermost(node.generators[0].iter, branches)
    elif not isinstance(node, SCOPES):
        for number, child in enumerate(_children(node)):
            own = (*branches, (node, number)) if isinstance(node, BRANCHING) else branches
            yield from _outermost(child, own)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """In order of evaluation; of what branches, the parts that it chooses from."""
    if isinstance(node, ast.IfExp):
        yield from (node.test, node.body, node.orelse)
    elif isinstance(node, ast.BoolOp):
        yield from node.values
    elif isinstance(node, ast.Compare):
        yield from (node.left, *node.comparators)
    elif isinstance(node, ast.Assign):
        yield from (node.value, *node.targets)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield from (value,) if key is None else (key, value)
    else:
        yield from children(node)
