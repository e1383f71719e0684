"""Parameters that switch parts of a function on and off, and what calls set them to: under
`if wait:` nothing happens for a caller that gives `wait=False`.

For `scan` only.
"""

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from asyncperf.scan.annotations import last_name
from asyncperf.scan.branches import Branch, Lines, conditions
from asyncperf.scan.candidates import own_nodes
from asyncperf.scan.index import AnyFunction
from asyncperf.scan.syntax import spelling

IS_NONE = " is None"  # no function is called so
EQUALS = " == "


class There:
    """An object, of which no more is known than that it is one."""


THERE = There()


@dataclass(frozen=True, slots=True)
class Guard:
    """Lines that only run if a parameter is true, or false, or what `asked` says of it is: a
    function, or `IS_NONE`."""

    first: int
    last: int
    parameter: str
    value: bool
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Switches:
    """A function's guards, its parameters by position, and those with a constant default."""

    guards: tuple[Guard, ...] = ()
    positions: tuple[str, ...] = ()
    defaults: dict[str, object] = field(default_factory=dict)

    def off(self, given: "Given") -> tuple[Guard, ...]:
        """What a call that gives these arguments does not come to."""
        return tuple(
            guard for guard in self.guards if self._value(guard, given) not in {None, guard.value}
        )

    def skipped(self, line: int, given: "Given") -> bool:
        """Whether a call that gives these arguments does not come to `line`."""
        return are_off(self.off(given), line)

    def _value(self, guard: Guard, given: "Given") -> bool | None:
        """What a call sets a parameter to, or was told of it; None where that is not known."""
        parameter = guard.parameter
        if guard.asked and guard.asked != IS_NONE:
            place = self.positions.index(parameter) if parameter in self.positions else parameter
            keys = [(guard.asked, place), (guard.asked, parameter)]
            known = next((given.told[key] for key in keys if key in given.told), None)
            if known is not None or not guard.asked.startswith(EQUALS):
                return known
        found = self.known(parameter, given)
        if found is None:
            return None
        [constant] = found
        if constant is THERE and guard.asked.startswith(EQUALS):
            return None
        if guard.asked.startswith(EQUALS):
            return f"{EQUALS}{constant!r}" == guard.asked
        return constant is None if guard.asked else bool(constant)

    def known(self, parameter: str, given: "Given") -> tuple[object] | None:
        """The constant that a call sets a parameter to, in a tuple; None where it is not known."""
        place = self.positions.index(parameter) if parameter in self.positions else -1
        for key in (parameter, place):
            if key in given.constants:
                return (given.constants[key],)
        if self._is_given(parameter, given) or parameter not in self.defaults:
            return None
        return (self.defaults[parameter],)

    def _is_given(self, parameter: str, given: "Given") -> bool:
        """Whether a call sets a parameter to something, as far as can be told."""
        if given.is_open or parameter in given.others:
            return True
        return parameter in self.positions[: given.positional]


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of a call, by name or place, as far as they are constants, or parameters of
    the caller that are `passed` on; and what the caller was `told` of others by a function, by
    that one's name and the argument's place."""

    constants: dict[int | str, object] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    positional: int = 0
    is_open: bool = True
    told: dict[tuple[str, int | str], bool] = field(default_factory=dict)
    passed: dict[int | str, str] = field(default_factory=dict)

    def where(self, known: Mapping[str, object]) -> "Given":
        """What the call gives where the caller's parameters are known to be so."""
        more = {place: known[name] for place, name in self.passed.items() if name in known}
        return replace(self, constants=self.constants | more) if more else self


def are_off(guards: Iterable[Guard | Lines], line: int) -> bool:
    return any(guard.first <= line <= guard.last for guard in guards)


def given(
    node: ast.AST,
    branches: Iterable[Branch] = (),
    parameters: Collection[str] = (),
    lasting: Callable[[str], bool] = lambda attribute: False,
) -> Given:
    """What a call gives, under the branches of its function, which has these parameters;
    `lasting` are the attributes of its object that always hold one."""
    if not isinstance(node, ast.Call):
        return Given()
    named = {each.arg: each.value for each in node.keywords if each.arg}
    is_open = len(named) < len(node.keywords) or any(isinstance(a, ast.Starred) for a in node.args)
    placed: dict[int | str, ast.expr] = {}
    placed.update(named)
    if not is_open:
        placed.update(enumerate(node.args))
    constants: dict[int | str, object] = {
        at: v.value for at, v in placed.items() if isinstance(v, ast.Constant)
    }
    constants |= {at: THERE for at, v in placed.items() if is_made(v, lasting)}
    passed = {
        at: v.id for at, v in placed.items() if isinstance(v, ast.Name) and v.id in parameters
    }
    others = frozenset(named.keys() - constants.keys())
    around = [each for each in branches if each.first <= node.lineno <= each.last]
    known = dict(told(node, around)) if around else {}
    return Given(constants, others, len(node.args), is_open, known, passed)


