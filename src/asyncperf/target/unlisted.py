"""What an app answers although its OpenAPI document does not list it: hidden routes, mounted
apps, static files, WebSockets. None is requested by itself; each says how to name it.

Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from asyncperf.model import Skipped
from asyncperf.target.requests import Handlers, Operation, named


@dataclass(frozen=True)
class Other:
    """What stands at a path beside the HTTP routes; an "app" may have routes of its own."""

    kind: Literal["static", "app", "websocket"]
    path: str


def unlisted_operations(listed: Sequence[Operation], handlers: Handlers) -> tuple[Operation, ...]:
    """The HTTP routes that the document leaves out, as operations of which it tells nothing."""
    known = {(operation.method, operation.path) for operation in listed}
    return tuple(
        Operation({}, method, path, {}, (), handler)
        for (method, path), handler in handlers.items()
        if (method, path) not in known
    )


def unlisted_skipped(
    operations: Sequence[Operation], others: Sequence[Other]
) -> tuple[Skipped, ...]:
    """An entry for each operation by itself, for each mounted app with all that it has, and
    for each WebSocket."""
    mounts = [other for other in others if other.kind != "websocket" and other.path]
    alone = [o for o in operations if not any(is_below(o.path, mount) for mount in mounts)]
    return (*skipped_routes(alone), *(skipped_other(other, operations) for other in others))


def skipped_routes(operations: Sequence[Operation]) -> Iterator[Skipped]:
    answered = {(operation.method, operation.path) for operation in operations}
    for operation in operations:
        # Starlette answers HEAD wherever it answers GET.
        if operation.method == "HEAD" and ("GET", operation.path) in answered:
            continue
        why = f"is not in the app's OpenAPI: {named(operation)}"
        yield Skipped(operation.method, operation.path, why)


def skipped_other(other: Other, operations: Sequence[Operation]) -> Skipped:
    path = other.path or "/"
    if other.kind == "websocket":
        why = "asyncperf sends HTTP alone; Locust users of your own can load it: -f locustfile.py"
        return Skipped("WEBSOCKET", path, why)
    if other.kind == "static":
        why = f"static files: --endpoint 'GET {other.path}/FILE'"
        return Skipped("MOUNT", path, why)
    below = [o for o in operations if is_below(o.path, other) and o.method != "HEAD"]
    if not below:
        return Skipped("MOUNT", path, f"an app of its own: --endpoint 'GET {other.path}/...'")
    first = next((operation for operation in below if operation.method == "GET"), below[0])
    routes = "a route" if len(below) == 1 else f"{len(below)} routes"
    return Skipped("MOUNT", path, f"an app of its own with {routes}: {named(first)}")


def is_below(path: str, mount: Other) -> bool:
    return path.startswith(f"{mount.path}/")
