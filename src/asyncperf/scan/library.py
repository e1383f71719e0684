"""Applies the catalogue to a call of something outside the project. For `scan` only."""

import ast
from collections.abc import Iterator
from dataclasses import replace

from asyncperf.scan import (
    by_name,
    catalogue,
    catalogue_methods,
    catalogue_names,
    catalogue_types,
    lending,
    library_special,
    library_texts,
    named_objects,
)
from asyncperf.scan.annotations import last_name
from asyncperf.scan.handing_over import HandingOver
from asyncperf.scan.index import Class, Function
from asyncperf.scan.library_effects import Does, TypeEffects
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import (
    NOTHING,
    UNKNOWN,
    Arguments,
    Callee,
    Place,
    Type,
    Value,
    is_private,
    ordered,
    step,
)
from asyncperf.scan.verbs import computes, fetches, writes

PRINT = "builtins.print"  # beside what else it is for, as a log is

# What calling an object of these classes makes.
FACTORIES = {
    "sqlalchemy.async_sessionmaker": "sqlalchemy.AsyncSession",
    "sqlalchemy.sessionmaker": "sqlalchemy.AsyncSession",
    "sqlalchemy.shared_sessionmaker": "sqlalchemy.shared_session",
}

# Said of FastAPI's own schemes that were made with `auto_error=False`, and so never refuse.
LENIENT = (Type("typing.Optional"),)

# What gives each task a session of its own.
EACH_TASK = "sqlalchemy.async_sessionmaker"


def called_object(types: tuple[Type, ...]) -> Type | None:
    for type_ in types:
        if isinstance(type_.of, str):
            made = FACTORIES.get(catalogue.key(type_.of))
            if made:
                return Type(made)
    return None


def called_scheme(
    walk: HandingOver, scheme: Value, arguments: Arguments, node: ast.AST, awaited: bool
) -> Value | None:
    """FastAPI's own way to find credentials, called with a request: `api_key_header(request)`."""
    for type_ in scheme.types:
        if isinstance(type_.of, str):
            effects = catalogue.type_effects(type_.of)
            if effects is catalogue_methods.SCHEME:
                return _method(walk, effects, "__call__", scheme, arguments, node, awaited)
    return None


def is_exclusive(dotted: str) -> bool:
    effects = catalogue.type_effects(dotted)
    return effects is not None and bool(effects.exclusive)


def is_listed(dotted: str, receiver: Value | None, awaited: bool) -> bool:
    """Whether the catalogue says what a call of this name does."""
    if receiver is not None and catalogue.type_effects(dotted.rpartition(".")[0]) is not None:
        return True
    if not awaited and catalogue.is_benign(dotted):
        return True
    return receiver is None and (
        catalogue.call_effects(dotted) is not None or catalogue.type_effects(dotted) is not None
    )


def apply(
    walk: HandingOver, callee: Callee, arguments: Arguments, node: ast.AST, awaited: bool
) -> Value:
    """The result and the effects of one callee outside the project."""
    dotted = str(callee.target)
    if dotted.startswith(UNKNOWN):
        return by_name.method_call(walk, dotted[len(UNKNOWN) :], callee, arguments, node, awaited)
    owner, _, name = dotted.rpartition(".")
    if callee.receiver is not None:
        effects = catalogue.type_effects(owner)
        if effects is not None and (name in effects.does or effects.otherwise != "name"):
            return _method(walk, effects, name, callee.receiver, arguments, node, awaited)
        return _plain_method(walk, dotted, name, callee.receiver, arguments, node, awaited)
    unbound = catalogue.type_effects(owner)
    if awaited and unbound is not None and name in unbound.does:
        return _method(walk, unbound, name, NOTHING, arguments, node, awaited)
    special = catalogue.call_effects(dotted)
    if special is not None and special.special:
        return library_special.special_call(walk, special.special, arguments, node, awaited)
    if special is not None:
        if special.world:
            does = special.does
            if special.returns == "io.File" or special.returns == "aiofiles.File":
                mode = arguments.get(1, "mode").text or "r"
                does = "w" if set(mode) & set("wax+") else "r"
            if does == "http":
                library_texts.text_decides(walk, special.world, arguments.get(0, "method"), node)
            else:
                makes = does == "w" and (is_there_already(dotted, node) or dotted == PRINT)
                walk.emit("external", (), "i" if makes else does, special.world, node)
        if awaited:
            walk.emit("suspend", (), "", dotted, node)
        returns = EACH_TASK if is_scoped_by_task(special.returns, node) else special.returns
        return walk.made(node, (Type(returns),) if returns else ())
    if catalogue.type_effects(dotted) is not None or called_object((Type(dotted),)):
        return walk.made(node, (Type(dotted, LENIENT if is_lenient(node) else ()),))
    return _unlisted(walk, callee, arguments, node, awaited)


