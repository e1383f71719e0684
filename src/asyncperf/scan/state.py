"""What is known while one function is walked: its names' values, and the effects so far.

A walk is built in layers, each on the one before: `State`, `Narrowing`, `Members`, `Expressions`,
`HandingOver`, `Instantiation`, `Inferring`, `Calls`, `Bindings`, `Statements`, `Walk`. For
`scan` only.
"""

import ast
import builtins
from typing import Protocol

from asyncperf.scan.declarations import Declarations
from asyncperf.scan.index import AnyFunction, Binding, Class, Function, Module, Variable
from asyncperf.scan.inference import Inference
from asyncperf.scan.project import External, Project
from asyncperf.scan.values import (
    NOTHING,
    Callee,
    Effect,
    EffectKind,
    Place,
    Summary,
    Told,
    Type,
    Value,
)

BUILTINS = frozenset(dir(builtins))


class Knowledge(Protocol):
    """What a walk asks about the rest of the project: see `Analyst`."""

    project: Project
    declarations: Declarations
    inference: Inference | None
    held: dict[Class, tuple[tuple[str, str], ...]]  # attributes of classes that hold sessions

    def summary(self, function: Function) -> Summary: ...

    def environment(self, function: Function) -> dict[str, Value]: ...

    def attribute(self, of: Class, name: str) -> Value: ...

    def variable(self, module: Module, name: str) -> Value: ...


class State:
    def __init__(
        self, analyst: Knowledge, module: Module, function: Function | None, owner: Class | None
    ) -> None:
        self.analyst = analyst
        self.project = analyst.project
        self.declarations = analyst.declarations
        self.module = module
        self.function = function
        self.owner = owner  # the class of the nearest method around
        self.env: dict[str, Value] = {}
        self.declared_global: set[str] = set()
        self.declared_nonlocal: set[str] = set()
        self.heap: dict[Place, Value] = {}  # what attributes of objects made here hold
        self.copies: dict[Place, frozenset[Place]] = {}  # objects made here, by copying which
        self.stores: list[tuple[Place, Value]] = []
        self.exclusive: dict[Place, str] = {}  # places seen to hold a session or the like
        self.effects: list[Effect] = []
        self.spans: dict[int, tuple[int, int]] = {}  # effects of a node, by its `id`
        self.tested: dict[Place, int] = {}  # what an `if` around looked at, and when
        self.found_empty: set[Place] = set()  # what such an `if` asks only whether it is there
        self.beside: list[int] = []  # effects that set something beside what was so asked for
        self.narrowed: dict[str, tuple[Told, ...]] = {}  # what `isinstance` tests said
        self.discarded: ast.AST | None = None  # the call whose result the statement drops
        self.entering: ast.AST | None = None  # the call whose result `with` enters
        self.fills: frozenset[tuple[int, int]] | None = None  # calls that fill a cache, if asked
        self.catching = 0  # of `try` blocks around that swallow what is raised
        self.depth = 0  # of conditional blocks, where an assignment may not happen
        self.handler_depth = 0
        self.rounds = 0  # of loops around
        self.returned: list[Value] = []
        self.yielded: list[Value] = []

    @property
    def around(self) -> AnyFunction | None:
        """The definition whose body is walked."""
        return self.function.node if self.function is not None else None

    def emit(self, kind: EffectKind, place: Place, mode: str, what: str, node: ast.AST) -> None:
        line = getattr(node, "lineno", 0)
        self.effects.append(Effect(kind, place, mode, what, self.module.file, line))

    def runs_in_thread(self, begin: int) -> None:
        """What was found from there on. A thread has a context, and an event loop if it sets one,
        of its own; and what it uses in one go another thread may use meanwhile."""
        self.effects[begin:] = [
            effect._replace(mode="w") if effect.kind == "own" and effect.mode == "s" else effect
            for effect in self.effects[begin:]
            if effect.kind != "context"
        ]

    def made(self, node: ast.AST, types: tuple[Type, ...] = (), text: str | None = None) -> Value:
        """An object that this expression makes, which nobody else holds yet."""
        place = ("new", f"{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}")
        return Value(frozenset({place}), types, text=text)

    def lookup(self, name: str) -> Value:
        """The value of a name: local, of an enclosing function, of the module, built in."""
        if name in self.env and name not in self.declared_global:
            return self.env[name]
        function = self.function
        while function is not None:
            bound = function.inner.get(name)
            if bound is not None:
                return self.bound(bound, name)
            function = function.outer
            if function is not None:
                outer = self.analyst.environment(function)
                if name in outer:
                    value = outer[name]
                    place = ("free", f"{function.module.file}:{function.ordinal}", name)
                    return Value(
                        frozenset({place}), value.types, value.callees, value.text, value.yields
                    )
        found = self.project.name(self.module, name)
        if found is None:
            if name in BUILTINS:
                return Value(callees=(Callee(f"builtins.{name}"),))
            return Value(frozenset({("global", f"{self.module.file}:{name}")}))
        return self.meant(found, self.module, name)

    def bound(self, binding: Binding, name: str) -> Value:
        found = self.project.follow(binding, self.module)
        return self.meant(found, self.module, name) if found is not None else NOTHING

    def meant(self, found: object, module: Module, name: str) -> Value:
        """The value of a definition, a module, a module variable or a name outside the project."""
        if isinstance(found, Function | Class):
            place = ("global", f"{found.module.file}:{found.qualname}")
            return Value(frozenset({place}), callees=(Callee(found),))
        if isinstance(found, Variable):
            home, own = self.project.owner_of(found, module, name)
            value = self.analyst.variable(home, own)
            place = ("global", f"{home.file}:{own}")
            return Value(frozenset({place}), value.types, value.callees, value.text, value.yields)
        if isinstance(found, External):
            return Value(frozenset({("global", f"{found}")}), callees=(Callee(str(found)),))
        if isinstance(found, Module):
            return Value(types=(Type(f"module:{found.file}"),))
        return NOTHING

    def resolve(self, node: ast.expr, home: Module | None = None) -> object:
        """What a name in an annotation means here, or at the top of another module."""
        if home is not None and home is not self.module:
            return self.project.expression(node, home)
        if isinstance(node, ast.Name):
            if node.id == "Self" and self.owner is not None:
                return self.owner
            function = self.function
            while function is not None:
                if node.id in function.inner:
                    return self.project.follow(function.inner[node.id], self.module)
                function = function.outer
            if self.owner is not None and node.id in self.owner.nested:
                return self.owner.nested[node.id]
        return self.project.expression(node, self.module)
