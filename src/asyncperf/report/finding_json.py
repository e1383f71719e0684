"""A finding, and what was found in good order, as plain dicts for the JSON result."""

from collections.abc import Mapping

from asyncperf.report.document import Json, finite
from asyncperf.results import Finding, Healthy
from asyncperf.sites import Independence


def finding_json(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "endpoint": finding.endpoint,
        "file": finding.file,
        "line": finding.line,
        "function": finding.function,
        "message": finding.message,
        "advice": finding.advice,
        "evidence": _figures(finding.evidence),
        "fix": _fix(finding),
        "why_not": finding.why_not,
        "cost_ms_per_request": finite(finding.cost_ms_per_request),
        "cost_rps": finite(finding.cost_rps),
        "suffers": [
            {"endpoint": label, "wait_s": finite(wait_s)}
            for label, wait_s in finding.suffers.items()
        ],
        "independence": _independence(finding.independence),
    }


def _independence(independence: Independence | None) -> Json | None:
    if independence is None:
        return None
    return {
        "verdict": independence.verdict,
        "reason": independence.reason,
        "by": independence.by,
        "remedy": independence.remedy,
        "file": independence.file,
        "line": independence.line,
    }


def _fix(finding: Finding) -> Json | None:
    if finding.fix_kind is None:
        return None
    return {
        "kind": finding.fix_kind,
        "predicted": _figures(finding.predicted),
        "measured": None,
    }


def _figures(figures: Mapping[str, float] | None) -> dict[str, float | None]:
    return {name: finite(value) for name, value in (figures or {}).items()}


def healthy_json(healthy: Healthy) -> Json:
    return {"code": healthy.code, "endpoint": healthy.endpoint, "message": healthy.message}
