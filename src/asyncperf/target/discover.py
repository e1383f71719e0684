"""Find an app that can be imported, and what importing it tells."""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from asyncperf.errors import TargetError, UsageError
from asyncperf.model import Handler, Request
from asyncperf.process import ChildProcess
from asyncperf.target.examples import Schema
from asyncperf.target.requests import Handlers

# An app that takes longer to import than this is stuck rather than slow.
IMPORT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class FoundApp:
    """An importable app: `app_dir` goes first on the import path, as in `fastapi run`.

    `openapi` is None where the app is not FastAPI's.
    """

    import_string: str
    app_dir: Path
    openapi: Schema | None
    handlers: Handlers


def find_app(app: str | None, env: Mapping[str, str]) -> FoundApp:
    """Find and import the app in a child process, and read its endpoints.

    `app` is a file, `module:attribute`, or None for FastAPI's own search. Raises
    `TargetError`; an exception of the app's own has then been printed whole.
    """
    with tempfile.TemporaryDirectory(prefix="asyncperf-") as folder:
        result = _inspect(Path(folder), app, env)
    if "error" in result:
        raise TargetError(f"cannot use {_named(app)}: {result['error']}", result["hint"])
    return FoundApp(
        import_string=result["import_string"],
        app_dir=Path(result["app_dir"]),
        openapi=result["openapi"],
        handlers={
            (entry["method"], entry["path"]): Handler(**entry["handler"])
            for entry in result["handlers"]
        },
    )


def _inspect(folder: Path, app: str | None, env: Mapping[str, str]) -> dict[str, Any]:
    result_file = folder / "app.json"
    command = [sys.executable, "-m", "asyncperf.target.inspect_app", str(result_file)]
    if app is not None:
        command.append(app)
    with ChildProcess(command, log=folder / "import.log", env=env) as process:
        code = process.wait(IMPORT_TIMEOUT_S)
    # What the app printed is the user's own, a traceback above all; standard output is ours.
    sys.stderr.write(process.output())
    if code is None:
        raise TargetError(
            f"{_named(app)} was still importing after {IMPORT_TIMEOUT_S:.0f} s",
            "Move work that waits or loops out of the module's top level.",
        )
    try:
        result: dict[str, Any] = json.loads(result_file.read_bytes())
    except (OSError, ValueError):
        raise TargetError(
            f"{_named(app)} ended the interpreter on import (exit code {code})",
            "Its own message, if it gave one, stands above.",
        ) from None
    return result


def _named(app: str | None) -> str:
    return "the app" if app is None else repr(app)


def choose_requests(
    requests: Sequence[Request], include: Sequence[str], exclude: Sequence[str]
) -> tuple[Request, ...]:
    """The requests whose path matches a pattern of `include` (all if empty) and none of
    `exclude`. Patterns are shell globs. Raises `UsageError` for one that matches nothing."""
    paths = dict.fromkeys(request.endpoint.path for request in requests)
    for pattern in (*include, *exclude):
        if not any(fnmatchcase(path, pattern) for path in paths):
            raise UsageError(
                f"no endpoint matches {pattern!r}",
                f"The paths that can be loaded: {', '.join(paths) or 'none'}",
            )
    return tuple(
        request
        for request in requests
        for path in [request.endpoint.path]
        if (not include or any(fnmatchcase(path, pattern) for pattern in include))
        and not any(fnmatchcase(path, pattern) for pattern in exclude)
    )
