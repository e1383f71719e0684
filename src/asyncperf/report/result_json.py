"""The result as one JSON document; `docs/result.schema.json` is its contract.

Times are unrounded seconds, except where a name says ms. What is not known is null,
never NaN, with a reason beside it.
"""

import json

from asyncperf.model import Machine, SentRequest, Skipped, Target
from asyncperf.report.document import Json, finite
from asyncperf.report.endpoint_json import endpoint_json
from asyncperf.report.finding_json import finding_json, healthy_json
from asyncperf.report.knee_json import budget_document, knee_document
from asyncperf.report.load_json import load_json
from asyncperf.results import Diagnosis

SCHEMA_VERSION = 1


def result_json(diagnosis: Diagnosis) -> str:
    """The document as text, ending in a newline."""
    return json.dumps(result_document(diagnosis), indent=2, allow_nan=False) + "\n"


def result_document(diagnosis: Diagnosis) -> Json:
    """A diagnosis as plain dicts, lists, strings and finite numbers."""
    run = diagnosis.run
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": run.tool,
        "status": run.status,
        "started_at": finite(run.started_at),
        "machine": _machine(run.machine),
        "target": _target(run.target),
        "load": load_json(diagnosis),
        "endpoints": [endpoint_json(result) for result in diagnosis.endpoints],
        "budgets": [budget_document(result) for result in diagnosis.budgets],
        "knees": [knee_document(knee) for knee in diagnosis.knees],
        "findings": [finding_json(finding) for finding in diagnosis.findings],
        "healthy": [healthy_json(healthy) for healthy in diagnosis.healthy],
        "requests": [_sent(sent) for sent in run.target.sent],
        "skipped": [_skipped(skipped) for skipped in run.target.skipped],
    }


def _machine(machine: Machine) -> Json:
    return {
        "system": machine.system,
        "cpus": machine.cpus,
        "cpu_model": machine.cpu_model,
        "memory_bytes": machine.memory_bytes,
        "python": machine.python,
    }


def _target(target: Target) -> Json:
    return {
        "app": target.app,
        "command": list(target.command),
        "workers": target.workers,
        "server": target.server,
        "python": target.python,
        "access_log": target.access_log,
        "gc": target.gc,
    }


def _sent(sent: SentRequest) -> Json:
    return {
        "method": sent.method,
        "path": sent.path,
        "target": sent.target,
        "headers": list(sent.headers),
        "body_bytes": sent.body_bytes,
        "weight": finite(sent.weight),
    }


def _skipped(skipped: Skipped) -> Json:
    return {"method": skipped.method, "path": skipped.path, "why": skipped.why}
