"""What `isinstance`, `hasattr` and `with` say of the classes of objects, where they hold, and which
of two functions async code takes. For `scan` only.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from asyncperf.scan.annotations import types_of
from asyncperf.scan.branches import conditions
from asyncperf.scan.index import Class, Function
from asyncperf.scan.state import State
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import Callee, Told, Type, Value, is_unknown

# Tests in which an `isinstance` may stand; most are others.
ASKING = frozenset({ast.Call, ast.BoolOp, ast.UnaryOp})

# What the async one of two functions is called: `aget`, `async_get`, `get_async`.
ASYNC_NAME = re.compile(r"^a(?=[a-z])|^async_|_async$")


class Narrowing(State):
    def narrow(self, test: ast.expr, outcome: bool) -> None:
        """From here to the end of the block, `test` has come out so."""
        if type(test) not in ASKING:
            return
        for name, told in self.narrowing(test, outcome):
            self.narrowed = self.narrowed | {name: (*self.narrowed.get(name, ()), told)}

    def narrowing(self, test: ast.expr, outcome: bool) -> Iterator[tuple[str, Told]]:
        for part, holds in conditions(test, outcome):
            match part:
                case ast.Call(
                    func=ast.Name(id="isinstance"),
                    args=[ast.Name() | ast.Attribute() as asked, of],
                ):
                    classes = of.elts if isinstance(of, ast.Tuple) else [of]
                    types = [types_of(each, self.resolve) for each in classes]
                    if all(types):
                        whole = tuple(type_ for found in types for type_ in found)
                        yield spelling(asked), Told(whole, holds)
                case ast.Call(
                    func=ast.Name(id="hasattr"),
                    args=[ast.Name() | ast.Attribute() as asked, ast.Constant(value=str(name))],
                ):
                    yield spelling(asked), Told((), holds, name)

    def let_go(self, outer: dict[str, tuple[Told, ...]]) -> None:
        """At the end of a block: what was told before it, but of what is bound again inside."""
        if self.narrowed is not outer:
            self.narrowed = {name: told for name, told in outer.items() if name in self.narrowed}

    def forget(self, name: str) -> None:
        """It is bound again: what was told of it, and of its attributes, is so no longer."""
        self.narrowed = {
            told: types
            for told, types in self.narrowed.items()
            if told != name and not told.startswith(f"{name}.")
        }

    def as_narrowed(self, value: Value, node: ast.Name | ast.Attribute) -> Value:
        """What an object can be after the tests around."""
        told = self.narrowed.get(spelling(node), ())
        if not told or any(not is_unknown(callee) for callee in value.callees):
            return value
        for each in told:
            value = self.after(value, each)
        return value

    def after(self, value: Value, told: Told) -> Value:
        """Without the declared classes that a test rules out; of what no class is known, or one
        from which the class that is asked for is made, with that one."""
        if told.attribute:
            return self.after_asking(value, told)
        if not value.types:
            is_plain = any(str(type_.of).startswith("builtins.") for type_ in told.types)
            return replace(value, types=told.types) if told.holds and not is_plain else value
        kept = tuple(type_ for type_ in value.types if self.is_one(type_, told.types) is told.holds)
        if kept == value.types:
            return value
        if told.holds and not kept:
            kept = tuple(type_ for type_ in told.types if self.is_one(type_, value.types))
        if not kept:
            return value
        either = tuple(part for part in value.either if set(part.types) & set(kept))
        return replace(value, types=kept, either=either if len(either) > 1 else ())

    def after_asking(self, value: Value, told: Told) -> Value:
        """Without the classes that have what it lacks, or lack what it has where others do not:
        an heir may have more than its class."""
        has = {type_: self.has(type_, told.attribute) for type_ in value.types}
        if told.holds and not any(has.values()):
            return value
        kept = tuple(
            type_ for type_ in value.types if has[type_] is told.holds or isinstance(type_.of, str)
        )
        return value if kept == value.types else replace(value, types=kept, either=())

    def entered_as(self, node: ast.expr, awaited: bool) -> None:
        """In the block of `async with` an object is of a class that can be entered so."""
        if isinstance(node, ast.Name | ast.Attribute):
            name = spelling(node)
            told = Told((), True, "__aenter__" if awaited else "__enter__")
            self.narrowed = self.narrowed | {name: (*self.narrowed.get(name, ()), told)}

    def has(self, type_: Type, name: str) -> bool:
        """Whether all objects of a class of the project have an attribute of this name."""
        above = self.project.ancestry(type_.of) if isinstance(type_.of, Class) else ()
        return any(isinstance(each, Class) and name in each.methods for each in above)

    def is_one(self, type_: Type, of: tuple[Type, ...]) -> bool:
        """Whether objects of a class are of one of these, too."""
        above = self.project.ancestry(type_.of) if isinstance(type_.of, Class) else (type_.of,)
        return any(other.of in above for other in of)


def without_plain_twins(callees: tuple[Callee, ...]) -> tuple[Callee, ...]:
    """Of `fetch_async if self.is_async else fetch` async code takes the first."""
    names = {c.target.name for c in callees if isinstance(c.target, Function)}
    twins = {ASYNC_NAME.sub("", name) for name in names if ASYNC_NAME.search(name)}
    return tuple(
        c for c in callees if not (isinstance(c.target, Function) and c.target.name in twins)
    )
