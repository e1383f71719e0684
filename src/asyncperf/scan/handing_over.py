"""What a call gives away: callees that nobody knows may call functions and use sessions.

For `scan` only.
"""

import ast
from abc import abstractmethod
from collections.abc import Iterator

from asyncperf.scan import catalogue, catalogue_names
from asyncperf.scan.expressions import Expressions
from asyncperf.scan.index import Class, Function
from asyncperf.scan.library_effects import DATABASE_KINDS
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import Arguments, Callee, Place, Value, extend, ordered
from asyncperf.scan.verbs import is_session_like

CALLABLE_NAMES = frozenset({"func", "fn", "f", "callback", "cb", "callable", "handler", "function"})


class HandingOver(Expressions):
    @abstractmethod
    def apply(self, callee: Callee, arguments: Arguments, node: ast.AST, awaited: bool) -> Value:
        """What a call of it gives, and does."""

    @abstractmethod
    def entered(self, value: Value, node: ast.AST, awaited: bool) -> Value:
        """What `with` binds when it enters this context."""

    def hand_over(self, arguments: Arguments, node: ast.AST) -> None:
        """Arguments of a callee that nobody knows: it may call functions and use sessions."""
        for value in arguments.all():
            self.used_elsewhere(value, node)
            for callee in value.callees:
                if isinstance(callee.target, Function):
                    self.apply(callee, Arguments((), {}, True), node, True)
            for place in ordered(value.places):
                if place[0] == "param" and not value.callees and self.is_callable(value, place):
                    self.emit("call", place, "await", place[1], node)

    def is_callable(self, value: Value, place: Place) -> bool:
        return len(place) == 2 and (
            place[1] in CALLABLE_NAMES
            or any(isinstance(t.of, str) and t.of.endswith(".Callable") for t in value.types)
        )

    def used_elsewhere(self, value: Value, node: ast.AST) -> None:
        """What nobody knows may use a session that it is given, or that a given object holds."""
        if is_class(value):
            return
        kind = self.exclusive_name(value)
        for place in ordered(value.places):
            if kind is None and place in self.exclusive:
                self.emit("own", place, "w", self.exclusive[place], node)
            elif kind or (self.is_untyped(value) and is_session_like(place[-1].lstrip("."))):
                self.emit("own", place, "w", kind or "session", node)
                self.exclusive[place] = kind or "session"
            else:
                for name, held in self.held_by(value):
                    self.emit("own", extend(place, (f".{name}",)), "w", held, node)

    def is_session(self, value: Value) -> bool:
        """Whether it serves one caller at a time, by its type, its name or how it was used."""
        if is_class(value):
            return False
        by_name = self.is_untyped(value)
        return self.exclusive_name(value) is not None or any(
            place in self.exclusive or (by_name and is_session_like(place[-1].lstrip(".")))
            for place in value.places
        )

    def held_by(self, value: Value) -> Iterator[tuple[str, str]]:
        """The attributes of an object of the project that serve one caller at a time."""
        for type_ in value.types:
            if isinstance(type_.of, Class):
                if type_.of not in self.analyst.held:
                    self.analyst.held[type_.of] = ()  # until known: it may hold its like
                    self.analyst.held[type_.of] = tuple(self._held(type_.of))
                yield from self.analyst.held[type_.of]

    def _held(self, of: Class) -> Iterator[tuple[str, str]]:
        for base in self.project.ancestry(of):
            if isinstance(base, Class):
                declared = [n for n, held in base.attributes.items() if held.annotation is not None]
                for name in dict.fromkeys([*self.declarations.stored(base), *declared]):
                    kind = self.exclusive_name(self.analyst.attribute(of, name))
                    if kind in DATABASE_KINDS:
                        yield name, kind

    def exclusive_in(self, arguments: Arguments) -> frozenset[Place]:
        """Sessions among the arguments: the result may hold them."""
        return frozenset(p for v in arguments.all() for p in v.places if p in self.exclusive)

    def written(self, node: ast.AST) -> str:
        return spelling(node.func) if isinstance(node, ast.Call) else ""

    def exclusive_name(self, value: Value) -> str | None:
        """What kind of one-caller object this is, by its type, or by its type's name."""
        for type_ in value.types:
            bases = [type_.of] if isinstance(type_.of, str) else self.project.ancestry(type_.of)
            for base in bases:
                if not isinstance(base, str):
                    continue
                effects = catalogue.type_effects(base)
                if effects is None and catalogue_names.SESSION_CLASS.search(base):
                    return "session"
                if effects is not None and effects.exclusive:
                    return effects.exclusive
        return None

    def is_untyped(self, value: Value) -> bool:
        """Whether no type says that this is none of the known objects."""
        return all(
            isinstance(type_.of, str)
            and not type_.of.startswith("builtins.")
            and catalogue.type_effects(type_.of) is None
            for type_ in value.types
        )


def is_class(value: Value) -> bool:
    """Whether it is a class itself, not an object of one, as far as names say that."""
    names = [
        callee.target.rpartition(".")[2] if isinstance(callee.target, str) else callee.target.name
        for callee in value.callees
        if isinstance(callee.target, Class | str) and callee.receiver is None
    ]
    return bool(names) and not value.types and all(name[:1].isupper() for name in names)
