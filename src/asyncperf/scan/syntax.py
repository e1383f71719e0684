"""The parts of a syntax tree, faster than `ast` walks them, and how one is spelled.

For `scan` only.
"""

import ast
from collections import deque
from collections.abc import Iterator

# Half of all nodes are these, and have no parts.
SINGLE = frozenset({ast.Name, ast.Constant})
# Fields that hold no part in which a name or an await could stand.
LEAVES = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "module", "level", "kind", "type_comment"}
    | {"conversion", "simple", "is_async", "asname", "rest", "kwd_attrs", "type_ignores"}
)

# Whose other fields are texts, or constants; and whose lists have holes.
TEXTS = frozenset({ast.Constant, ast.MatchSingleton, ast.Global, ast.Nonlocal})
WITH_HOLES = frozenset({ast.Dict, ast.arguments})

_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def children(node: ast.AST) -> list[ast.AST]:
    """What `ast.iter_child_nodes` gives, without operators and contexts."""
    found: list[ast.AST] = []
    kind = type(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = parts_of(kind)
    for name in fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += value
        elif value is not None:
            found.append(value)
    if kind in WITH_HOLES:
        return [each for each in found if each is not None]
    return found


def parts_of(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields that hold parts, or lists of them. A name is a text, but that of a `type`."""
    if kind in TEXTS:
        return ()
    texts = LEAVES if kind.__name__ == "TypeAlias" else LEAVES | {"name"}
    return tuple(name for name in kind._fields if name not in texts)


def statements(root: ast.AST) -> Iterator[ast.AST]:
    """Every statement below `root`, in the order of `ast.walk`; `except` and `case` among them."""
    waiting = deque([root])
    while waiting:
        node = waiting.popleft()
        yield node
        for name in ("body", "handlers", "cases", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if block:
                waiting.extend(block)


def names_in(node: ast.AST | None) -> set[str]:
    """The names that stand in it, read or bound."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} if node else set()


def spelling(node: ast.expr) -> str:
    """`a.b.c` as written, calls and subscripts shortened."""
    if isinstance(node, ast.Attribute):
        return f"{spelling(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return f"{spelling(node.func)}()"
    if isinstance(node, ast.Subscript):
        return f"{spelling(node.value)}[]"
    if isinstance(node, ast.Await):
        return spelling(node.value)
    return "…"