def is_made(node: ast.expr, lasting: Callable[[str], bool]) -> bool:
    """Whether it is an object for certain: one that is made there, of a class, or kept."""
    match node:
        case ast.Call(func=ast.Name() | ast.Attribute() as made):
            return last_name(made)[:1].isupper()
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return lasting(name)
    return isinstance(node, ast.Lambda)


def told(
    node: ast.Call, branches: Iterable[Branch]
) -> Iterator[tuple[tuple[str, int | str], bool]]:
    """Under `if is_address(host):` a call that gives `host` knows what `is_address` says of it."""
    given: list[tuple[int | str, ast.expr]] = [*enumerate(node.args)]
    given += [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg]
    names = {place: each.id for place, each in given if isinstance(each, ast.Name)}
    for branch in branches if names else ():
        for test, outcome in conditions(branch.test, branch.outcome):
            by, of, value = asking(test, outcome)
            if of in names.values() and of not in assigned(*branch.block):
                yield from (((by, place), value) for place, name in names.items() if name == of)


def asking(test: ast.expr, outcome: bool) -> tuple[str, str, bool]:
    """The function and the name of `is_address(host)`, with its answer; `!= "local"` asks whether
    it is equal."""
    match test:
        case ast.Call(func=by, args=[ast.Name(id=of)], keywords=[]):
            return spelling(by), of, outcome
        case ast.Compare(
            left=ast.Name(id=of),
            ops=[ast.Eq() | ast.NotEq() as operator],
            comparators=[ast.Constant(value=value)],
        ):
            return f"{EQUALS}{value!r}", of, isinstance(operator, ast.Eq) is outcome
    return "", "", outcome


def switches(node: AnyFunction, branches: Iterable[Branch]) -> Switches:
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(plain), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    defaults: dict[str, object] = {a.arg: d.value for a, d in pairs if isinstance(d, ast.Constant)}
    found = tuple(guards(branches, parameters(node)))
    if found:  # few functions have any, so only theirs are walked to the last name
        again = first_assigned(node)
        found = tuple(g for g in found if g.first <= again.get(g.parameter, g.first))
    positions = tuple(a.arg for a in plain if a.arg not in {"self", "cls"})
    return Switches(found, positions, defaults)


def parameters(node: AnyFunction) -> frozenset[str]:
    taken = node.args
    return frozenset(each.arg for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs))


def first_assigned(node: AnyFunction) -> dict[str, int]:
    """The names that a function binds, each with the first line at which it may be bound again:
    in a loop, where that begins."""
    found: dict[str, int] = {}
    for each in own_nodes(node):
        names: Collection[str] = ()
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            names = (each.id,)
        elif isinstance(each, ast.For | ast.AsyncFor | ast.While):
            names = assigned(each)
        for name in names:
            line = getattr(each, "lineno", 0)
            found[name] = min(found.get(name, line), line)
    return found


def assigned(*nodes: ast.AST) -> set[str]:
    return {
        each.id
        for node in nodes
        for each in own_nodes(node)
        if type(each) is ast.Name and isinstance(each.ctx, ast.Store)
    }


def guards(branches: Iterable[Branch], names: Collection[str]) -> Iterator[Guard]:
    for branch in branches:
        for test, value in conditions(branch.test, branch.outcome):
            by, of, answer = asking(test, value)
            if isinstance(test, ast.Name) and test.id in names:
                yield Guard(branch.first, branch.last, test.id, value)
            elif of in names:
                yield Guard(branch.first, branch.last, of, answer, by)
            match test:
                case ast.Compare(
                    left=ast.Name(id=name),
                    ops=[ast.Is() | ast.IsNot() as operator],
                    comparators=[ast.Constant(value=None)],
                ) if name in names:
                    is_none = isinstance(operator, ast.Is) is value
                    yield Guard(branch.first, branch.last, name, is_none, IS_NONE)
