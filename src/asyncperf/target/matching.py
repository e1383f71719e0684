"""From requests that the user named to those that are sent.

Pure. A named request takes from the OpenAPI document what it leaves out: the endpoint it
belongs to, the values of parameters that stand in braces, a body.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from asyncperf.errors import UsageError
from asyncperf.model import Endpoint, Request
from asyncperf.target.named import NOT_RECOGNISED, Named
from asyncperf.target.requests import Needs, Operation, body_types, request_for, required_body

Taken = set[tuple[str, str | None]]
Headers = tuple[tuple[str, str], ...]


def requests_named(
    named: Sequence[Named], operations: Sequence[Operation], headers: Sequence[str] = ()
) -> tuple[Request, ...]:
    """The requests to send. Each belongs to the operation that answers it, as far as the
    document tells; requests with one name are one row of the report. Raises `UsageError`."""
    requests = [request_named(entry, operations, headers) for entry in named]
    return tuple(told_apart(named, requests))


def request_named(named: Named, operations: Sequence[Operation], headers: Sequence[str]) -> Request:
    given = {name.lower() for name in (*headers, *(name for name, _ in named.headers))}
    operation = answering(named, operations)
    if "{" in named.target:
        base = from_template(named, operation, given)
    elif operation is None:
        base = Request(Endpoint(named.method, named.path), named.target)
    else:
        base = as_written(named, operation, given)
    kept = tuple(header for header in base.headers if header[0].lower() not in given)
    return replace(
        base,
        headers=(*kept, *typed(named.headers, operation)),
        body=base.body if named.body is None else named.body,
        weight=named.weight,
    )


def typed(headers: Headers, operation: Operation | None) -> Headers:
    """The headers, with the only type of body that the operation takes in place of one that
    was not recognised."""
    kinds = () if operation is None else body_types(operation)
    if len(kinds) != 1 or kinds[0].startswith("multipart/"):  # that needs its boundary named
        return headers
    unknown = {("Content-Type", kind) for kind in NOT_RECOGNISED}
    return tuple(("Content-Type", kinds[0]) if header in unknown else header for header in headers)


def from_template(named: Named, operation: Operation | None, given: set[str]) -> Request:
    """A path with parameters in braces: the document has to fill them."""
    if operation is None or named.path != operation.path:
        raise UsageError(
            f"{named.where}: the app's OpenAPI has no {named.method} {named.path}",
            "Give the parameter a value, as in 'GET /items/1'.",
        )
    try:
        request = request_for(operation, given, body_given=named.body is not None)
    except Needs as needs:
        raise UsageError(f"{named.where} {needs}") from None
    query = named.target.partition("?")[2]
    return (
        replace(request, target=f"{request.target.partition('?')[0]}?{query}") if query else request
    )


def as_written(named: Named, operation: Operation, given: set[str]) -> Request:
    """A path without braces. What else it needs is filled in where the document can; of a
    body that it cannot fill we know that the app refuses the request without it."""
    request = Request(operation.endpoint, named.target)
    if named.target == operation.path:
        try:
            request = request_for(operation, given, body_given=True)
        except Needs:
            pass  # sent as it was written: its headers may hold what is needed
    if named.body is not None:
        return request
    try:
        body = required_body(operation)
    except Needs as needs:
        raise UsageError(f"{named.where} {needs}") from None
    kind = (("Content-Type", "application/json"),) if body else ()
    return replace(request, body=body, headers=(*request.headers, *kind))


def answering(named: Named, operations: Sequence[Operation]) -> Operation | None:
    """The operation whose path is the request's, or the first whose template matches it."""
    same_method = [o for o in operations if o.method == named.method]
    for operation in same_method:
        if operation.path == named.path:
            return operation
    return next((o for o in same_method if matches(o.path, named.path)), None)


def matches(template: str, path: str) -> bool:
    parts = re.split(r"\{[^}]*\}", template)
    return re.fullmatch("[^/]+".join(map(re.escape, parts)), path) is not None


def told_apart(named: Sequence[Named], requests: Sequence[Request]) -> list[Request]:
    """The requests, each with a path to be reported under: the name that the user gave, or
    the endpoint's path; where different requests share that, what is sent, and a number."""
    shared = [request.key for request in requests]
    result: list[Request] = []
    taken: Taken = {(n.method, n.name) for n in named if n.name}
    for entry, request in zip(named, requests, strict=True):
        name = entry.name
        if name is None:
            name = request.endpoint.path
            if shared.count(request.key) > 1:
                name = request.target
            name = free(name, entry.method, taken)
            taken.add((entry.method, name))
        result.append(replace(request, endpoint=replace(request.endpoint, path=name)))
    return result


def free(name: str, method: str, taken: Taken) -> str:
    number, candidate = 1, name
    while (method, candidate) in taken:
        number += 1
        candidate = f"{name} ({number})"
    return candidate
