"""The type checkers that can be asked, and how each is started and set up. For `scan` only."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class Checker:
    """`settings` are what its server is told of each section that it asks for."""

    name: str
    program: str  # its name; once found, its path
    arguments: tuple[str, ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    options: object = None


def _pyright(name: str) -> Checker:
    # What it would complain about is not asked for.
    analysis = {"diagnosticMode": "openFilesOnly", "typeCheckingMode": "off", "logLevel": "Error"}
    python = {"pythonPath": sys.executable, "analysis": analysis}
    return Checker(
        name,
        f"{name}-langserver",
        ("--stdio",),
        {
            "python": python,
            "python.analysis": analysis,
            name: {"analysis": analysis},
            f"{name}.analysis": analysis,
        },
    )


# In the order of preference: how fast they answer.
CHECKERS = (
    Checker("ty", "ty", ("server",), {"ty": {"diagnosticMode": "off"}}, {"diagnosticMode": "off"}),
    Checker(
        "pyrefly",
        "pyrefly",
        ("lsp",),
        {
            "python": {
                "pythonPath": sys.executable,
                "pyrefly": {"displayTypeErrors": "force-off"},
            },
        },
        {"pyrefly": {"displayTypeErrors": "force-off"}},
    ),
    _pyright("basedpyright"),
    _pyright("pyright"),
)
NAMES = tuple(checker.name for checker in CHECKERS)


def find(wanted: str, env: Mapping[str, str] = os.environ) -> Checker | None:
    """The checker of that name, or for `auto` the first there is; its program is then a path.

    Looked for beside the Python that runs us and on the PATH; never in what is scanned, which
    may be anyone's.
    """
    places = os.pathsep.join((str(Path(sys.executable).parent), env.get("PATH", "")))
    for checker in CHECKERS:
        if wanted in ("auto", checker.name):
            program = shutil.which(checker.program, path=places)
            if program is not None:
                return replace(checker, program=program)
    return None


def environment(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What its process is told: the app's packages are those of the active environment, else of
    the Python that runs us."""
    given = dict(env)
    if not (env.get("VIRTUAL_ENV") or env.get("CONDA_PREFIX")):
        given["VIRTUAL_ENV"] = sys.prefix
        folder = str(Path(sys.executable).parent)
        given["PATH"] = os.pathsep.join((folder, env.get("PATH", "")))
    return given


def state_of(checker: Checker) -> Iterator[str]:
    """What tells, together with the source, whether the checker would answer as it did: itself,
    and the packages installed."""
    given = environment()
    prefix = given.get("VIRTUAL_ENV") or given.get("CONDA_PREFIX") or sys.prefix
    places = [Path(checker.program).resolve(), *sorted(Path(prefix).glob("lib/python*/*-packages"))]
    for place in places:
        try:
            about = place.stat()
        except OSError:
            continue
        yield f"{place} {about.st_mtime_ns} {about.st_size}"
