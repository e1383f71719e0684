"""Which calls only fill a cache: what was asked for under a key first is stored under it.

    found = await cache.get(key)
    if found: return found
    ...
    await cache.set(key, value)

Whoever runs first fills it, with the same; so such a store is taken for part of a read.
For `scan` only.
"""

import ast

from asyncperf.scan.flow import names
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import names_in, spelling

ASKS = frozenset({"get", "hget", "get_json"})
STORES = frozenset({"set", "setex", "put", "hset", "set_json"})

Key = tuple[str, str]  # the cache and the key, as they are written
Position = tuple[int, int]


def fills(function: AnyFunction) -> frozenset[Position]:
    """Where a function's calls stand that fill what it has found empty."""
    asked: dict[Key, str] = {}
    guarded: set[Key] = set()
    found: set[Position] = set()
    parts = (
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Assign | ast.NamedExpr | ast.If | ast.Call)
    )
    for node in sorted(parts, key=position):
        if isinstance(node, ast.If):
            tested = names_in(node.test)
            guarded |= {key for key, name in asked.items() if name in tested}
        elif isinstance(node, ast.Call):
            key = _key(node, STORES)
            # What is made from the old value, as a counter is, has to be stored in order.
            if key in guarded and not any(asked[key] in names(a).read for a in node.args[1:]):
                found.add(position(node))
        else:
            target = node.target if isinstance(node, ast.NamedExpr) else node.targets[0]
            value = node.value.value if isinstance(node.value, ast.Await) else node.value
            key = _key(value, ASKS) if isinstance(value, ast.Call) else None
            if key is not None and isinstance(target, ast.Name):
                asked[key] = target.id
                if isinstance(node, ast.NamedExpr):  # stands in the condition itself
                    guarded.add(key)
    return frozenset(found)


def position(node: ast.expr | ast.stmt) -> Position:
    return node.lineno, node.col_offset


def _key(call: ast.Call, methods: frozenset[str]) -> Key | None:
    if not (isinstance(call.func, ast.Attribute) and call.func.attr in methods and call.args):
        return None
    return spelling(call.func.value), ast.dump(call.args[0])
