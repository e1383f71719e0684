"""Requests that the user named, as they were written: the texts of `--endpoint`.

`requests_file` reads the other form; `matching` makes requests of both.
"""

import json
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from asyncperf.errors import UsageError
from asyncperf.target.requests import METHODS

ENDPOINT = re.compile(r"\s*(?:([A-Za-z]+)\s+)?(/\S*)(?:\s+(.+?))?\s*", re.DOTALL)
EXAMPLE = "Write it as 'GET /items/1', 'POST /items @body.json' or 'POST /items {\"a\": 1}'."
# Kept as they are: what may stand in a path and query, and escapes that are there already.
IN_TARGET = "/%:?@!$&'()*+,;=[]~-._"
# Who writes a text behind these means something else.
WITHOUT_TEXT = ("GET", "HEAD", "OPTIONS")
# What a body is called of which neither its text nor its file tells the type.
SOME_TEXT, SOME_BYTES = NOT_RECOGNISED = "text/plain; charset=utf-8", "application/octet-stream"


@dataclass(frozen=True)
class Named:
    """A request as the user wrote it. `body` is None where none was given, `name` where the
    endpoint's own path serves. `where` says where it stands, for messages."""

    where: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    weight: float = 1.0
    name: str | None = None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


def read_endpoint(text: str) -> Named:
    """`[METHOD] PATH [BODY | @FILE]`. Raises `UsageError`."""
    where = f"--endpoint {text!r}"
    match = ENDPOINT.fullmatch(text)
    if match is None:
        what = "is a whole URL" if "://" in text else "is no request"
        hint = "Name the server as asyncperf's argument, and only the path here. "
        raise UsageError(f"{where} {what}", (hint if "://" in text else "") + EXAMPLE)
    named, target, given = match.groups()
    method = checked_method(where, named or "GET")
    body, content_type = (None, None) if given is None else read_body(where, given)
    if content_type == SOME_TEXT and method in WITHOUT_TEXT and not given.startswith("@"):
        raise UsageError(
            f"{where}: a {method} with the text {given!r} as its body",
            "Weights, headers and names have room in a file: --requests FILE (docs/targets.md). "
            "If it is meant as a body, put it into a file and name that: @body.txt",
        )
    return Named(
        where=where,
        method=method,
        target=target_of(where, target),
        headers=(("Content-Type", content_type),) if content_type else (),
        body=body,
    )


def read_body(where: str, given: str) -> tuple[bytes, str]:
    """A body and its content type: a file after `@`, else the text itself."""
    if given.startswith("@"):
        file = Path(given[1:])
        return read_file(where, file), type_of(file)
    if given[0] in '{["' or given in ("null", "true", "false"):
        try:
            json.loads(given)
        except ValueError as error:
            raise UsageError(
                f"{where}: the body is no JSON: {error}",
                "Mend it, or keep it in a file: --endpoint 'POST /items @body.json'",
            ) from None
        return given.encode(), "application/json"
    return given.encode(), SOME_TEXT


def read_file(where: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{where}: cannot read the body {str(file)!r}: {why}",
            "Check the path; it counts from the directory that asyncperf runs in, or from the "
            "requests file that names it.",
        ) from None


def type_of(file: Path) -> str:
    return mimetypes.guess_type(file.name)[0] or SOME_BYTES


def checked_method(where: str, method: str) -> str:
    name = method.upper()
    if name not in METHODS:
        raise UsageError(f"{where}: no method {method!r}", f"Known: {', '.join(METHODS)}")
    return name


def target_of(where: str, text: str) -> str:
    """The path and query, percent-encoded; braces stay, to be filled or refused later."""
    if not text.startswith("/") or "#" in text or not text.isprintable() or " " in text:
        raise UsageError(
            f"{where}: no path {text!r}",
            "It begins with /, has no spaces, and no part after #: /search?q=tea",
        )
    return quote(text, safe=IN_TARGET + "{}")
