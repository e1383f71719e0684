"""What is presumed of a call of which only the name is known. For `scan` only."""

import ast
import re
from collections.abc import Collection
from dataclasses import replace

from asyncperf.scan import catalogue, catalogue_names, lending
from asyncperf.scan.handing_over import HandingOver
from asyncperf.scan.index import Class
from asyncperf.scan.library_texts import is_statement, text_decides
from asyncperf.scan.syntax import spelling
from asyncperf.scan.values import (
    NOTHING,
    WHOLE,
    Arguments,
    Callee,
    Place,
    Type,
    Value,
    bare,
    is_private,
    named,
    ordered,
    step,
)
from asyncperf.scan.verbs import (
    TURNS,
    answers,
    connects,
    ends,
    fetches,
    is_repository,
    is_session_like,
    is_transaction,
    makes_missing,
    prepares,
    reads,
    uses_a_tool,
    writes,
)

# `create` of these only asks a model, which keeps nothing of it.
ASKING = re.compile(
    r"\.(embeddings|completions?|moderations|responses|transcriptions|translations|speech|"
    r"(?<!threads\.)messages)\.a?create(_async)?$"
)


# Methods that take a statement.
ASKED_BY_TEXT = named(
    """
    query execute fetch fetch_all fetch_one fetch_val fetchall fetchone fetchrow fetchval select
    run query_raw execute_raw
    """
)

# What is asked for an object of a class makes it, and what it needs, where it has none yet.
CONTAINER = re.compile(r"(container|injector|resolver)$", re.IGNORECASE)


def unknown_call(
    walk: HandingOver,
    func: ast.expr,
    receiver: Value,
    arguments: Arguments,
    node: ast.AST,
    awaited: bool,
) -> Value:
    """A callee that could not be resolved."""
    spelled = spelling(func)
    name = func.attr if isinstance(func, ast.Attribute) else spelled
    if name == "run_in_executor" and (awaited or isinstance(func, ast.Attribute)):
        begin = len(walk.effects)
        walk.hand_over(arguments, node)
        walk.runs_in_thread(begin)
        if awaited:
            walk.emit("suspend", (), "", "a thread", node)
        return walk.made(node)
    own = lending.lent(walk, spelled, receiver, arguments, node, awaited)
    if own is not None:
        return own
    if not awaited and isinstance(func, ast.Attribute):
        root = spelled.partition(".")[0]
        if root in catalogue_names.LOGGING_ROOTS:
            return NOTHING
        if name == "run":
            walk.hand_over(arguments, node)
            return walk.made(node)
        if is_session_like(spelled.rpartition(".")[0].rpartition(".")[2]):
            walk.used_elsewhere(receiver, node)
        return container_call(walk, spelled, name, receiver, arguments, node)
    walk.hand_over(arguments, node)
    if awaited and is_log(spelled):
        walk.emit("suspend", (), "", spelled, node)
        return NOTHING
    if not awaited:
        walk.emit("unknown", (), "call", spelled, node)
        return Value(frozenset({("call", spelled)}) | walk.exclusive_in(arguments))
    asked = asked_by_text(walk, name, receiver, arguments, node)
    if asked is not None:
        return asked
    if is_foreign(walk, func) and only_fetches(walk, spelled, receiver, node):
        return fetched(walk, spelled, f"whatever {spelled} reaches", receiver, node, True)
    classes = tuple(Type(c.target) for c in arguments.get(0).callees if isinstance(c.target, Class))
    if classes and CONTAINER.search(spelled.rpartition(".")[0]):
        for place in ordered(receiver.places):
            walk.emit("own", place, "w", "container of services", node)
    presume(walk, spelled, name, receiver, node)
    return Value(frozenset({("call", spelled)}) | walk.exclusive_in(arguments), classes)


def is_log(spelled: str) -> bool:
    """Whether it is structlog's way to log what is awaited: `logger.ainfo(...)`."""
    root, _, name = spelled.rpartition(".")
    return root in catalogue_names.LOGGING_ROOTS and name in catalogue_names.ASYNC_LOGS


def is_foreign(walk: HandingOver, func: ast.expr) -> bool:
    """Whether a method must be a library's, as no class of the project has one of that name; not
    so of what nobody knows where it comes from."""
    if not isinstance(func, ast.Attribute) or walk.declarations.named(func.attr):
        return False
    root = spelling(func.value).partition(".")[0].partition("[")[0].removesuffix("()")
    nowhere = frozenset({("global", f"{walk.module.file}:{root}")})
    return walk.lookup(root).places != nowhere or walk.project.name(walk.module, root) is not None


