"""Where a target's OpenAPI document is, and what an answer or a file holds of one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncperf.errors import UsageError
from asyncperf.target.fetch import Answer

# What a server answers that wants to know who asks.
DENIED = (401, 403)


@dataclass(frozen=True)
class Document:
    """What `--openapi` names: a `path` on the server, or the `content` of a file."""

    path: str | None = None
    content: Mapping[str, Any] | None = None


def read_document(named: str | None) -> Document:
    """A file that exists, else a path. Raises `UsageError`."""
    if named is None:
        return Document()
    file = Path(named)
    if file.is_file():
        return Document(content=document_in(file))
    if named.startswith("/") and named.isprintable() and " " not in named:
        return Document(path=named)
    raise UsageError(
        f"--openapi {named!r} is no file, and no path on the server",
        "Write --openapi /api/v1/openapi.json, or the file that holds the document as JSON.",
    )


def document_in(file: Path) -> Mapping[str, Any]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {str(file)!r}: {error.strerror}", "Check the path given to --openapi."
        ) from None
    document = openapi_in(content)
    if document is None:
        raise UsageError(
            f"{str(file)!r} holds no OpenAPI document",
            "--openapi takes one as JSON, with its paths.",
        )
    return document


def openapi_of(answer: Answer) -> Mapping[str, Any] | None:
    """The OpenAPI document that an answer holds, None if it holds none."""
    return openapi_in(answer.body) if answer.status == 200 else None


def openapi_in(content: bytes) -> Mapping[str, Any] | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and "paths" in document else None


def no_openapi(url: str, answer: Answer) -> str:
    """What the answer to a request for the document at `url` is, if not that."""
    if answer.status in DENIED:
        return f"{url} asks for credentials (HTTP {answer.status}): -H 'Authorization: ...'"
    if answer.status != 200:
        return f"there is no OpenAPI document at {url} (HTTP {answer.status})"
    return f"there is something else than an OpenAPI document at {url}"


def base_of(document: Mapping[str, Any] | None, path: str) -> str:
    """The prefix that a document found at `path` says its app has, "" if it says none.

    Believed only where the document itself is below it, as that of a mounted app is: a server
    that a document merely declares may be the one in production.
    """
    match document:
        case {"servers": [{"url": str(url)}, *_]} if path.startswith(f"{url.rstrip('/')}/"):
            return url.rstrip("/")
    return ""
