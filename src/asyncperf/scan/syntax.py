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

_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def children(node: ast.AST) -> list[ast.AST]:
    """What `ast.iter_child_nodes` gives, without operators and contexts."""
    found: list[ast.AST] = []
    kind = type(node)
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(name for name in kind._fields if name not in LEAVES)
    for name in _FIELDS[kind]:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif value.__class__ is list:
            found += [each for each in value if isinstance(each, ast.AST)]
    return found


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