def inherited(
    walk: HandingOver,
    name: str,
    receiver: Value,
    arguments: Arguments,
    node: ast.AST,
    awaited: bool,
) -> Value | None:
    """A method that no class of the project has, where a library's is a base of the object's."""
    bases = list(_library_bases(walk, receiver))
    classes = [type_ for type_ in receiver.types if isinstance(type_.of, Class)]
    if name == "__init__" and classes and not bases:
        walk.hand_over(arguments, node)  # of an exception, of a model: as where one is made
        return NOTHING
    for base in bases:
        effects = catalogue.type_effects(base)
        if effects is not None:
            return _method(walk, effects, name, receiver, arguments, node, awaited)
        if awaited and by_name.only_fetches(walk, f"{base}.{name}", receiver, node):
            walk.hand_over(arguments, node)
            return by_name.fetched(walk, f"{base}.{name}", package(base), receiver, node, awaited)
    return None


def package(dotted: str) -> str:
    return dotted.partition(".")[0]


def by_objects_name(
    walk: HandingOver,
    func: ast.Attribute,
    receiver: Value,
    arguments: Arguments,
    node: ast.AST,
    awaited: bool,
) -> Value | None:
    """A method of an object of which only the name is known, where that says which library's it
    is: `redis_pool.zscore(...)`."""
    effects = named_objects.effects_of(spelling(func.value), func.attr)
    if effects is None or receiver.types or walk.declarations.named(func.attr):
        return None
    return _method(walk, effects, func.attr, receiver, arguments, node, awaited)


def _library_bases(walk: HandingOver, receiver: Value) -> Iterator[str]:
    """The libraries' classes of which an object of the project also is one."""
    classes = [type_.of for type_ in receiver.types] + [each.target for each in receiver.callees]
    for class_ in classes:
        if isinstance(class_, Class):
            for base in walk.project.ancestry(class_):
                if isinstance(base, str) and not catalogue.is_standard(base):
                    yield base


def _unlisted(
    walk: HandingOver, callee: Callee, arguments: Arguments, node: ast.AST, awaited: bool
) -> Value:
    """A library call without an entry: a class that is made, a benign one, or an unknown one."""
    dotted = str(callee.target)
    name = dotted.rpartition(".")[2]
    own = lending.lent(walk, walk.written(node), NOTHING, arguments, node, awaited)
    if own is not None:
        return own
    walk.hand_over(arguments, node)
    if dotted.startswith("builtins."):  # `len(found)`, `sum(found)`
        for value in arguments.all():
            walk.looked_through(value, node)
    if awaited and by_name.only_fetches(walk, dotted, NOTHING, node):
        return by_name.fetched(walk, dotted, package(dotted), NOTHING, node, awaited)
    is_class = name[:1].isupper() and not name.isupper()
    held = walk.exclusive_in(arguments)
    if awaited and is_class and catalogue_names.OPENED.search(name):
        walk.emit("suspend", (), "", dotted, node)
    elif awaited:
        by_name.presume(walk, dotted, name, callee.receiver or NOTHING, node)
    elif not (is_class or catalogue.is_benign(dotted) or computes(name) or _models(dotted)):
        walk.emit("unknown", (), "call", dotted, node)
    if name == "set_event_loop" or (dotted.startswith("contextvars.") and name == "set"):
        walk.emit("context", (), "w", dotted, node)
    made = walk.made(node, (Type(dotted),) if is_class else ())
    return Value(made.places | held, made.types)


def _models(dotted: str) -> bool:
    """Whether a library's model is made of what it is given: `Recipe.model_validate(...)`."""
    owner, _, name = dotted.rpartition(".")
    return owner.rpartition(".")[2][:1].isupper() and name in catalogue_names.MODEL_METHODS


def _method(
    walk: HandingOver,
    effects: TypeEffects,
    name: str,
    receiver: Value,
    arguments: Arguments,
    node: ast.AST,
    awaited: bool,
) -> Value:
    """A method of a catalogued class."""
    does = effects.does.get(name, effects.otherwise)
    if does == "q" and name not in effects.does:
        does = _named(name, walk.discarded is node)
    is_lock = effects is catalogue_types.TYPES["asyncio.Lock"]
    if awaited and name not in effects.quiet:
        walk.emit("suspend", (), "", f".{name}()", node)
    if effects.exclusive and name not in {"close", "get_bind"}:
        mode = "c" if does == "commit" else "w" if does in {"w", "sql"} else "r"
        if effects.in_threads:
            mode = "s"
        for place in ordered(receiver.places or {("call", f"a {effects.exclusive}")}):
            walk.emit("own", place, mode, effects.exclusive, node)
    if is_lock and does == "w":
        walk.emit("external", (), "w", "those who wait for a signal", node)
    elif is_lock:
        for place in ordered(receiver.places):
            walk.emit("lock", place, "w", lock_kind(receiver, place), node)
    may_refuse = effects is catalogue_methods.SCHEME and not any(
        type_.args == LENIENT for type_ in receiver.types
    )
    if may_refuse and not (walk.catching or walk.handler_depth):
        walk.emit("raise", (), "0", "HTTPException", node)
    runs_given = name == "run_sync" and _runs_given(walk, receiver, arguments, node)
    if effects.world and not runs_given:
        if does == "sql":
            library_texts.text_decides(
                walk, effects.world, arguments.get(0, "statement", "query", "query_", "sql"), node
            )
        elif does == "http":
            library_texts.text_decides(
                walk, effects.world, arguments.get(0, "method", "request"), node
            )
        elif name == "post" and effects.world == "http":
            if library_texts.asks_for_token(node):
                walk.emit("external", (), "r", effects.world, node)
            else:
                library_texts.path_decides(walk, arguments.get(0, "url"), node)
        elif does in {"r", "w", "q", "i"}:
            makes = is_there_already(name, node)
            walk.emit("external", (), "i" if makes else does, effects.world, node)
    if name == "enter_async_context" or name == "enter_context":
        return walk.entered(arguments.get(0), node, True)
    if not runs_given and effects is not catalogue_methods.SCHEME:
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


