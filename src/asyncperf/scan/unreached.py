"""Which lines of a function only run where no event loop does, so that async code, though it calls
the function, does not come to them. For `scan` only.
"""

import ast
import re
from collections.abc import Iterable, Iterator

from asyncperf.scan.annotations import last_name
from asyncperf.scan.branches import LEAVING, Branch, Lines, conditions
from asyncperf.scan.candidates import bodies
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import statements

# Who gives the loop that runs here: on its thread one does.
RUNNING = frozenset({"get_running_loop", "_get_running_loop"})
CURRENT = RUNNING | {"get_event_loop"}
# A project's own question for it, as `in_async_context()`.
ASKING = re.compile(
    r"^_*((is|in|has|inside)_(\w+_)?(running_loop|event_loop|async_context|loop_running)|in_async)$"
)
# A file without these asks for no loop.
ASKED = ("running_loop", "is_running", "event_loop", "async_context", "loop_running", "in_async")


def without_loop(node: AnyFunction, branches: Iterable[Branch]) -> tuple[Lines, ...]:
    """Those under `if loop is None:` with the loop that runs, under `if not loop.is_running():`
    with the thread's own, and those that a `RuntimeError` of `get_running_loop()` leads to."""
    running, current = set[str](), set[str]()
    for each in statements(node):
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call):
            names = {target.id for target in each.targets if isinstance(target, ast.Name)}
            asked = last_name(each.value.func)
            running |= names if asked in RUNNING else set()
            current |= names if asked in CURRENT else set()
    found = [
        Lines(branch.first, branch.last)
        for branch in branches
        for test, outcome in conditions(branch.test, branch.outcome)
        if says_none(test, outcome, running, current)
    ]
    return (*found, *(lines for block in bodies(node.body) for lines in after_failing(block)))


def says_none(test: ast.expr, outcome: bool, running: set[str], current: set[str]) -> bool:
    """Whether a test only comes out so where no loop runs."""
    match test:
        case ast.Compare(
            left=left, ops=[ast.Is() | ast.IsNot() as operator], comparators=[ast.Constant(None)]
        ):
            return is_loop(left, running, RUNNING) and isinstance(operator, ast.Is) is outcome
        case ast.Call(func=ast.Attribute(value=loop, attr="is_running"), args=[]):
            return not outcome and is_loop(loop, current, CURRENT)
        case ast.Call(args=[]) if ASKING.search(last_name(test.func)):
            return not outcome
    return not outcome and is_loop(test, running, RUNNING)


def is_loop(node: ast.expr, names: set[str], makers: frozenset[str]) -> bool:
    if isinstance(node, ast.NamedExpr):
        node = node.value
    if isinstance(node, ast.Call):
        return last_name(node.func) in makers
    return isinstance(node, ast.Name) and node.id in names


def after_failing(block: list[ast.stmt]) -> Iterator[Lines]:
    """What `try: get_running_loop()` leads to as it fails: the handler, and, where all else
    leaves, what comes after."""
    for number, statement in enumerate(block):
        if not (isinstance(statement, ast.Try) and asks_first(statement.body)):
            continue
        for handler in statement.handlers:
            is_told = handler.type is not None and last_name(handler.type) == "RuntimeError"
            if is_told or len(statement.body) == 1:  # else another failure may lead there
                yield spanned(handler.body)
        rest = block[number + 1 :]
        if rest and isinstance((statement.orelse or statement.body)[-1], LEAVING):
            yield spanned(rest)


def asks_first(block: list[ast.stmt]) -> bool:
    value = getattr(block[0], "value", None)
    return isinstance(value, ast.Call) and last_name(value.func) in RUNNING


def spanned(block: list[ast.stmt]) -> Lines:
    return Lines(block[0].lineno, block[-1].end_lineno or block[-1].lineno)
