"""What is given to who uses it elsewhere: iterates over it in a thread, as `StreamingResponse` does
over a plain generator, or takes it out of a queue. For `scan` only.
"""

import ast
from collections.abc import Iterator

from asyncperf.scan.annotations import last_name
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import statements


def iterated(node: ast.Call, around: AnyFunction | None) -> list[ast.Call]:
    """The calls that make what a call is given, there or where a name was assigned."""
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return [call for each in given for call in making(each, around)]


def tuples_in(node: ast.Call) -> list[str]:
    """The names in the tuples that a call is given: `queue.put((function, arguments))`."""
    tuples = [given for given in node.args if isinstance(given, ast.Tuple)]
    return [each.id for given in tuples for each in given.elts if isinstance(each, ast.Name)]


def calls_inside(node: AnyFunction) -> Iterator[ast.Call]:
    """The calls in the functions that a function defines: they may use what it made."""
    for statement in statements(node):
        if isinstance(statement, AnyFunction) and statement is not node:
            yield from (each for each in ast.walk(statement) if isinstance(each, ast.Call))


def making(node: ast.expr, around: AnyFunction | None) -> Iterator[ast.Call]:
    if isinstance(node, ast.Call) and last_name(node) == "iter":
        for each in node.args:
            yield from making(each, around)
    elif isinstance(node, ast.Call):
        yield node
    elif isinstance(node, ast.Name) and around is not None:
        for statement in statements(around):
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
                targets = [t.id for t in statement.targets if isinstance(t, ast.Name)]
                if node.id in targets:
                    yield from making(statement.value, None)
