"""What one function calls, where, and on which conditions: the data of the call graph.

For `scan` only.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from asyncperf.scan.blocking_catalogue import Blocking
from asyncperf.scan.branches import Lines
from asyncperf.scan.index import Function
from asyncperf.scan.switches import Given, Switches


class Spot(NamedTuple):
    """Where in its function's file a call stands, from its first to its last character."""

    line: int
    column: int
    end_line: int
    end_column: int


class Primitive(NamedTuple):
    """A blocking call of a library; `by_loop` where the event loop is given it to call."""

    name: str
    does: Blocking
    certain: bool
    by_loop: bool = False


@dataclass(slots=True)
class Trace:
    """What one function calls on the thread that it runs on itself.

    `chosen` tells for a call which definitions it may mean, `by_self` which are methods of the
    object itself. `spawned` are coroutines that it
    starts as tasks, `launched` those that it gives a loop of their own, `handed` those that it
    gives to who knows whom. `named` are methods that it calls of objects of which the class is
    not known, `makes` the names of library classes. `is_bare`: it takes no arguments;
    `keeps_result`: and keeps what it gives in a global. `works_once`: it returns at once the next
    time. `first_time` are the lines that only run until what they make is kept. `is_empty`: it is
    there to be overridden. `given` are the constants among a call's arguments. `for_desktops` are
    the lines that only Windows or macOS comes to, `without_loop` those that no event loop does.
    `dropped` are calls of which nobody takes what they give.
    """

    calls: dict[tuple[Spot, Function], None] = field(default_factory=dict)
    primitives: dict[Spot, Primitive] = field(default_factory=dict)
    chosen: dict[Spot, set[object]] = field(default_factory=dict)
    by_self: set[Spot] = field(default_factory=set)
    spawned: set[Function] = field(default_factory=set)
    launched: set[Function] = field(default_factory=set)
    handed: set[Function] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    makes: set[str] = field(default_factory=set)
    is_bare: bool = False
    keeps_result: bool = False
    works_once: bool = False
    first_time: tuple[Lines, ...] = ()
    is_empty: bool = False
    switches: Switches = field(default_factory=Switches)
    given: dict[Spot, Given] = field(default_factory=dict)
    for_desktops: tuple[Lines, ...] = ()
    without_loop: tuple[Lines, ...] = ()
    dropped: set[Spot] = field(default_factory=set)


def spot_of(node: ast.AST) -> Spot:
    if not isinstance(node, ast.expr):
        return Spot(getattr(node, "lineno", 0), 0, 0, 0)
    return Spot(node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)


def inner_functions(function: Function) -> Iterator[Function]:
    for bound in function.inner.values():
        if isinstance(bound, Function):
            yield bound
            yield from inner_functions(bound)


def key_of(function: Function) -> str:
    """As the places of an enclosing function's names spell it."""
    return f"{function.module.file}:{function.ordinal}"
