"""Which functions make what they give once and keep it, and which do nothing.

For `scan` only.
"""

import ast
import re
from collections.abc import Callable, Collection, Iterator

from asyncperf.scan.annotations import last_name
from asyncperf.scan.branches import Branch, Lines, conditions, own_branches
from asyncperf.scan.candidates import bodies
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import names_in, spelling, statements

OWN = frozenset({"self", "cls"})
# What is started once it was found not to be there; and flags that stay set then.
STARTS = re.compile(r"^_*start(_|$)")
STARTED = re.compile(r"^_*((is|was|been|already)_)?(running|started|initiali[sz]ed|loaded|opened)$")


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
    """The lines that only run until what they make is kept: in an attribute or a global, `if
    self.it is None: self.it = make()`, or under a key, `if key in made: return made[key]`,
    `made[key] = make()`; or until something runs, `if self.loop is None: self.start()`.
    `filling` tells which methods of the class make what an attribute holds, or which functions of
    the file what a global does."""
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
            return is_missing and stores(branch, where, key) and is_lasting(where, node)
        case ast.Compare(
            left=kept, ops=[ast.Is() | ast.IsNot() as operator], comparators=[ast.Constant(None)]
        ):
            is_missing = isinstance(operator, ast.Is) is holds
        case ast.Call(
            func=ast.Name(id="hasattr" | "getattr"),
            args=[ast.Name(id="self" | "cls") as owner, ast.Constant(value=str(name)), *_],
        ):
            kept, is_missing = ast.Attribute(owner, name, ast.Load()), not holds
            if any(True for _ in set_in(branch.block, kept)):
                return is_missing
        case _:
            kept, is_missing = test, not holds
    if not is_missing:
        return False
    if isinstance(kept, ast.Name):
        return (assigns(branch, kept, node) and kept.id in declared_global(node)) or (
            fill(branch, "", filling, kept.id) and is_lasting(kept, node)
        )
    if not isinstance(kept, ast.Attribute) or base_of(kept) not in OWN:
        return False
    if assigns(branch, kept, node) or gives(node, kept) or starts(branch, kept, node):
        return True
    return fill(branch, OWN, filling, kept.attr)


def fill(
    branch: Branch, of: Collection[str], filling: Callable[[str], Collection[str]], kept: str
) -> bool:
    """Whether what it calls makes what is kept."""
    called = set(called_in(branch, of))
    return bool(called) and not called.isdisjoint(filling(kept))


def starts(branch: Branch, kept: ast.Attribute, node: AnyFunction) -> bool:
    """Whether something is started there, which runs then; `self.running = True` says so, unless
    the function changes that itself, other than as it fails."""
    if any(STARTS.search(name) for name in called_in(branch, OWN)):
        return True
    if not STARTED.search(kept.attr):
        return False
    failing = [h.body for h in statements(node) if isinstance(h, ast.ExceptHandler)]
    undone = {target for body in failing for target, _ in assigned_in(body)}
    made = [v for target, v in set_in(node.body, kept) if target not in undone]
    inside = [v for target, v in set_in(branch.block, kept) if target not in undone]
    is_set = bool(inside) and all(isinstance(v, ast.Constant) and v.value is True for v in made)
    return is_set and len(made) == len(inside)


def set_in(
    block: list[ast.stmt], kept: ast.Attribute | ast.Name
) -> Iterator[tuple[ast.expr, ast.expr]]:
    return (each for each in assigned_in(block) if spelling(each[0]) == spelling(kept))


def stores(branch: Branch, where: ast.expr, key: ast.expr) -> bool:
    """Whether something is kept under the key."""
    return any(
        isinstance(target, ast.Subscript)
        and ast.dump(target.value) == ast.dump(where)
        and ast.dump(target.slice) == ast.dump(key)
        for target, _ in assigned_in(branch.block)
    )


def assigns(branch: Branch, kept: ast.Attribute | ast.Name, node: AnyFunction) -> bool:
    """Whether it is made there, and not changed elsewhere in the function; a constant only marks
    that something is going on."""
    made = [value for _, value in set_in(branch.block, kept)]
    all_made = [value for _, value in set_in(node.body, kept)]
    is_made = any(not isinstance(value, ast.Constant) for value in made)
    return is_made and len(made) == len(all_made)


def called_in(branch: Branch, of: Collection[str]) -> Iterator[str]:
    """The names of `self.load()`, `self.thread.start()` or `load()`, as statements of their own."""
    for each in branch.block:
        value = each.value if isinstance(each, ast.Expr) else None
        call = value.value if isinstance(value, ast.Await) else value
        if isinstance(call, ast.Call):
            owner = base_of(call.func) if isinstance(call.func, ast.Attribute) else ""
            if owner in of if of else not owner:
                yield last_name(call.func)


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


def sets(node: AnyFunction, kept: str) -> bool:
    """Whether a function makes what a global holds, or fills it."""
    if kept not in declared_global(node):
        return False
    return any(
        (isinstance(target, ast.Name) and target.id == kept and not isinstance(v, ast.Constant))
        for target, v in assigned_in(node.body)
    ) or any(
        isinstance(each, ast.Expr)
        and isinstance(each.value, ast.Call)
        and spelling(each.value.func) == f"{kept}.update"
        for each in statements(node)
    )


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
