"""Applies the catalogue to a call of something outside the project. For `scan` only."""

import ast
import re
from typing import TYPE_CHECKING

from asyncperf.scan import catalogue, catalogue_names, catalogue_types
from asyncperf.scan.index import Class
from asyncperf.scan.library_effects import Does, TypeEffects
from asyncperf.scan.values import (
    NOTHING,
    UNKNOWN,
    Callee,
    Effect,
    Place,
    Type,
    Value,
    bare,
    is_private,
    join,
    step,
)
from asyncperf.scan.verbs import is_session_like, reads, writes

if TYPE_CHECKING:
    from asyncperf.scan.calls import Arguments, Calls

# What calling an object of these classes makes.
FACTORIES = {
    "sqlalchemy.async_sessionmaker": "sqlalchemy.AsyncSession",
    "sqlalchemy.sessionmaker": "sqlalchemy.AsyncSession",
    "sqlalchemy.shared_sessionmaker": "sqlalchemy.shared_session",
}
READING_SQL = re.compile(
    r"^[\s(]*(--[^\n]*\n\s*)*(select|show|explain|values|pragma\s+\w+\s*;?$)", re.IGNORECASE
)
CHANGING_CTE = re.compile(
    r"\b(insert\s+into|update\s+\w+\s+set|delete\s+from|for\s+update)\b", re.IGNORECASE
)
# Statements that prepare one connection, or what is there already, and change no data.
SETTING_UP = re.compile(
    r"^\s*(set|attach|detach|pragma|begin|use|listen|create\s+\w+(\s+\w+)?\s+if\s+not\s+exists)\b",
    re.IGNORECASE,
)
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# POST is also used to ask long questions; the path then says so.
ASKING_PATH = re.compile(
    r"/(_?search|filter|query|queries|count|graphql|lookup|history|paginate)\b[^/]*/?$",
    re.IGNORECASE,
)


def called_object(types: tuple[Type, ...]) -> Type | None:
    for type_ in types:
        if isinstance(type_.of, str):
            made = FACTORIES.get(catalogue.key(type_.of))
            if made:
                return Type(made)
    return None


def is_exclusive(dotted: str) -> bool:
    effects = catalogue.type_effects(dotted)
    return effects is not None and bool(effects.exclusive)


def apply(
    walk: "Calls", callee: Callee, arguments: "Arguments", node: ast.AST, awaited: bool
) -> Value:
    """The result and the effects of one callee outside the project."""
    dotted = str(callee.target)
    if dotted.startswith(UNKNOWN):
        return _known_by_name(walk, dotted[len(UNKNOWN) :], callee, arguments, node, awaited)
    owner, _, name = dotted.rpartition(".")
    if callee.receiver is not None:
        effects = catalogue.type_effects(owner)
        if effects is not None:
            return _method(walk, effects, name, callee.receiver, arguments, node, awaited)
        return _plain_method(walk, dotted, name, callee.receiver, arguments, node, awaited)
    special = catalogue.call_effects(dotted)
    if special is not None and special.special:
        return _special(walk, special.special, arguments, node, awaited)
    if special is not None:
        if special.world:
            does = special.does
            if special.returns == "io.File" or special.returns == "aiofiles.File":
                mode = arguments.get(1, "mode").text or "r"
                does = "w" if set(mode) & set("wax+") else "r"
            if does == "http":
                _text_decides(walk, special.world, arguments.get(0, "method"), node)
            else:
                walk.emit("external", (), does, special.world, node)
        if awaited:
            walk.emit("suspend", (), "", dotted, node)
        return walk.made(node, (Type(special.returns),) if special.returns else ())
    if catalogue.type_effects(dotted) is not None or called_object((Type(dotted),)):
        return walk.made(node, (Type(dotted),))
    return _unlisted(walk, callee, arguments, node, awaited)


