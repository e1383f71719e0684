"""An endpoint's result, its repetitions and its levels, as plain dicts for the JSON result."""

from asyncperf.model import Handler
from asyncperf.report.document import Json, finite
from asyncperf.report.inside_json import (
    awaits_json,
    breakdown_json,
    breakdown_notes,
    on_loop_json,
    predicted_json,
)
from asyncperf.report.load_json import generator_json
from asyncperf.results import (
    PERCENTILES,
    EndpointResult,
    Latency,
    Limiter,
    NextLimiter,
    Published,
    Window,
)
from asyncperf.samples import Folded


def endpoint_json(result: EndpointResult) -> Json:
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
        "on_loop": on_loop_json(result.breakdown),
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
    held, document = result.held, endpoint_json(result)
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
    document = endpoint_json(result)
    return {
        "repetition": result.repetition,
        **{name: document[name] for name in (*kept, *also)},
        "generator": generator_json(result.generator),
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
        "sent_rps": finite(limiter.sent_rps),
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
