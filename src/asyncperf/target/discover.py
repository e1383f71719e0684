"""Find an app that can be imported, and what importing it tells."""

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncperf.errors import TargetError
from asyncperf.model import Handler
from asyncperf.process import ChildProcess
from asyncperf.target.examples import Schema
from asyncperf.target.requests import Handlers
from asyncperf.target.unlisted import Other

# An app that takes longer to import than this is stuck rather than slow.
IMPORT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class FoundApp:
    """An importable app: `app_dir` goes first on the import path, as in `fastapi run`.

    `openapi` is None where there is none, `no_openapi` then says why. `others` is what it
    answers beside its HTTP routes.
    """

    import_string: str
    app_dir: Path
    openapi: Schema | None
    handlers: Handlers
    no_openapi: str = ""
    others: tuple[Other, ...] = ()


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
            (entry["method"], entry["path"]): entry["handler"] and Handler(**entry["handler"])
            for entry in result["handlers"]
        },
        no_openapi=result["no_openapi"],
        others=tuple(Other(**entry) for entry in result["others"]),
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
