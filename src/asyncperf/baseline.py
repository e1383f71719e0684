"""The findings that were there when a scan was adopted: a file that keeps them from being told,
so that only new ones are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from asyncperf.errors import StoreError, UsageError
from asyncperf.sites import SourceFinding, Suppression

SCHEMA_VERSION = 1
KEY = "asyncperf_baseline"


def apply(
    findings: Sequence[SourceFinding], known: Counter[str]
) -> tuple[tuple[SourceFinding, ...], int]:
    """The findings, with those suppressed that the baseline knows, each as often as it does;
    and how many of its entries are not there any more."""
    left = Counter(known)
    told = []
    for finding in findings:
        if finding.suppressed is None and left[finding.fingerprint] > 0:
            left[finding.fingerprint] -= 1
            finding = replace(finding, suppressed=Suppression("baseline", "in the baseline"))
        told.append(finding)
    return tuple(told), sum(left.values())


def text(findings: Sequence[SourceFinding]) -> str:
    """A baseline with all findings that no comment suppresses, for people to read as well."""
    entries = [
        {
            "fingerprint": finding.fingerprint,
            "code": finding.code,
            "file": finding.file,
            "function": finding.function,
        }
        for finding in findings
        if finding.suppressed is None or finding.suppressed.kind == "baseline"
    ]
    entries.sort(key=lambda entry: (entry["file"], entry["code"], entry["fingerprint"]))
    return json.dumps({KEY: SCHEMA_VERSION, "findings": entries}, indent=2) + "\n"


def read(file: Path) -> Counter[str]:
    """How often each fingerprint is known. Raises `UsageError`."""
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
        return Counter(str(entry["fingerprint"]) for entry in document["findings"])
    except (KeyError, TypeError):
        raise UsageError(f"the baseline {str(file)!r} is damaged", hint) from None


def write(file: Path, findings: Sequence[SourceFinding], force: bool) -> None:
    """Replaces a baseline; another file only with `force`. Raises `StoreError`."""
    if file.exists() and not force:
        try:
            read(file)
        except UsageError:
            raise StoreError(
                f"{str(file)!r} exists, and is no baseline",
                "Name another file with --baseline, or replace it with --force.",
            ) from None
    try:
        file.write_text(text(findings), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {str(file)!r}: {error.strerror}") from None
