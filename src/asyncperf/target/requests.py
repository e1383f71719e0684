"""From an app's OpenAPI document to the requests that can be sent to it.

Pure. Every operation becomes a request or a `Skipped` that says what to add.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from asyncperf.model import Endpoint, Handler, Request, Skipped
from asyncperf.target.credentials import missing_credentials
from asyncperf.target.examples import CannotFill, Schema, example_of, resolve, value_of

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# Those that RFC 9110, section 9.2.1, calls safe; any other may change what the app keeps.
SAFE = ("GET", "HEAD", "OPTIONS")
# What FastAPI itself ignores as a parameter, since OpenAPI describes these elsewhere.
NO_PARAMETERS = ("accept", "content-type", "authorization")
JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json\b", re.IGNORECASE)
KINDS = {
    "path": "path parameter",
    "query": "query parameter",
    "header": "header",
    "cookie": "cookie",
}

# What a document raises that is no OpenAPI where it should be: a list for a mapping and so on.
MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)

# By method and path; None where the function that answers is not known.
Handlers = Mapping[tuple[str, str], Handler | None]


class Needs(Exception):
    """An operation that cannot be requested as it stands: what it needs, and what to add."""

    def __init__(self, what: str, add: str) -> None:
        super().__init__(f"{what}: {add}")


@dataclass(frozen=True)
class Operation:
    """One operation of an OpenAPI document; `handler` is None where the app's code is not
    at hand."""

    document: Schema
    method: str
    path: str
    definition: Schema
    parameters: tuple[Schema, ...]
    handler: Handler | None = None

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.method, self.path, self.handler)

    @property
    def sample_target(self) -> str:
        """The path as a user might type it, to show what to add."""
        return re.sub(r"\{[^}]*\}", "1", self.path)


@dataclass(frozen=True)
class Discovered:
    """What an OpenAPI document yields: `operations` are all of them, requested or not."""

    operations: tuple[Operation, ...] = ()
    requests: tuple[Request, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def discover(
    document: Schema, handlers: Handlers, *, allow_writes: bool, headers: Collection[str] = ()
) -> Discovered:
    """The requests that a document gives by itself. `headers` names those that every request
    will carry because the user gave them."""
    operations = tuple(operations_of(document, handlers))
    requests, skipped = [], []
    for operation in operations:
        try:
            if operation.method not in SAFE and not allow_writes:
                raise Needs(
                    f"{operation.method} may write",
                    f"--allow-writes, or name it: {named(operation)}",
                )
            requests.append(request_for(operation, headers))
        except Needs as needs:
            skipped.append(Skipped(operation.method, operation.path, str(needs)))
        except MALFORMED:
            why = f"its OpenAPI description is malformed: {named(operation)}"
            skipped.append(Skipped(operation.method, operation.path, why))
    return Discovered(operations, tuple(requests), tuple(skipped))


def operations_of(document: Schema, handlers: Handlers) -> Iterator[Operation]:
    """The operations in the document's order; what is malformed is passed over."""
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, Mapping) else ():
        if not isinstance(item, Mapping):
            continue
        for method, definition in item.items():
            name = method.upper()
            if name in METHODS and isinstance(definition, Mapping):
                parameters = merged_parameters(document, item, definition)
                handler = handlers.get((name, path))
                yield Operation(document, name, path, definition, parameters, handler)


def merged_parameters(document: Schema, item: Schema, definition: Schema) -> tuple[Schema, ...]:
    """The path's parameters, those of the operation over them."""
    parameters: dict[tuple[str, str], Schema] = {}
    lists = (holder.get("parameters") for holder in (item, definition))
    for entry in (entry for given in lists if isinstance(given, list) for entry in given):
        try:
            parameter = resolve(document, entry)
        except CannotFill:
            continue
        if isinstance(parameter.get("name"), str) and isinstance(parameter.get("in"), str):
            parameters[parameter["in"], parameter["name"]] = parameter
    return tuple(parameters.values())


