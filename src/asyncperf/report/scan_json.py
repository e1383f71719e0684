"""A scan as JSON, for programs: every site judged, not only the findings."""

from __future__ import annotations

import json
from dataclasses import asdict

from asyncperf import __version__
from asyncperf.report.document import Json
from asyncperf.sites import BlockingCall, Problem, ScanResult, Site, SourceFinding

# It grows when a field changes its meaning or goes; new fields may come any time.
SCHEMA_VERSION = 1


def scan_json(result: ScanResult) -> str:
    scan = result.scan
    document: Json = {
        "schema_version": SCHEMA_VERSION,
        "tool": f"asyncperf {__version__}",
        "root": scan.root,
        "files": scan.files,
        "lines": scan.lines,
        "sites": [_site(site) for site in scan.sites],
        "blocking": [_blocking(call) for call in scan.blocking],
        "inferred": asdict(scan.inferred) if scan.inferred else None,
        "findings": [_finding(finding) for finding in result.findings],
        "problems": [_problem(problem) for problem in result.problems],
        "stale_baseline_entries": result.stale,
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _site(site: Site) -> Json:
    return asdict(site) | {"lines": list(site.lines)}


def _blocking(call: BlockingCall) -> Json:
    return asdict(call) | {
        "chain": [asdict(step) for step in call.chain],
        "endpoints": list(call.endpoints),
    }


def _finding(finding: SourceFinding) -> Json:
    return asdict(finding) | {
        "lines": list(finding.lines),
        "related": [asdict(step) for step in finding.related],
    }


def _problem(problem: Problem) -> Json:
    return asdict(problem)
