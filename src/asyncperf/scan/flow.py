"""Data and control between statements of one block, by their names. For `scan` only."""

import ast
from collections.abc import Iterable, Iterator

from asyncperf.scan.candidates import SCOPES, own_nodes
from asyncperf.scan.catalogue import CONTAINER_APPENDS, CONTAINER_STORES

Exit = ast.Return | ast.Raise | ast.Break | ast.Continue


def nodes(root: ast.AST) -> Iterator[ast.AST]:
    yield root
    yield from ast.walk(root) if isinstance(root, SCOPES) else own_nodes(root)


def loads(root: ast.AST, inner: dict[str, frozenset[str]] | None = None) -> set[str]:
    """Local names that code reads; with `inner`, those that functions it mentions read too."""
    found = {
        node.id
        for node in ast.walk(root)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    for name in list(found):
        found |= (inner or {}).get(name, frozenset())
    return found


def stores(root: ast.AST) -> set[str]:
    """Local names that code binds."""
    return {
        node.id
        for node in nodes(root)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del)
    }


def dotted_stores(root: ast.AST) -> set[str]:
    """`a.b` where code assigns to attribute b of local a."""
    return {
        f"{node.value.id}.{node.attr}"
        for node in nodes(root)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
    }


def dotted_loads(root: ast.AST) -> set[str]:
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(root)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
    }


def filled(root: ast.AST) -> set[str]:
    """Local names whose object the code changes: `x.append(...)`, `x[k] = ...`, `x.a = ...`."""
    found: set[str] = set()
    for node in nodes(root):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in CONTAINER_APPENDS | CONTAINER_STORES:
                found |= _root(node.func.value)
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(
            node.ctx, ast.Store | ast.Del
        ):
            found |= _root(node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) and node.id not in {"self", "cls"} else set()


def tainted(first: ast.AST, between: Iterable[ast.stmt]) -> set[str]:
    """Names that carry what `first` gave, after the statements between."""
    found = stores(first) | dotted_stores(first)
    found |= {name for name in filled(first) if not isinstance(first, ast.Expr)}
    for statement in between:
        if (loads(statement) | dotted_loads(statement)) & found:
            found |= stores(statement) | dotted_stores(statement) | filled(statement)
    return found


def early_exit(statements: Iterable[ast.stmt]) -> ast.stmt | None:
    """The first plain statement that may leave the block, or refuse by itself."""
    for statement in statements:
        if isinstance(statement, SCOPES):
            continue
        for node in nodes(statement):
            if isinstance(node, Exit | ast.Assert):
                return node
    return None


def loop_exit(body: Iterable[ast.stmt]) -> ast.stmt | None:
    """A `return` or `break` that ends this loop."""
    for statement in body:
        if isinstance(statement, SCOPES):
            continue
        if isinstance(statement, ast.Return | ast.Break):
            return statement
        inside_loop = isinstance(statement, ast.For | ast.AsyncFor | ast.While)
        for node in own_nodes(statement):
            if isinstance(node, ast.Return) or (isinstance(node, ast.Break) and not inside_loop):
                return node
    return None


def carried(loop: ast.For) -> set[str]:
    """Names that one iteration leaves to the next: read before they are bound, or filled."""
    bound_first: set[str] = set(stores(loop.target))
    read_first: set[str] = set()
    for statement in loop.body:
        for node in _in_order(statement):
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Load):
                    if node.id not in bound_first:
                        read_first.add(node.id)
                elif node.id not in read_first:
                    bound_first.add(node.id)
    changed = {name for s in loop.body for name in stores(s) | filled(s)}
    own = bound_first - read_first
    return (changed & read_first) - own


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes in the order of evaluation, as far as names go: values before targets."""
    if isinstance(node, SCOPES):
        return
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
        if node.value is not None:
            yield from _in_order(node.value)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from _in_order(target)
        return
    if isinstance(node, ast.For | ast.AsyncFor):
        yield from _in_order(node.iter)
        yield from _in_order(node.target)
        for statement in (*node.body, *node.orelse):
            yield from _in_order(statement)
        return
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        for generator in node.generators:
            yield from _in_order(generator.iter)
            yield from _in_order(generator.target)
            for test in generator.ifs:
                yield from _in_order(test)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            yield from _in_order(part)
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _in_order(child)


def deciding_names(loop: ast.For) -> Iterator[tuple[ast.AST, set[str]]]:
    """What each await of a loop, and each condition around it, reads."""

    def visit(body: Iterable[ast.stmt]) -> Iterator[tuple[ast.AST, set[str]]]:
        for statement in body:
            if isinstance(statement, SCOPES):
                continue
            awaits = [n for n in nodes(statement) if isinstance(n, ast.Await)]
            skips = any(isinstance(n, ast.Continue) for n in nodes(statement))
            if isinstance(statement, ast.If | ast.While) and (awaits or skips):
                yield statement.test, loads(statement.test)
            for node in awaits:
                yield node, loads(node)

    return visit(loop.body)