def _known_by_name(
    walk: "Calls", name: str, callee: Callee, arguments: "Arguments", node: ast.AST, awaited: bool
) -> Value:
    """A method of an object of which nothing is known."""
    receiver = callee.receiver or NOTHING
    if awaited:
        walk.hand_over(arguments, node)
        _presume(walk, walk.written(node), name, receiver, node)
        return walk.made(node)
    known = (
        catalogue_names.CONTAINER_READS
        | catalogue_names.CONTAINER_APPENDS
        | catalogue_names.CONTAINER_STORES
    )
    if walk.discarded is not None and name not in known and not reads(name):
        walk.emit("external", (), "w", f"whatever {name} reaches", node)
    return container_call(walk, name, name, receiver, arguments, node)


def _unlisted(
    walk: "Calls", callee: Callee, arguments: "Arguments", node: ast.AST, awaited: bool
) -> Value:
    """A library call without an entry: a class that is made, a benign one, or an unknown one."""
    dotted = str(callee.target)
    name = dotted.rpartition(".")[2]
    walk.hand_over(arguments, node)
    is_class = name[:1].isupper() and not name.isupper()
    held = walk.exclusive_in(arguments)
    if awaited:
        _presume(walk, dotted, name, callee.receiver or NOTHING, node)
    elif not (is_class or catalogue.is_benign(dotted)):
        walk.emit("unknown", (), "call", dotted, node)
    if name == "set_event_loop" or (dotted.startswith("contextvars.") and name == "set"):
        walk.emit("context", (), "w", dotted, node)
    made = walk.made(node, (Type(dotted),) if is_class else ())
    return Value(made.places | held, made.types)


def _presume(walk: "Calls", spelled: str, name: str, receiver: Value, node: ast.AST) -> None:
    """An awaited call of which only the name is known."""
    walk.emit("suspend", (), "", spelled, node)
    walk.emit("unknown", (), "await", spelled, node)
    is_dropped = walk.discarded is node
    mode = "q" if reads(name) or not (writes(name) or is_dropped) else "w"
    walk.emit("external", (), mode, f"whatever {spelled} reaches", node)
    owner = walk.written(node).rpartition(".")[0].rpartition(".")[2].removesuffix("()")
    walk.used_elsewhere(receiver, node)
    if is_session_like(owner):
        # Whose session a repository uses is not known, however fresh the repository is.
        known = {place for place in receiver.places if not is_private(place)}
        for place in known or {("call", owner)}:
            walk.emit("own", place, "r" if mode == "q" else "w", "session", node)
    for place in receiver.places:
        walk.emit("own", place, "o", "object", node)
        if mode == "w":
            walk.emit("memory", place, "u", spelled, node)


def _method(
    walk: "Calls",
    effects: TypeEffects,
    name: str,
    receiver: Value,
    arguments: "Arguments",
    node: ast.AST,
    awaited: bool,
) -> Value:
    """A method of a catalogued class."""
    does = effects.does.get(name, effects.otherwise)
    is_lock = effects is catalogue_types.TYPES["asyncio.Lock"]
    if awaited and name not in effects.quiet:
        walk.emit("suspend", (), "", f".{name}()", node)
    if effects.exclusive and name not in {"close", "get_bind"}:
        mode = "c" if does == "commit" else "w" if does in {"w", "sql"} else "r"
        for place in receiver.places or {("call", f"a {effects.exclusive}")}:
            walk.emit("own", place, mode, effects.exclusive, node)
    if is_lock and does == "w":
        walk.emit("external", (), "w", "those who wait for a signal", node)
    elif is_lock:
        for place in receiver.places:
            walk.emit("lock", place, "w", lock_kind(receiver, place), node)
    if effects.world:
        if does == "sql":
            _text_decides(walk, effects.world, arguments.get(0, "statement", "query", "sql"), node)
        elif does == "http":
            _text_decides(walk, effects.world, arguments.get(0, "method", "request"), node)
        elif does in {"r", "w", "q"}:
            mode = does
            path = arguments.get(0, "url").text
            if name == "post" and path and ASKING_PATH.search(path):
                mode = "q"
            walk.emit("external", (), mode, effects.world, node)
    if name == "enter_async_context" or name == "enter_context":
        return walk.entered(arguments.get(0), node, True)
    walk.hand_over(arguments, node)
    made = effects.makes.get(name)
    if name in {"build_request"}:
        method = arguments.get(0, "method")
        return Value(method.places, (Type("httpx.Request"),), text=method.text)
    result = walk.made(node, (Type(made),) if made else ())
    if (
        made and is_exclusive(made) and effects.exclusive
    ):  # a cursor or a transaction lives on its connection
        return Value(receiver.places, result.types)
    return result


