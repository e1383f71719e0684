"""The result as one JSON document; `docs/result.schema.json` is its contract.

Times are unrounded seconds, except where a name says ms. What is not known is null,
never NaN, with a reason beside it.
"""

import json
from collections.abc import Mapping

from asyncperf.levels import Stage
from asyncperf.model import (
    GeneratorHealth,
    Handler,
    Load,
    Machine,
    Run,
    SentRequest,
    Skipped,
    Target,
)
from asyncperf.report.document import Json, finite
from asyncperf.report.inside_json import (
    awaits_json,
    breakdown_json,
    breakdown_notes,
    predicted_json,
)
from asyncperf.report.knee_json import budget_document, knee_document
from asyncperf.results import (
    PERCENTILES,
    Diagnosis,
    EndpointResult,
    Finding,
    Healthy,
    Latency,
    Limiter,
    NextLimiter,
    Published,
    Window,
)
from asyncperf.samples import Folded
from asyncperf.sites import Independence

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
        "load": _load(diagnosis),
        "endpoints": [_endpoint(result) for result in diagnosis.endpoints],
        "budgets": [budget_document(result) for result in diagnosis.budgets],
        "knees": [knee_document(knee) for knee in diagnosis.knees],
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "healthy": [_healthy(healthy) for healthy in diagnosis.healthy],
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


def _load(diagnosis: Diagnosis) -> Json:
    run, plan = diagnosis.run, diagnosis.run.plan
    engine, _, engine_version = plan.engine.partition(" ")
    return {
        "engine": engine,
        "engine_version": engine_version or None,
        "model": plan.model,
        "users": plan.users,
        "spawn_rate": finite(plan.spawn_rate),
        "rate_rps": finite(plan.rate_rps),
        "stages": [_stage(stage) for stage in plan.stages],
        "find_limit": plan.find_limit is not None,
        "run_time_s": finite(plan.run_time_s),
        "timeout_s": finite(plan.timeout_s),
        "duration_s": finite(sum(load.duration_s for load in run.loads)),
        "generator": _worst(run),
        "valid": diagnosis.valid,
        "warnings": list(dict.fromkeys((*run.warnings, *diagnosis.warnings))),
        "loads": [_one_load(load) for load in run.loads],
    }


def _stage(stage: Stage) -> Json:
    level = stage.level
    return {
        "users": level.users,
        "arrivals_rps": finite(level.rate_rps),
        "hold_s": finite(stage.hold_s),
    }


def _one_load(load: Load) -> Json:
    return {
        "name": load.name,
        "started_at": finite(load.started_at),
        "duration_s": finite(load.duration_s),
        "ramp_end_s": finite(load.ramp_end_s),
        "repetition": load.repetition,
        "generator": _generator(load.generator),
        "machine_cpu": finite(load.machine_cpu),
        "trouble": load.trouble,
    }


def _worst(run: Run) -> Json:
    """The most that the generator went through in any of the loads."""
    loads = [_generator(load.generator) for load in run.loads]

    def most(key: str) -> float | None:
        return max((load[key] for load in loads if load[key] is not None), default=None)

    return {key: most(key) for key in _generator(GeneratorHealth(None, None))}


def _generator(health: GeneratorHealth) -> Json:
    return {
        "cpu": finite(health.cpu),
        "max_drift_s": finite(health.max_drift_s),
        "processes": health.processes,
        "busiest_cpu": finite(max(health.cpu_each, default=None)),
        "starts": health.starts,
        "late_starts": health.late_starts,
        "exhausted": sum(health.exhausted.values()),
        "users_lost": health.users_lost,
    }


def _endpoint(result: EndpointResult) -> Json:
    steady = result.steady
    return {
        "method": result.endpoint.method,
        "path": result.endpoint.path,
        "handler": _handler(result.endpoint.handler),
        "load": result.load,
        "requests": steady.requests if steady else _none_ended(result),
        "failures": steady.failures if steady else _none_ended(result),
        "in_flight_at_end": result.in_flight_at_end,
        "rate_rps": finite(steady.rate_rps) if steady else None,
        "latency_s": _latency(steady.latency) if steady else None,
        "window": _window(result.window),
        "no_window_why": result.no_window_why,
        "whole_run": _whole_run(result),
        "errors": dict(result.errors),
        "redirects": result.redirects,
        "unloaded_s": finite(result.unloaded_s),
        "unloaded_requests": result.unloaded_requests,
        "breakdown_s": breakdown_json(result.breakdown),
        "breakdown_note": result.breakdown_note or breakdown_notes(result.breakdown),
        "awaits": awaits_json(result.breakdown),
        "limiter": _limiter(result.limiter),
        "limiter_note": result.limiter_note,
        "ceiling_rps": finite(result.ceiling_rps),
        "measured_over_ceiling": finite(result.measured_over_ceiling),
        "predicted": predicted_json(result.predicted),
        "next_limiter": _next_limiter(result.next_limiter),
        "published": _published(result.published),
        "folded": _folded(result.folded),
        "trouble": result.trouble,
        "repetitions": [_repetition(each) for each in result.repetitions],
        "levels": [_level(each) for each in result.levels],
    }


