"""Findings as GitHub's workflow commands, which it shows beside the lines of a pull request."""

from __future__ import annotations

from asyncperf.report.untrusted import clean, clean_path
from asyncperf.sites import ScanResult, SourceFinding

LEVELS = {"warning": "warning", "info": "notice"}


def github_annotations(result: ScanResult) -> str:
    """A line for each finding that is not suppressed."""
    told = (finding for finding in result.findings if finding.suppressed is None)
    return "".join(_annotation(finding, result.shown(finding.file)) + "\n" for finding in told)


def _annotation(finding: SourceFinding, file: str) -> str:
    end = max(finding.line, *finding.lines)
    properties = {"file": clean_path(file), "line": str(finding.line), "endLine": str(end)}
    if end == finding.line:  # of several lines GitHub takes no column
        properties["col"] = str(finding.column + 1)
    properties["title"] = f"asyncperf: {finding.code}"
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = _data(clean(f"{finding.message} {finding.advice}"))
    return f"::{LEVELS[finding.severity]} {listed}::{message}"


def _data(text: str) -> str:
    """As `@actions/core` escapes a message, but for the ends of lines, of which there are none."""
    return text.replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
