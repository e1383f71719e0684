"""Whether what a loop awaits was started before, so that it runs already. For `scan` only."""

import ast
from collections.abc import Iterator

from asyncperf.scan.annotations import last_name
from asyncperf.scan.candidates import COMPREHENSIONS, FOR
from asyncperf.scan.flow import nodes
from asyncperf.scan.index import AnyFunction

# They start what they are given, and give something to wait for.
STARTING = frozenset({"create_task", "ensure_future", "run_in_executor"})
# They go over what they are given.
PASSING_ON = frozenset({"enumerate", "tqdm", "list", "tuple", "values", "items"})


def runs_already(function: AnyFunction, loop: FOR | COMPREHENSIONS, awaited: ast.expr) -> bool:
    """Whether every element that a loop awaits is of those that this function has started."""
    if not isinstance(loop, FOR) or not isinstance(awaited, ast.Name):
        return False
    iterated: ast.expr | None = loop.iter
    while isinstance(iterated, ast.Call):
        if last_name(iterated.func) == "as_completed":
            return True
        iterated = _passed_on(iterated)
    if not isinstance(iterated, ast.Name):
        return False
    held = list(_held(function, iterated.id))
    return bool(held) and all(_is_started(function, loop.target, awaited.id, each) for each in held)


def _passed_on(call: ast.Call) -> ast.expr | None:
    if last_name(call.func) not in PASSING_ON:
        return None
    if isinstance(call.func, ast.Attribute) and not call.args:  # `tasks.values()`
        return call.func.value
    return call.args[0] if call.args else None


def _held(function: AnyFunction, name: str) -> Iterator[ast.expr | None]:
    """What is put into a container of this name, each time; None for what is not known."""
    for node in nodes(function):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=bound)], value=value)
                | ast.AnnAssign(target=ast.Name(id=bound), value=value)
            ) if bound == name:
                yield from _parts(value)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=filled))], value=value) if (
                filled == name
            ):
                yield value
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=filled), attr="append" | "add"), args=[value]
            ) if filled == name:
                yield value
            case ast.Name(id=bound, ctx=ast.Store()) if bound == name and not _is_plain(
                function, node
            ):
                yield None


def _is_plain(function: AnyFunction, target: ast.Name) -> bool:
    """Whether a name is bound by an assignment of its own."""
    return any(
        (isinstance(node, ast.Assign) and node.targets == [target])
        or (isinstance(node, ast.AnnAssign) and node.target is target)
        for node in nodes(function)
    )


def _parts(value: ast.expr | None) -> Iterator[ast.expr | None]:
    match value:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            yield from parts
        case ast.Dict(values=parts):
            yield from parts
        case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.DictComp(value=part):
            yield part
        case _:
            yield None


def _is_started(
    function: AnyFunction, target: ast.expr, awaited: str, element: ast.expr | None
) -> bool:
    """Whether the part of an element that the loop's target calls so was started."""
    if isinstance(target, ast.Tuple):
        if isinstance(element, ast.Tuple) and len(element.elts) == len(target.elts):
            pairs = zip(target.elts, element.elts, strict=True)
            return any(_is_started(function, part, awaited, given) for part, given in pairs)
        # `enumerate(tasks)`, `tasks.items()`
        return len(target.elts) == 2 and _is_started(function, target.elts[1], awaited, element)
    if not isinstance(target, ast.Name) or target.id != awaited or element is None:
        return False
    if isinstance(element, ast.Name):
        bound = [
            node.value
            for node in nodes(function)
            if isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == element.id for t in node.targets)
        ]
        return bool(bound) and all(_starts(value) for value in bound)
    return _starts(element)


def _starts(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and last_name(value.func) in STARTING
