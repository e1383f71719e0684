"""Types from annotations. For `scan` only."""

import ast
from functools import lru_cache, partial
from typing import Protocol

from asyncperf.scan.index import Class, Function, Module, Variable
from asyncperf.scan.project import External
from asyncperf.scan.values import MAX_ALTERNATIVES, Type, named


class Resolve(Protocol):
    def __call__(self, node: ast.expr, home: Module | None = None) -> object:
        """What a name means where it stands, or at the top of another module."""


# Wrappers that stand for their first argument.
TRANSPARENT = named(
    """
    Annotated Optional Union Final ClassVar Required NotRequired Mapped Unpack ReadOnly
    """
)
ANYTHING = frozenset({"Any", "TypeVar", "object"})
AWAITED = frozenset({"Awaitable", "Coroutine"})

MAX_DEPTH = 6


def types_of(node: ast.expr | None, resolve: Resolve, depth: int = 0) -> tuple[Type, ...]:
    """The classes that an annotation allows, `None` left out."""
    if node is None or depth > MAX_DEPTH:
        return ()
    if isinstance(node, ast.Constant):
        return _quoted(node, resolve, depth)
    if isinstance(node, ast.BinOp):
        if is_anything(node.left, resolve) or is_anything(node.right, resolve):
            return ()
        left = types_of(node.left, resolve, depth + 1)
        return (left + types_of(node.right, resolve, depth + 1))[:MAX_ALTERNATIVES]
    if isinstance(node, ast.Subscript):
        return _subscripted(node, resolve, depth)
    found = resolve(node)
    if isinstance(found, Class):
        return (Type(found),)
    if isinstance(found, Variable):
        return types_of(meaning_of(found), partial(_there, resolve, found.home), depth + 1)
    if isinstance(found, Function | Module):
        return ()
    if isinstance(found, External):
        if found.rpartition(".")[2] in ANYTHING:
            return ()
        return (Type(str(found)),)
    if isinstance(node, ast.Name) and node.id != "object":
        return (Type(f"builtins.{node.id}"),)
    return ()


def is_anything(node: ast.expr, resolve: Resolve) -> bool:
    """Whether it allows any class, and so says nothing of the others that it stands beside."""
    found = resolve(node) if isinstance(node, ast.Name | ast.Attribute) else None
    return isinstance(found, External) and found.rpartition(".")[2] == "Any"


def meaning_of(alias: Variable) -> ast.expr | None:
    """What `SessionDep = Annotated[AsyncSession, ...]` or `Id = NewType("Id", str)` stands for."""
    meant = alias.values[0] if alias.values else None
    if isinstance(meant, ast.Call) and last_name(meant.func) == "NewType" and len(meant.args) > 1:
        return meant.args[1]
    return meant


def _there(
    resolve: Resolve, alias_home: Module, node: ast.expr, home: Module | None = None
) -> object:
    """The name of an alias is imported without the names that the alias is made of."""
    return resolve(node, home or alias_home)


def _quoted(node: ast.Constant, resolve: Resolve, depth: int) -> tuple[Type, ...]:
    if not isinstance(node.value, str):
        return ()
    return types_of(_parsed(node.value), resolve, depth + 1)


@lru_cache(maxsize=1_000)  # the same few are quoted again and again
def _parsed(annotation: str) -> ast.expr | None:
    try:
        return ast.parse(annotation, mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _subscripted(node: ast.Subscript, resolve: Resolve, depth: int) -> tuple[Type, ...]:
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    name = last_name(node.value)
    if name == "Union":
        return tuple(t for part in inner for t in types_of(part, resolve, depth + 1))[
            :MAX_ALTERNATIVES
        ]
    if name in TRANSPARENT:
        return types_of(inner[0], resolve, depth + 1)
    if name == "Literal":
        return ()
    if name in AWAITED:
        return types_of(inner[-1], resolve, depth + 1)
    outer = types_of(node.value, resolve, depth + 1)
    args = tuple(
        found[0] if (found := types_of(part, resolve, depth + 1)) else Type("typing.Any")
        for part in inner
    )
    return tuple(Type(type_.of, args) for type_ in outer)


def last_name(node: ast.expr) -> str:
    """`b` of `a.b`, of `b` and of `b(...)`."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def dependency_of(default: ast.expr | None, annotation: ast.expr | None) -> ast.Call | None:
    """The `Depends(...)` of one parameter, in its default or its annotation."""
    inner = [default]
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.slice, ast.Tuple):
        inner += annotation.slice.elts[1:]
    for node in inner:
        if isinstance(node, ast.Call) and last_name(node.func) in {"Depends", "Security"}:
            return node
    return None
