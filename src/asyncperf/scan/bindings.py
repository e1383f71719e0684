"""What an assignment leaves in names, attributes and containers. For `scan` only."""

import ast
from collections.abc import Iterator
from dataclasses import replace

from asyncperf.scan.calls import Calls
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import (
    ARGUMENT,
    Place,
    Value,
    extend,
    is_private,
    join,
    ordered,
    same_value,
    step,
)

# What a decorator writes on the function that it makes, and help and signatures are made of.
DESCRIBING = frozenset({"__doc__", "__name__", "__qualname__", "__module__", "__signature__"})


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
        elif isinstance(target, ast.Attribute) and target.attr in DESCRIBING:
            self.evaluate(target.value)  # says what a wrapper stands for, whoever writes it
        elif isinstance(target, ast.Attribute):
            for place in ordered(step(self.changed(target.value), f".{target.attr}")):
                mode, what = self.rebinding(place), same_value(value)
                if mode == "w" and self.tested and self.is_beside(place):
                    self.beside.append(len(self.effects))
                self.emit("memory", place, mode, what, target)
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

    def changed(self, node: ast.expr) -> Value:
        """The object of which an attribute is assigned; of a copy, not what it is copied from."""
        value = self.evaluate(node)
        copied = {place for made in value.places for place in self.copies.get(made, ())}
        return replace(value, places=value.places - copied) if copied else value

    def rebinding(self, place: Place) -> str:
        """How an attribute is assigned: `if self.x is None: self.x = ...` happens once, or, with
        an await in between, may happen twice with the same outcome, as a cache is filled."""
        begin = self.tested.get(place)
        if begin is None:
            return "w"
        return "m" if any(effect.kind == "suspend" for effect in self.effects[begin:]) else "i"

    def is_beside(self, place: Place) -> bool:
        """Whether another attribute of the object was asked for, and found empty."""
        return any(p[:-1] == place[:-1] for p in self.tested if p in self.found_empty)

    def made_at_once(self) -> None:
        """What is set together with what was found empty is as that is: whoever comes first
        makes all of it, with the same, but for what is made of an argument."""
        filled = {
            e.place[:-1]
            for e in self.effects
            if e.kind == "memory" and e.mode in "im" and e.place in self.found_empty
        }
        for number in self.beside:
            effect = self.effects[number]
            if effect.place[:-1] in filled and not effect.what.startswith(ARGUMENT):
                self.effects[number] = effect._replace(mode="m")

    def contents(self, value: Value) -> Iterator[tuple[Place, Value]]:
        """What the attributes of an object made here hold."""
        for place in ordered(value.places):
            if place[0] == "new":
                for held, inner in list(self.heap.items()):
                    if held[: len(place)] == place:
                        yield held[len(place) :], inner
