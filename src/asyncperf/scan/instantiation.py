"""Fills what a callee was found to do in with what a call gives it. For `scan` only."""

import ast
from dataclasses import replace

from asyncperf.scan import library_texts
from asyncperf.scan.handing_over import HandingOver
from asyncperf.scan.index import Function
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import (
    ARGUMENT,
    NOTHING,
    Arguments,
    Effect,
    Place,
    Summary,
    Type,
    Value,
    extend,
    is_unknown,
    join,
    ordered,
    same_value,
)

# How many calls down something is raised, as seen from the caller.
DEEPER = {str(depth): str(min(9, depth + 1)) for depth in range(10)}


class Instantiation(HandingOver):
    def apply_function(
        self, function: Function, receiver: Value | None, arguments: Arguments, node: ast.AST
    ) -> Value:
        summary = self.analyst.summary(function)
        mapping = self.map_arguments(function, receiver, arguments)
        self.instantiate(summary, mapping, arguments.is_open, function, node)
        for place, value in summary.stores:
            for target in self.map_place(place, mapping):
                if target[0] == "new":
                    self.heap[target] = self.map_value(value, mapping)
                elif value.places:
                    self.stores.append((target, self.map_value(value, mapping)))
        result = self.mapped(summary.returns, mapping, arguments.is_open, node)
        if summary.yields is not None:
            inner = self.mapped(summary.yields, mapping, arguments.is_open, node)
            inner = self.filled(summary, inner, mapping, node)
            return Value(result.places, result.types, yields=inner)
        return self.filled(summary, result, mapping, node)

    def mapped(
        self, value: Value, mapping: dict[str, Value], is_open: bool, node: ast.AST
    ) -> Value:
        """What a callee gives. Of `given or await pool.acquire()` the first is not there where
        nothing is given, and the second is made for each call."""
        if not any(place[0] == "param" for part in value.either for place in part.places):
            return self.map_value(value, mapping)
        own = self.made(node).places
        parts = []
        for part in value.either:
            if not is_open and part.places and all(is_left_out(p, mapping) for p in part.places):
                continue
            mapped = self.map_value(part, mapping)
            is_own = is_made(part) and self.exclusive_name(part) is not None
            parts.append(replace(mapped, places=own) if is_own else mapped)
        return join(parts)

    def filled(
        self, summary: Summary, result: Value, mapping: dict[str, Value], node: ast.AST
    ) -> Value:
        """A result with a place of its own where the callee made it, and what it holds."""
        if not result.places and (result.types or result.callees):
            result = replace(result, places=self.made(node).places)
        for place in ordered(result.places):
            if place[0] == "new":
                for held, value in summary.holds:
                    self.heap[extend(place, held)] = self.map_value(value, mapping)
        return result

    def map_arguments(
        self, function: Function, receiver: Value | None, arguments: Arguments
    ) -> dict[str, Value]:
        signature = self.declarations.signature(function)
        names = list(signature.positional)
        mapping: dict[str, Value] = {}
        if receiver is not None and names and not self.declarations.is_static(function):
            mapping[names.pop(0)] = receiver
        for name, value in zip(names, arguments.positional, strict=False):
            mapping[name] = value
        extra = arguments.positional[len(names) :]
        if signature.rest and extra:
            mapping[signature.rest] = join(extra)
        for name, value in arguments.keywords.items():
            if name in signature.names:
                mapping[name] = value
            elif signature.keywords:
                mapping[signature.keywords] = join(
                    [mapping.get(signature.keywords, NOTHING), value]
                )
        return mapping

    def map_place(self, place: Place, mapping: dict[str, Value]) -> list[Place]:
        if place[0] == "param":
            value = mapping.get(place[1])
            if value is None:
                return []
            rest = place[2:]
            if len(value.places) == 1:  # as most have
                (root,) = value.places
                found = extend(root, rest)
                return [self.held(found) if root[0] == "new" else found]
            return [self.held(extend(root, rest)) for root in ordered(value.places)]
        if place[0] == "free" and self.function is not None and len(place) > 2:
            own = f"{self.function.module.file}:{self.function.ordinal}"
            if place[1] == own and place[2] in self.env:
                roots = self.env[place[2]].places or {("new", place[2])}
                return [self.held(extend(root, place[3:])) for root in ordered(roots)]
        return [place]

    def held(self, place: Place) -> Place:
        """The place that an attribute of an object made here really leads to."""
        if place[0] == "new":
            for end in range(3, len(place) + 1):
                value = self.heap.get(place[:end])
                if value is not None and value.places:
                    return extend(min(value.places), place[end:])
        return place

    def map_value(self, value: Value, mapping: dict[str, Value]) -> Value:
        if value is NOTHING:
            return value
        if value.either:
            return join([self.map_value(part, mapping) for part in value.either])
        places: set[Place] = set()
        types: tuple[Type, ...] = value.types
        text = value.text
        callees = value.callees
        for place in ordered(value.places):
            if place[0] in {"new", "item"}:
                continue
            places.update(self.map_place(place, mapping))
            if place[0] == "param" and len(place) == 2:
                given = mapping.get(place[1], NOTHING)
                types = types or given.types
                text = text or given.text
                callees = callees or given.callees
        return Value(
            frozenset(places),
            types,
            tuple(
                callee
                if callee.receiver is None
                else callee._replace(receiver=self.map_value(callee.receiver, mapping))
                for callee in callees
            ),
            text,
            self.map_value(value.yields, mapping) if value.yields is not None else None,
        )

    def instantiate(
        self,
        summary: Summary,
        mapping: dict[str, Value],
        is_open: bool,
        function: Function,
        node: ast.AST,
    ) -> None:
        """The effects of a callee, with its parameters filled in."""
        filled = self.filled_by(summary, mapping) if self.tested else frozenset()
        mapped: dict[Place, list[Place]] = {}  # a third of the effects concern a place once more
        for effect in summary.effects:
            kind, own, mode, what, file, line = effect  # by name takes thrice as long
            if kind == "raise":
                if not self.catching:
                    self.effects.append(Effect("raise", (), DEEPER[mode], what, file, line))
            elif not own or own[0] == "global" or own[0] == "call":
                self.effects.append(effect)
            elif kind == "call" and own[0] == "param":
                self.called_back(effect, mapping, function, node)
                mapped.clear()  # what is held may be another object now
            elif mode == "?" and own[0] == "param":
                value = mapping.get(own[1], NOTHING)
                library_texts.external(self, effect, value, tuple(mapping.values()))
            elif own[0] == "param" and own[1] not in mapping:
                if is_open and kind in {"own", "lock"}:
                    self.effects.append(effect._replace(place=("call", own[1], *own[2:])))
            else:
                if mode == "w" and what.startswith(ARGUMENT):
                    what = same_value(mapping.get(what.removeprefix(ARGUMENT), NOTHING))
                root = 3 if own[0] == "free" else 2
                rebinds = mode in {"w", "i"} and kind == "memory" and len(own) > root
                held_by = own[:-1] if rebinds else own
                places = mapped.get(held_by)
                if places is None:
                    places = mapped[held_by] = self.map_place(held_by, mapping)
                if rebinds:  # the attribute itself, not what it holds so far
                    if filled and mode == "w" and not filled.isdisjoint(places):
                        mode = "m"
                    places = [extend(place, own[-1:]) for place in places]
                for place in places:
                    # As of another method of `self`.
                    is_same = place == own and what is effect[3] and mode is effect[2]
                    self.effects.append(
                        effect if is_same else Effect(kind, place, mode, what, file, line)
                    )

    def filled_by(self, summary: Summary, mapping: dict[str, Value]) -> frozenset[Place]:
        """The objects that a callee fills which the caller found empty: `if not self.ready: await
        self.start()`, where that sets `self.ready`. Whoever comes first does so, with the same."""
        asked = {place[-1] for place in self.tested}
        return frozenset(
            place
            for effect in summary.effects
            if effect.kind == "memory" and effect.mode == "w" and len(effect.place) > 2
            if effect.place[-1] in asked  # which tells apart most, and mapping takes long
            for place in self.map_place(effect.place[:-1], mapping)
            if extend(place, effect.place[-1:]) in self.tested
        )

    def called_back(
        self, effect: Effect, mapping: dict[str, Value], function: Function, node: ast.AST
    ) -> None:
        """A callee calls what it was given."""
        value = mapping.get(effect.place[1])
        if value is None:
            return
        if value.callees:
            begin = len(self.effects)
            for callee in value.callees:
                made = self.apply(callee, Arguments((), {}, True), node, effect.mode == "await")
                if effect.mode == "enter":  # taken for one of its own, but not if this is shared
                    self.used_elsewhere(made.yields or made, node)
            if any(map(is_unknown, value.callees)):  # told by the name of who calls it back
                by, what = self.written(node), self.given_as(function, effect.place[1], node)
                self.effects[begin:] = [
                    e._replace(what=e.what.replace(by, what)) if by in e.what else e
                    for e in self.effects[begin:]
                ]
        elif any(place[0] == "param" for place in value.places):
            for place in ordered(value.places):
                self.effects.append(effect._replace(place=place))
        elif value.places:
            what = self.given_as(function, effect.place[1], node)
            self.effects.append(effect._replace(kind="unknown", place=(), what=what))
            if effect.mode == "await":
                self.effects.append(effect._replace(kind="suspend", place=(), mode=""))

    def given_as(self, function: Function, parameter: str, node: ast.AST) -> str:
        """How a caller writes what it gives for a parameter, which says more than its name."""
        if not isinstance(node, ast.Call):
            return parameter
        given = {k.arg: k.value for k in node.keywords}
        names = self.declarations.signature(function).positional
        if function.owner is not None and not self.declarations.is_static(function):
            names = names[1:]
        given.update(zip(names, node.args, strict=False))
        return spelling(given[parameter]) if parameter in given else parameter


def is_left_out(place: Place, mapping: dict[str, Value]) -> bool:
    return place[0] == "param" and place[1] not in mapping


def is_made(value: Value) -> bool:
    """Whether the function that gives it has made it."""
    return bool(value.places) and all(place[0] == "new" for place in value.places)
