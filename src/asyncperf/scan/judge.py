"""Verdicts on pairs and runs of awaits. For `scan` only."""

import ast
import itertools
from collections.abc import Iterator

from asyncperf.scan import conflicts, flow
from asyncperf.scan.asides import changes, set_aside
from asyncperf.scan.candidates import Awaiting, loops, runs
from asyncperf.scan.conflicts import Doings, Finding
from asyncperf.scan.facts import called, promised
from asyncperf.scan.index import AnyFunction, Function
from asyncperf.scan.judge_data import DataJudge, Part
from asyncperf.scan.judge_loops import LoopJudge
from asyncperf.scan.library_special import STARTED_BEFORE
from asyncperf.scan.siblings import Sibling, relation, siblings
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import Effect
from asyncperf.scan.verbs import ends, guards, names_a_hook, only_asks, secures
from asyncperf.scan.walk import Walk
from asyncperf.sites import Remedy, Site

# A longer run is generated, and its pairs grow with its square.
MAX_RUN = 50


def judge(function: Function, node: AnyFunction, walk: Walk) -> Iterator[Site]:
    """Every site of one function, which `walk` has walked."""
    judge_ = Judge(function, node, walk)
    for run in runs(node):
        yield from judge_.run(run)
    for loop in loops(node):
        yield judge_.loop(loop)
    for parts in siblings(node):
        yield from judge_.siblings(parts)