def _plain_method(
    walk: "Calls",
    dotted: str,
    name: str,
    receiver: Value,
    arguments: "Arguments",
    node: ast.AST,
    awaited: bool,
) -> Value:
    """A method of a class that the catalogue does not list: built in, or of some library."""
    if dotted.startswith("contextvars.ContextVar."):
        if name in {"set", "reset"}:
            for place in receiver.places:
                walk.emit("context", place, name, "context variable", node)
            for place in receiver.places:
                walk.stores.append(((*place, ".value"), arguments.get(0)))
        return Value(step(receiver, ".value"))
    if not awaited:
        return container_call(walk, dotted, name, receiver, arguments, node)
    walk.hand_over(arguments, node)
    _presume(walk, dotted, name, receiver, node)
    return walk.made(node)


def container_call(
    walk: "Calls",
    spelled: str,
    name: str,
    receiver: Value,
    arguments: "Arguments",
    node: ast.AST,
) -> Value:
    """A plain method call: by its name, what it does to the object."""
    if name in catalogue_names.CONTAINER_APPENDS or name in catalogue_names.CONTAINER_STORES:
        mode = "a" if name in catalogue_names.CONTAINER_APPENDS else "k"
        for place in step(receiver, "[]"):
            walk.emit("memory", place, mode, f".{name}()", node)
        return walk.element(receiver)
    if name in catalogue_names.CONTAINER_READS:
        for place in step(receiver, "[]"):
            walk.emit("memory", place, "r", f".{name}()", node)
        if name in {"get", "values", "items", "copy"}:
            element = walk.element(receiver)
            return Value(element.places, element.types or receiver.types, yields=bare(element))
        return _derived(walk, name, receiver, node)
    walk.hand_over(arguments, node)
    if not (catalogue.is_benign(spelled) and "." in spelled):
        walk.emit("unknown", (), "call", spelled, node)
    made = walk.made(node)
    return Value(made.places | walk.exclusive_in(arguments), made.types)


def _derived(walk: "Calls", name: str, receiver: Value, node: ast.AST) -> Value:
    """What a reading method gives: a text made from an argument is still what that one says."""
    classes = tuple(Type(c.target) for c in receiver.callees if isinstance(c.target, Class))
    if classes:  # `Model.model_validate(...)`
        return walk.made(node, classes)
    is_text = name in catalogue_names.TEXT_METHODS and receiver.text is None
    return Value(
        receiver.places if is_text else walk.made(node).places,
        receiver.types,
        text=receiver.text,
    )


def unknown_call(
    walk: "Calls",
    func: ast.expr,
    receiver: Value,
    arguments: "Arguments",
    node: ast.AST,
    awaited: bool,
) -> Value:
    """A callee that could not be resolved."""
    from asyncperf.scan.calls import spelling

    spelled = spelling(func)
    name = func.attr if isinstance(func, ast.Attribute) else spelled
    if not awaited and isinstance(func, ast.Attribute):
        root = spelled.partition(".")[0]
        if root in catalogue_names.LOGGING_ROOTS:
            return NOTHING
        if name == "run_in_executor" or name == "run":
            walk.hand_over(arguments, node)
            return walk.made(node)
        if is_session_like(spelled.rpartition(".")[0].rpartition(".")[2]):
            walk.used_elsewhere(receiver, node)
        return container_call(walk, spelled, name, receiver, arguments, node)
    walk.hand_over(arguments, node)
    if not awaited:
        walk.emit("unknown", (), "call", spelled, node)
        return Value(frozenset({("call", spelled)}) | walk.exclusive_in(arguments))
    if name == "run_in_executor":
        walk.emit("suspend", (), "", "a thread", node)
        return walk.made(node)
    _presume(walk, spelled, name, receiver, node)
    return Value(frozenset({("call", spelled)}) | walk.exclusive_in(arguments))


