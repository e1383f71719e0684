"""Verdicts on pairs, runs and loops of awaits. For `scan` only."""

import ast
from collections.abc import Iterator

from asyncperf.scan import conflicts, flow
from asyncperf.scan.calls import spelling
from asyncperf.scan.candidates import Awaiting, Loop, loops, runs
from asyncperf.scan.conflicts import Doings, Finding
from asyncperf.scan.index import AnyFunction, Function
from asyncperf.scan.values import Effect, spelled
from asyncperf.scan.verbs import guards
from asyncperf.scan.walk import Walk
from asyncperf.sites import Remedy, Site, SiteKind

# Of several findings for a run the gravest speaks for it.
GRAVITY = {"unsafe": 0, "dependent": 1, "likely": 2, "independent": 3}


def judge(function: Function, node: AnyFunction, walk: Walk) -> Iterator[Site]:
    """Every site of one function, which `walk` has walked."""
    judge_ = _Judge(function, node, walk)
    for run in runs(node):
        yield from judge_.run(run)
    for loop in loops(node):
        yield judge_.loop(loop)


class _Judge:
    def __init__(self, function: Function, node: AnyFunction, walk: Walk) -> None:
        self.function, self.node, self.walk = function, node, walk
        self.file = function.module.file
        self.inner = {
            inner.name: flow.names(inner).read
            for inner in ast.walk(node)
            if isinstance(inner, AnyFunction) and inner is not node
        }
        self._names: dict[int, flow.Names] = {}
        self._doings: dict[int, Doings] = {}

    def doings(self, key: int) -> Doings:
        if key not in self._doings:
            begin, end = self.walk.spans.get(key, (0, 0))
            self._doings[key] = Doings(self.walk.effects[begin:end])
        return self._doings[key]

    def names(self, statement: ast.stmt) -> flow.Names:
        if id(statement) not in self._names:
            self._names[id(statement)] = flow.names(statement)
        return self._names[id(statement)]

    def reads(self, statement: ast.stmt) -> set[str]:
        """Names that a statement reads, those inside functions that it mentions too."""
        names = self.names(statement)
        found = names.read | names.attributes_read
        for name in names.read & self.inner.keys():
            found |= self.inner[name]
        return found

    def site(
        self,
        kind: SiteKind,
        node: ast.stmt,
        awaits: tuple[ast.Await, ...],
        finding: Finding,
        remedy: Remedy,
    ) -> Site:
        return Site(
            self.file,
            node.lineno,
            awaits[0].col_offset + 1,
            tuple(await_.lineno for await_ in awaits),
            self.function.qualname,
            kind,
            finding.verdict,
            finding.reason,
            remedy if finding.verdict in {"independent", "likely"} else "none",
            finding.file,
            finding.line,
        )

    # Pairs and runs

    def run(self, run: tuple[Awaiting, ...]) -> Iterator[Site]:
        found = [self.pair(a, b) for a, b in zip(run, run[1:], strict=False)]
        for (a, b), (finding, remedy) in zip(zip(run, run[1:], strict=False), found, strict=True):
            yield self.site("pair", a.statement, a.awaits + b.awaits, finding, remedy)
        if len(run) > 2:
            yield self.whole(run, found)

    def whole(self, run: tuple[Awaiting, ...], found: list[tuple[Finding, Remedy]]) -> Site:
        """A run of three or more: safe together only if each is with every other."""
        near = min(found, key=lambda pair: GRAVITY[pair[0].verdict])
        far = [
            self.pair(run[i], run[j], run[i + 1 : j])
            for i in range(len(run))
            for j in range(i + 2, len(run))
            if near[0].verdict in {"independent", "likely"}
        ]
        finding, remedy = min(found + far, key=lambda pair: GRAVITY[pair[0].verdict])
        awaits = tuple(await_ for part in run for await_ in part.awaits)
        return self.site("run", run[0].statement, awaits, finding, remedy)

    def pair(
        self, a: Awaiting, b: Awaiting, among: tuple[Awaiting, ...] = ()
    ) -> tuple[Finding, Remedy]:
        between = [s for part in among for s in (*part.between, part.statement)] + [*b.between]
        first, second = self.doings(id(a.statement)), self.doings(id(b.statement))
        decided = (
            self.sleeps(first, a)
            or self.sleeps(second, b)
            or self.data(a, b, between)
            or self.exit_between(a, between)
            or conflicts.shared_object(first, second)
            or conflicts.entered(first, second)
            or self.acquired(a)
            or self.acquired(b)
            or conflicts.context(first)
            or conflicts.context(second)
            or self.through_between(a, b, between)
        )
        if decided:
            return decided, "none"
        name = self.name(a)
        is_dropped = isinstance(a.statement, ast.Expr)
        if isinstance(b.statement, ast.Expr) and second.unknown and first.suspends:
            decided = self.for_its_effect(b, second)
            if decided:
                return decided, "none"
        drops = isinstance(b.statement, ast.Expr)
        unseen = conflicts.unseen(first, is_dropped, self.name(a))
        unseen += conflicts.unseen(second, drops, self.name(b))
        finding, open_ = conflicts.guard(first, is_dropped, name, guards(name.rpartition(".")[2]))
        if finding:
            return finding, "none"
        if not first.suspends:  # a task that never waits is done before the next one starts
            return self.settled(
                [*open_, *conflicts.unresolved(first)],
                f"`{name}` never waits",
                "none",
            )
        if is_dropped and first.unknown:
            decided = self.for_its_effect(a, first)
            if decided:
                return decided, "none"
        for check in (conflicts.changed_memory, conflicts.changed_world):
            finding, more = check(first, second)
            if finding:
                return finding, "none"
            open_ += more
        finding, more = conflicts.in_vain(first, second, isinstance(b.statement, ast.Expr))
        if finding:
            return finding, "none"
        open_ += more + conflicts.unresolved(first, second) + unseen
        if not second.suspends:
            return self.settled(open_, f"`{self.name(b)}` never waits", "none")
        lock = conflicts.under_one_lock(first, second)
        if lock is not None:
            return self.settled(open_, "no data flows, but both wait for one lock", "none")
        return self.settled(
            open_,
            "no data flows between them and they share nothing that either changes",
            "overlap",
        )

    def for_its_effect(self, part: Awaiting, doings: Doings) -> Finding | None:
        """A result that is dropped: the call is there for what it changes, known or not."""
        effect = doings.unknown[0]
        if any(e.mode in {"w", "c"} for e in doings.external):
            return None  # the writes that are known say more
        return conflicts.decided(
            "unsafe",
            f"`{self.name(part)}` is awaited for its effect, which `{effect.what}` hides",
            effect,
        )

    def settled(self, open_: list[Finding], reason: str, remedy: Remedy) -> tuple[Finding, Remedy]:
        if not open_:
            return Finding("independent", reason), remedy
        first = open_[0]
        return Finding("likely", f"{reason}, but {first.reason}", first.file, first.line), remedy

    def name(self, part: Awaiting) -> str:
        """What the statement's outermost await calls."""
        value = part.awaits[0].value
        return spelling(value.func) if isinstance(value, ast.Call) else spelling(value)

    def sleeps(self, doings: Doings, part: Awaiting) -> Finding | None:
        for effect in doings.sleeps:
            if self.is_own(effect, part.statement):
                return Finding("unsafe", "the sleep paces what follows", self.file, effect.line)
        return None

    def acquired(self, part: Awaiting) -> Finding | None:
        """A lock, a semaphore or a rate limiter taken for what follows."""
        for await_ in part.awaits:
            func = await_.value.func if isinstance(await_.value, ast.Call) else None
            if isinstance(func, ast.Attribute) and func.attr in {"acquire", "__aenter__"}:
                return Finding(
                    "unsafe", f"`{spelling(func)}` admits what follows", self.file, await_.lineno
                )
        return None

    def is_own(self, effect: Effect, statement: ast.stmt) -> bool:
        """Whether the statement itself, not a callee, does this."""
        end = statement.end_lineno or statement.lineno
        return effect.file == self.file and statement.lineno <= effect.line <= end

    def data(self, a: Awaiting, b: Awaiting, between: list[ast.stmt]) -> Finding | None:
        flows = flow.tainted(
            self.names(a.statement),
            isinstance(a.statement, ast.Expr),
            map(self.names, between),
        )
        names = self.reads(b.statement)
        shared = sorted(flows & names)
        if shared:
            return Finding(
                "dependent",
                f"`{shared[0]}` comes from the first (line {a.statement.lineno}) and the second uses it",
                self.file,
                b.awaits[0].lineno,
            )
        return None

    def exit_between(self, a: Awaiting, between: list[ast.stmt]) -> Finding | None:
        found = flow.early_exit(between)
        if found is None:
            return None
        return Finding(
            "dependent",
            f"a check stands between them (line {found.lineno}): it may leave before the second",
            self.file,
            found.lineno,
        )

    def through_between(self, a: Awaiting, b: Awaiting, between: list[ast.stmt]) -> Finding | None:
        """A plain statement that must run after the first and before the second."""
        first, second = self.doings(id(a.statement)), self.doings(id(b.statement))
        known = self.names(a.statement).bound | self.names(a.statement).attributes_bound
        for statement in between:
            done = self.doings(id(statement))
            after = bool(self.reads(statement) & known)
            if after:
                known |= self.names(statement).bound | self.names(statement).filled
            after = after or conflicts.changed_memory(first, done)[0] is not None
            after = after or bool(conflicts.shared_object(first, done))
            before = conflicts.changed_memory(done, second)[0] or conflicts.shared_object(
                done, second
            )
            written = [e for e in done.external if e.mode == "w"]
            if before is not None and after:
                return Finding(
                    "dependent",
                    f"line {statement.lineno} needs the first, and the second needs it: {before.reason}",
                    self.file,
                    statement.lineno,
                )
            if done.raises and after:
                return Finding(
                    "dependent",
                    f"line {statement.lineno} may refuse: it raises {done.raises[0].what}",
                    self.file,
                    statement.lineno,
                )
            if written and (second.external or first.external):
                return Finding(
                    "unsafe",
                    f"line {statement.lineno}, between them, writes to {written[0].what}",
                    self.file,
                    statement.lineno,
                )
        return None

    # Loops

    def loop(self, loop: Loop) -> Site:
        finding, remedy = self.judge_loop(loop)
        return self.site("loop", loop.statement, loop.awaits, finding, remedy)

    def judge_loop(self, loop: Loop) -> tuple[Finding, Remedy]:
        done = self.doings(-id(loop.node))
        decided = self.order(loop, done) or self.shared_in_loop(loop, done)
        if decided:
            return decided, "none"
        open_: list[Finding] = []
        if not done.suspends:
            open_ = conflicts.unresolved(done)
            return self.settled(open_, "no iteration ever waits", "none")
        if all(isinstance(await_.value, ast.Name) for await_ in loop.awaits):
            return Finding("likely", "awaits what was started before, so it runs already"), "none"
        finding, more = self.changes(loop, done)
        if finding:
            return finding, "none"
        open_ += more + conflicts.unresolved(done)
        if done.raises:
            effect = done.raises[0]
            open_.append(
                conflicts.decided("likely", f"an iteration may raise {effect.what}", effect)
            )
        if any(e.what != "semaphore" and not self.is_private(e, loop) for e in done.locks):
            return self.settled(
                open_, "iterations share no data, but take turns at one lock", "none"
            )
        reads = {effect.what for effect in done.external}
        remedy: Remedy = "batch" if reads == {"database"} else "bounded-overlap"
        return self.settled(open_, "no iteration needs or changes what another one has", remedy)

    def order(self, loop: Loop, done: Doings) -> Finding | None:
        """Sleeps, exits and values that one iteration leaves to the next."""
        for effect in done.sleeps:
            if self.is_own(effect, loop.statement):
                return Finding("unsafe", "the sleep paces the iterations", self.file, effect.line)
        if not isinstance(loop.node, ast.For):
            return None
        found = flow.loop_exit(loop.node.body)
        if found is not None:
            line = found.lineno
            return Finding(
                "dependent", f"line {line} may end the loop before the rest", self.file, line
            )
        for statement in loop.node.body:
            for node in flow.nodes(statement):
                if isinstance(node, ast.AugAssign) and any(
                    isinstance(n, ast.Await) for n in flow.nodes(node.value)
                ):
                    return Finding(
                        "unsafe", "updates a value across an await: updates would be lost", self.file, node.lineno
                    )  # fmt: skip
        carried = flow.carried(loop.node)
        for node, names in flow.deciding_names(loop.node):
            shared = sorted(names & carried)
            if shared:
                line = getattr(node, "lineno", loop.node.lineno)
                return Finding(
                    "dependent", f"`{shared[0]}` passes from one iteration to the next", self.file, line
                )  # fmt: skip
        return None

    def shared_in_loop(self, loop: Loop, done: Doings) -> Finding | None:
        for effect in done.own:
            if effect.what != conflicts.UNKNOWN_OBJECT and not self.is_private(effect, loop):
                return conflicts.decided(
                    "unsafe",
                    f"all iterations use one {effect.what}, `{spelled(effect.place)}`, "
                    "which serves one caller at a time",
                    effect,
                )
        return conflicts.context(done)

    def is_private(self, effect: Effect, loop: Loop) -> bool:
        """Whether each iteration has an object of its own here."""
        if effect.place[:1] == ("item",):
            return True
        if effect.place[:1] == ("new",):
            line = effect.place[1].partition(":")[0]
            end = loop.node.end_lineno or loop.node.lineno
            body = loop.node.body[0].lineno if isinstance(loop.node, ast.For) else loop.node.lineno
            return line.isdigit() and body <= int(line) <= end
        return False

    def changes(self, loop: Loop, done: Doings) -> tuple[Finding | None, list[Finding]]:
        """What iterations change that others see, in memory and outside."""
        outer = [e for e in done.memory if not self.is_private(e, loop)]
        own = [e for e in outer if self.is_own(e, loop.statement)]
        inner = Doings([e for e in outer if not self.is_own(e, loop.statement)])
        finding, open_ = conflicts.changed_memory(inner, inner)
        if finding is None:
            direct = Doings([e for e in own if e.mode != "r"])
            finding = conflicts.changed_memory(direct, inner)[0]
        if finding:
            return finding, []
        caught = isinstance(loop.node, ast.For) and _is_caught(loop.node)
        for effect in done.external:
            if effect.mode == "w" and not caught:
                return (
                    conflicts.decided(
                        "unsafe", f"each iteration writes to {effect.what}; order and failures would change", effect
                    ),
                    [],
                )  # fmt: skip
            if effect.mode != "r":
                open_.append(
                    conflicts.decided("likely", f"that {effect.what} is only read is not proved", effect)
                )  # fmt: skip
        return None, open_


def _is_caught(loop: ast.For) -> bool:
    """Whether every await of the body stands in a `try` that swallows failures."""
    for statement in loop.body:
        awaits = any(isinstance(node, ast.Await) for node in flow.nodes(statement))
        if awaits and not (
            isinstance(statement, ast.Try)
            and any(
                handler.type is None
                or getattr(handler.type, "id", "") in {"Exception", "BaseException"}
                for handler in statement.handlers
            )
        ):
            return False
    return True
