"""Whether a call that may wait is seen not to: by its arguments, or by what was asked before.

For `scan` only.
"""

import ast
from collections.abc import Iterable, Iterator

from asyncperf.scan.annotations import last_name
from asyncperf.scan.blocking_catalogue import returned
from asyncperf.scan.branches import Branch, conditions
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import Type, named

# Calls whose first argument says how long to wait, or whether to; and arguments that do.
FIRST = named("sleep get result exception join wait")
KEYWORDS = named("block blocking wait timeout")

# Methods that wait, and by which answer of which other method of the object they do not. Of a
# queue that is not empty another thread may still take the last element first.
READY = {
    "get": {"empty": False, "qsize": True},
    "result": {"done": True},
    "exception": {"done": True},
    "join": {"is_alive": False},
    "wait": {"is_set": True, "poll": True},
    "communicate": {"poll": True},
}

# What gives a pool work that nobody awaits, and what waits for it before the pool is left.
GIVING = named("submit map")
WAITING = named("result as_completed wait shutdown")

# A socket for datagrams connects to nobody, and sends without waiting.
DATAGRAMS = Type("socket.datagram")

Asked = tuple[str, str, bool]


def returns_at_once(node: ast.AST) -> bool:
    """As do `time.sleep(0)`, `queue.get(block=False)` and `os.waitpid(pid, os.WNOHANG)`."""
    if not isinstance(node, ast.Call):
        return False
    if any(last_name(argument) == "WNOHANG" for argument in node.args):
        return True
    if node.args and last_name(node.func) in FIRST and is_nothing(node.args[0]):
        return True
    return any(keyword.arg in KEYWORDS and is_nothing(keyword.value) for keyword in node.keywords)


def is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is not None and node.value == 0


def opens_memory(node: ast.AST | None) -> bool:
    """`sqlite3.connect(":memory:")`: nobody waits for a database in memory."""
    return isinstance(node, ast.Call) and any(
        isinstance(each, ast.Constant) and each.value == ":memory:" for each in node.args[:1]
    )


def made_by(dotted: str, node: ast.AST) -> Type | None:
    """The class of what a library's call gives, where one may wait for it."""
    if opens_memory(node):
        return None
    is_datagram = (
        dotted == "socket.socket"
        and isinstance(node, ast.Call)
        and any(
            last_name(each) == "SOCK_DGRAM"
            for each in (*node.args, *(k.value for k in node.keywords))
        )
    )
    return DATAGRAMS if is_datagram else returned(dotted)


def attribute_used(node: ast.AST) -> str:
    """`db` of `self.db`, of `self.db.execute(...)` and of `self.db.cursor().execute(...)`."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    is_own = isinstance(node, ast.Attribute) and spelling(node.value) == "self"
    return node.attr if is_own and isinstance(node, ast.Attribute) else ""


def is_ready(node: ast.AST, around: AnyFunction, branches: Iterable[Branch]) -> bool:
    """Whether its function, `around`, asked first: `if not queue.empty(): queue.get()`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    ready = READY.get(node.func.attr)
    if ready is None:
        return False
    of = spelling(node.func.value)
    told = [
        t for b in branches if b.first <= node.lineno <= b.last for t in asked(b.test, b.outcome)
    ]
    told += asked_beside(node, around)
    if any((of, method, answer) in told for method, answer in ready.items()):
        return True
    return "done" in ready and is_completed(of, around)


def asked(test: ast.expr, outcome: bool) -> Iterator[Asked]:
    """Which methods of which objects gave what, if a test comes out so."""
    for part, holds in conditions(test, outcome):
        match part:
            case ast.Compare(left=left, ops=[operator], comparators=[ast.Constant(value=0 | None)]):
                if isinstance(operator, ast.Eq | ast.Is):
                    yield from answer(left, not holds)
                elif isinstance(operator, ast.NotEq | ast.IsNot | ast.Gt):
                    yield from answer(left, holds)
            case ast.Compare(
                left=left, ops=[ast.Eq() | ast.Is()], comparators=[ast.Constant(value=True)]
            ):
                yield from answer(left, holds)
            case _:
                yield from answer(part, holds)


def answer(node: ast.expr, holds: bool) -> Iterator[Asked]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield spelling(node.func.value), node.func.attr, holds


def asked_beside(node: ast.Call, around: AnyFunction) -> Iterator[Asked]:
    """What is asked in the same expression: `queue.get() if queue.qsize() else None`."""
    for each in ast.walk(around):
        if isinstance(each, ast.IfExp):
            for part, outcome in ((each.body, True), (each.orelse, False)):
                if is_within(node, part):
                    yield from asked(each.test, outcome)


def is_within(node: ast.Call, part: ast.expr) -> bool:
    begin, end = (part.lineno, part.col_offset), (part.end_lineno or 0, part.end_col_offset or 0)
    return begin <= (node.lineno, node.col_offset) < end


def is_completed(of: str, around: AnyFunction) -> bool:
    """Whether it is one of those that a loop over `as_completed(...)` is given."""
    loops = ast.For | ast.comprehension
    return any(
        isinstance(each, loops)
        and spelling(each.target) == of
        and isinstance(each.iter, ast.Call)
        and last_name(each.iter) == "as_completed"
        for each in ast.walk(around)
    )


def is_idle(node: ast.AST, around: AnyFunction) -> bool:
    """Whether what a `with` binds is given no work, or what waits for that work as well."""
    for each in ast.walk(around):
        if isinstance(each, ast.With):
            for item in each.items:
                if is_at(item.context_expr, node) and isinstance(item.optional_vars, ast.Name):
                    calls = [n for s in each.body for n in ast.walk(s) if isinstance(n, ast.Call)]
                    given = [n for n in calls if is_given(n, item.optional_vars.id)]
                    return not given or any(last_name(n) in WAITING for n in calls)
    return False


def is_at(node: ast.expr, other: ast.AST) -> bool:
    place = (getattr(other, "lineno", 0), getattr(other, "col_offset", 0))
    return (node.lineno, node.col_offset) == place


def is_given(node: ast.Call, name: str) -> bool:
    func = node.func
    return isinstance(func, ast.Attribute) and func.attr in GIVING and last_name(func.value) == name