def _special(
    walk: "Calls", special: str, arguments: "Arguments", node: ast.AST, awaited: bool
) -> Value:
    """Calls of which the meaning is not an effect of their own."""
    if special == "sleep":
        walk.emit("suspend", (), "", "sleep", node)
        walk.emit("sleep", (), "", "sleep", node)
        return NOTHING
    if special == "text":
        return arguments.get(0)
    if special == "same":
        return arguments.get(0)
    if special == "next":
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
            return join([walk.apply(callee, rest, node, False) for callee in first.callees])
        walk.hand_over(arguments, node)
        if not any(place[0] == "param" for place in first.places):
            walk.emit("unknown", (), "call", "what runs in a thread", node)
        return NOTHING
    if special == "start":
        walk.emit("external", (), "w", "a task in the background", node)
        return walk.made(node)
    if special == "gather":
        if awaited:
            walk.emit("suspend", (), "", "gather", node)
        if isinstance(node, ast.Call) and not all(_is_made_here(part) for part in node.args[:1]):
            walk.emit("unknown", (), "await", "what was started before", node)
        return arguments.get(0)
    return NOTHING


def _is_made_here(node: ast.expr) -> bool:
    """Whether an argument of `gather` is a call, or several, whose effects are in sight."""
    if isinstance(node, ast.Starred):
        node = node.value
    return isinstance(node, ast.Call | ast.GeneratorExp | ast.ListComp | ast.Constant)


def entered(walk: "Calls", dotted: str, value: Value, node: ast.AST, awaited: bool) -> Value:
    """`with` on an object of a library class."""
    effects = catalogue.type_effects(dotted)
    if awaited:
        walk.emit("suspend", (), "", "async with", node)
    if effects is catalogue_types.TYPES["asyncio.Lock"] or (
        effects is None and catalogue_names.LOCK_LIKE.search(dotted)
    ):
        for place in value.places:
            walk.emit("lock", place, "w", lock_kind(value, place), node)
    elif effects is None and awaited and not catalogue.is_benign(dotted):
        walk.emit("unknown", (), "await", f"async with {dotted}", node)
    return value


def lock_kind(value: Value, place: Place) -> str:
    """A semaphore lets several through, as far as it goes; a lock one."""
    names = [str(type_.of).lower() for type_ in value.types] + [place[-1].lower()]
    several = any(word in name for name in names for word in ("sema", "limiter", "throttle"))
    return "semaphore" if several else "lock"


def external(walk: "Calls", effect: Effect, value: Value, others: tuple[Value, ...]) -> None:
    """An effect that depends on an argument, now that this and the other arguments are known."""
    mode = _http_mode(value, others) if effect.what == "http" else _sql_mode(value)
    if mode is not None:
        walk.effects.append(effect._replace(place=(), mode=mode))
        return
    parameters = [place for place in value.places if place[0] == "param"]
    for place in parameters:
        walk.effects.append(effect._replace(place=place))
    if not parameters:
        walk.effects.append(effect._replace(place=(), mode="?"))


def _text_decides(walk: "Calls", world: str, value: Value, node: ast.AST) -> None:
    before = Effect("external", (), "?", world, walk.module.file, getattr(node, "lineno", 0))
    external(walk, before, value, ())


def _sql_mode(value: Value) -> Does | None:
    if value.either:
        modes = {_sql_mode(part) for part in value.either}
        return None if None in modes else "w" if "w" in modes else min(modes, key=str)
    for type_ in value.types:
        if isinstance(type_.of, str):
            if type_.of == "sqlalchemy.Select" or type_.of.endswith(".Select"):
                return "r"
            if type_.of == "sqlalchemy.Write":
                return "w"
    if value.text is None:
        return None
    text = value.text
    if SETTING_UP.match(text):
        return "-"
    if READING_SQL.match(text) and not CHANGING_CTE.search(text):
        return "r"
    if re.match(r"^\s*with\b", text, re.IGNORECASE) and not CHANGING_CTE.search(text):
        return "r"
    return "w"


def _http_mode(value: Value, others: tuple[Value, ...]) -> Does | None:
    if value.text is None:
        return None
    if value.text.upper() in READING_METHODS:
        return "r"
    asks = any(other.text and ASKING_PATH.search(other.text) for other in others)
    return "q" if asks and value.text.upper() == "POST" else "w"
