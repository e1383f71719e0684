"""Findings as SARIF 2.1.0 (OASIS), which code hosts and editors show at their lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args
from urllib.parse import quote

from asyncperf import __version__
from asyncperf.report.document import Json
from asyncperf.report.untrusted import clean
from asyncperf.sites import Problem, ScanResult, SourceCode, SourceFinding, Step

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
BASE = "BASE"
Shown = Callable[[str], str]
CODES: tuple[SourceCode, ...] = get_args(SourceCode)
LEVELS = {"warning": "warning", "info": "note"}
SUPPRESSED_BY = {"ignore": "inSource", "baseline": "external"}
RULES = {
    "sequential-awaits": "Awaits one after another that could run together",
    "sequential-loop": "Awaits in a loop that could run together",
    "sequential-dependencies": "Dependencies resolved one after another that could run together",
    "blocking-call": "A call that blocks the event loop",
}


def sarif(result: ScanResult) -> str:
    run: Json = {
        "tool": {
            "driver": {
                "name": "asyncperf",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(code) for code in CODES],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {BASE: {"uri": Path(result.base).as_uri().rstrip("/") + "/"}},
        "results": [_result(finding, result.shown) for finding in result.findings],
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    _notification(each, result.shown) for each in result.problems
                ],
            }
        ],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2) + "\n"


def _rule(code: SourceCode) -> Json:
    return {
        "id": code,
        "shortDescription": {"text": RULES[code]},
        "help": {"text": f"asyncperf explain {code}"},
    }


def _result(finding: SourceFinding, shown: Shown) -> Json:
    place = Step(finding.file, finding.line, finding.function)
    result: Json = {
        "ruleId": finding.code,
        "ruleIndex": CODES.index(finding.code),
        "level": LEVELS[finding.severity],
        "message": {"text": f"{clean(finding.message)} {clean(finding.advice)}"},
        "locations": [_location(place, shown, finding.column)],
        "partialFingerprints": {"asyncperf/v1": finding.fingerprint},
    }
    if finding.related:
        result["relatedLocations"] = [
            {"id": i, "message": {"text": clean(f"in {step.function}")}, **_location(step, shown)}
            for i, step in enumerate(finding.related)
        ]
    if finding.suppressed is not None:
        kind = SUPPRESSED_BY[finding.suppressed.kind]
        result["suppressions"] = [{"kind": kind, "justification": clean(finding.suppressed.reason)}]
    return result


def _location(step: Step, shown: Shown, column: int | None = None) -> Json:
    region = {"startLine": step.line}
    if column is not None:
        region["startColumn"] = column + 1
    return {
        "physicalLocation": {"artifactLocation": _artifact(shown(step.file)), "region": region},
        "logicalLocations": [{"fullyQualifiedName": clean(step.function), "kind": "function"}],
    }


def _notification(problem: Problem, shown: Shown) -> Json:
    place: Json = {"artifactLocation": _artifact(shown(problem.file))}
    if problem.line is not None:
        place["region"] = {"startLine": problem.line}
    return {
        "level": "warning",
        "message": {"text": clean(problem.what)},
        "locations": [{"physicalLocation": place}],
    }


def _artifact(file: str) -> Json:
    return {"uri": quote(file, errors="surrogateescape"), "uriBaseId": BASE}
