"""What the text of a statement, or the method of a request, says that it does. For `scan` only."""

import ast
import re

from asyncperf.scan.library_effects import Does
from asyncperf.scan.state import State
from asyncperf.scan.values import Effect, Value, ordered
from asyncperf.scan.verbs import asks, writes

READING_SQL = re.compile(
    r"^[\s(]*(--[^\n]*\n\s*)*(select|show|explain|values|pragma\s+\w+\s*;?$)", re.IGNORECASE
)
CHANGING_CTE = re.compile(
    r"\b(insert\s+into|update\s+\w+\s+set|delete\s+from|for\s+update)\b|"
    r"\(\s*(insert|update|delete)\s",  # EdgeQL: `select (insert Shop {...})`
    re.IGNORECASE,
)
# Statements that prepare one connection, or what is there already, and change no data.
SETTING_UP = re.compile(
    r"^\s*(set|attach|detach|pragma|begin|use|listen|create\s+schema\s+if\s+not\s+exists)\b",
    re.IGNORECASE,
)
# Statements that make what is missing.
MAKING = re.compile(
    r"^\s*create\s+((virtual|unique)\s+)?(table|index|extension)\s+(concurrently\s+)?if\s+not\s+exists\b",
    re.IGNORECASE,
)
STATEMENT = re.compile(
    r"^[\s(]*(select|insert|update|delete|upsert|with|create|drop|alter|match|merge|relate|pragma)"
    r"\s",
    re.IGNORECASE,
)
# Of graph databases.
ASKING_CYPHER = re.compile(r"^\s*(optional\s+match|match|unwind)\b", re.IGNORECASE)
CHANGING_CYPHER = re.compile(r"\b(create|merge|set|delete|remove|drop|foreach)\b", re.IGNORECASE)
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
POST = "http POST"  # the world of one of which the path is not known yet
ASKED = "http POST, asked"  # ... in a function that is named as one that asks
# POST is also used to ask long questions; the path then says so,
# ... by a word that says no less than a method does, or that leaves room for a change.
SEARCHING_PATH = re.compile(
    r"/(_?search|filter|count|lookup|paginate|completions?|embed|embeddings?|re-?rank|tokenize|"
    r"detokenize|moderations|transcriptions)/?$",
    re.IGNORECASE,
)
ASKING_PATH = re.compile(
    r"/(_?search|filter|query|queries|count|graphql|lookup|history|paginate)\b[^/]*/?$|"
    r"/((get|list|count|search|find|fetch|query|lookup|describe)[_-][\w-]+|"
    r"[\w-]+[_-](details|info|status|stats|list|search|query)|chat|generate|predict|infer|classify|"
    r"translate|summari[sz]e|transcribe)/?$|:(\w*generate\w*|\w*embed\w*|predict|count\w*)$",
    re.IGNORECASE,
)


def is_statement(text: str) -> bool:
    """Whether it can be a statement of a database, by its first word."""
    return bool(STATEMENT.match(text))


def external(walk: State, effect: Effect, value: Value, others: tuple[Value, ...]) -> None:
    """An effect that depends on an argument, now that this and the other arguments are known."""
    if effect.what in {POST, ASKED}:
        mode = _post_mode(value)
    else:
        mode = _http_mode(value, others) if effect.what == "http" else _sql_mode(value)
    if mode is not None:
        if effect.what == ASKED and mode == "w" and not _writing_path(str(value.text)):
            mode = "q"
        what = "http" if effect.what in {POST, ASKED} else effect.what
        walk.effects.append(effect._replace(place=(), mode=mode, what=what))
        return
    parameters = [place for place in ordered(value.places) if place[0] == "param"]
    for place in parameters:
        walk.effects.append(effect._replace(place=place))
    if not parameters:
        unknown = settled(effect)
        walk.effects.append(unknown._replace(place=()))


def settled(effect: Effect) -> Effect:
    """What is to be presumed of an effect, whatever an argument may say: a POST writes, unless
    the function that makes it is named as one that asks."""
    if effect.what in {POST, ASKED}:
        return effect._replace(mode="w" if effect.what == POST else "q", what="http")
    return effect


def _post_mode(path: Value) -> Does | None:
    if path.text is None:
        return None
    if SEARCHING_PATH.search(path.text):
        return "r"
    return "q" if ASKING_PATH.search(path.text) else "w"


def path_decides(walk: State, path: Value, node: ast.AST) -> None:
    """A POST, which may only ask where its path says so, or the function that makes it."""
    what = ASKED if walk.function is not None and asks(walk.function.name) else POST
    before = Effect("external", (), "?", what, walk.module.file, getattr(node, "lineno", 0))
    external(walk, before, path, ())


def asks_for_token(node: ast.AST) -> bool:
    """Whether it asks for an access token by the app's own secret (RFC 6749, 4.4), of which there
    may be any number; a refresh token would be used up."""
    return isinstance(node, ast.Call) and any(
        isinstance(each, ast.Constant) and each.value == "client_credentials"
        for keyword in node.keywords
        for each in ast.walk(keyword.value)
    )


def text_decides(walk: State, world: str, value: Value, node: ast.AST) -> None:
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
    if MAKING.match(text):
        return "i"
    if ASKING_CYPHER.match(text) and not CHANGING_CYPHER.search(text):
        return "r"
    if READING_SQL.match(text) and not CHANGING_CTE.search(text):
        return "r"
    if re.match(r"^\s*with\b", text, re.IGNORECASE) and not CHANGING_CTE.search(text):
        return "r"
    return "w"


def _writing_path(path: str) -> bool:
    """Whether a path's last part is named as a write, or says nothing at all."""
    last = path.rstrip("/").rpartition("/")[2]
    return not last or writes(last)


def _http_mode(value: Value, others: tuple[Value, ...]) -> Does | None:
    if value.text is None:
        return None
    if value.text.upper() in READING_METHODS:
        return "r"
    if value.text.upper() != "POST":
        return "w"
    paths = [other.text for other in others if other.text]
    if any(SEARCHING_PATH.search(path) for path in paths):
        return "r"
    return "q" if any(ASKING_PATH.search(path) for path in paths) else "w"
