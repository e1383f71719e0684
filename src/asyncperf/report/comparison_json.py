"""A comparison as one JSON document; `docs/compare.schema.json` is its contract.

As in a run's result, what is not known is null, with a reason beside it.
"""

from typing import Any

from asyncperf.judgement import Change, Comparison, EndpointComparison, Side

SCHEMA_VERSION = 1

Json = dict[str, Any]


def comparison_document(comparison: Comparison) -> Json:
    """Plain dicts, lists, strings and finite numbers."""
    return {
        "schema_version": SCHEMA_VERSION,
        "base": _side(comparison.base),
        "new": _side(comparison.new),
        "at_least": comparison.at_least,
        "confidence": comparison.confidence,
        "warnings": list(comparison.warnings),
        "endpoints": [_endpoint(endpoint) for endpoint in comparison.endpoints],
        "only_in_base": list(comparison.only_in_base),
        "only_in_new": list(comparison.only_in_new),
    }


def _side(side: Side) -> Json:
    return {
        "app": side.app,
        "started_at": side.started_at,
        "workers": side.workers,
        "users": side.users,
        "engine": side.engine,
        "repetitions": side.repetitions,
    }


def _endpoint(endpoint: EndpointComparison) -> Json:
    return {
        "method": endpoint.method,
        "path": endpoint.path,
        "verdict": endpoint.verdict,
        "base_requests": endpoint.base_requests,
        "new_requests": endpoint.new_requests,
        "base_repetitions": endpoint.base_repetitions,
        "new_repetitions": endpoint.new_repetitions,
        "changes": {change.metric: _change(change) for change in endpoint.changes},
    }


def _change(change: Change) -> Json:
    return {
        "base": change.base,
        "new": change.new,
        "ratio": change.ratio,
        "low": change.low,
        "high": change.high,
        "verdict": change.verdict,
        "why": change.why,
        "more_data": change.more_data,
    }
