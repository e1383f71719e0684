"""Remembers, while functions are walked, what each of them calls: the call graph.

For `scan` only.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from asyncperf.scan import blocking_catalogue as catalogue
from asyncperf.scan.analyst import Analyst
from asyncperf.scan.annotations import last_name
from asyncperf.scan.blocking_catalogue import Blocking
from asyncperf.scan.calls import Arguments
from asyncperf.scan.dependencies import dependencies
from asyncperf.scan.index import AnyFunction, Class, Function
from asyncperf.scan.values import NOTHING, UNKNOWN, Callee, Effect, Place, Summary, Type, Value
from asyncperf.scan.walk import Walk


class Spot(NamedTuple):
    """Where in its function's file a call stands."""

    line: int
    column: int


class Primitive(NamedTuple):
    """A blocking call of a library."""

    name: str
    does: Blocking
    certain: bool


@dataclass(slots=True)
class Trace:
    """What one function calls on the thread that it runs on itself.

    `chosen` tells for a call how many definitions it may mean. `spawned` are coroutines that
    it starts as tasks, `launched` those that it gives a loop of their own.
    """

    calls: dict[tuple[Spot, Function], None] = field(default_factory=dict)
    primitives: dict[Spot, Primitive] = field(default_factory=dict)
    chosen: dict[Spot, set[object]] = field(default_factory=dict)
    spawned: set[Function] = field(default_factory=set)
    launched: set[Function] = field(default_factory=set)
    dependencies: set[Function] = field(default_factory=set)
    lambdas: list[ast.Lambda] = field(default_factory=list)


class Tracer(Analyst):
    """An analyst that keeps a trace of each function it walks."""

    def __init__(self, project: "Project") -> None:  # type: ignore[name-defined]  # noqa: F821
        super().__init__(project)
        self.traces: dict[Function, Trace] = {}
        # Parameters that their functions hand on to other threads, or to who knows where.
        self.handed_on: set[tuple[Function, str]] = set()

    def walker(self, function: Function) -> Walk:
        owner, outer = function.owner, function.outer
        while owner is None and outer is not None:
            owner, outer = outer.owner, outer.outer
        walk = TracingWalk(self, function.module, function, owner)
        walk.start()
        walk.trace = self.traces.setdefault(function, Trace())
        return walk