def request_for(
    operation: Operation, given: Collection[str] = (), *, body_given: bool = False
) -> Request:
    """The operation's request, filled with what the document shows. Raises `Needs`.

    `given` names headers that come with it anyway, its credentials among them.
    """
    brought = {name.lower() for name in given}
    known = {*NO_PARAMETERS, *brought}
    target, query = operation.path, []
    headers: list[tuple[str, str]] = []
    cookies: list[str] = []
    for parameter in operation.parameters:
        name, place = parameter["name"], parameter["in"]
        if not (parameter.get("required") or place == "path"):
            continue
        if place == "cookie" and "cookie" in known:
            continue
        if place == "header" and name.lower() in known:
            continue
        texts = values_as_text(operation, parameter)
        match place:
            case "path":
                target = target.replace("{" + name + "}", quote(",".join(texts), safe=""))
            case "query":
                # Repeated unless the author says otherwise: OpenAPI's `explode` is true here.
                texts = texts if parameter.get("explode", True) else [",".join(texts)]
                query += [(name, text) for text in texts]
            case "header":
                headers.append((name, ",".join(texts)))
            case "cookie":
                cookies.append(f"{name}={','.join(texts)}")
    if missing := re.search(r"\{([^}]*)\}", target):
        raise needs_parameter(operation, "path", missing[1])
    sample = f"{operation.method} {operation.sample_target}"
    if add := missing_credentials(operation.document, operation.definition, sample, brought):
        raise Needs("needs credentials", add)
    if cookies:
        headers.append(("Cookie", "; ".join(cookies)))
    body = b"" if body_given else required_body(operation)
    if body:
        headers.append(("Content-Type", "application/json"))
    target = quote(target, safe="/%:@!$&'()*+,;=~-._")
    return Request(
        operation.endpoint, target + (f"?{urlencode(query)}" if query else ""), tuple(headers), body
    )


def values_as_text(operation: Operation, parameter: Schema) -> list[str]:
    """A parameter's value, an array's items apart, as they stand in a request."""
    document = operation.document
    try:
        try:
            value = example_of(document, parameter)
        except CannotFill:
            value = value_of(document, parameter.get("schema"))
        texts = [as_text(item) for item in (value if isinstance(value, list) else [value])]
        if not texts or (parameter["in"] == "path" and not all(texts)):
            raise CannotFill
    except CannotFill:
        raise needs_parameter(operation, parameter["in"], parameter["name"]) from None
    return texts


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        text = str(value)
        if text.isprintable():
            return text
    raise CannotFill


def needs_parameter(operation: Operation, place: str, name: str) -> Needs:
    kind = KINDS.get(place, f"{place} parameter")
    if place == "path":
        add = f"--endpoint '{operation.method} {operation.sample_target}'"
    elif place == "query":
        add = f"--endpoint '{operation.method} {operation.sample_target}?{quote(name)}=...'"
    elif place == "header":
        add = f"-H '{name}: ...'"
    else:
        add = f"-H 'Cookie: {name}=...'"
    return Needs(f"needs the {kind} {name!r}", f"{add}, or give it an example")


def named(operation: Operation, body: str = "") -> str:
    return f"--endpoint '{operation.method} {operation.sample_target}{body}'"


def body_types(operation: Operation) -> tuple[str, ...]:
    """The types of body that it takes, as far as its description tells."""
    try:
        body = resolve(operation.document, operation.definition.get("requestBody"))
        return tuple(body.get("content", {}).keys())
    except (CannotFill, *MALFORMED):
        return ()


def required_body(operation: Operation) -> bytes:
    """The JSON body that the operation asks for, empty if it asks for none. Raises `Needs`."""
    document = operation.document
    if "requestBody" not in operation.definition:
        return b""
    what = "needs a request body"
    try:
        body = resolve(document, operation.definition["requestBody"])
        if not body.get("required"):
            return b""
        kinds = body.get("content", {})
        media = next((kinds[kind] for kind in kinds if JSON_TYPE.match(kind)), None)
        if media is None:
            what = f"needs a body of {' or '.join(kinds) or 'an unknown type'}"
            raise CannotFill
        try:
            value = example_of(document, media)
        except CannotFill:
            value = value_of(document, media.get("schema"))
    except CannotFill as error:
        if error.path:
            what = f"needs the body's field {error.path!r}"
        add = named(operation, " @body.json" if "body of" not in what else " @FILE")
        raise Needs(what, f"{add}, or give it an example") from None
    return json.dumps(value).encode()
