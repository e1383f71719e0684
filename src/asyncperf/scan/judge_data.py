"""Whether the second of two awaits needs what the first gave. For `scan` only."""

import ast

from asyncperf.scan import flow
from asyncperf.scan.candidates import SCOPES, Awaiting
from asyncperf.scan.conflicts import Finding
from asyncperf.scan.facts import Facts
from asyncperf.scan.index import Class
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import is_unknown, join, named

Part = ast.stmt | ast.Await

# Objects of these classes hold what they were made with, and nothing can be put into them.
FIXED = named(
    """
    builtins.str builtins.int builtins.float builtins.bool builtins.bytes builtins.complex
    builtins.frozenset uuid.UUID datetime.date datetime.datetime datetime.time
    datetime.timedelta decimal.Decimal fractions.Fraction pathlib.Path
    """
)
CHANGES = frozenset("wakum")  # modes of memory effects after which an object holds something else
# Roots of objects that the function made or asked for itself.
OBTAINED = frozenset({"new", "item", "call"})


def attributes_set(statement: Part) -> dict[str, set[str]]:
    """Of the statement `x.name = ...`, or `x.name, x.kind = ...`, the name and the attributes."""
    found: dict[str, set[str]] = {}
    for whole in statement.targets if isinstance(statement, ast.Assign) else ():
        for target in whole.elts if isinstance(whole, ast.Tuple) else [whole]:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                found.setdefault(target.value.id, set()).add(target.attr)
    return found


class DataJudge(Facts):
    def data(self, a: Awaiting, b: Awaiting, between: list[Part]) -> Finding | None:
        """What carries the first's result, through the statements between, to the second."""
        first, line = self.names(a.statement), b.awaits[0].lineno
        carrying = first.bound | first.attributes_bound
        if not isinstance(a.statement, ast.Expr):
            carrying |= first.filled
        assigned = set(first.attributes_bound)
        put: dict[flow.Path, ast.Call] = {}
        for statement in between:
            names = self.names(statement)
            if not (names.read | names.attributes_read) & carrying:
                continue
            carrying |= names.bound | names.attributes_bound | names.filled
            assigned |= names.attributes_bound
            for path, call in self.may_put(statement, carrying):
                put.setdefault(path, call)
                carrying.add(".".join(path[:2]))
        reads = self.reads(b.statement)
        by_inner = {(name,) for name in reads if name not in self.names(b.statement).read}
        used = flow.paths(b.statement) | by_inner
        for path, call in put.items():
            if any(flow.are_one(path, other) for other in used):
                return Finding(
                    "dependent",
                    f"line {line} uses `{'.'.join(path)}`, into which `{spelling(call.func)}` "
                    f"(line {call.lineno}) may put what comes from line {a.statement.lineno}",
                    self.file,
                    call.lineno,
                )
        aside = self.set_aside(a, b) - first.bound - a.bound
        shared = sorted(((carrying | a.bound) & reads) - aside)
        if shared:
            return Finding(
                "dependent",
                f"line {line} uses `{shared[0]}`, which comes from line {a.statement.lineno}",
                self.file,
                line,
            )
        return self.flushed(a, b, assigned)

    def set_aside(self, a: Awaiting, b: Awaiting) -> set[str]:
        """Objects of which the first only sets attributes that the second leaves alone, as it
        only sets others, or reads them where they are no properties."""
        first, second = attributes_set(a.statement), attributes_set(b.statement)
        used = flow.paths(b.statement)
        return {
            name
            for name in first
            if not first[name] & second.get(name, set())
            and all(
                path[1:2]
                and (
                    path[1] in second.get(name, ())
                    or (path[1] not in first[name] and self.is_field(name, path[1]))
                )
                for path in used
                if path[0] == name
            )
            and self.names(a.statement).filled & {name}
        }

    def is_field(self, name: str, attribute: str) -> bool:
        """Whether an object's class declares the attribute, as no property or method."""
        classes = [type_.of for type_ in self.walk.lookup(name).types]
        return bool(classes) and all(
            isinstance(of, Class)
            and not self.walk.declarations.methods(of, attribute)
            and any(
                attribute in base.attributes
                for base in self.walk.project.ancestry(of)
                if isinstance(base, Class)
            )
            for of in classes
        )

    def flushed(self, a: Awaiting, b: Awaiting, assigned: set[str]) -> Finding | None:
        """Attributes that carry the first's result, and a session that may write them: it holds
        the objects that it loaded and was given, without a word of it at the call."""
        for effect in self.doings(id(b.statement)).own:
            if effect.what != "session":
                continue
            for name in sorted(assigned):
                if effect.mode == "c" or not name.startswith(("self.", "cls.")):
                    return Finding(
                        "dependent",
                        f"`{name}` comes from line {a.statement.lineno}, and the session that "
                        f"line {b.awaits[0].lineno} uses may write it",
                        effect.file,
                        effect.line,
                    )
        return None

    def may_put(self, statement: Part, carrying: set[str]) -> list[tuple[flow.Path, ast.Call]]:
        """Objects into which a call may put what a name carries, as it is given both."""
        if isinstance(statement, SCOPES):
            return []
        return [
            (path, call)
            for call in flow.nodes(statement)
            if isinstance(call, ast.Call) and self.may_change(statement, call)
            for path in (*flow.given_with(call, carrying), *self.receiver(call, carrying))
            if path[0] not in carrying and self.is_changeable(path)
        ]

    def may_change(self, statement: Part, call: ast.Call) -> bool:
        """Whether it is unknown what a call does, or known that it changes what it is given."""
        done = self.doings(id(statement))
        end = call.end_lineno or call.lineno
        return any(
            not self.is_own(effect, statement) or call.lineno <= effect.line <= end
            for effect in done.unknown
        ) or any(
            effect.mode in CHANGES
            and effect.place[0] != "global"
            and not self.is_own(effect, statement)
            for effect in done.memory
        )

    def receiver(self, call: ast.Call, carrying: set[str]) -> list[flow.Path]:
        """The object whose method it is, if the function has made it or asked for it."""
        path = flow.path_of(call.func.value) if isinstance(call.func, ast.Attribute) else ()
        value = self.walk.env.get(path[0]) if path else None
        if value is None or not flow.is_given(call, carrying):
            return []
        is_obtained = value.places and all(place[0] in OBTAINED for place in value.places)
        return [path] if is_obtained else []

    def is_changeable(self, path: flow.Path) -> bool:
        """Whether something can be put into an object, by what is known of its class."""
        value = self.walk.lookup(path[0])
        if path[0] not in self.walk.env and (
            any(not is_unknown(callee) for callee in value.callees) or not value.places
        ):
            return False  # a function, a class or a module
        for name in path[1:]:
            value = join(
                self.walk.analyst.attribute(type_.of, name)
                for type_ in value.types
                if isinstance(type_.of, Class)
            )
        if value.text is not None:
            return False
        return not value.types or any(type_.of not in FIXED for type_ in value.types)
