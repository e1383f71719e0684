"""What `asyncperf scan` was asked to do: defaults < [tool.asyncperf.scan] in pyproject.toml <
flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncperf.errors import UsageError
from asyncperf.pyproject import by_name
from asyncperf.scan.checkers import NAMES

FAIL_ON = ("warning", "info", "never")
TYPES = ("off", "auto", *NAMES)
BASELINE = ".asyncperf-baseline.json"
TABLE = "[tool.asyncperf.scan]"
HERE = 'The folder that you are in is ".".'


@dataclass(frozen=True)
class ScanSettings:
    """`paths` are files and folders, `exclude` patterns of paths below them.
    `baseline` is None where none is named. `app` is imported and asked for its routes; `cache`
    says whether the last scan of an unchanged tree will do. `types` names the type checker that
    is asked, one of `TYPES`."""

    paths: tuple[str, ...] = (".",)
    exclude: tuple[str, ...] = ()
    baseline: Path | None = None
    fail_on: str = "warning"
    app: str | None = None
    cache: bool = True
    types: str = "off"


def scan_settings(table: object, flags: Mapping[str, Any]) -> ScanSettings:
    """From pyproject's table, and the flags that were given over it. Raises `UsageError`."""
    if not isinstance(table, dict):
        raise UsageError(f"{TABLE} must be a table, not {table!r}")
    values: dict[str, Any] = {
        name: READERS[name](value, f"{TABLE} {name.replace('_', '-')}")
        for name, value in by_name(table, READERS, TABLE).items()
    }
    for name, value in flags.items():
        flag = "PATH" if name == "paths" else "--" + name.replace("_", "-")
        values[name] = READERS[name](value, flag)
    return ScanSettings(**values)


def _texts(value: object, where: str) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(each, str) for each in texts):
        raise UsageError(f"{where} must be a text or a list of texts, not {value!r}")
    return tuple(texts)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{where} must be a text, not {value!r}")
    return value


def _file(value: object, where: str) -> Path:
    return Path(_text(value, where))


def _switch(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{where} must be true or false, not {value!r}")
    return value


def _level(value: object, where: str) -> str:
    if value not in FAIL_ON:
        raise UsageError(f"{where} must be one of {', '.join(FAIL_ON)}, not {value!r}")
    return str(value)


def _types(value: object, where: str) -> str:
    if value not in TYPES:
        raise UsageError(f"{where} must be one of {', '.join(TYPES)}, not {value!r}")
    return str(value)


def _paths(value: object, where: str) -> tuple[str, ...]:
    paths = _texts(value, where)
    if not all(paths) or not paths:
        raise UsageError(f"{where} must name files or folders, not {value!r}", HERE)
    return paths


READERS = {
    "paths": _paths,
    "exclude": _texts,
    "baseline": _file,
    "fail_on": _level,
    "app": _text,
    "cache": _switch,
    "types": _types,
}
