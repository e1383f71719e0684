"""Scans kept for the next run on an unchanged tree.

They lie in the user's own cache folder, never in the scanned one: a cloned repository cannot
bring a scan that says all is well. What is read is checked value by value all the same, and a
file that is no scan is as good as none. For `scanning` only.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from asyncperf import __version__
from asyncperf.replacing import replace_file
from asyncperf.sites import Scan

# Of so many trees the last scan is kept; a large project's takes some megabytes.
MAX_KEPT = 32
# The modules whose text decides what a scan says.
JUDGING = ("scan", "sites.py")

Reader = Callable[[Any], Any]


def cache_folder(env: Mapping[str, str] = os.environ) -> Path | None:
    """Where scans are kept, as the XDG base directories have it; None without a home."""
    named = env.get("XDG_CACHE_HOME") or env.get("LOCALAPPDATA")
    try:
        base = Path(named) if named else Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "asyncperf" / "scan" if base.is_absolute() else None


def key_of(*parts: str) -> str:
    """The name of a scan: of what was read and asked, and of the code and Python that judge."""
    return digest(__version__, _judges(), sys.version, *parts)


def digest(*parts: str) -> str:
    """A hash of texts, of which none can run into the next."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode(errors="surrogatepass")
        found.update(b"%d:" % len(data) + data)
    return found.hexdigest()


@cache
def _judges() -> str:
    """A hash of the code itself, which changes between two releases without a new version."""
    package = Path(__file__).parent
    files = [file for name in JUDGING for file in sorted((package / name).rglob("*.py"))]
    files += [package / name for name in JUDGING if name.endswith(".py")]
    return digest(*(file.read_text(encoding="utf-8") for file in files))


def load_scan(folder: Path, key: str) -> Scan | None:
    """The scan kept under `key`; None where there is none, or what lies there is no scan."""
    file = folder / f"{key}.json"
    try:
        document = json.loads(file.read_bytes())
        if document["key"] != key:
            return None
        scan: Scan = _reader(Scan)(document["scan"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    with suppress(OSError):
        os.utime(file)  # it was of use, so it goes last
    return scan


def keep_scan(folder: Path, key: str, scan: Scan) -> None:
    """Writes it whole or not at all. A folder that cannot be written keeps nothing."""
    text = json.dumps({"key": key, "scan": asdict(scan)}, separators=(",", ":"))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(folder / f"{key}.json", text)
        _drop_oldest(folder)
    except OSError:
        return


def _drop_oldest(folder: Path) -> None:
    kept = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in kept[MAX_KEPT:]:
        file.unlink(missing_ok=True)


@cache
def _reader(kind: Any) -> Reader:
    """A function from what JSON holds to a value of the type `kind`; `TypeError` for another."""
    if is_dataclass(kind):
        return _record_reader(kind)
    options = get_args(kind)
    if get_origin(kind) is Literal:
        return _check(lambda value: isinstance(value, str) and value in options)
    if get_origin(kind) in (Union, types.UnionType):
        return _optional_reader(next(each for each in options if each is not types.NoneType))
    if get_origin(kind) is tuple:
        item = _reader(options[0])
        return lambda value: tuple(map(item, _is(list, value)))
    return _check(lambda value: type(value) is kind)


def _record_reader(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    readers = {each.name: _reader(hints[each.name]) for each in fields(kind)}

    def read(value: Any) -> Any:
        if _is(dict, value).keys() != readers.keys():
            raise TypeError(value)
        return kind(**{name: reader(value[name]) for name, reader in readers.items()})

    return read


def _optional_reader(kind: Any) -> Reader:
    reader = _reader(kind)
    return lambda value: None if value is None else reader(value)


def _check(is_right: Callable[[Any], bool]) -> Reader:
    def read(value: Any) -> Any:
        if not is_right(value):
            raise TypeError(value)
        return value

    return read


def _is(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(value)
    return value
