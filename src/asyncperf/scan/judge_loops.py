"""Verdicts on loops of awaits. For `scan` only."""

import ast

from asyncperf.scan import conflicts, flow
from asyncperf.scan.annotations import last_name
from asyncperf.scan.candidates import COMPREHENSIONS, FOR, Loop
from asyncperf.scan.conflicts import Doings, Finding
from asyncperf.scan.facts import called, promised
from asyncperf.scan.library_special import STARTED_BEFORE
from asyncperf.scan.own_writes import (
    OwnWrites,
    calls_element,
    dropping,
    hiding,
    is_addressed,
    says_its_own,
)
from asyncperf.scan.started import runs_already
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import Effect, is_private, one_at_a_time
from asyncperf.scan.verbs import names_a_hook, reads, takes_turns
from asyncperf.sites import Remedy, Site, SiteVerdict

# What puts into one without waiting has done so before the next iteration starts.
QUEUE = "queue"
# They run what they are given together.
TOGETHER = frozenset({"gather", "wait", "as_completed"})
INFINITE = 1 << 30  # beyond every column


class LoopJudge(OwnWrites):
    def loop(self, loop: Loop) -> Site:
        finding, remedy = self.judge_loop(loop)
        return self.site("loop", loop.statement, loop.awaits, finding, remedy)

    def judge_loop(self, loop: Loop) -> tuple[Finding, Remedy]:
        done = self.doings(-id(loop.node))
        decided = self.order(loop, done)
        if decided:
            return decided, "none"
        passed, stopped = self.passed_on(loop, done), self.stopped(loop)
        if stopped:
            # One query before the loop gives all that it may come to.
            return stopped, "batch" if is_reading(done) and not passed else "none"
        if passed:
            return passed, "none"
        decided = self.shared_in_loop(loop, done)
        if decided:
            return decided, "batch" if is_reading(done) or is_writing(done) else "none"
        open_: list[Finding] = []
        if all(is_handed(await_.value, loop.node) for await_ in loop.awaits):
            proved = self.only_waits(loop, done)
            verdict: SiteVerdict = "independent" if proved else "likely"
            return Finding(verdict, "awaits what was started before, so it runs already"), "none"
        finding, more = self.changes(loop, done)
        if finding:
            return finding, "none"
        open_ += more + conflicts.unresolved(done)
        if done.raises and self.leaves_traces(loop, done):
            effect = done.raises[0]
            open_.append(
                conflicts.decided("likely", f"an iteration may raise {effect.what}", effect)
            )
        for dropped in dropping(loop.node):
            name = spelling(dropped.value).removesuffix("()")
            open_ += conflicts.unseen(self.doings(id(dropped)), True, name)
        if not done.suspends:
            return self.settled(open_, "no iteration ever waits", "none")
        if any(e.what != "semaphore" and not self.is_private(e, loop) for e in done.locks):
            return self.settled(
                open_, "iterations share no data, but take turns at one lock", "none"
            )
        reaches = {effect.what for effect in done.external}
        remedy: Remedy = "batch" if reaches == {"database"} else "bounded-overlap"
        return self.settled(open_, "no iteration needs or changes what another one has", remedy)

    def only_waits(self, loop: Loop, done: Doings) -> bool:
        """Whether all that a loop awaits is known to run already, and it does nothing else that
        stands against waiting for all of it together."""
        if not all(runs_already(self.node, loop.node, await_.value) for await_ in loop.awaits):
            return False
        finding, open_ = self.changes(loop, done)
        hidden = [effect for effect in done.unknown if effect.what != STARTED_BEFORE]
        return finding is None and not open_ and not hidden

    def leaves_traces(self, loop: Loop, done: Doings) -> bool:
        """Whether others see how far it came when an iteration fails."""
        return any(e.mode != "r" for e in done.external) or any(
            e.mode not in "rm" and not is_private(e.place) for e in done.memory
        )

    def judge_async_loop(self, loop: Loop) -> tuple[Finding, Remedy] | None:
        """With what stands against taking the next element before this one is done with; None
        where it is not known how the elements come."""
        finding, remedy = self.judge_loop(loop)
        if finding.verdict in {"dependent", "unsafe"} or remedy == "none":
            return finding, remedy
        begin, end = self.walk.spans.get(id(loop.node), (0, 0))
        each = self.walk.spans.get(-id(loop.node), (end, end))
        # A statement's span holds its body, that of a comprehension ends where its body begins.
        taking, using = Doings(self.walk.effects[begin : each[0]]), self.doings(-id(loop.node))
        decided = (
            conflicts.shared_object(taking, using)
            or conflicts.changed_memory(taking, using)[0]
            or conflicts.changed_memory(using, taking)[0]
        )
        if decided:
            return decided, "none"
        if taking.unknown:
            return None
        reason = "whether the next element waits for what is done with this one is not known"
        return Finding("likely", reason, self.file, loop.node.lineno), remedy

    def order(self, loop: Loop, done: Doings) -> Finding | None:
        """Pauses, contexts, and what others see of each iteration before the next."""
        for effect in done.sleeps:
            if effect.mode == "p" or self.is_own(effect, loop.statement):
                return conflicts.decided("unsafe", "the sleep paces the iterations", effect)
        for await_ in loop.awaits:
            if called(await_).endswith((".enter_async_context", ".__aenter__")):
                reason = "enters contexts, which are left in the order in which they were entered"
                return Finding("unsafe", reason, self.file, await_.lineno)
            if is_bunch(await_.value):
                reason = "each iteration runs some together, so that not all run at once"
                return Finding("unsafe", reason, self.file, await_.lineno)
        if not isinstance(loop.node, FOR):
            return None
        for dropped in dropping(loop.node):
            if flow.goes_back(loop.node.iter):
                reason = "goes through the elements backwards, so in an order that was chosen"
                return Finding("unsafe", reason, self.file, loop.node.lineno)
            doings = self.doings(id(dropped))
            if doings.only_pauses:
                effect = doings.sleeps[0]
                return conflicts.decided("unsafe", "the sleep paces the iterations", effect)
        for statement in loop.node.body:
            if flow.hands_out(statement):
                reason = f"line {statement.lineno} yields: others go on before the next iteration"
                return Finding("dependent", reason, self.file, statement.lineno)
        return None

    def stopped(self, loop: Loop) -> Finding | None:
        """Exits, and a sum over what is awaited: overlapping would change what comes out of it."""
        if not isinstance(loop.node, FOR):
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
                        "unsafe",
                        "updates a value across an await: updates would be lost",
                        self.file,
                        node.lineno,
                    )
        return None

    def passed_on(self, loop: Loop, done: Doings) -> Finding | None:
        """What one iteration leaves to the next and that decides about an await. A session that
        is given something (`session.add(row)`) is no such value: that all of them use one is what
        speaks against overlapping."""
        if not isinstance(loop.node, FOR):
            return None
        carried = flow.carried(loop.node) - flow.left_at_once(loop.node)
        carried -= self.sessions(loop.node, done)
        carried |= flow.counted(loop.node, carried)
        for node, names in flow.deciding_names(loop.node):
            shared = sorted(names & carried)
            if shared:
                line = getattr(node, "lineno", loop.node.lineno)
                return Finding(
                    "dependent",
                    f"`{shared[0]}` passes from one iteration to the next",
                    self.file,
                    line,
                )
        return None

    def sessions(self, loop: FOR, done: Doings) -> set[str]:
        """Names of what serves one caller at a time, unless the loop's body binds them anew."""
        places = {e.place for e in done.own if e.what != conflicts.UNKNOWN_OBJECT}
        held = {name for name, value in self.walk.env.items() if value.places & places}
        return held - {n for statement in loop.body for n in flow.names(statement).bound}

    def shared_in_loop(self, loop: Loop, done: Doings) -> Finding | None:
        for effect in done.own:
            if effect.mode == "r" and not done.suspends:
                continue  # read in one go, before the next iteration starts
            if effect.what != conflicts.UNKNOWN_OBJECT and not self.is_private(effect, loop):
                reason = f"all iterations use {one_at_a_time(effect)}"
                return conflicts.decided("unsafe", reason, effect)
        return conflicts.context(done)

    def is_private(self, effect: Effect, loop: Loop) -> bool:
        """Whether each iteration has an object of its own here."""
        if effect.place[:1] not in {("item",), ("new",)}:
            return False
        line, _, column = effect.place[1].partition(":")
        if not (line.isdigit() and column.isdigit()):
            return False
        node = loop.node
        begin = (node.lineno, node.col_offset)  # the element of a loop around stands before it
        if effect.place[0] == "new" and isinstance(node, FOR):
            begin = (node.body[0].lineno, 0)
        return begin <= (int(line), int(column)) <= (node.end_lineno or node.lineno, INFINITE)

    def in_order(self, loop: FOR, caught: bool) -> Finding | None:
        """Calls for their effect that is not known, and what goes to one receiver in turn."""
        derived = flow.derived(loop)
        for dropped in dropping(loop):
            done = self.doings(id(dropped))
            is_hook = calls_element(dropped, derived)
            told = not is_hook and (caught or says_its_own(dropped.value, derived))
            hidden = done.unknown if is_hook else hiding(dropped.value, done)
            if hidden and not told:
                effect = hidden[0]
                reason = f"each iteration awaits what `{effect.what}` hides, for its effect"
                return conflicts.decided("unsafe", reason, effect)
        elements = flow.names(loop.target).bound
        nodes = (node for statement in loop.body for node in flow.nodes(statement))
        awaits = [node for node in nodes if isinstance(node, ast.Await)]
        for node in awaits:
            hidden = self.doings(id(node)).unknown
            name = called(node)
            asked = reads(name.rpartition(".")[2])
            if hidden and not asked and (names_a_hook(name) or any(map(names_a_hook, elements))):
                return conflicts.hook(name, hidden[0])
        for node in awaits:
            done = self.doings(id(node))
            write = next((e for e in done.external if e.mode == "w"), None)
            if write and not is_addressed(node.value, derived):
                reason = f"all iterations write to one place in {write.what}, in order"
                return conflicts.decided("unsafe", reason, write)
        return None

    def changes(self, loop: Loop, done: Doings) -> tuple[Finding | None, list[Finding]]:
        """What iterations change that others see, in memory and outside."""
        outer = [e for e in done.memory if not self.is_private(e, loop)]
        own = [e for e in outer if self.is_own(e, loop.statement)]
        # What a library's method may change of its object is told by what it writes to the world.
        told = {e.what for e in done.unknown if not takes_turns(e.what)}
        inner = Doings(
            [
                e
                for e in outer
                if not (self.is_own(e, loop.statement) or (e.mode == "u" and e.what in told))
            ]
        )
        finding, open_ = conflicts.changed_memory(inner, inner)
        if not done.suspends:
            open_ = []  # what is stored or counted under keys is so one after the other
        if finding is None:
            direct = Doings([e for e in own if e.mode != "r"])
            finding = conflicts.changed_memory(direct, inner)[0]
        if finding:
            return finding, []
        caught = isinstance(loop.node, FOR) and _is_caught(loop.node)
        made = {e for d in dropping(loop.node) for e in self.doings(id(d)).external}
        outside = [e for e in done.external if done.suspends or e.what != QUEUE]
        for effect in outside:
            is_written = effect.mode == "w" or (effect.mode == "i" and effect in made)
            if is_written and not caught and not self.is_elements_own(effect, loop.node):
                reason = f"each iteration writes to {effect.what}; order and failures would change"
                return conflicts.decided("unsafe", reason, effect), []
        for await_ in loop.awaits if not caught else ():
            named = promised(called(await_), self.doings(id(await_)))
            if named and not self.may_write_its_own(await_, loop.node):
                return named, []
        if isinstance(loop.node, FOR):
            decided = self.in_order(loop.node, caught)
            if decided:
                return decided, []
        for effect in outside:
            if effect.mode == "w":
                reason = f"that what each writes to {effect.what} is its own is not proved"
                open_.append(conflicts.decided("likely", reason, effect))
            elif conflicts.is_open(effect):
                open_.append(conflicts.unproved(effect))
        return None, open_