def _named(name: str, is_dropped: bool) -> Does:
    """What a method does that the catalogue leaves to its name."""
    if writes(name):
        return "w"
    return "r" if fetches(name) and not is_dropped else "q"


def _runs_given(walk: HandingOver, receiver: Value, arguments: Arguments, node: ast.AST) -> bool:
    """`connection.run_sync(tables)`: a function of the project gets the connection itself."""
    own = [c for c in arguments.get(0).callees if isinstance(c.target, Function)]
    given = arguments._replace(positional=(receiver, *arguments.positional[1:]))
    for callee in own:
        walk.apply(callee, given, node, False)
    return bool(own)


def _plain_method(
    walk: HandingOver,
    dotted: str,
    name: str,
    receiver: Value,
    arguments: Arguments,
    node: ast.AST,
    awaited: bool,
) -> Value:
    """A method of a class that the catalogue does not list: built in, or of some library."""
    if dotted.startswith("contextvars.ContextVar."):
        if name in {"set", "reset"}:
            for place in ordered(receiver.places):
                walk.emit("context", place, name, "context variable", node)
            for place in ordered(receiver.places):
                walk.stores.append(((*place, ".value"), arguments.get(0)))
        return Value(step(receiver, ".value"))
    own = lending.lent(walk, walk.written(node), receiver, arguments, node, awaited)
    if own is not None:
        return own
    asked = by_name.asked_by_text(walk, name, receiver, arguments, node) if awaited else None
    if asked is not None:
        return asked
    if by_name.only_fetches(walk, dotted, receiver, node):
        walk.hand_over(arguments, node)
        return by_name.fetched(walk, dotted, package(dotted), receiver, node, awaited)
    if not awaited:
        if dotted.rpartition(".")[0] not in {type_.of for type_ in receiver.types}:
            receiver = replace(receiver, types=())  # `response.headers.get()` gives no response
        return by_name.container_call(walk, dotted, name, receiver, arguments, node)
    walk.hand_over(arguments, node)
    by_name.presume(walk, dotted, name, receiver, node)
    return walk.made(node)


def is_lenient(node: ast.AST) -> bool:
    """`APIKeyHeader(name="key", auto_error=False)`"""
    return isinstance(node, ast.Call) and any(
        keyword.arg == "auto_error" and getattr(keyword.value, "value", None) is False
        for keyword in node.keywords
    )


def is_scoped_by_task(returns: str, node: ast.AST) -> bool:
    """`async_scoped_session(factory, scopefunc=current_task)`"""
    if returns != "sqlalchemy.shared_sessionmaker" or not isinstance(node, ast.Call):
        return False
    scopes = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "scopefunc")]
    return any(last_name(scope) == "current_task" for scope in scopes)


def is_there_already(name: str, node: ast.AST) -> bool:
    """Whether a call makes a folder only where there is none: `mkdir(exist_ok=True)`."""
    return name.endswith(("mkdir", "makedirs")) and any(
        keyword.arg == "exist_ok" and getattr(keyword.value, "value", None) is True
        for keyword in (node.keywords if isinstance(node, ast.Call) else ())
    )


def entered(walk: HandingOver, dotted: str, value: Value, node: ast.AST, awaited: bool) -> Value:
    """`with` on an object of a library class."""
    effects = catalogue.type_effects(dotted)
    if awaited:
        walk.emit("suspend", (), "", "async with", node)
    if effects is catalogue_types.TYPES["asyncio.Lock"] or (
        effects is None and catalogue_names.LOCK_LIKE.search(dotted)
    ):
        for place in ordered(value.places):
            walk.emit("lock", place, "w", lock_kind(value, place), node)
    elif catalogue_names.OPENED.search(dotted) and all(is_private(p) for p in value.places):
        return value  # of which nobody else knows
    elif effects is None and awaited and not catalogue.is_benign(dotted):
        walk.emit("unknown", (), "await", f"async with {dotted}", node)
    return value


def lock_kind(value: Value, place: Place) -> str:
    """A semaphore lets several through, as far as it goes; a lock one."""
    names = [str(type_.of).lower() for type_ in value.types] + [place[-1].lower()]
    several = any(word in name for name in names for word in ("sema", "limiter", "throttle"))
    return "semaphore" if several else "lock"