def method_call(
    walk: HandingOver, name: str, callee: Callee, arguments: Arguments, node: ast.AST, awaited: bool
) -> Value:
    """A method of an object of which nothing is known."""
    receiver = callee.receiver or NOTHING
    own = lending.lent(walk, walk.written(node), receiver, arguments, node, awaited)
    if own is not None:
        return own
    if awaited:
        walk.hand_over(arguments, node)
        presume(walk, walk.written(node), name, receiver, node)
        return walk.made(node)
    known = catalogue_names.CONTAINER_METHODS
    if walk.discarded is not None and name not in known and not reads(name):
        walk.emit("external", (), "w", f"whatever {name} reaches", node)
    return container_call(walk, name, name, receiver, arguments, node)


def owner_of(walk: HandingOver, node: ast.AST) -> str:
    """The last name of the object that a method is called on, as it is written."""
    return walk.written(node).rpartition(".")[0].rpartition(".")[2].removesuffix("()")


def only_fetches(walk: HandingOver, dotted: str, receiver: Value, node: ast.AST) -> bool:
    """Whether a library's method says by its name that it reads, and nothing else is known."""
    owner = owner_of(walk, node)
    return (
        fetches(dotted)
        and "/" not in dotted  # a name that a module of the project gives, nobody sees how
        and walk.discarded is not node
        and not catalogue.is_standard(dotted)
        and not is_session_like(owner)
        and not is_session_like(dotted.rpartition(".")[0].rpartition(".")[2])
        and not any(isinstance(t.of, Class) and is_session_like(t.of.name) for t in receiver.types)
        and walk.exclusive_name(receiver) is None
    )


def fetched(
    walk: HandingOver, dotted: str, world: str, receiver: Value, node: ast.AST, awaited: bool
) -> Value:
    """What a method gives whose name says that it reads, and what; not awaited, it is gone
    over."""
    if awaited:
        walk.emit("suspend", (), "", dotted, node)
    walk.emit("external", (), "r", world, node)
    walk.used_elsewhere(receiver, node)
    uses_transaction(walk, receiver, node)
    for place in ordered(receiver.places):
        walk.emit("own", place, "o", "object", node)
    made = walk.made(node)
    return made if awaited else replace(made, yields=made)


def presume(walk: HandingOver, spelled: str, name: str, receiver: Value, node: ast.AST) -> None:
    """An awaited call of which only the name is known."""
    walk.emit("suspend", (), "", spelled, node)
    if prepares(name) and receiver.types and all(is_private(p) for p in receiver.places):
        for place in ordered(receiver.places):  # that nobody else has, but what follows
            walk.emit("own", place, "w", "connection", node)
        return
    walk.emit("unknown", (), "await", spelled, node)
    is_dropped = walk.discarded is node
    asks = bool(ASKING.search(spelled)) or is_get(node)
    asks = asks or (connects(name) and not is_dropped) or selects(node)
    does = writes(name) or is_dropped or uses_a_tool(spelled)
    mode = "q" if asks or reads(name) or not does else "w"
    if makes_missing(name):
        mode = "i"
    if ends(name) and any(catalogue_names.CONNECTED.search(str(t.of)) for t in receiver.types):
        mode = "q"
    walk.emit("external", (), mode, f"whatever {spelled} reaches", node)
    owner = owner_of(walk, node)
    walk.used_elsewhere(receiver, node)
    if is_session_like(owner):
        for place in ordered(sessions_places(receiver, owner)):
            walk.emit("own", place, "r" if mode == "q" else "w", "session", node)
    uses_transaction(walk, receiver, node)
    turns = TURNS.search(owner)
    for place in ordered(receiver.places):
        walk.emit("own", place, "o", "object", node)
        if turns:
            walk.emit("own", place, "r", turns[0].lower(), node)
        if mode == "w":
            walk.emit("memory", place, "u", spelled, node)


