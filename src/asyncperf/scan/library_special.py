"""Library calls whose meaning is not an effect of their own: a sleep, a thread, `gather`...

For `scan` only.
"""

import ast
from dataclasses import replace

from asyncperf.scan import by_name, catalogue
from asyncperf.scan.annotations import last_name
from asyncperf.scan.handing_over import HandingOver
from asyncperf.scan.index import Function
from asyncperf.scan.values import NOTHING, Arguments, Callee, Type, Value, join, ordered
from asyncperf.scan.verbs import computes, computes_long

ANY = frozenset({"typing.Any", "builtins.object"})  # what says nothing of a cast value
HANDING_ON = frozenset(
    {"cast", "same", "copied", "next"}
)  # awaited, they give something to wait for
BACKGROUND = "a task in the background"
STARTED_BEFORE = "what was started before"
# They give what a container held before.
HOLDING = frozenset({"keys", "values", "items", "copy", "list", "set", "tuple", "sorted"})
OBJECTS_SESSION = frozenset({("call", "the object's session")})


def special_call(
    walk: HandingOver, special: str, arguments: Arguments, node: ast.AST, awaited: bool
) -> Value:
    """Calls of which the meaning is not an effect of their own."""
    if special == "sleep":
        walk.emit("suspend", (), "", "sleep", node)
        in_passing = not (walk.rounds or walk.handler_depth)
        walk.emit("sleep", (), "d" if in_passing else "", "sleep", node)
        return NOTHING
    if special == "session":  # which the object was loaded by, as others were
        return Value(OBJECTS_SESSION, (Type("sqlalchemy.AsyncSession"),))
    if special == "text":
        return arguments.get(0)
    if awaited and special in HANDING_ON:
        walk.emit("suspend", (), "", "await", node)
        walk.emit("unknown", (), "await", STARTED_BEFORE, node)
    if special == "cast":
        targets = [callee.target for callee in arguments.get(0).callees]
        classes = [t for t in targets if not isinstance(t, Function) and t not in ANY]
        types = tuple(Type(target) for target in classes)
        return replace(arguments.get(1), types=types, either=()) if types else arguments.get(1)
    if special == "same":
        return arguments.get(0)
    if special == "newtype":  # calling it gives back what it is given
        return Value(callees=(Callee("typing.__supertype__"),))
    if special == "copy":  # what it holds is that of the first, but for what it is given
        copied = arguments.get(0)
        made = walk.made(node)
        walk.copies.update(dict.fromkeys(made.places, copied.places))
        return replace(copied, places=copied.places | made.places)
    if special == "copied":
        walk.looked_through(arguments.get(0), node)
        return by_name.copied(walk, arguments.get(0), node)
    if special == "next":
        for place in ordered(arguments.get(0).places) if awaited else ():
            walk.emit("own", place, "w", "iterator", node)
        return walk.element(arguments.get(0))
    if special == "context":
        walk.emit("context", (), "w", "context variables", node)
        return NOTHING
    if special == "partial":
        first = arguments.get(0)
        if not first.callees:
            walk.hand_over(arguments, node)
            return first
        walk.hand_over(arguments._replace(positional=arguments.positional[1:]), node)
        return Value(
            callees=tuple(
                callee._replace(given=callee.given + arguments.positional[1:])
                for callee in first.callees
            )
        )
    if special == "thread":
        walk.emit("suspend", (), "", "a thread", node)
        first = arguments.get(0)
        rest = arguments._replace(positional=arguments.positional[1:])
        if first.callees:
            begin = len(walk.effects)
            result = join([walk.apply(callee, rest, node, False) for callee in first.callees])
            for callee in first.callees:
                if is_presumed(str(callee.target)) and len(walk.effects) == begin:
                    walk.emit("unknown", (), "call", str(callee.target), node)
            walk.runs_in_thread(begin)
            return result
        walk.hand_over(arguments, node)
        if not any(place[0] == "param" for place in first.places):
            walk.emit("unknown", (), "call", "what runs in a thread", node)
        return NOTHING
    if special == "threaded":  # what it gives runs the first in a thread, when that is called
        return replace(
            walk.made(node), callees=(Callee("asyncio.to_thread", None, (arguments.get(0),)),)
        )
    if special == "start":
        if awaited:  # as if there were no task
            walk.emit("suspend", (), "", "a task", node)
        else:
            walk.emit("external", (), "w", BACKGROUND, node)
        return walk.made(node)
    if special == "gather":
        if awaited:
            walk.emit("suspend", (), "", "gather", node)
        if isinstance(node, ast.Call) and not all(_is_made_here(part) for part in node.args[:1]):
            walk.emit("unknown", (), "await", STARTED_BEFORE, node)
        return arguments.get(0)
    return NOTHING


def is_presumed(dotted: str) -> bool:
    """Whether of a library's call its name alone says that it computes, though nothing that
    computes in an instant needs a thread."""
    name = dotted.rpartition(".")[2]
    return not catalogue.is_benign(dotted) and computes(name) and not computes_long(name)


def _is_made_here(node: ast.expr) -> bool:
    """Whether an argument of `gather` is a call, or several, whose effects are in sight."""
    if isinstance(node, ast.Starred):
        node = node.value
    if isinstance(node, ast.Call) and last_name(node.func) in HOLDING:
        return bool(node.args) and _is_made_here(node.args[0])
    return isinstance(node, ast.Call | ast.GeneratorExp | ast.ListComp | ast.Constant)