class Judge(LoopJudge, DataJudge):
    """Judges pairs and runs; loops and flow of data are judged by the classes below it."""

    def run(self, run: tuple[Awaiting, ...]) -> Iterator[Site]:
        found = [self.pair(a, b) for a, b in itertools.pairwise(run)]
        for (a, b), (finding, remedy) in zip(itertools.pairwise(run), found, strict=True):
            yield self.site("pair", a.statement, a.awaits + b.awaits, finding, remedy)
        if len(run) > 2:
            yield self.whole(run, found)

    def whole(self, run: tuple[Awaiting, ...], found: list[tuple[Finding, Remedy]]) -> Site:
        """A run of three or more: safe together only if each is with every other."""
        near = min(found, key=lambda pair: conflicts.GRAVITY[pair[0].verdict])
        far: list[tuple[Finding, Remedy]] = []
        if near[0].verdict in {"independent", "likely"}:
            if len(run) > MAX_RUN:
                far.append((Finding("likely", f"{len(run)} are too many to try in pairs"), near[1]))
            else:
                far += (
                    self.pair(run[i], run[j], run[i + 1 : j])
                    for i in range(len(run))
                    for j in range(i + 2, len(run))
                )
        finding, remedy = min(found + far, key=lambda pair: conflicts.GRAVITY[pair[0].verdict])
        awaits = tuple(await_ for part in run for await_ in part.awaits)
        return self.site("run", run[0].statement, awaits, finding, remedy)

    def siblings(self, parts: tuple[Sibling, ...]) -> Iterator[Site]:
        """Awaits of one expression; neighbours of which only one happens are no pair."""
        if not all(id(part.await_) in self.walk.spans for part in parts):
            return  # in an expression that the walk leaves out
        if not any(relation(a, b) for a, b in itertools.pairwise(parts)):
            yield from self.run(tuple(_awaiting(part) for part in parts))
            return
        for number, (a, b) in enumerate(itertools.pairwise(parts)):
            found = self.of_siblings(parts, number, number + 1)
            if found is not None:
                yield self.site("pair", a.await_, (a.await_, b.await_), *found)

    def of_siblings(
        self, parts: tuple[Sibling, ...], first: int, second: int
    ) -> tuple[Finding, Remedy] | None:
        """Any two awaits of one expression; None if only one of them happens, or if the walk
        leaves them out."""
        if not all(id(part.await_) in self.walk.spans for part in parts):
            return None
        how = relation(parts[first], parts[second])
        if how == "excludes":
            return None
        a, *among, b = (_awaiting(part) for part in parts[first : second + 1])
        if how == "decides":
            reason = f"the first decides whether `{self.name(b)}` is awaited"
            return Finding("dependent", reason, self.file, b.awaits[0].lineno), "none"
        return self.pair(a, b, tuple(among))

    def pair(
        self, a: Awaiting, b: Awaiting, among: tuple[Awaiting, ...] = ()
    ) -> tuple[Finding, Remedy]:
        between = [s for part in among for s in (*part.between, part.statement)]
        between += b.between
        first, second = self.doings(id(a.statement)), self.doings(id(b.statement))
        decided = (
            self.sleeps(first, a)
            or self.sleeps(second, b)
            or self.data(a, b, between)
            or self.exit_between(a, between)
            or conflicts.shared_object(first, second)
            or conflicts.written_back(first, second)
            or conflicts.entered(first, second)
            or self.acquired(a)
            or self.acquired(b)
            or self.ended(a, b)
            or conflicts.context(first)
            or conflicts.context(second)
            or self.through_between(a, b, between)
            or self.through_gap(a, b)
        )
        if decided:
            return decided, "none"
        name = self.name(a)
        is_dropped = isinstance(a.statement, ast.Expr)
        drops = isinstance(b.statement, ast.Expr)
        if drops and second.unknown:
            decided = self.for_its_effect(b, second)
            if decided:
                return decided, "none"
        ours, theirs = self.done_aside(a, first), self.done_aside(b, second)
        first, second, aside = set_aside(first, second, ours, theirs)
        unseen = conflicts.unseen(first, is_dropped, self.name(a))
        hidden = conflicts.unseen(second, drops, self.name(b))
        if hidden and first.may_fail:
            reason = f"{hidden[0].reason}, and must not happen if the first fails"
            return Finding("unsafe", reason, self.file, b.awaits[0].lineno), "none"
        unseen += hidden
        finding, open_ = self.guard(a, b, first, second, is_dropped)
        if finding:
            return finding, "none"
        if is_dropped and first.unknown:
            decided = self.for_its_effect(a, first)
            if decided:
                return decided, "none"
        decided = self.in_turn(a, first) or self.in_turn(b, second)
        if decided:
            return decided, "none"
        for finding, more in (
            conflicts.changed_memory(first, second, aside.cover),
            conflicts.changed_world(first, second, is_dropped, drops),
        ):
            if finding:
                return finding, "none"
            open_ += more
        if first.may_fail and (finding := promised(self.name(b), second)):
            return finding, "none"
        finding, more = conflicts.in_vain(first, second, drops)
        finding = finding or conflicts.shown_before(first, second, is_dropped)
        if finding:
            return finding, "none"
        open_ += more + conflicts.unresolved(first, second) + unseen
        if not first.suspends:
            return self.settled(open_, f"`{name}` never waits", "none")
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

    def guard(
        self, a: Awaiting, b: Awaiting, first: Doings, second: Doings, is_dropped: bool
    ) -> tuple[Finding | None, list[Finding]]:
        """Whether the first is there to refuse: not so if both ask one and the same."""
        name = self.name(a)
        last = name.rpartition(".")[2]
        awaits_others = any(e.what == STARTED_BEFORE for e in first.unknown)
        secured = is_dropped or awaits_others or bool(first.raises)
        # Nobody knows how long it waits, so that is what it is there for.
        secured |= last.startswith("wait") and any(
            e.mode == "await" and e.what == name for e in first.unknown
        )
        names_a_guard = guards(last) and (secured or not secures(last))
        if name == self.name(b) and not (is_dropped or names_a_guard):
            return None, []
        return conflicts.guard(first, second, is_dropped, name, names_a_guard)

    def done_aside(self, part: Awaiting, doings: Doings) -> frozenset[Effect]:
        """What a statement's calls change though all of them are named as reads, and all that
        they give is taken."""
        asks = all(only_asks(called(await_).rpartition(".")[2]) for await_ in part.awaits)
        if not asks or isinstance(part.statement, ast.Expr):
            return frozenset()
        return frozenset(e for e in changes(doings) if not self.is_own(e, part.statement))

    def for_its_effect(self, part: Awaiting, doings: Doings) -> Finding | None:
        """A result that is dropped: the call is there for what it changes, known or not."""
        effect = doings.unknown[0]
        writes = conflicts.written(doings, is_dropped=True)
        if any(not e.what.startswith((conflicts.ANYWHERE, conflicts.OUTPUT)) for e in writes):
            return None  # the writes that are known say more
        return conflicts.decided(
            "unsafe",
            f"`{self.name(part)}` is awaited for its effect, which `{effect.what}` hides",
            effect,
        )

    def in_turn(self, part: Awaiting, doings: Doings) -> Finding | None:
        """Hooks that others have registered may rely on what was done before them."""
        hidden = [effect for effect in doings.unknown if effect.mode == "await"]
        is_hook = names_a_hook(self.name(part))
        for effect in hidden:
            if is_hook or names_a_hook(effect.what):
                return conflicts.hook(effect.what, effect)
        return None

    def name(self, part: Awaiting) -> str:
        """What the statement's outermost await calls."""
        return called(part.awaits[0])

    def sleeps(self, doings: Doings, part: Awaiting) -> Finding | None:
        for effect in doings.sleeps:
            is_dropped = isinstance(part.statement, ast.Expr)
            if self.is_own(effect, part.statement) or (is_dropped and doings.only_pauses):
                return conflicts.decided("unsafe", "the sleep paces what follows", effect)
        return None

    def acquired(self, part: Awaiting) -> Finding | None:
        """A lock, a semaphore or a rate limiter taken for what follows, or a connection that
        a client asks for."""
        admits = {"acquire", "__aenter__"}
        if isinstance(part.statement, ast.Expr):
            admits |= {"accept", "subscribe", "psubscribe"}
        for await_ in part.awaits:
            func = await_.value.func if isinstance(await_.value, ast.Call) else None
            if isinstance(func, ast.Attribute) and func.attr in admits:
                return Finding(
                    "unsafe", f"`{spelling(func)}` admits what follows", self.file, await_.lineno
                )
        return None

    def ended(self, a: Awaiting, b: Awaiting) -> Finding | None:
        """What is closed or stopped before something else, other than the next to be closed."""
        first, second = self.name(a), self.name(b)
        if not (isinstance(a.statement, ast.Expr) and ends(first)) or ends(second):
            return None
        reason = f"`{first}` ends what came before, which what follows may rely on"
        return Finding("unsafe", reason, self.file, a.awaits[0].lineno)

    def exit_between(self, a: Awaiting, between: list[Part]) -> Finding | None:
        for statement in (a.statement, *between):
            if flow.hands_out(statement):
                return Finding(
                    "dependent",
                    f"line {statement.lineno} yields between them: others go on first",
                    self.file,
                    statement.lineno,
                )
        found = flow.early_exit(between)
        if found is None:
            return None
        return Finding(
            "dependent",
            f"a check stands between them (line {found.lineno}): it may leave before the second",
            self.file,
            found.lineno,
        )

    def through_between(self, a: Awaiting, b: Awaiting, between: list[Part]) -> Finding | None:
        """A plain statement that must run after the first and before the second."""
        first, second = self.doings(id(a.statement)), self.doings(id(b.statement))
        known = self.names(a.statement).bound | self.names(a.statement).attributes_bound
        told: set[str] = set()  # what statements made of what the first has changed
        for statement in between:
            done = self.doings(id(statement))
            changed, _ = conflicts.changed_memory(first, done)
            needs = changed is not None and changed.verdict == "dependent"
            if needs or self.reads(statement) & told:
                told |= self.names(statement).bound | self.names(statement).filled
            after = bool(self.reads(statement) & known)
            if after:
                known |= self.names(statement).bound | self.names(statement).filled
            decided = self.in_between(first, done, second, statement.lineno, after)
            if decided:
                return decided
        if told & self.reads(b.statement):
            name, line = min(told & self.reads(b.statement)), b.awaits[0].lineno
            reason = f"line {line} uses `{name}`, which is made of what the first changes"
            return Finding("dependent", reason, self.file, line)
        return None

    def through_gap(self, a: Awaiting, b: Awaiting) -> Finding | None:
        """What an expression does between two of its awaits."""
        if not isinstance(b.statement, ast.Await):
            return None
        end, begin = self.walk.spans[id(a.statement)][1], self.walk.spans[id(b.statement)][0]
        done = Doings(self.walk.effects[end:begin])
        first, second = self.doings(id(a.statement)), self.doings(id(b.statement))
        return self.in_between(first, done, second, b.statement.lineno, after=False)

    def in_between(
        self, first: Doings, done: Doings, second: Doings, line: int, after: bool
    ) -> Finding | None:
        """What is done between two awaits keeps them apart if it relies on the first (`after`
        where its names say so) and the second on it, or if it writes."""
        after = after or conflicts.changed_memory(first, done)[0] is not None
        after = after or bool(conflicts.shared_object(first, done))
        before = conflicts.changed_memory(done, second)[0] or conflicts.shared_object(done, second)
        written = [e for e in done.external if e.mode == "w" and conflicts.in_its_way(e, second)]
        if before is not None and after:
            return Finding(
                "dependent",
                f"line {line} needs the first, and the second needs it: {before.reason}",
                self.file,
                line,
            )
        refusals = [e for e in done.raises if conflicts.may_refuse(e, second)]
        if refusals and after:
            return Finding(
                "dependent",
                f"line {line} may refuse: it raises {refusals[0].what}",
                self.file,
                line,
            )
        if written:
            return Finding(
                "unsafe",
                f"line {line}, between them, writes to {written[0].what}",
                self.file,
                line,
            )
        return None


def _awaiting(part: Sibling) -> Awaiting:
    return Awaiting(part.await_, (part.await_,), bound=part.bound)
