"""Which calls only fill a cache: what was asked for under a key first is stored under it.

    found = await cache.get(key)
    if found: return found
    ...
    await cache.set(key, value)

Whoever runs first fills it, with the same; so such a store is taken for part of a read. So are
`if key not in found: found[key] = ...`, and dropping what was found there and is too old.
For `scan` only.
"""

import ast
from collections.abc import Iterator
from typing import TypeGuard

from asyncperf.scan.annotations import last_name
from asyncperf.scan.flow import names
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import names_in, spelling
from asyncperf.scan.values import Effect
from asyncperf.scan.verbs import words

ASKS = frozenset({"get", "hget", "get_json", "getex"})
STORES = frozenset({"set", "setex", "put", "hset", "set_json"})
DROPS = frozenset({"pop"})

# A project's own ways to a cache: `get_cached_price(of)`, `memcache_set(key, value)`.
READING = frozenset({"get", "load", "read", "fetch", "find", "lookup"})
FILLING = frozenset({"set", "save", "store", "put", "write", "update", "add"})
CACHES = frozenset({"cache", "cached", "memcache", "memcached", "caching"})
ON_THE_WAY = frozenset({"from", "to", "in", "into", "by"})
CONTEXT = "the context's"  # key of a context variable

Part = ast.Assign | ast.NamedExpr | ast.If | ast.Call | ast.Subscript

NO_KEY = frozenset({"", ast.dump(ast.Constant(None))})  # `variable.get(None)`

Key = tuple[str, str]  # the cache and the key, as they are written
Position = tuple[int, int]


def fills(function: AnyFunction) -> frozenset[Position]:
    """Where a function's calls and assignments stand that fill what it has found empty, or drop
    what it has found there."""
    asked: dict[Key, str] = {}
    guarded: set[Key] = set()
    found: set[Position] = set()
    for node in sorted(filter(_matters, ast.walk(function)), key=position):
        if isinstance(node, ast.If):
            tested = names_in(node.test)
            guarded |= {key for key, name in asked.items() if name in tested}
            guarded |= set(_looked_up(node.test))
        elif isinstance(node, ast.Subscript):
            if _subscripted(node) in guarded:
                found.add(position(node))
        elif isinstance(node, ast.Call):
            key = _key(node, STORES | DROPS)
            # What is made from the old value, as a counter is, has to be stored in order.
            old = asked.get(key, "") if key else ""
            if key in guarded and not any(old in names(a).read for a in node.args[1:]):
                found.add(position(node))
        else:
            _note_assigned(node, asked, guarded)
    return frozenset(found)


def filling(effect: Effect) -> Effect:
    """What is done to fill a cache. A context variable that is found unset is set in each task
    anew, which is not proved to be the same."""
    if effect.kind == "external" and effect.mode == "w":
        return effect._replace(mode="q")
    if effect.kind == "memory" and effect.mode in {"w", "u", "k"}:
        return effect._replace(mode="m")
    if effect.kind == "context" and effect.mode != "reset":
        return effect._replace(kind="unknown", place=(), mode="call", what=f"a {effect.what}")
    return effect


def _note_assigned(
    node: ast.Assign | ast.NamedExpr, asked: dict[Key, str], guarded: set[Key]
) -> None:
    target = node.target if isinstance(node, ast.NamedExpr) else node.targets[0]
    value = node.value.value if isinstance(node.value, ast.Await) else node.value
    read = names(value).read
    if isinstance(target, ast.Name):
        for key in guarded & asked.keys():
            if asked[key] == target.id and target.id not in read:
                asked[key] = ""  # no more what was found
        for asking in _asked(value):
            asked[asking] = target.id
            if isinstance(node, ast.NamedExpr):  # stands in the condition itself
                guarded.add(asking)
    elif isinstance(target, ast.Subscript) and asked.get(_subscripted(target), "") in read:
        guarded.discard(_subscripted(target))


def _asked(value: ast.expr) -> Iterator[Key]:
    """What a value is asked from, also where it is read on: `json.loads(await cache.get(key))`."""
    for node in ast.walk(value):
        key = _key(node, ASKS) if isinstance(node, ast.Call) else None
        if key is not None:
            yield key


def _subscripted(node: ast.Subscript) -> Key:
    return spelling(node.value), ast.dump(node.slice)


def _matters(node: ast.AST) -> TypeGuard[Part]:
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Assign | ast.NamedExpr | ast.If | ast.Call)


def _looked_up(test: ast.expr) -> Iterator[Key]:
    """`key in container`"""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            yield spelling(node.comparators[0]), ast.dump(node.left)


def position(node: ast.expr | ast.stmt) -> Position:
    return node.lineno, node.col_offset


def is_store(call: ast.Call) -> bool:
    """Whether it is named as what stores under a key, or drops what is there."""
    name = last_name(call.func)
    return name in STORES | DROPS or _is_own(name, FILLING)


def _key(call: ast.Call, methods: frozenset[str]) -> Key | None:
    name = last_name(call.func)
    owner = spelling(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    key = ast.dump(call.args[0]) if call.args else ""
    if name in methods and owner:
        if name == "get" and key in NO_KEY:
            return owner, CONTEXT
        if name == "set" and len(call.args) == 1 and not call.keywords:
            return owner, CONTEXT
        return (owner, key) if key else None
    verbs = READING if methods is ASKS else FILLING
    if key and _is_own(name, verbs):
        return f"{owner}.{' '.join(_rest(name))}", key
    return None


def _is_own(name: str, verbs: frozenset[str]) -> bool:
    """Whether a function of that name has to do with a cache, and does this."""
    if "cache" not in name and "caching" not in name:
        return False
    found = set(words(name))
    return bool(found & CACHES) and bool(found & verbs)


def _rest(name: str) -> list[str]:
    """What two functions of one cache have in common, by their names."""
    return [word for word in words(name) if word not in READING | FILLING | ON_THE_WAY]
