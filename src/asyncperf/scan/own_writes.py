"""Which writes of a loop belong to its elements, so that their order does not show.

For `scan` only.
"""

import ast
from collections.abc import Iterator

from asyncperf.scan import conflicts, flow
from asyncperf.scan.candidates import COMPREHENSIONS, FOR
from asyncperf.scan.conflicts import Doings
from asyncperf.scan.facts import Facts, called
from asyncperf.scan.values import GIVES_OWN, Effect
from asyncperf.scan.verbs import adds, gives, keyed, logs, makes, makes_a_store, sends, takes_turns

# Statements that hold no others.
LEAVES = ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign
# What comes there keeps its order, or tells others to go on.
IN_ORDER = frozenset({"queue", "the terminal", "mail", "those who wait for a signal"})


class OwnWrites(Facts):
    def is_elements_own(self, effect: Effect, loop: FOR | COMPREHENSIONS) -> bool:
        """Whether all that a loop does to write this is named by its element, and is of a kind
        that leaves the same in whatever order. A loop that raises by itself writes the rest only
        if the elements before them are well."""
        if effect.what in IN_ORDER or effect.what.startswith(conflicts.OUTPUT):
            return False
        does = effect.what.removeprefix(conflicts.ANYWHERE)
        if does != effect.what and takes_turns(does.removesuffix(" reaches")):
            return False
        if any(each.mode == "0" for each in self.doings(-id(loop)).raises) or asserts(loop):
            return False
        derived = flow.derived(loop)
        dropped = {id(statement.value) for statement in dropping(loop)}
        awaits = [node for node in _nodes(loop) if isinstance(node, ast.Await)]
        writing = [node for node in awaits if effect in self.doings(id(node)).external]
        if writing:
            return all(
                says_its_own(node, derived)
                if id(node) in dropped
                else is_asked_for(node, derived, effect.what)
                for node in writing
            )
        return any(is_addressed(call, derived) for call in self.plain_calls(effect, loop))

    def may_write_its_own(self, await_: ast.Await, loop: FOR | COMPREHENSIONS) -> bool:
        """Whether what is not known of an await that is named as a write can be taken for a write
        of the element's own."""
        derived = flow.derived(loop)
        if any(takes_turns(effect.what) for effect in self.doings(id(await_)).unknown):
            return False
        if any(statement.value is await_ for statement in dropping(loop)):
            return says_its_own(await_, derived)
        return is_asked_for(await_, derived) and not makes_a_store(called(await_))

    def plain_calls(self, effect: Effect, loop: FOR | COMPREHENSIONS) -> Iterator[ast.Call]:
        """The calls of a loop's body that may do this without being awaited."""
        nodes = list(_nodes(loop))
        awaited = {id(node.value) for node in nodes if isinstance(node, ast.Await)}
        for node in nodes:
            if isinstance(node, ast.Call) and id(node) not in awaited:
                end = node.end_lineno or node.lineno
                if effect.file == self.file and node.lineno <= effect.line <= end:
                    yield node
            elif isinstance(node, LEAVES) and effect in self.doings(id(node)).external:
                calls = (n for n in flow.nodes(node) if isinstance(n, ast.Call))
                yield from (call for call in calls if id(call) not in awaited)


def asserts(loop: FOR | COMPREHENSIONS) -> bool:
    """Whether a loop goes on only if what it has awaited is as it should be."""
    nodes = list(_nodes(loop))
    given = {
        name
        for node in nodes
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and any(isinstance(inner, ast.Await) for inner in flow.nodes(node))
        for name in flow.names(node).bound
    }
    tests = (node.test for node in nodes if isinstance(node, ast.Assert))
    return any(flow.names(test).read & given for test in tests)


def says_its_own(dropped: ast.expr, derived: set[str]) -> bool:
    """Whether what is awaited for its effect writes under a name that the element gives, so that
    any order leaves the same: `delete(x.id)`, but not `send(x.id)`."""
    if not isinstance(dropped, ast.Await):
        return False
    name = called(dropped)
    return is_addressed(dropped.value, derived) and keyed(name) and not takes_turns(name)


def is_asked_for(await_: ast.Await, derived: set[str], reached: str = "") -> bool:
    """Whether what writes is awaited for what it gives, and asked with the element. The rows of a
    table are numbered as they come."""
    name = called(await_)
    if takes_turns(name) or adds(name) or (makes(name) and reached == "database"):
        return False
    return is_addressed(await_.value, derived)


def hiding(dropped: ast.expr, done: Doings) -> list[Effect]:
    """What is not known of a call whose result is dropped, but for what is asked inside for what
    it gives, as `response.json` by a helper that looks for errors."""
    own = called(dropped) if isinstance(dropped, ast.Await) else ""
    asked = {effect.what for effect in done.external if effect.mode == "q"}
    return [
        effect
        for effect in done.unknown
        if effect.mode != GIVES_OWN  # what is done with that is told by itself
        if f"{conflicts.ANYWHERE}{effect.what} reaches" not in asked
        or effect.what.rpartition(".")[2] == own.rpartition(".")[2]
        or not gives(effect.what)
    ]


def dropping(loop: FOR | COMPREHENSIONS) -> Iterator[ast.Expr]:
    """The statements of a loop's body that await and drop the result."""
    for statement in loop.body if isinstance(loop, FOR) else ():
        for node in flow.nodes(statement):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Await):
                yield node


def calls_element(statement: ast.Expr, derived: set[str]) -> bool:
    """Whether it calls the loop's element itself, or what was made with it: a hook."""
    for node in flow.nodes(statement):
        func = node.func if isinstance(node, ast.Call) else None
        if isinstance(func, ast.Attribute) and func.attr == "__call__":
            func = func.value
        if isinstance(func, ast.Name) and func.id in derived:
            return True
    return False


def is_addressed(call: ast.expr, derived: set[str]) -> bool:
    """Whether what a call writes goes somewhere that depends on the loop's element: of
    `chat.send(text)` the text does not say where to, and what `store.save_trace(...)` adds comes
    after what was added before."""
    if not isinstance(call, ast.Call):
        return False
    func = call.func
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    if isinstance(func, ast.Attribute):
        if flow.names(func.value).read & derived:
            return True
        if logs(func.attr):
            return False
        if sends(func.attr):
            arguments = arguments[:1] if len(arguments) > 1 else []
    return any(flow.names(argument).read & derived for argument in arguments)


def _nodes(loop: FOR | COMPREHENSIONS) -> Iterator[ast.AST]:
    """What is done for each element."""
    parts = loop.body if isinstance(loop, FOR) else [loop]
    return (node for part in parts for node in flow.nodes(part))
