"""Fills what a callee was found to do in with what a call gives it. For `scan` only."""

import ast
from dataclasses import replace

from asyncperf.scan import library_texts
from asyncperf.scan.handing_over import HandingOver
from asyncperf.scan.index import Function
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
    join,
    ordered,
    same_value,
)


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
        result = self.map_value(summary.returns, mapping)
        if summary.yields is not None:
            inner = self.filled(summary, self.map_value(summary.yields, mapping), mapping, node)
            return Value(result.places, result.types, yields=inner)
        return self.filled(summary, result, mapping, node)

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
            return [self.held(extend(root, place[2:])) for root in ordered(value.places)]
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
        mapped: dict[Place, list[Place]] = {}  # many effects are of one place
        for effect in summary.effects:
            kind, own, mode, what, file, line = effect  # by name takes thrice as long
            if kind == "raise":
                if not self.catching:
                    deeper = str(min(9, int(mode) + 1))
                    self.effects.append(Effect("raise", (), deeper, what, file, line))
            elif not own or own[0] == "global" or own[0] == "call":
                self.effects.append(effect)
            elif kind == "call" and own[0] == "param":
                self.called_back(effect, mapping, node)
                mapped.clear()  # it may have put something else there
            elif mode == "?" and own[0] == "param":
                value = mapping.get(own[1], NOTHING)
                library_texts.external(self, effect, value, tuple(mapping.values()))
            elif own[0] == "param" and own[1] not in mapping:
                if is_open and kind in {"own", "lock"}:
                    self.effects.append(effect._replace(place=("call", own[1], *own[2:])))
            else:
                if mode == "w" and what.startswith(ARGUMENT):
                    what = same_value(mapping.get(what.removeprefix(ARGUMENT), NOTHING))
                rebinds = mode in {"w", "i"} and kind == "memory" and len(own) > 2
                of = own[:-1] if rebinds else own
                found = mapped.get(of)
                if found is None:
                    found = mapped[of] = self.map_place(of, mapping)
                places = found
                if rebinds:  # the attribute itself, not what it holds so far
                    places = [extend(place, own[-1:]) for place in places]
                self.effects += [Effect(kind, place, mode, what, file, line) for place in places]

    def called_back(self, effect: Effect, mapping: dict[str, Value], node: ast.AST) -> None:
        """A callee calls what it was given."""
        value = mapping.get(effect.place[1])
        if value is None:
            return
        if value.callees:
            for callee in value.callees:
                self.apply(callee, Arguments((), {}, True), node, effect.mode == "await")
        elif any(place[0] == "param" for place in value.places):
            for place in ordered(value.places):
                self.effects.append(effect._replace(place=place))
        elif value.places:
            self.effects.append(effect._replace(kind="unknown", place=()))
