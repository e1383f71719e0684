"""Whether an await takes what another one gave: by the source of their function.

Data that flows through names is followed; so are the other ways in which one await can decide
over the next: branches, `try`, early exits, an object that only one may use at a time. What two
functions share behind their names is not seen here, so what is let through is a candidate.
Reordering is sound where neither side changes what the other reads or changes (Arteca, Tip and
Schaefer, "Enabling Additional Parallelism in Asynchronous JavaScript", ECOOP 2021).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from asyncperf.insight import Site

TAKES = "it takes what that one gave"
BRANCH = "they stand in different branches, loops or `try` blocks"
CONDITION = "a condition decides whether it is awaited"
HANDLED = "an `except` handles an error of the first before the second begins"
LEAVES = "the function can leave between them"
EFFECT = "its result is thrown away, so it is there for its effect"
SHARED = "both use {}, which runs one thing at a time"
ALL_SHARE = "all rounds use {}, which runs one thing at a time"
ONE_BY_ONE = "each round takes what an earlier one gave"
STOPS = "the loop can end early, by what an earlier round gave"

# Names of what serves one query at a time: a session, a connection, a cursor, a transaction.
EXCLUSIVE = {
    *("session", "sess", "db", "database", "conn", "connection", "cursor", "cur"),
    *("tx", "trx", "transaction", "uow"),
}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
EXITS = (ast.Return, ast.Raise, ast.Break, ast.Continue, ast.Assert)
# The text of a site is cut at its end with this.
CUT = "…"


@dataclass(frozen=True)
class Parting:
    """Why `later` cannot run together with `earlier`; both are indices of awaits."""

    earlier: int
    later: int
    why: str


@dataclass(frozen=True)
class Order:
    """Groups of awaits that no flow of data parts, and what parts the others."""

    groups: tuple[tuple[int, ...], ...]
    partings: tuple[Parting, ...]


class Code:
    """A parsed file, with the way up from each node."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tree = ast.parse(source)
        self.parents = {
            child: node for node in ast.walk(self._tree) for child in ast.iter_child_nodes(node)
        }
        self._awaits = {
            (node.lineno, self._column(node)): node
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Await)
        }

    def _column(self, node: ast.expr) -> int:
        line = self._source.split("\n")[node.lineno - 1].encode()
        return len(line[: node.col_offset].decode(errors="replace")) + 1

    def find(self, site: Site) -> ast.Await | None:
        """The await at a site, if it still reads as it did when it was recorded."""
        node = self._awaits.get((site.line, site.column or 0))
        if node is None or site.text is None:
            return None
        text = " ".join((ast.get_source_segment(self._source, node) or "").split())
        recorded = site.text.removesuffix(CUT)
        same = text.startswith(recorded) if site.text.endswith(CUT) else text == recorded
        return node if same else None

    def function(self, name: str, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function of that name whose first line, a decorator's perhaps, this is."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                if first <= line <= node.lineno:
                    return node
        return None

    def assigned(self, name: str) -> ast.expr | None:
        """What a name of the module stands for, if one assignment says so."""
        for node in self._tree.body:
            if isinstance(node, ast.Assign) and any(
                names_in(target) == {name} for target in node.targets
            ):
                return node.value
        return None

    def statement(self, node: ast.AST) -> ast.stmt:
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The list of statements that it is in."""
        for _, value in ast.iter_fields(self.parents[statement]):
            if isinstance(value, list) and statement in value:
                return value
        return [statement]

    def up(self, node: ast.AST) -> Iterator[ast.AST]:
        """From a node outwards, to its function."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, SCOPES):
                return
            yield node


def parse(source: str | None) -> Code | None:
    try:
        return None if source is None else Code(source)
    except (SyntaxError, ValueError):
        return None


# Why the second of two awaits, by their indices, has to wait for the first; None if nothing
# says so.
Parts = Callable[[int, int], str | None]


def order(code: Code, sites: Sequence[Site], seen: Parts = lambda *_: None) -> Order | None:
    """What parts the awaits of one function, in the order in which they ran, by the source or
    by what was `seen`; None if the source is not the one that ran."""
    awaits = [code.find(site) for site in sites]
    found = [node for node in awaits if node is not None]
    if len(found) < len(awaits):
        return None
    return grouped(len(found), lambda a, b: parted(code, found[a], found[b]) or seen(a, b))


def grouped(count: int, parts: Parts) -> Order:
    """So many awaits, as far as `parts` does not part them."""
    groups: list[list[int]] = [[0]]
    partings = []
    for later in range(1, count):
        parting = next(
            (
                Parting(earlier, later, why)
                for earlier in groups[-1]
                if (why := parts(earlier, later)) is not None
            ),
            None,
        )
        if parting is None:
            groups[-1].append(later)
        else:
            partings.append(parting)
            groups.append([later])
    return Order(tuple(map(tuple, groups)), tuple(partings))


def parted(code: Code, first: ast.Await, second: ast.Await) -> str | None:
    """Why the second await has to wait for the first, None if nothing here says so."""
    before, after = code.statement(first), code.statement(second)
    if first in ast.walk(second) or second in ast.walk(first):
        return TAKES
    if conditional(code, first) or conditional(code, second):
        return CONDITION
    block = code.block(before)
    if after not in block:
        return BRANCH
    if not (is_simple(before) and is_simple(after)):
        return CONDITION
    if before is after:
        return shared(first, second)
    if any(is_for_effect(code, node) for node in (first, second)):
        return EFFECT
    owner = code.parents[before]
    if isinstance(owner, ast.Try) and owner.handlers and before in owner.body:
        return HANDLED
    between = block[block.index(before) + 1 : block.index(after)]
    if any(isinstance(node, EXITS) for statement in between for node in own_nodes(statement)):
        return LEAVES
    if names_in(second) & flow(assigned_by(before), between):
        return TAKES
    return shared(first, second)


def looped(code: Code, site: Site) -> str | None:
    """Why the rounds of the loop around an await go one after another; None if nothing here
    says so, or if there is no loop to be seen."""
    node = code.find(site)
    if node is None:
        return None
    for outer in code.up(node):
        if isinstance(outer, ast.While):
            return ONE_BY_ONE
        if isinstance(outer, COMPREHENSIONS):
            return exclusive(node)
        if isinstance(outer, ast.For | ast.AsyncFor):
            return _rounds(code, outer, node)
    return None


def _rounds(code: Code, loop: ast.For | ast.AsyncFor, node: ast.Await) -> str | None:
    if any(isinstance(inner, EXITS[:-1]) for step in loop.body for inner in own_nodes(step)):
        return STOPS
    # Once round: from the await to the loop's end, and on from its beginning.
    statement = code.statement(node)
    at = next(i for i, step in enumerate(loop.body) if statement in ast.walk(step))
    given = flow(assigned_by(statement), [*loop.body[at + 1 :], *loop.body[:at]])
    if names_in(node) & given - names_in(loop.target):
        return ONE_BY_ONE
    return exclusive(node)


def flow(names: set[str], statements: Sequence[ast.stmt]) -> set[str]:
    """The names that hold something of `names` after these statements. What a call is given
    may have been put into any other thing that it is given."""
    names = set(names)
    for statement in statements:
        read, written = names_in(statement, ast.Load), assigned_by(statement)
        if read & names:
            calls = [node for node in own_nodes(statement) if isinstance(node, ast.Call)]
            names |= written
            for call in calls:
                given = names_in(call, ast.Load)
                if given & names:
                    names |= given
        elif isinstance(statement, ast.Assign) and is_simple(statement):
            names -= {t.id for t in statement.targets if isinstance(t, ast.Name)}
    return names


def assigned_by(statement: ast.stmt) -> set[str]:
    """Names that a statement assigns, or changes a part of: `a`, `a.b`, `a[b]`, `a.append(...)`."""
    found = names_in(statement, ast.Store)
    for node in own_nodes(statement):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            found |= {root(node)}
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found |= {node.target.id}
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        found.add(root(call.func))
    return found - {""}


def names_in(node: ast.AST, context: type[ast.expr_context] | None = None) -> set[str]:
    return {
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and (context is None or isinstance(inner.ctx, context))
    }


def root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def shared(first: ast.Await, second: ast.Await) -> str | None:
    """An object that both are given, and that serves one at a time."""
    common = sorted(exclusive_names(first) & exclusive_names(second))
    return SHARED.format(f"`{common[0]}`") if common else None


def exclusive(node: ast.Await) -> str | None:
    names = sorted(exclusive_names(node))
    return ALL_SHARE.format(f"`{names[0]}`") if names else None


def exclusive_names(node: ast.AST) -> set[str]:
    """`session`, `self.db`, `request.state.conn`: by the last part of the name."""
    found = set()
    for inner in ast.walk(node):
        name = inner.id if isinstance(inner, ast.Name) else getattr(inner, "attr", None)
        if name and set(name.lower().split("_")) & EXCLUSIVE:
            found.add(ast.unparse(inner))
    return found


def conditional(code: Code, node: ast.Await) -> bool:
    """Whether a part of its own statement decides over it."""
    for outer in code.up(node):
        if isinstance(outer, ast.stmt):
            return False
        if isinstance(outer, (ast.IfExp, ast.BoolOp, *COMPREHENSIONS)):
            return True
    return True  # in a lambda


def is_for_effect(code: Code, node: ast.Await) -> bool:
    return isinstance(code.parents[node], ast.Expr)


def is_simple(statement: ast.stmt) -> bool:
    return not hasattr(statement, "body")


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all within it, but not what other functions in it do."""
    if isinstance(node, SCOPES):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from own_nodes(child)
