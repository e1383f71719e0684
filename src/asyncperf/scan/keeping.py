"""Which functions make what they give once and keep it, and which do nothing.

For `scan` only.
"""

import ast

from asyncperf.scan.branches import conditions
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import names_in, spelling, statements


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
