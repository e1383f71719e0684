"""What was seen from inside, as plain dicts for the JSON result."""

from asyncperf.explanation import AwaitPart, Breakdown, LoopPart, Prediction
from asyncperf.report.document import Json, finite


def breakdown_json(found: Breakdown | None) -> Json | None:
    if found is None:
        return None
    return {
        "loop_wait": finite(found.loop_wait_s),
        "pool_wait": finite(found.pool_wait_s),
        "pool_run": finite(found.pool_run_s),
        "connection_wait": finite(found.connection_wait_s),
        "lock_wait": finite(found.lock_wait_s),
        "await": finite(found.await_s),
        "loop_cpu": finite(found.loop_cpu_s),
        "gc": finite(found.gc_s),
        "other": finite(found.other_s),
    }


def breakdown_notes(found: Breakdown | None) -> str | None:
    if found is None:
        return None
    seen = f"from {found.requests} of {found.of_requests} requests"
    return "; ".join((seen, *found.notes))


def awaits_json(found: Breakdown | None) -> list[Json]:
    return [] if found is None else [_await(part) for part in found.awaits]


def on_loop_json(found: Breakdown | None) -> list[Json]:
    return [] if found is None else [_on_loop(part) for part in found.on_loop]


def _on_loop(part: LoopPart) -> Json:
    return {
        "file": part.file,
        "line": part.line,
        "function": part.function,
        "inside": part.inside,
        "share": finite(part.share),
        "samples": part.samples,
    }


def _await(part: AwaitPart) -> Json:
    return {
        "file": part.file,
        "line": part.line,
        "column": part.column,
        "function": part.function,
        "text": part.text,
        "mean_s": finite(part.mean_s),
        "times": finite(part.times),
    }


def predicted_json(found: Prediction | None) -> Json | None:
    if found is None:
        return None
    return {
        "rate_rps": finite(found.rate_rps),
        "latency_s": finite(found.latency_s),
        "low_rps": finite(found.low_rps),
        "high_rps": finite(found.high_rps),
        "requests": found.requests,
    }
