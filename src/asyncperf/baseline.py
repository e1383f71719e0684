"""The findings that were there when a scan was adopted: a file that keeps them from being told,
so that only new ones are."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from asyncperf.errors import StoreError, UsageError
from asyncperf.replacing import replace_file
from asyncperf.sites import SourceFinding, Suppression

SCHEMA_VERSION = 1
KEY = "asyncperf_baseline"


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding as a baseline knows it. `file` is relative to the baseline's own folder, with
    `/`, so that it means the same whichever part of the tree is scanned; it and `function` only
    say where it was, the fingerprint alone tells it from others."""

    fingerprint: str
    code: str
    file: str
    function: str


def apply(
    findings: Sequence[SourceFinding], known: Sequence[Entry], covers: Callable[[Entry], bool]
) -> tuple[tuple[SourceFinding, ...], int]:
    """The findings, with those suppressed that the baseline knows, each as often as it does;
    and how many of its entries are not there any more, of those that the scan `covers`: of
    what it did not look at it cannot know."""
    left = Counter(entry.fingerprint for entry in known)
    told = []
    for finding in findings:
        if finding.suppressed is None and left[finding.fingerprint] > 0:
            left[finding.fingerprint] -= 1
            finding = replace(finding, suppressed=Suppression("baseline", "in the baseline"))
        told.append(finding)
    covered = Counter(entry.fingerprint for entry in known if covers(entry))
    return tuple(told), (left & covered).total()


def entries(findings: Iterable[SourceFinding], placed: Callable[[str], str]) -> list[Entry]:
    """All findings that no comment suppresses; `placed` gives the path of a file of the scan from
    the baseline's folder."""
    return [
        Entry(finding.fingerprint, finding.code, placed(finding.file), finding.function)
        for finding in findings
        if finding.suppressed is None or finding.suppressed.kind == "baseline"
    ]


def text(known: Iterable[Entry]) -> str:
    """The file's content, for people to read as well."""
    ordered = sorted(known, key=lambda entry: (entry.file, entry.code, entry.fingerprint))
    document = {KEY: SCHEMA_VERSION, "findings": [asdict(entry) for entry in ordered]}
    return json.dumps(document, indent=2) + "\n"


def read(file: Path) -> tuple[Entry, ...]:
    """Raises `UsageError`."""
    hint = "Write it with asyncperf scan --write-baseline."
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read the baseline {str(file)!r}: {error.strerror}", hint
        ) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the baseline {str(file)!r} is no JSON: {error}", hint) from None
    if not isinstance(document, dict) or document.get(KEY) != SCHEMA_VERSION:
        raise UsageError(f"{str(file)!r} is no baseline of this version of asyncperf", hint)
    try:
        return tuple(
            Entry(**{each.name: str(entry[each.name]) for each in fields(Entry)})
            for entry in document["findings"]
        )
    except (KeyError, TypeError):
        raise UsageError(f"the baseline {str(file)!r} is damaged", hint) from None


def replaced(file: Path, force: bool) -> tuple[Entry, ...]:
    """What the baseline knows that is to be written again: nothing where there is none. Raises
    `StoreError` for another file, unless `force` says that it may go."""
    if not os.path.exists(file):  # or may not be seen; writing will say so
        return ()
    try:
        return read(file)
    except UsageError:
        if force:
            return ()
        raise StoreError(
            f"{str(file)!r} exists, and is no baseline",
            "Name another file with --baseline, or replace it with --force.",
        ) from None


def write(file: Path, known: Iterable[Entry]) -> None:
    """Raises `StoreError`."""
    try:
        replace_file(file, text(known))
    except OSError as error:
        raise StoreError(f"cannot write {str(file)!r}: {error.strerror}") from None
