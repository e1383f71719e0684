"""Requests that the user named in a TOML file, for `--requests`:

[[request]]
method = "POST"                    # GET without it
path = "/items?draft=true"
headers = { Authorization = "Bearer abc" }
json = { name = "cup" }            # or body = "text", or body_file = "body.json"
weight = 3                         # its share in a mix, 1 without it
name = "new item"                  # under which it is reported
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from asyncperf.errors import UsageError
from asyncperf.target.named import (
    SOME_TEXT,
    Named,
    checked_method,
    read_file,
    target_of,
    type_of,
)

KEYS = ("method", "path", "headers", "body", "json", "body_file", "weight", "name")
BODY_KEYS = ("body", "json", "body_file")
MAX_WEIGHT = 1_000_000
# The name of a header, RFC 9110, section 5.6.2.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def read_requests(file: Path) -> tuple[Named, ...]:
    """The `[[request]]` tables of a TOML file. Raises `UsageError` naming file and place."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read {str(file)!r}: {error.strerror}", "Check the path given to --requests."
        ) from None
    except ValueError as error:  # tomllib's message ends with the line and column
        raise UsageError(f"{file} is no TOML: {error}", "Mend the file, then try again.") from None
    for key in document:
        if key != "request":
            raise UsageError(f"{file} has an unknown table {key!r}", "Known: [[request]]")
    tables = document.get("request")
    if not isinstance(tables, list) or not tables:
        raise UsageError(f"{file} holds no [[request]]", 'Begin one with [[request]], path = "/".')
    return tuple(
        read_table(f"{file}, request {number}", table, file.parent)
        for number, table in enumerate(tables, start=1)
    )


def read_table(where: str, table: Any, folder: Path) -> Named:
    if not isinstance(table, dict):
        raise UsageError(f"{where} is no table", "Begin each request with [[request]].")
    for key in table:
        if key not in KEYS:
            raise UsageError(f"{where} has an unknown key {key!r}", f"Known: {', '.join(KEYS)}")
    if "path" not in table:
        raise UsageError(f"{where} has no path", 'Add one: path = "/items/1"')
    method = checked_method(where, field(where, table, "method", is_text, "a text", "GET"))
    body, content_type = table_body(where, table, folder)
    headers = table_headers(where, table)
    if content_type and not any(name.lower() == "content-type" for name, _ in headers):
        headers = (*headers, ("Content-Type", content_type))
    return Named(
        where=where,
        method=method,
        target=target_of(where, field(where, table, "path", is_text, "a text", "")),
        headers=headers,
        body=body,
        weight=float(
            field(
                where, table, "weight", is_weight, f"a number above 0, at most {MAX_WEIGHT:,}", 1.0
            )
        ),
        name=field(where, table, "name", is_text, "a text", None),
    )


def field(
    where: str,
    table: Mapping[str, Any],
    key: str,
    accepts: Callable[[Any], bool],
    kind: str,
    default: Any,
) -> Any:
    if key not in table:
        return default
    if not accepts(table[key]):
        raise UsageError(f"{where}: {key} must be {kind}, not {table[key]!r}")
    return table[key]


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def is_weight(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MAX_WEIGHT
    )


def table_headers(where: str, table: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    headers = field(where, table, "headers", lambda v: isinstance(v, dict), "a table of texts", {})
    for name, value in headers.items():
        if not TOKEN.fullmatch(name) or not isinstance(value, str) or not sendable(value):
            raise UsageError(f"{where}: no HTTP header {name!r}: {value!r}")
    return tuple(headers.items())


def sendable(value: str) -> bool:
    """Whether a header may carry it: Latin-1, on one line (RFC 9110, section 5.5)."""
    return not any(c in value for c in "\r\n\0") and all(ord(c) < 256 for c in value)


def table_body(
    where: str, table: Mapping[str, Any], folder: Path
) -> tuple[bytes | None, str | None]:
    given = [key for key in BODY_KEYS if key in table]
    if len(given) > 1:
        raise UsageError(f"{where} has {' and '.join(given)}", "Keep one of them: it is the body.")
    match given:
        case ["json"]:
            try:
                return json.dumps(table["json"]).encode(), "application/json"
            except TypeError as error:
                raise UsageError(f"{where}: json: {error}", "Write dates as texts.") from None
        case ["body_file"]:
            file = folder / field(where, table, "body_file", is_text, "a path", "")
            return read_file(where, file), type_of(file)
        case ["body"]:
            text = field(where, table, "body", lambda v: isinstance(v, str), "a text", "")
            return text.encode(), SOME_TEXT
    return None, None
