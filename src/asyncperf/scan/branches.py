"""Which lines of a function only run if a test comes out true, or false. For `scan` only."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from asyncperf.scan.annotations import last_name
from asyncperf.scan.candidates import bodies
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import spelling

LEAVING = ast.Return | ast.Raise | ast.Continue | ast.Break

# How code asks for the system that it runs on, and what a server's answers: Linux.
SYSTEM = re.compile(
    r"(^|[._])(os\.name|platform\.system\(\)|(os|platform|system)(_?(name|type))?)(\.lower\(\))?$",
    re.IGNORECASE,
)
SYSTEM_ITSELF = re.compile(r"(^|\.)(os\.name|sys\.platform|platform\.system\(\))(\.lower\(\))?$")
LINUX = frozenset({"linux", "linux2", "posix"})
# What Windows and macOS answer, and what keeps the answer.
DESKTOPS = frozenset({"win32", "cygwin", "nt", "windows", "darwin", "macos"})
IS_DESKTOP = re.compile(
    r"^_*(?i:(is|on)_(windows|win32|win|darwin|mac|macos|osx))$|^_*(WINDOWS|DARWIN|MACOS)$"
)


class Branch(NamedTuple):
    """Statements, and their lines, that only run if `test` comes out as `outcome`."""

    first: int
    last: int
    test: ast.expr
    outcome: bool
    block: list[ast.stmt]


class Lines(NamedTuple):
    first: int
    last: int


def branches(node: AnyFunction) -> tuple[Branch, ...]:
    """Those under `if` and `while`, and those after one that leaves the block otherwise."""
    found: list[Branch] = []
    for block in bodies(node.body):
        for number, statement in enumerate(block):
            if isinstance(statement, ast.If | ast.While):
                found += own_branches(statement, block[number + 1 :])
                found += parts(statement, statement.test)
            elif isinstance(statement, ast.Return | ast.Assign | ast.Expr) and statement.value:
                found += parts(statement, statement.value)
    return tuple(found)


def parts(statement: ast.stmt, node: ast.expr) -> Iterator[Branch]:
    """`first and second()`, where nothing else is called in the lines of the second."""
    if isinstance(node, ast.BoolOp) and not has_call(node.values[0]):
        first, second = node.values[0], node.values[1]
        last = node.end_lineno or node.lineno
        yield Branch(second.lineno, last, first, isinstance(node.op, ast.And), [statement])


def has_call(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Call) for each in ast.walk(node))


def own_branches(statement: ast.If | ast.While, after: list[ast.stmt]) -> Iterator[Branch]:
    test = statement.test
    yield spanning(statement.body, test, True)
    if isinstance(statement, ast.While):
        if after and not any(isinstance(each, ast.Break) for each in ast.walk(statement)):
            yield spanning(after, test, False)
        return
    if statement.orelse:
        yield spanning(statement.orelse, test, False)
    if after and isinstance(statement.body[-1], LEAVING):
        yield spanning(after, test, False)
    if after and statement.orelse and isinstance(statement.orelse[-1], LEAVING):
        yield spanning(after, test, True)


def spanning(block: list[ast.stmt], test: ast.expr, outcome: bool) -> Branch:
    last = block[-1].end_lineno or block[-1].lineno
    return Branch(block[0].lineno, last, test, outcome, block)


def conditions(test: ast.expr, outcome: bool) -> Iterator[tuple[ast.expr, bool]]:
    """What must be true, or false, for a test to come out so."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from conditions(test.operand, not outcome)
    elif isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) is outcome:
        for part in test.values:
            yield from conditions(part, outcome)
    else:
        yield test, outcome


def for_desktops(found: tuple[Branch, ...]) -> tuple[Lines, ...]:
    """The lines that only Windows or macOS comes to, which serve no app to many."""
    return tuple(
        Lines(branch.first, branch.last)
        for branch in found
        if any(asks_desktop(*each) for each in conditions(branch.test, branch.outcome))
    )


def asks_desktop(test: ast.expr, outcome: bool) -> bool:
    """Whether a test only comes out so on Windows or macOS."""
    match test:
        case ast.Compare(
            left=ast.Constant() as part,
            ops=[ast.In() | ast.NotIn() as operator],
            comparators=[asked],
        ):  # `"darwin" in platform.system().lower()`
            return answers(asked, [part], isinstance(operator, ast.In) is outcome)
        case ast.Compare(left=left, ops=[operator], comparators=[ast.expr() as other]):
            if not isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                return False
            named = other.elts if isinstance(other, ast.Tuple | ast.List | ast.Set) else [other]
            is_one_of_them = isinstance(operator, ast.Eq | ast.In) is outcome
            return answers(left, named, is_one_of_them)
        case ast.Call(func=ast.Attribute(value=asked, attr="startswith"), args=[start]):
            return answers(asked, [start], outcome)
    return outcome and bool(IS_DESKTOP.search(last_name(test)))


def answers(asked: ast.expr, named: list[ast.expr], holds: bool) -> bool:
    """Whether no Linux is among the systems that are named, or, if it `holds` not, is left."""
    if holds:
        return bool(SYSTEM.search(spelling(asked))) and all(
            text_of(each) in DESKTOPS or text_of(each) == "win" for each in named
        )
    return bool(SYSTEM_ITSELF.search(spelling(asked))) and any(
        text_of(each) in LINUX for each in named
    )


def text_of(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text.lower()
    return ""
