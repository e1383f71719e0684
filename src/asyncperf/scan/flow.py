"""Data and control between statements of one block, by their names. For `scan` only."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

from asyncperf.scan.annotations import last_name
from asyncperf.scan.candidates import COMPREHENSIONS, SCOPES, own_nodes
from asyncperf.scan.catalogue_names import CONTAINER_APPENDS, CONTAINER_STORES, FILLING
from asyncperf.scan.syntax import children

Exit = ast.Return | ast.Raise | ast.Break | ast.Continue
Path = tuple[str, ...]  # a name, and the attributes that lead on from it


def nodes(root: ast.AST) -> Iterator[ast.AST]:
    yield root
    yield from ast.walk(root) if isinstance(root, SCOPES) else own_nodes(root)


@dataclass(slots=True)
class Names:
    """The local names that one statement reads (functions inside it too), binds and changes.

    `attributes_read` and `attributes_bound` hold `a.b` for attribute b of local a; `filled` the
    names whose object changes: `x.append(...)`, `x[k] = ...`, `x.a = ...`, `x += ...`.
    """

    read: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    attributes_read: set[str] = field(default_factory=set)
    attributes_bound: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)


def names(root: ast.AST) -> Names:
    """All of them in one walk."""
    found = Names()
    waiting = [(root, isinstance(root, SCOPES))]
    while waiting:
        node, is_inner = waiting.pop()
        _note(found, node, is_inner)
        for child in children(node):
            waiting.append((child, is_inner or isinstance(child, SCOPES)))
    return found


def _note(found: Names, node: ast.AST, is_inner: bool) -> None:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            found.read.add(node.id)
        elif not is_inner:
            found.bound.add(node.id)
    elif isinstance(node, ast.Attribute | ast.Subscript):
        is_load = isinstance(node.ctx, ast.Load)
        if not is_load and not is_inner:
            found.filled |= _root(node.value)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            kept = found.attributes_read if is_load else found.attributes_bound
            if is_load or not is_inner:
                kept.add(f"{node.value.id}.{node.attr}")
    elif is_inner:
        return
    elif isinstance(node, ast.Call):
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in CONTAINER_APPENDS | CONTAINER_STORES:
            found.filled |= _root(func.value)
        if last_name(func) in FILLING and node.args:
            found.filled |= _root(node.args[0])
        if isinstance(func, ast.Attribute) and func.attr == "refresh" and node.args:
            found.bound |= _root(node.args[0])  # `session.refresh(user)` reads it anew
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        found.filled.add(node.target.id)


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) and node.id not in {"self", "cls"} else set()


def path_of(node: ast.expr) -> Path:
    """`x.items[0]` leads to ("x", "items"); empty for what begins with no name."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        if isinstance(node, ast.Attribute):
            attributes.append(node.attr)
        elif isinstance(node, ast.Subscript):
            attributes.clear()
        node = node.value
    return (node.id, *reversed(attributes)) if isinstance(node, ast.Name) else ()


def paths(root: ast.AST) -> set[Path]:
    """The objects that a statement mentions, each by its longest path."""
    found: set[Path] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        path = path_of(node) if isinstance(node, ast.Attribute | ast.Name) else ()
        if path:
            found.add(path)
            waiting += [n.slice for n in ast.walk(node) if isinstance(n, ast.Subscript)]
        else:
            waiting += children(node)
    return found


def are_one(one: Path, other: Path) -> bool:
    """Whether one object is the other or part of it."""
    return all(a == b for a, b in zip(one, other, strict=False))


def is_given(call: ast.Call, carrying: set[str]) -> bool:
    """Whether an argument carries what these names carry."""
    return any(_carries(argument, carrying) for argument in _arguments(call))


def given_with(call: ast.Call, carrying: set[str]) -> Iterator[Path]:
    """The objects that a call is given together with what these names carry."""
    if is_given(call, carrying):
        for argument in _arguments(call):
            yield from _objects(argument)


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _carries(node: ast.expr, carrying: set[str]) -> bool:
    found = names(node)
    return bool((found.read | found.attributes_read) & carrying)


