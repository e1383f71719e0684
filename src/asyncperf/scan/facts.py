"""What is known of one function while its sites are judged. For `scan` only."""

import ast

from asyncperf.scan import flow
from asyncperf.scan.annotations import last_name
from asyncperf.scan.conflicts import Doings, Finding, decided
from asyncperf.scan.index import AnyFunction, Function
from asyncperf.scan.syntax import spelling, statements
from asyncperf.scan.values import Effect
from asyncperf.scan.verbs import reads, takes_a_statement, writes
from asyncperf.scan.walk import Walk
from asyncperf.sites import Remedy, Site, SiteKind

# What only waits for the call that it is given, or runs it in a thread.
AROUND = frozenset({"wait_for", "shield", "to_thread", "run_in_threadpool"})


class Facts:
    def __init__(self, function: Function, node: AnyFunction, walk: Walk) -> None:
        self.function, self.node, self.walk = function, node, walk
        self.file = function.module.file
        self.inner = {
            inner.name: flow.names(inner).read
            for inner in statements(node)
            if isinstance(inner, AnyFunction) and inner is not node
        }
        self._names: dict[int, flow.Names] = {}
        self._doings: dict[int, Doings] = {}

    def doings(self, key: int) -> Doings:
        if key not in self._doings:
            begin, end = self.walk.spans.get(key, (0, 0))
            self._doings[key] = Doings(self.walk.effects[begin:end])
        return self._doings[key]

    def names(self, statement: ast.stmt | ast.Await) -> flow.Names:
        if id(statement) not in self._names:
            self._names[id(statement)] = flow.names(statement)
        return self._names[id(statement)]

    def reads(self, statement: ast.stmt | ast.Await) -> set[str]:
        """Names that a statement reads, those inside functions that it mentions too."""
        names = self.names(statement)
        found = names.read | names.attributes_read
        for name in names.read & self.inner.keys():
            found |= self.inner[name]
        return found

    def site(
        self,
        kind: SiteKind,
        node: ast.stmt | ast.Await,
        awaits: tuple[ast.Await, ...],
        finding: Finding,
        remedy: Remedy,
    ) -> Site:
        return Site(
            self.file,
            node.lineno,
            node.col_offset,
            tuple(await_.lineno for await_ in awaits),
            self.function.qualname,
            kind,
            finding.verdict,
            finding.reason,
            remedy,
            finding.file,
            finding.line,
        )

    def settled(self, open_: list[Finding], reason: str, remedy: Remedy) -> tuple[Finding, Remedy]:
        if not open_:
            return Finding("independent", reason), remedy
        first = open_[0]
        return Finding("likely", f"{reason}, but {first.reason}", first.file, first.line), remedy

    def is_own(self, effect: Effect, statement: ast.stmt | ast.Await) -> bool:
        """Whether the statement itself, not a callee, does this."""
        end = statement.end_lineno or statement.lineno
        return effect.file == self.file and statement.lineno <= effect.line <= end


def called(await_: ast.Await) -> str:
    """What an await calls, also where something else waits for that or runs it in a thread."""
    value = await_.value
    if isinstance(value, ast.Call) and value.args and last_name(value.func) in AROUND:
        value = value.args[0]
    return spelling(value.func) if isinstance(value, ast.Call) else spelling(value)


def promised(name: str, doings: Doings) -> Finding | None:
    """What a call may write that is named so, and of which not all is known."""
    last = name.rpartition(".")[2]
    hidden = [effect for effect in doings.unknown if effect.mode == "call"]
    hidden += [e for e in doings.external if e.mode == "?" and e.what == "database"]
    if not hidden or reads(last) or not writes(last) or takes_a_statement(last):
        return None
    effect = hidden[0]
    return decided("unsafe", f"`{name}` may write, as `{effect.what}` is not known", effect)
