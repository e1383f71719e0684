"""Which functions make what they give once and keep it, and which do nothing.

For `scan` only.
"""

import ast
from collections.abc import Callable, Collection, Iterator

from asyncperf.scan.branches import Branch, Lines, conditions, own_branches
from asyncperf.scan.candidates import bodies
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import names_in, spelling, statements

OWN = frozenset({"self", "cls"})


def takes_nothing(node: AnyFunction) -> bool:
    given = node.args
    return not (given.posonlyargs or given.args or given.kwonlyargs or given.vararg or given.kwarg)


def keeps_result(node: AnyFunction) -> bool:
    """Whether it keeps what it gives: `if _it is None: _it = make()`, then `return _it`."""
    kept = declared_global(node)
    if not kept:
        return False
    asked = {n for each in node.body if isinstance(each, ast.If) for n in names_in(each.test)}
    given = {n for e in statements(node) if isinstance(e, ast.Return) for n in names_in(e.value)}
    return not kept.isdisjoint(asked & given)


def works_once(node: AnyFunction) -> bool:
    """Whether it returns at once the next time: `if cls._loaded: return`, `cls._loaded = True`."""
    taken = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    if not (taken == ["cls"] or takes_nothing(node)):
        return False
    asked = {
        spelling(test)
        for each in node.body
        if isinstance(each, ast.If) and isinstance(each.body[-1], ast.Return)
        for test, holds in conditions(each.test, True)
        if holds and isinstance(test, ast.Name | ast.Attribute)
    }
    if not asked:
        return False
    shared = declared_global(node)
    return any(
        spelling(target) in asked and spelling(target).partition(".")[0] in {*shared, "cls"}
        for each in node.body  # not under a condition, which may not hold
        if isinstance(each, ast.Assign)
        for target in each.targets
    )


def first_time(
    node: AnyFunction, filling: Callable[[str], Collection[str]] = lambda attribute: ()
) -> tuple[Lines, ...]:
    """The lines that only run until what they make is kept: in an attribute, `if self.it is None:
    self.it = make()`, or under a key, `if key in made: return made[key]`, `made[key] = make()`.
    `filling` tells which methods of the class make what an attribute holds."""
    found = [
        branch
        for block in bodies(node.body)
        for number, statement in enumerate(block)
        if isinstance(statement, ast.If)
        for branch in own_branches(statement, block[number + 1 :])
    ]
    return tuple(Lines(b.first, b.last) for b in found if fills(b, node, filling))


def fills(branch: Branch, node: AnyFunction, filling: Callable[[str], Collection[str]]) -> bool:
    return any(
        is_kept(target, holds, branch, node, filling)
        for target, holds in conditions(branch.test, branch.outcome)
    )


def is_kept(
    test: ast.expr,
    holds: bool,
    branch: Branch,
    node: AnyFunction,
    filling: Callable[[str], Collection[str]],
) -> bool:
    """Whether a test says that something is missing which the branch then keeps."""
    match test:
        case ast.Compare(left=key, ops=[ast.In() | ast.NotIn() as operator], comparators=[where]):
            is_missing = isinstance(operator, ast.NotIn) is holds
            return is_missing and is_lasting(where, node) and stores(branch, where, key)
        case ast.Compare(
            left=kept, ops=[ast.Is() | ast.IsNot() as operator], comparators=[ast.Constant(None)]
        ):
            is_missing = isinstance(operator, ast.Is) is holds
        case _:
            kept, is_missing = test, not holds
    if not (is_missing and isinstance(kept, ast.Attribute)) or base_of(kept) not in OWN:
        return False
    if assigns(branch, kept, node) or gives(node, kept):
        return True
    called = methods_called(branch)
    return bool(called) and not called.isdisjoint(filling(kept.attr))


def stores(branch: Branch, where: ast.expr, key: ast.expr) -> bool:
    """Whether something is kept under the key."""
    return any(
        isinstance(target, ast.Subscript)
        and ast.dump(target.value) == ast.dump(where)
        and ast.dump(target.slice) == ast.dump(key)
        for target, _ in assigned_in(branch.block)
    )


def assigns(branch: Branch, kept: ast.Attribute, node: AnyFunction) -> bool:
    """Whether it is made there, and not changed elsewhere in the function; a constant only marks
    that something is going on."""
    made = [v for target, v in assigned_in(branch.block) if spelling(target) == spelling(kept)]
    all_made = [v for target, v in assigned_in(node.body) if spelling(target) == spelling(kept)]
    is_made = any(not isinstance(value, ast.Constant) for value in made)
    return is_made and len(made) == len(all_made)


def methods_called(branch: Branch) -> set[str]:
    """`self.load()`, as a statement of its own."""
    calls = [
        each.value.value if isinstance(each.value, ast.Await) else each.value
        for each in branch.block
        if isinstance(each, ast.Expr)
    ]
    return {
        call.func.attr
        for call in calls
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and spelling(call.func.value) in OWN
    }


def assigned_in(block: list[ast.stmt]) -> Iterator[tuple[ast.expr, ast.expr]]:
    for outer in block:
        for each in statements(outer):
            if isinstance(each, ast.Assign):
                yield from ((target, each.value) for target in each.targets)
            elif isinstance(each, ast.AnnAssign | ast.AugAssign) and each.value is not None:
                yield each.target, each.value


def gives(node: AnyFunction, kept: ast.Attribute) -> bool:
    last = node.body[-1]
    return (
        isinstance(last, ast.Return)
        and last.value is not None
        and spelling(last.value) == spelling(kept)
    )


def is_lasting(where: ast.expr, node: AnyFunction) -> bool:
    """Whether it outlives the call: an attribute of the object, or a name of the module."""
    base = base_of(where)
    if isinstance(where, ast.Attribute) and base in OWN:
        return True
    taken = node.args
    local = {each.arg for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)}
    bound = {
        each.id
        for statement in statements(node)
        for target in getattr(statement, "targets", [getattr(statement, "target", None)])
        for each in ([target] if isinstance(target, ast.Name) else [])
    }
    return isinstance(where, ast.Name) and base not in (local | bound) - declared_global(node)


def base_of(node: ast.expr) -> str:
    return spelling(node).partition(".")[0]


def declared_global(node: AnyFunction) -> set[str]:
    return {n for each in statements(node) if isinstance(each, ast.Global) for n in each.names}


def is_empty(node: AnyFunction) -> bool:
    """Whether it only raises, or gives a constant, as what heirs shall override does."""
    return all(
        isinstance(each, ast.Pass | ast.Raise)
        or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        or (
            isinstance(each, ast.Return)
            and (each.value is None or isinstance(each.value, ast.Constant))
        )
        for each in node.body
    )
