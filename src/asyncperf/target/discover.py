"""From what the user named to a `Target` that can be served."""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from asyncperf.errors import TargetError, UsageError
from asyncperf.model import Endpoint, Handler, Skipped
from asyncperf.process import ChildProcess

# An app that takes longer to import than this is stuck rather than slow.
IMPORT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class FoundApp:
    """An importable app: `app_dir` goes first on the import path, as in `fastapi run`."""

    import_string: str
    app_dir: Path
    endpoints: tuple[Endpoint, ...]
    skipped: tuple[Skipped, ...]


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
        endpoints=tuple(_endpoint(entry) for entry in result["endpoints"]),
        skipped=tuple(Skipped(**entry) for entry in result["skipped"]),
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


def _endpoint(entry: Mapping[str, Any]) -> Endpoint:
    handler = entry["handler"]
    return Endpoint(entry["method"], entry["path"], Handler(**handler) if handler else None)


def choose_endpoints(
    endpoints: Sequence[Endpoint], include: Sequence[str], exclude: Sequence[str]
) -> tuple[Endpoint, ...]:
    """The endpoints whose path matches a pattern of `include` (all if empty) and none of
    `exclude`. Patterns are shell globs. Raises `UsageError` for one that matches nothing."""
    for pattern in (*include, *exclude):
        if not any(fnmatchcase(endpoint.path, pattern) for endpoint in endpoints):
            known = ", ".join(endpoint.path for endpoint in endpoints) or "none"
            raise UsageError(
                f"no endpoint matches {pattern!r}", f"The paths that can be loaded: {known}"
            )
    return tuple(
        endpoint
        for endpoint in endpoints
        if (not include or any(fnmatchcase(endpoint.path, p) for p in include))
        and not any(fnmatchcase(endpoint.path, p) for p in exclude)
    )