def _level(result: EndpointResult) -> Json:
    """What a load measured at one of its levels, and what limited it there."""
    kept = ("requests", "failures", "in_flight_at_end", "rate_rps", "latency_s", "window")
    also = ("no_window_why", "limiter", "limiter_note", "ceiling_rps", "measured_over_ceiling")
    held, document = result.held, _endpoint(result)
    return {
        "users": held.level.users if held else None,
        "arrivals_rps": finite(held.level.rate_rps) if held else None,
        "begins_s": finite(held.begins_s) if held else None,
        "reached_s": finite(held.reached_s) if held else None,
        "ends_s": finite(held.ends_s) if held else None,
        **{name: document[name] for name in (*kept, *also)},
        "trouble": result.trouble,
    }


def _repetition(result: EndpointResult) -> Json:
    """What one repetition measured; what it explains is said once, for all of them."""
    kept = ("requests", "failures", "in_flight_at_end", "rate_rps", "latency_s", "window")
    also = (
        "no_window_why",
        "whole_run",
        "errors",
        "redirects",
        "unloaded_s",
        "unloaded_requests",
        "folded",
        "trouble",
    )
    document = _endpoint(result)
    return {
        "repetition": result.repetition,
        **{name: document[name] for name in (*kept, *also)},
        "generator": _generator(result.generator),
    }


def _handler(handler: Handler | None) -> Json | None:
    if handler is None:
        return None
    return {
        "file": handler.file,
        "line": handler.line,
        "name": handler.name,
        "async": handler.is_async,
    }


def _latency(latency: Latency | None) -> Json | None:
    if latency is None:
        return None
    document = {
        "mean": finite(latency.mean_s),
        "min": finite(latency.min_s),
        "max": finite(latency.max_s),
    }
    for p in PERCENTILES:
        document[f"p{p:g}"] = finite(latency.percentiles_s.get(p))
    return document


def _window(window: Window | None) -> Json | None:
    if window is None:
        return None
    return {
        "start_s": finite(window.start_s),
        "end_s": finite(window.end_s),
        "cycle_s": finite(window.cycle_s),
        "cycles": window.cycles,
    }


def _none_ended(result: EndpointResult) -> int | None:
    """Without a steady window only this is known: none ended in it where none ended at all."""
    return 0 if result.loaded and result.whole.requests == 0 else None


def _whole_run(result: EndpointResult) -> Json:
    figures = result.whole
    return {
        "requests": figures.requests if result.loaded else None,
        "failures": figures.failures if result.loaded else None,
        "rate_rps": finite(figures.rate_rps),
        "latency_s": _latency(figures.latency),
    }


def _limiter(limiter: Limiter | None) -> Json | None:
    if limiter is None:
        return None
    return {
        "kind": limiter.kind,
        "capacity": int(limiter.capacity) if limiter.capacity % 1 == 0 else limiter.capacity,
        "hold_s": finite(limiter.hold_s),
        "utilization": finite(limiter.utilization),
        "wait_s": finite(limiter.wait_s),
        "each": [finite(share) for share in limiter.each],
        "name": limiter.name or None,
        "queued_s": finite(limiter.queued_s) if limiter.each else None,
    }


def _next_limiter(limiter: NextLimiter | None) -> Json | None:
    if limiter is None:
        return None
    return {
        "kind": limiter.kind,
        "ceiling_rps": finite(limiter.ceiling_rps),
        "users": limiter.users,
    }


def _folded(folded: Folded | None) -> Json | None:
    if folded is None:
        return None
    return {
        "requests": folded.requests,
        "time_s": finite(folded.precision.time_s),
        "latency_precision": finite(folded.precision.latency),
    }


def _published(row: Published | None) -> Json | None:
    if row is None:
        return None
    return {
        "requests": row.requests,
        "failures": row.failures,
        "mean_ms": finite(row.mean_ms),
        "min_ms": finite(row.min_ms),
        "max_ms": finite(row.max_ms),
        "median_ms": finite(row.median_ms),
        "rate_rps": finite(row.rate_rps),
    }


def _finding(finding: Finding) -> Json:
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


def _healthy(healthy: Healthy) -> Json:
    return {"code": healthy.code, "endpoint": healthy.endpoint, "message": healthy.message}


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
