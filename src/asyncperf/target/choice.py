"""Which requests a run sends: those the user named, or those that OpenAPI yields.

Pure but for the body and requests files that the user named.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asyncperf.errors import UsageError
from asyncperf.model import Endpoint, Request, Skipped
from asyncperf.target.discover import choose_requests
from asyncperf.target.kinds import Explored
from asyncperf.target.matching import requests_named
from asyncperf.target.named import Named, read_endpoint
from asyncperf.target.requests import Discovered, discover
from asyncperf.target.requests_file import read_requests

ADD = (
    "Name what to request: --endpoint 'GET /items/1', a file for --requests, or a locustfile: "
    "-f locustfile.py"
)
# Of what was skipped, so many reasons stand in a message.
REASONS = 3


@dataclass(frozen=True)
class Choice:
    """`endpoints` are all that are known, requested or not."""

    requests: tuple[Request, ...]
    skipped: tuple[Skipped, ...]
    endpoints: tuple[Endpoint, ...]


def read_named(endpoints: Sequence[str], file: Path | None) -> tuple[Named, ...]:
    """What `--endpoint` and `--requests` say, in that order. Raises `UsageError`."""
    return (*map(read_endpoint, endpoints), *(() if file is None else read_requests(file)))


def choose(
    explored: Explored,
    named: Sequence[Named],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    allow_writes: bool = False,
    headers: Sequence[str] = (),
) -> Choice:
    """`headers` names those that every request will carry. Raises `UsageError` when nothing
    is left to request, or a pattern matches nothing."""
    discovered = Discovered()
    if explored.openapi is not None:
        discovered = discover(
            explored.openapi, explored.handlers, allow_writes=allow_writes, headers=headers
        )
    if named:
        requests = requests_named(named, discovered.operations, headers)
        skipped: tuple[Skipped, ...] = ()
    elif explored.openapi is None:
        raise UsageError(f"{explored.name} {explored.no_openapi}", ADD)
    else:
        requests, skipped = discovered.requests, discovered.skipped
        if not requests:
            raise UsageError(
                f"{explored.name} has no endpoint that can be requested as it stands",
                "\n".join([*map(reason, skipped[:REASONS]), ADD]),
            )
    chosen = choose_requests(requests, include, exclude)
    if not chosen:
        raise UsageError("--exclude leaves no endpoint to load", "Exclude fewer of them.")
    operations = (operation.endpoint for operation in discovered.operations)
    endpoints = (*(request.endpoint for request in requests), *operations)
    return Choice(
        requests=tuple(replace(each, target=explored.base + each.target) for each in chosen),
        skipped=skipped,
        endpoints=tuple(dict.fromkeys(endpoints)),
    )


def reason(skipped: Skipped) -> str:
    return f"{skipped.method} {skipped.path} {skipped.why}"


def known_endpoints(explored: Explored) -> tuple[Endpoint, ...]:
    """Every endpoint that OpenAPI names, for a load that decides itself what it requests."""
    if explored.openapi is None:
        return ()
    discovered = discover(explored.openapi, explored.handlers, allow_writes=True)
    return tuple(operation.endpoint for operation in discovered.operations)