def asked_by_text(
    walk: HandingOver, name: str, receiver: Value, arguments: Arguments, node: ast.AST
) -> Value | None:
    """An awaited method of a database that the catalogue does not list: the statement that it is
    given says what it does."""
    statement = arguments.get(0, "query", "statement", "sql")
    is_text = statement.text is not None and is_statement(statement.text)
    is_given = any(place[0] == "param" for place in statement.places)
    if name not in ASKED_BY_TEXT or not (is_text or (is_given and receiver.types)):
        return None
    walk.hand_over(arguments, node)
    walk.emit("suspend", (), "", name, node)
    text_decides(walk, "database", statement, node)
    walk.used_elsewhere(receiver, node)
    owner = owner_of(walk, node)
    if is_session_like(owner):
        for place in ordered(sessions_places(receiver, owner)):
            walk.emit("own", place, "w", "session", node)
    for place in ordered(receiver.places):
        walk.emit("own", place, "o", "object", node)
    return walk.made(node)


def sessions_places(receiver: Value, owner: str) -> Collection[Place]:
    """Whose session is used by a method of what is named as one. That of a repository is not
    known, however fresh the repository is; what calling a library's class makes is its own."""
    known = {place for place in receiver.places if not is_private(place)}
    if known or not receiver.types or is_repository(owner):
        return known or {("call", owner)}
    return receiver.places or {("call", owner)}


def uses_transaction(walk: HandingOver, receiver: Value, node: ast.AST) -> None:
    """A method of what hangs on a transaction, or on what a factory made, as `tx.users` does,
    uses that."""
    used = {
        place[:end]
        for place in receiver.places
        for end in range(2, len(place))
        if walk.exclusive.get(place[:end]) == "transaction"
        or (is_private(place) and place[:end] in walk.exclusive)
        or is_transaction(place[end - 1])
    }
    for place in ordered(used):
        walk.emit("own", place, "w", "transaction", node)


def selects(node: ast.AST) -> bool:
    """Whether a query that is put together from calls only reads:
    `client.table("shops").select("*").eq("id", 1).execute()`."""
    if not isinstance(node, ast.Call) or node.args or node.keywords:
        return False
    steps: list[str] = []
    inner = node.func
    while isinstance(inner, ast.Attribute | ast.Call):
        if isinstance(inner, ast.Attribute):
            steps.append(inner.attr)
        inner = inner.value if isinstance(inner, ast.Attribute) else inner.func
    return steps[:1] == ["execute"] and "select" in steps[1:] and not any(map(writes, steps[1:]))


def is_get(node: ast.AST) -> bool:
    """Whether a call is given the method of a request that only asks: `send("GET", url)`."""
    given = node.args if isinstance(node, ast.Call) else []
    return any(isinstance(a, ast.Constant) and a.value in {"GET", "HEAD"} for a in given)


def container_call(
    walk: HandingOver,
    spelled: str,
    name: str,
    receiver: Value,
    arguments: Arguments,
    node: ast.AST,
) -> Value:
    """A plain method call: by its name, what it does to the object."""
    if name in catalogue_names.CONTAINER_APPENDS or name in catalogue_names.CONTAINER_STORES:
        mode = "a" if name in catalogue_names.CONTAINER_APPENDS else "k"
        for place in ordered(step(receiver, "[]")):
            walk.emit("memory", place, mode, f".{name}()", node)
        return walk.element(receiver)
    if name in catalogue_names.CONTAINER_READS:
        part = WHOLE if name in catalogue_names.DUMPS else "[]"
        for place in ordered(step(receiver, part)):
            walk.emit("memory", place, "r", f".{name}()", node)
        if name == "copy":
            return copied(walk, receiver, node)
        if name in {"get", "values", "items"}:
            element = walk.element(receiver)
            return Value(element.places, element.types or receiver.types, yields=bare(element))
        return _derived(walk, name, receiver, node)
    walk.hand_over(arguments, node)
    if only_fetches(walk, spelled, receiver, node) and not walk.declarations.named(name):
        return fetched(walk, spelled, f"whatever {spelled} reaches", receiver, node, False)
    is_benign = catalogue.is_benign(spelled) and "." in spelled
    if not is_benign and not (answers(name) and not walk.declarations.named(name)):
        walk.emit("unknown", (), "call", spelled, node)
    made = walk.made(node)
    return Value(made.places | walk.exclusive_in(arguments), made.types)


def copied(walk: HandingOver, value: Value, node: ast.AST) -> Value:
    """A container of its own, with what the other one holds."""
    held = value.yields or bare(walk.element(value))
    return replace(value, places=walk.made(node).places, yields=held, either=())


def _derived(walk: HandingOver, name: str, receiver: Value, node: ast.AST) -> Value:
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
