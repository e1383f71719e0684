"""Walks one function and sums up what it does. For `scan` only."""

from dataclasses import replace

from asyncperf.scan.annotations import types_of
from asyncperf.scan.index import AnyFunction, Class, Function
from asyncperf.scan.statements import Statements
from asyncperf.scan.values import (
    NOTHING,
    PRIVATE_ROOTS,
    Callee,
    Effect,
    Summary,
    Type,
    Value,
    is_private,
    is_unknown,
    join,
    spelled,
)

MAX_EFFECTS = 400  # of one summary; beyond that "does too much to follow" says enough
MAX_STORES = 40  # attributes of one object that are followed
MAX_UNKNOWN = 4  # unresolved calls that a summary names


class Walk(Statements):
    """One function, or one module-level expression, being walked."""

    def function_body(self, function: Function, node: AnyFunction) -> Summary:
        self.parameters(function, node)
        self.block(node.body)
        if self.beside:
            self.made_at_once()
        gathered = {
            ("param", rest.arg, "[]") for rest in (node.args.vararg, node.args.kwarg) if rest
        }
        self.effects = [  # by name takes thrice as long
            self.as_seen(effect) if effect[0] == "own" else effect
            for effect in self.effects
            # What is put into `**options` the caller never sees.
            if not gathered or effect[0] != "memory" or effect[1] not in gathered
        ]
        return self.summary(node)

    def as_seen(self, effect: Effect) -> Effect:
        """A session in an attribute of an object made here, when nobody saw it put there: it
        may be anyone's."""
        place = effect.place
        if len(place) < 3 or place[0] not in PRIVATE_ROOTS:
            return effect
        if effect.mode == "o" or any(place[:end] in self.heap for end in range(3, len(place) + 1)):
            return effect
        return effect._replace(place=("call", spelled(place))) if place[0] == "new" else effect

    def parameters(self, function: Function, node: AnyFunction) -> None:
        arguments = node.args
        plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for argument in plain:
            self.env[argument.arg] = Value(
                frozenset({("param", argument.arg)}), types_of(argument.annotation, self.resolve)
            )
        for rest in (arguments.vararg, arguments.kwarg):
            if rest is not None:
                inner = types_of(rest.annotation, self.resolve)
                self.env[rest.arg] = Value(
                    frozenset({("param", rest.arg)}), (Type("builtins.list", inner[:1]),)
                )
        owner = function.owner
        if owner is not None and plain and not self.declarations.is_static(function):
            first = plain[0].arg
            if self.declarations.is_class_method(function):
                place = ("global", f"{owner.module.file}:{owner.qualname}")
                self.env[first] = Value(frozenset({place}), callees=(Callee(owner),))
            else:
                self.env[first] = Value(frozenset({("param", first)}), (Type(owner),))

    def given_away(self, node: AnyFunction) -> list[Effect]:
        """What a body that nobody knows may use of what it is given."""
        begin = len(self.effects)
        for name, value in self.env.items():
            if ("param", name) in value.places and name not in {"self", "cls"}:
                self.used_elsewhere(value, node)
        return self.effects[begin:]

    def summary(self, node: AnyFunction) -> Summary:
        declared = types_of(node.returns, self.resolve)
        returned = join(self.returned)
        yielded: Value | None = None
        if self.yielded:
            yielded = join(self.yielded)
            inner = tuple(t.args[0] for t in declared if t.args and not isinstance(t.of, Class))
            if not yielded.types and inner:
                yielded = replace(yielded, types=inner)
            returned = NOTHING
        elif declared:
            known = tuple(callee for callee in returned.callees if not is_unknown(callee))
            returned = replace(returned, types=declared, callees=known, either=())
        given = returned if yielded is None else yielded
        holds = tuple(dict(self.contents(given)).items())[:MAX_STORES]
        return Summary(condense(self.effects), returned, yielded, self.kept_stores(), holds)

    def kept_stores(self) -> tuple[tuple[tuple[str, ...], Value], ...]:
        kept = {place: value for place, value in self.stores if not is_private(place)}
        return tuple(kept.items())[:MAX_STORES]


def condense(effects: list[Effect]) -> tuple[Effect, ...]:
    """Each effect once, without what nobody outside can see."""
    kept: dict[tuple[object, ...], Effect] = {}
    unknown = 0
    reset = {e.place for e in effects if e.kind == "context" and e.mode == "reset"}
    was_set = {e.place for e in effects if e.kind == "context" and e.mode != "reset"}
    for effect in effects:
        kind, place, mode, what, _, _ = effect  # by name takes thrice as long
        if place and place[0] in PRIVATE_ROOTS and mode != "?":
            continue
        if kind == "memory":  # most are
            kept.setdefault((kind, place, mode), effect)
            continue
        if kind == "context" and place in (was_set if mode == "reset" else reset):
            continue  # one that is only reset may have been set as the same object was entered
        if kind == "suspend":
            kept.setdefault(("suspend",), effect)
            continue
        if kind == "sleep":
            kept.setdefault(("sleep", mode == "d"), effect)
            continue
        if kind == "raise":
            known = kept.get(("raise", what))
            if known is None or mode < known.mode:
                kept["raise", what] = effect
            continue
        key = (kind, place, mode, what)
        if key in kept:
            continue
        if kind == "unknown":
            unknown += 1
            if unknown > MAX_UNKNOWN:
                continue
        kept[key] = effect
    for is_own in (True, False):  # a pause beside what asks or writes: one call up it paces
        pause = kept.get(("sleep", is_own))
        if pause is not None:
            paces = is_own and any(effect.kind == "external" for effect in kept.values())
            kept["sleep", is_own] = pause._replace(mode="p" if paces else "")
    if len(kept) > MAX_EFFECTS:
        first = next(iter(kept.values()))
        important = [
            effect for effect in kept.values() if effect.kind != "memory" or effect.mode != "r"
        ]
        note = Effect("unknown", (), "call", "too much to follow", first.file, first.line)
        return (*important[:MAX_EFFECTS], note)
    return tuple(kept.values())