def _objects(node: ast.expr) -> Iterator[Path]:
    """What an argument is, or holds as it is written."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
        for part in node.values if isinstance(node, ast.Dict) else node.elts:
            yield from _objects(part)
    elif path := path_of(node):
        yield path


def early_exit(statements: Iterable[ast.AST]) -> ast.stmt | ast.Call | None:
    """The first plain statement that may leave the block, or refuse by itself."""
    for statement in statements:
        if isinstance(statement, SCOPES):
            continue
        for node in nodes(statement):
            if isinstance(node, Exit | ast.Assert) or _refuses(node):
                return node
    return None


def _refuses(node: ast.AST) -> TypeGuard[ast.Call]:
    """`response.raise_for_status()`"""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "raise_for_status"
    )


def hands_out(statement: ast.AST) -> bool:
    """Whether it yields, so that others go on before what follows."""
    return not isinstance(statement, SCOPES) and any(
        isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes(statement)
    )


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


def carried(loop: ast.For | ast.AsyncFor) -> set[str]:
    """Names that one iteration leaves to the next: read before they are bound, or filled."""
    bound_first: set[str] = names(loop.target).bound
    read_first: set[str] = set()
    for statement in loop.body:
        for node in _in_order(statement):
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Load):
                    if node.id not in bound_first:
                        read_first.add(node.id)
                elif node.id not in read_first:
                    bound_first.add(node.id)
    changed: set[str] = set()
    for statement in loop.body:
        found = names(statement)
        changed |= found.bound | _filled_at_once(statement)
    own = bound_first - read_first
    return (changed & read_first) - own


def counted(loop: ast.For | ast.AsyncFor, carried: set[str]) -> set[str]:
    """The names that hold what was made of how far earlier iterations came: of a value that they
    bind anew (`enough = total > 9` after `total += n`), or of how much they have put somewhere
    (`number = len(found)`)."""
    parts = [node for statement in loop.body for node in nodes(statement)]
    anew = carried & {name for node in parts if isinstance(node, ast.stmt) for name in _anew(node)}
    made: set[str] = set()
    for node in parts * 2:  # twice, as one may be made of another one that stands below
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            read = names(node.value).read & (anew | made)
            if read or _measures(node.value, carried):
                made |= names(node).bound
    return made


def _anew(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        return {statement.target.id}
    return set()


def _measures(value: ast.expr, containers: set[str]) -> bool:
    return any(
        isinstance(node, ast.Call)
        and last_name(node.func) == "len"
        and any(isinstance(a, ast.Name) and a.id in containers for a in node.args)
        for node in nodes(value)
    )


def _filled_at_once(statement: ast.stmt) -> set[str]:
    """The names whose object changes, but not by what is awaited: `await files.remove(x)` is no
    container's method, and what it does is told by its effects."""
    found = Names()
    awaited: set[int] = set()
    for node in () if isinstance(statement, SCOPES) else nodes(statement):
        if isinstance(node, ast.Await):
            awaited.add(id(node.value))
        if id(node) not in awaited:
            _note(found, node, False)
    return found.filled


def left_at_once(loop: ast.For | ast.AsyncFor) -> set[str]:
    """Names that an iteration is done with before it first waits, as `seen` of `if x in seen:
    continue` and `seen.add(x)`: iterations that start in order go so far in order."""
    waits = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    begin = next(
        (
            number
            for number, statement in enumerate(loop.body)
            if any(isinstance(node, waits) for node in nodes(statement))
        ),
        len(loop.body),
    )
    found = names_of(loop.body[:begin])
    return found - names_of(loop.body[begin:])


def names_of(statements: Iterable[ast.stmt]) -> set[str]:
    """All names that statements mention, whatever they do with them."""
    found = (names(statement) for statement in statements)
    return {name for each in found for name in each.read | each.bound | each.filled}


def derived(loop: ast.For | ast.AsyncFor | COMPREHENSIONS) -> set[str]:
    """The names that hold the element of an iteration, or what was made with it."""
    if isinstance(loop, COMPREHENSIONS):
        return {name for part in loop.generators for name in names(part.target).bound}
    found = names(loop.target).bound
    given = [pair for statement in loop.body for pair in _assignments(statement)]
    for _ in given:  # as many rounds as it may take to come to the last
        more = {name for value, target in given if value & found for name in target}
        if more <= found:
            break
        found |= more
    return found


def _assignments(statement: ast.stmt) -> Iterator[tuple[set[str], set[str]]]:
    """The names that a value reads, and those that it is bound to."""
    for node in nodes(statement):
        match node:
            case ast.Assign(targets=targets, value=value):
                found = [names(target) for target in targets]
                yield names(value).read, {n for each in found for n in each.bound | each.filled}
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
            ):
                yield names(value).read, names(target).bound
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                yield names(value).read, names(target).bound
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                yield names(value).read, names(target).bound


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
    for child in children(node):
        yield from _in_order(child)


def deciding_names(loop: ast.For | ast.AsyncFor) -> Iterator[tuple[ast.AST, set[str]]]:
    """What each await of a loop, and each condition around it, reads."""

    for statement in loop.body:
        if isinstance(statement, SCOPES):
            continue
        for node in nodes(statement):
            if isinstance(node, ast.Await):
                yield node, names(node).read
            elif isinstance(node, ast.If | ast.While) and any(
                isinstance(inner, ast.Await | ast.Continue) for inner in nodes(node)
            ):
                yield node.test, names(node.test).read
            elif isinstance(node, ast.BoolOp | ast.IfExp):
                yield from _deciding_within(node)


def _deciding_within(node: ast.BoolOp | ast.IfExp) -> Iterator[tuple[ast.AST, set[str]]]:
    """`found and await ask()`, `await ask() if wanted else 1`"""
    if isinstance(node, ast.IfExp):
        first, rest = [node.test], [node.body, node.orelse]
    else:
        first, rest = node.values[:-1], node.values[1:]
    if any(isinstance(inner, ast.Await) for part in rest for inner in nodes(part)):
        yield node, {name for part in first for name in names(part).read}


def goes_back(iterated: ast.expr) -> bool:
    """`reversed(entries)`, `entries[::-1]`: the order was thought of."""
    if isinstance(iterated, ast.Subscript) and isinstance(iterated.slice, ast.Slice):
        return isinstance(iterated.slice.step, ast.UnaryOp)
    return isinstance(iterated, ast.Call) and any(
        last_name(node) == "reversed"
        for node in (iterated.func, *(a.func for a in iterated.args if isinstance(a, ast.Call)))
    )
