"""Which requests a run sends: those the user named, or those that OpenAPI yields.

Pure but for the body and requests files that the user named.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from asyncperf.errors import UsageError
from asyncperf.model import Endpoint, Request, Skipped
from asyncperf.target.kinds import Explored
from asyncperf.target.matching import requests_named
from asyncperf.target.named import Named, read_endpoint
from asyncperf.target.requests import discover, operations_of
from asyncperf.target.requests_file import read_requests
from asyncperf.target.unlisted import unlisted_operations, unlisted_skipped

ADD = (
    "Name what to request: --endpoint 'GET /items/1', a file for --requests, or a locustfile: "
    "-f locustfile.py"
)
ELSEWHERE = (
    "If the document stands elsewhere: --openapi /api/v1/openapi.json, or a file that holds it. "
    "If all of the app does: asyncperf run http://127.0.0.1:8000/api"
)
# Of what was skipped, so many reasons stand in a message.
REASONS = 3
# Of the paths that might have been meant, so many.
PATHS = 10


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
    discovered = discover(
        explored.openapi or {}, explored.handlers, allow_writes=allow_writes, headers=headers
    )
    unlisted = unlisted_operations(discovered.operations, explored.handlers)
    operations = (*discovered.operations, *unlisted)
    if named:
        requests = requests_named(named, operations, headers)
        skipped: tuple[Skipped, ...] = ()
    else:
        requests = discovered.requests
        skipped = (*discovered.skipped, *unlisted_skipped(unlisted, explored.others))
        if not requests:
            shown = [reason(each) for each in skipped[:REASONS]]
            if explored.openapi is None:
                raise UsageError(explored.no_openapi, "\n".join([*shown, ELSEWHERE, ADD]))
            raise UsageError(
                f"{explored.name} has no endpoint that can be requested as it stands",
                "\n".join([*shown, ADD]),
            )
    chosen, skipped = choose_requests(requests, skipped, include, exclude)
    endpoints = (
        *(request.endpoint for request in requests),
        *(operation.endpoint for operation in operations),
    )
    return Choice(
        requests=tuple(replace(each, target=explored.base + each.target) for each in chosen),
        skipped=skipped,
        endpoints=tuple(dict.fromkeys(endpoints)),
    )


def choose_requests(
    requests: Sequence[Request],
    skipped: Sequence[Skipped],
    include: Sequence[str],
    exclude: Sequence[str],
) -> tuple[tuple[Request, ...], tuple[Skipped, ...]]:
    """Those whose path matches a pattern of `include` (all if empty) and none of `exclude`.

    Patterns are shell globs. Raises `UsageError` for one that matches nothing, and where no
    request is left.
    """
    paths = dict.fromkeys(request.endpoint.path for request in requests)
    for pattern in (*include, *exclude):
        if not any(fnmatchcase(path, pattern) for path in (*paths, *(s.path for s in skipped))):
            raise UsageError(
                f"no endpoint matches {pattern!r}",
                f"The paths that can be loaded: {listed(list(paths))}",
            )

    def wanted(path: str) -> bool:
        return (not include or any(fnmatchcase(path, pattern) for pattern in include)) and not any(
            fnmatchcase(path, pattern) for pattern in exclude
        )

    chosen = tuple(request for request in requests if wanted(request.endpoint.path))
    left_out = tuple(each for each in skipped if wanted(each.path))
    if not chosen and left_out:
        raise UsageError(
            "no endpoint that matches --include can be requested as it stands",
            "\n".join([*map(reason, left_out[:REASONS]), ADD]),
        )
    if not chosen:
        raise UsageError("--exclude leaves no endpoint to load", "Exclude fewer of them.")
    return chosen, left_out


def listed(paths: Sequence[str]) -> str:
    more = [f"and {len(paths) - PATHS} more"] if len(paths) > PATHS else []
    return ", ".join([*paths[:PATHS], *more]) or "none"


def reason(skipped: Skipped) -> str:
    return f"{skipped.method} {skipped.path}: {skipped.why}"


def known_endpoints(explored: Explored) -> tuple[Endpoint, ...]:
    """Every endpoint that is known, for a load that decides itself what it requests."""
    listed = tuple(operations_of(explored.openapi or {}, explored.handlers))
    unlisted = unlisted_operations(listed, explored.handlers)
    return tuple(operation.endpoint for operation in (*listed, *unlisted))