def is_handed(awaited: ast.expr, loop: FOR | COMPREHENSIONS) -> bool:
    """Whether what is awaited was there before the iteration."""
    body = loop.body if isinstance(loop, FOR) else []
    bound = {name for statement in body for name in flow.names(statement).bound}
    return isinstance(awaited, ast.Name) and awaited.id not in bound


def is_bunch(awaited: ast.expr) -> bool:
    """Whether it waits for several at once, however many they are: `gather(*some)`."""
    if not isinstance(awaited, ast.Call) or last_name(awaited.func) not in TOGETHER:
        return False
    return any(isinstance(each, ast.Starred) for each in awaited.args)


def is_reading(done: Doings) -> bool:
    """Whether all that is known of it is that it reads a database: one query can do that."""
    return {(effect.what, effect.mode) for effect in done.external} == {("database", "r")}


def is_writing(done: Doings) -> bool:
    """Whether all that is known of it is that it writes to a database: one statement for many
    rows can do that."""
    return {(effect.what, effect.mode) for effect in done.external} == {("database", "w")}


def _is_caught(loop: FOR) -> bool:
    """Whether every await of the body stands in a `try` that swallows failures."""
    return _all_caught(loop.body)


def _all_caught(body: list[ast.stmt]) -> bool:
    for statement in body:
        if not any(isinstance(node, ast.Await) for node in flow.nodes(statement)):
            continue
        if isinstance(statement, ast.If) and not any(
            isinstance(node, ast.Await) for node in flow.nodes(statement.test)
        ):
            if not (_all_caught(statement.body) and _all_caught(statement.orelse)):
                return False
        elif not (
            isinstance(statement, ast.Try)
            and any(
                handler.type is None
                or getattr(handler.type, "id", "") in {"Exception", "BaseException"}
                for handler in statement.handlers
            )
        ):
            return False
    return True
