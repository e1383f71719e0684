"""What an assignment leaves in names, attributes and containers. For `scan` only."""

import ast
from collections.abc import Iterator
from dataclasses import replace

from asyncperf.scan.calls import Calls
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import Place, Value, extend, is_private, join, ordered, same_value, step


class Bindings(Calls):
    def bind(self, target: ast.expr, value: Value) -> None:
        if self.narrowed and isinstance(target, ast.Name | ast.Attribute):
            self.forget(spelling(target))
        if isinstance(target, ast.Name):
            self._bind_name(target, value)
        elif isinstance(target, ast.Tuple | ast.List):
            parts = value.elements
            for number, part in enumerate(target.elts):
                fits = parts and number < len(parts) and not isinstance(part, ast.Starred)
                self.bind(part, parts[number] if parts and fits else self.part(value, number))
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value)
        elif isinstance(target, ast.Attribute):
            for place in ordered(step(self.evaluate(target.value), f".{target.attr}")):
                self.emit("memory", place, self.rebinding(place), same_value(value), target)
                if place[0] == "new":
                    self.heap[place] = value
                elif value.places or value.types:
                    self.stores.append((place, value))
                    for held, inner in self.contents(value):
                        self.stores.append((extend(place, held), inner))
        elif isinstance(target, ast.Subscript):
            self.evaluate(target.slice)
            for place in ordered(step(self.evaluate(target.value), "[]")):
                mode = "m" if not is_private(place) and self.only_fills(target) else "k"
                self.emit("memory", place, mode, "[]", target)

    def _bind_name(self, target: ast.Name, value: Value) -> None:
        name = target.id
        if name in self.declared_nonlocal or name in self.declared_global:
            for place in ordered(self.lookup(name).places):
                self.emit("memory", place, self.rebinding(place), name, target)
            return
        if not value.places and (value.types or value.callees) and not value.text:
            value = replace(value, places=self.made(target).places)
        old = self.env.get(name)
        self.env[name] = join([old, value]) if old is not None and self.depth else value

    def rebinding(self, place: Place) -> str:
        """How an attribute is assigned: `if self.x is None: self.x = ...` happens once, or, with
        an await in between, may happen twice with the same outcome, as a cache is filled."""
        begin = self.tested.get(place)
        if begin is None:
            return "w"
        return "m" if any(effect.kind == "suspend" for effect in self.effects[begin:]) else "i"

    def contents(self, value: Value) -> Iterator[tuple[Place, Value]]:
        """What the attributes of an object made here hold."""
        for place in ordered(value.places):
            if place[0] == "new":
                for held, inner in list(self.heap.items()):
                    if held[: len(place)] == place:
                        yield held[len(place) :], inner
