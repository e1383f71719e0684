"""The parts of objects: their attributes, and the elements of containers. For `scan` only."""

import ast
from abc import ABC, abstractmethod

from asyncperf.scan import catalogue
from asyncperf.scan.index import Class
from asyncperf.scan.narrowing import Narrowing
from asyncperf.scan.values import (
    NOTHING,
    SUPER,
    UNKNOWN,
    Callee,
    Type,
    Value,
    bare,
    extend,
    is_unknown,
    join,
    ordered,
    step,
)

ELEMENT_LAST = frozenset(
    {"dict", "Dict", "Mapping", "defaultdict", "OrderedDict", "MutableMapping"}
)


class Members(Narrowing, ABC):
    @abstractmethod
    def property_of(self, owner: Class, name: str, receiver: Value, node: ast.AST) -> Value | None:
        """What a property gives; its body is walked as a call's is."""

    def attribute(self, value: Value, name: str, node: ast.AST) -> Value:
        if value.either:
            return join([self.attribute(part, name, node) for part in value.either])
        places = frozenset(extend(place, (f".{name}",)) for place in value.places)
        for place in ordered(places):
            if len(place) > 2:
                self.emit("memory", place, "r", name, node)
        found: list[Value] = []
        for type_ in value.types:
            found.append(self._of_type(type_, name, value, node))
        for callee in value.callees:
            if not is_unknown(callee):
                found.append(self._of_callee(callee, name))
        if name == "awaitable_attrs":  # SQLAlchemy: each attribute of it is a query
            self.emit("own", ("call", "the object's session"), "r", "session", node)
        whole = join(found)
        if not (whole.callees or whole.types) and isinstance(node, ast.Attribute):
            # Nothing is known but the name, which must do if this is called.
            unknown = Callee(UNKNOWN + name, bare(value))
            return Value(whole.places or places, (), (unknown,), whole.text, whole.yields)
        return Value(whole.places or places, whole.types, whole.callees, whole.text, whole.yields)

    def _of_type(self, type_: Type, name: str, value: Value, node: ast.AST) -> Value:
        if isinstance(type_.of, Class):
            methods = self.declarations.methods(type_.of, name)
            if SUPER in type_.args:  # which never means the method that asks for it
                above = self.declarations.above(type_.of, name)
                methods = [method for method in above if method is not self.function]
            if methods and self.declarations.is_property(methods[0]):
                return join(self.property_of(type_.of, name, value, node) or NOTHING for _ in (0,))
            if methods:
                # A property in a subclass gives something to call that is not known.
                callees = tuple(
                    Callee(
                        f"property.{name}" if self.declarations.is_property(m) else m, bare(value)
                    )
                    for m in methods
                )
                return Value(step(value, f".{name}"), callees=callees)
            types = self.analyst.attribute(type_.of, name)
            return Value(step(value, f".{name}"), types.types, types.callees, types.text)
        if type_.of.startswith("module:"):
            module = self.project.modules[type_.of.partition(":")[2]]
            found = self.project.name(module, name)
            return self.meant(found, module, name) if found is not None else NOTHING
        if name == "parent" and type_.of == "pathlib.Path":
            return Value(step(value, f".{name}"), (type_,))
        effects = catalogue.type_effects(type_.of)
        if effects is not None and name in effects.holds:
            return Value(step(value, f".{name}"))
        if effects is not None and effects.is_part(name):
            return Value(step(value, f".{name}"), (Type(effects.parts),))
        callee = Callee(f"{type_.of}.{name}", bare(value))
        return Value(step(value, f".{name}"), callees=(callee,))

    def _of_callee(self, callee: Callee, name: str) -> Value:
        target = callee.target
        if isinstance(target, Class):  # a class attribute or an unbound method
            methods = self.declarations.methods(target, name)
            place = frozenset({("global", f"{target.module.file}:{target.qualname}", f".{name}")})
            if methods:
                receiver = Value(
                    frozenset({("global", f"{target.module.file}:{target.qualname}")}),
                    callees=(Callee(target),),
                )
                bound = [
                    Callee(method, None if self.declarations.is_static(method) else receiver)
                    if self.declarations.is_class_method(method)
                    else Callee(method)
                    for method in methods
                ]
                return Value(place, callees=tuple(bound))
            if name in target.nested:
                return Value(callees=(Callee(target.nested[name]),))
            value = self.analyst.attribute(target, name)
            return Value(place, value.types, value.callees, value.text)
        if isinstance(target, str):
            return Value(
                frozenset({("global", f"{target}.{name}")}),
                callees=(Callee(f"{target}.{name}", callee.receiver),),
            )
        return NOTHING

    def element(self, value: Value) -> Value:
        """Any one element of a container."""
        if value.elements:
            return join(value.elements)
        if value.yields is not None:
            return value.yields
        types: list[Type] = []
        for type_ in value.types:
            if type_.args:
                last = isinstance(type_.of, str) and type_.of.rpartition(".")[2] in ELEMENT_LAST
                types.append(type_.args[-1] if last else type_.args[0])
            elif isinstance(type_.of, str):
                effects = catalogue.type_effects(type_.of)
                if effects is not None and effects.parts:
                    types.append(Type(effects.parts))
        return Value(step(value, "[]"), tuple(types))

    def looked_through(self, value: Value, node: ast.AST) -> None:
        """A container of which all elements, or how many there are, are asked for."""
        for place in ordered(step(value, "[]")):
            self.emit("memory", place, "r", "[]", node)

    def item(self, iterated: Value, node: ast.AST) -> Value:
        """The element that a loop hands to one iteration: its own, unlike the container."""
        self.looked_through(iterated, node)
        element = self.element(iterated)
        place = ("item", f"{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}")
        if iterated.elements and element.places:
            return element
        return Value(frozenset({place}), element.types, element.callees or iterated.callees)

    def part(self, value: Value, number: int) -> Value:
        """One of the values that a tuple without written elements unpacks to."""
        for type_ in value.types:
            if type_.of in {"builtins.tuple", "typing.Tuple"} and number < len(type_.args):
                return Value(step(value, "[]"), (type_.args[number],))
        return self.element(value)
