"""Remembers what each function, class attribute and module variable was found to be.

Summaries are computed when first asked for. Functions that call each other in a cycle are walked
again until their summaries stay the same, or `MAX_ROUNDS` times. For `scan` only.
"""

import ast
import itertools
import math
from dataclasses import replace

from asyncperf.scan.annotations import types_of
from asyncperf.scan.declarations import Declarations
from asyncperf.scan.index import AnyFunction, Class, Function, Module, Variable
from asyncperf.scan.inference import Inference
from asyncperf.scan.project import Project
from asyncperf.scan.values import NOTHING, Effect, Summary, Value, join
from asyncperf.scan.verbs import reads, writes
from asyncperf.scan.walk import Walk

MAX_ROUNDS = 3


class Analyst:
    def __init__(self, project: Project) -> None:
        self.project = project
        self.inference: Inference | None = None  # a type checker that may be asked
        self.declarations = Declarations(project)
        self.held: dict[Class, tuple[tuple[str, str], ...]] = {}
        self._summaries: dict[Function, Summary] = {}
        self._effects: dict[Effect, Effect] = {}
        self._values: dict[Value, Value] = {}
        self._provisional: dict[Function, Summary] = {}
        self._cyclic: dict[Function, tuple[Summary, float]] = {}
        self._stack: dict[Function, int] = {}
        self._lowest: float = math.inf
        self._walks: dict[Function, Walk] = {}
        self._environments: dict[Function, dict[str, Value]] = {}
        self._attributes: dict[tuple[Class, str], Value] = {}
        self._variables: dict[tuple[str, str], Value] = {}
        self._wanted: Function | None = None  # whose walk is to be kept, and that walk
        self._kept: tuple[Walk, AnyFunction] | None = None

    # Functions

    def summary(self, function: Function) -> Summary:
        """What calling `function` does."""
        known = self._summaries.get(function)
        if known is not None:
            return known
        if function in self._stack:
            self._lowest = min(self._lowest, self._stack[function])
            return self._provisional.get(function, Summary())
        if function in self._cyclic:
            found, lowest = self._cyclic[function]
            self._lowest = min(self._lowest, lowest)
            return found
        return self._compute(function)

    def _compute(self, function: Function) -> Summary:
        depth = len(self._stack)
        outer_lowest = self._lowest
        self._stack[function] = depth
        before = set(self._cyclic)
        for number in range(MAX_ROUNDS):
            self._lowest = math.inf
            try:
                found = self._walk(function)
            except RecursionError:
                found = Summary(_unwalked(function, "a very deep chain"))
                self._give_up(function)
            lowest = self._lowest
            if lowest != math.inf:
                self._give_up(function)
            opens = found.yields is not None and lowest != math.inf and number == 0
            if opens:  # what it does was found without knowing what it gives to itself
                self._provisional[function] = replace(found, effects=())
            if lowest != depth or found == self._provisional.get(function):
                break
            if not opens:
                self._provisional[function] = found
            if number < MAX_ROUNDS - 1:
                for other in set(self._cyclic) - before:
                    del self._cyclic[other]
        del self._stack[function]
        if lowest >= depth:
            self._summaries[function] = found = self._shared(found)
            self._provisional.pop(function, None)
            for other in set(self._cyclic) - before:
                self._summaries[other] = self._shared(self._cyclic.pop(other)[0])
                self._provisional.pop(other, None)
        else:
            self._cyclic[function] = (found, lowest)
        self._lowest = min(outer_lowest, lowest if lowest < depth else math.inf)
        return found

    def _shared(self, found: Summary) -> Summary:
        """With what equals a part of another summary in one copy: callers do what their callees
        do, so that more than half of all effects are said before."""
        one = self._effects.setdefault
        return Summary(
            tuple([one(effect, effect) for effect in found.effects]),
            self._value(found.returns),
            None if found.yields is None else self._value(found.yields),
            tuple([(place, self._value(value)) for place, value in found.stores]),
            tuple([(place, self._value(value)) for place, value in found.holds]),
        )

    def _value(self, value: Value) -> Value:
        return value if value is NOTHING else self._values.setdefault(value, value)

    def _walk(self, function: Function) -> Summary:
        node = function.node
        if node is None:
            return Summary(_unwalked(function, "source is gone"))
        walk = self.walker(function)
        self._walks[function] = walk
        try:
            found = walk.function_body(function, node)
        finally:
            del self._walks[function]
        if function is self._wanted:
            self._kept = walk, node
        if function.inner:
            self._environments[function] = walk.env
        if self.declarations.is_abstract(function):
            missing = Effect(
                "unknown",
                (),
                "await",
                f"{function.qualname} without a body",
                function.module.file,
                function.line,
            )
            suspends = missing._replace(kind="suspend", mode="")
            added = [*walk.given_away(node), missing, suspends]
            if writes(function.name):  # as of any call of which only the name is known
                what = f"whatever {function.qualname} reaches"
                added.append(missing._replace(kind="external", mode="w", what=what))
            return Summary((*found.effects, *added), found.returns)
        return self.decorated(function, found)

    def walked(self, function: Function, node: AnyFunction) -> tuple[Walk, AnyFunction]:
        """A walk of a function that has come to its end, and the syntax that it walked.

        It is the one that its summary takes, where that is still to be made. Not so of functions
        that call themselves, and those around others, whose names change while they are walked.
        """
        if not (function.inner or function in self._summaries):
            self._wanted, self._kept = function, None
            self.summary(function)
            kept = self._kept
            self._wanted = self._kept = None
            if kept is not None:
                return kept
        walk = self.walker(function)
        walk.function_body(function, node)
        return walk, node

    def _give_up(self, function: Function) -> None:
        if function is self._wanted:
            self._wanted = self._kept = None

    def walker(self, function: Function) -> Walk:
        owner = function.owner
        outer = function.outer
        while owner is None and outer is not None:
            owner, outer = outer.owner, outer.outer
        return self.make_walk(function.module, function, owner)

    def make_walk(self, module: Module, function: Function | None, owner: Class | None) -> Walk:
        return Walk(self, module, function, owner)

    def decorated(self, function: Function, found: Summary) -> Summary:
        """With what decorators of the project do around it."""
        added: list[Effect] = []
        for decorator in function.decorators:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            meant = self.project.expression(target, function.module)
            if not isinstance(meant, Function):
                continue
            own = self.declarations.signature(meant).names
            for wrapper in _nested(meant):
                own = own | self.declarations.signature(wrapper).names
                for effect in self.summary(wrapper).effects:
                    is_call_through = any(name in effect.what for name in own) and (
                        effect.kind in {"unknown", "external"}
                    )
                    if is_call_through or (effect.place and effect.place[0] in {"free", "param"}):
                        continue
                    added.append(effect)
        return replace(found, effects=(*found.effects, *added))

    def environment(self, function: Function) -> dict[str, Value]:
        """The names of an enclosing function, as far as it has been walked."""
        walk = self._walks.get(function)
        if walk is not None:
            return walk.env
        if function not in self._environments:
            self._environments[function] = {}
            self.summary(function)
        return self._environments[function]

    # Class attributes

    def attribute(self, of: Class, name: str) -> Value:
        """What `object.name` may hold, by annotation or by what methods assign to it."""
        key = (of, name)
        if key not in self._attributes:
            self._attributes[key] = NOTHING  # until known: it may be defined by itself
            self._attributes[key] = self._value(self._attribute(of, name))
        return self._attributes[key]

    def _attribute(self, of: Class, name: str) -> Value:
        own = self.project.ancestry(of)
        for base in itertools.chain(own, self.declarations.mixed_with(of)):
            if not isinstance(base, Class):
                continue
            variable = base.attributes.get(name)
            declared = self._declared(base, variable) if variable is not None else NOTHING
            if declared.types:
                return declared
            found = [declared]
            for method, annotation, value in self.declarations.stored(base).get(name, ()):
                walk = self.walker(method)
                node = method.node
                if node is None:
                    continue
                walk.parameters(method, node)
                types = types_of(annotation, walk.resolve)
                if types:
                    return Value(types=types)
                found.append(walk.evaluate(value))
            whole = join(found)
            if whole.types or whole.callees:
                return Value(types=whole.types, callees=whole.callees)
        return NOTHING

    def _declared(self, owner: Class, variable: Variable) -> Value:
        walk = self.make_walk(owner.module, None, owner)
        types = types_of(variable.annotation, walk.resolve)
        if types:
            return Value(types=types)
        whole = join([walk.evaluate(value) for value in variable.values])
        return Value(types=whole.types, callees=whole.callees, text=whole.text)

    # Module variables

    def variable(self, module: Module, name: str) -> Value:
        key = (module.file, name)
        if key not in self._variables:
            self._variables[key] = NOTHING
            bound = module.names.get(name)
            if isinstance(bound, Variable):
                walk = self.make_walk(module, None, None)
                types = types_of(bound.annotation, walk.resolve)
                whole = join([walk.evaluate(value) for value in bound.values])
                if types:
                    whole = Value(whole.places, types, whole.callees, whole.text)
                self._variables[key] = whole
        return self._variables[key]


def _unwalked(function: Function, why: str) -> tuple[Effect, ...]:
    """What is presumed of a function whose body was not read: it may wait, and may write."""
    unknown = Effect("unknown", (), "call", why, function.module.file, function.line)
    if not function.is_async:
        return (unknown,)
    mode = "q" if reads(function.name) else "w"
    what = f"whatever {function.qualname} reaches"
    return (
        unknown._replace(mode="await"),
        unknown._replace(kind="suspend", mode=""),
        unknown._replace(kind="external", mode=mode, what=what),
    )


def _nested(function: Function) -> list[Function]:
    found: list[Function] = []
    for bound in function.inner.values():
        if isinstance(bound, Function):
            found += [bound, *_nested(bound)]
    return found
