"""Parameters that switch parts of a function on and off, and what calls set them to: under
`if wait:` nothing happens for a caller that gives `wait=False`.

For `scan` only.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from asyncperf.scan.branches import Branch, Lines, conditions
from asyncperf.scan.index import AnyFunction


@dataclass(frozen=True, slots=True)
class Guard:
    """Lines that only run if a parameter is true, or false."""

    first: int
    last: int
    parameter: str
    value: bool


@dataclass(frozen=True, slots=True)
class Switches:
    """A function's guards, its parameters by position, and those with a constant default."""

    guards: tuple[Guard, ...] = ()
    positions: tuple[str, ...] = ()
    defaults: dict[str, bool] = field(default_factory=dict)

    def off(self, given: "Given") -> tuple[Guard, ...]:
        """What a call that gives these arguments does not come to."""
        return tuple(
            guard
            for guard in self.guards
            if self._value(guard.parameter, given) not in {None, guard.value}
        )

    def skipped(self, line: int, given: "Given") -> bool:
        """Whether a call that gives these arguments does not come to `line`."""
        return are_off(self.off(given), line)

    def _value(self, parameter: str, given: "Given") -> bool | None:
        """What a call sets a parameter to; None where that is not constant."""
        if parameter in given.constants:
            return given.constants[parameter]
        if given.is_open or parameter in given.others:
            return None
        if parameter in self.positions[: given.positional]:
            return None
        return self.defaults.get(parameter)


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of a call, as far as they are constants given by name."""

    constants: dict[str, bool] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    positional: int = 0
    is_open: bool = True


def are_off(guards: Iterable[Guard | Lines], line: int) -> bool:
    return any(guard.first <= line <= guard.last for guard in guards)


def given(node: ast.AST) -> Given:
    if not isinstance(node, ast.Call):
        return Given()
    named = {each.arg: each.value for each in node.keywords if each.arg}
    constants = {k: bool(v.value) for k, v in named.items() if isinstance(v, ast.Constant)}
    is_open = len(named) < len(node.keywords) or any(isinstance(a, ast.Starred) for a in node.args)
    return Given(constants, frozenset(named.keys() - constants.keys()), len(node.args), is_open)


def switches(node: AnyFunction, branches: Iterable[Branch]) -> Switches:
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(plain), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    defaults = {a.arg: bool(d.value) for a, d in pairs if isinstance(d, ast.Constant)}
    names = {each.arg for each in (*plain, *arguments.kwonlyargs)}
    found = tuple(guards(branches, names))
    if found:  # few functions have any, so only theirs are walked to the last name
        again = set(assigned(node))
        found = tuple(guard for guard in found if guard.parameter not in again)
    positions = tuple(a.arg for a in plain if a.arg not in {"self", "cls"})
    return Switches(found, positions, defaults)


def assigned(node: AnyFunction) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id


def guards(branches: Iterable[Branch], names: set[str]) -> Iterator[Guard]:
    for branch in branches:
        for test, value in conditions(branch.test, branch.outcome):
            if isinstance(test, ast.Name) and test.id in names:
                yield Guard(branch.first, branch.last, test.id, value)
