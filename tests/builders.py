"""Small, valid pieces of the domain; a test changes what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from asyncperf.config import load_settings
from asyncperf.model import (
    Endpoint,
    GeneratorHealth,
    Handler,
    Load,
    LoadPlan,
    Machine,
    Measured,
    Request,
    Run,
    Target,
)
from asyncperf.results import EndpointResult, Figures, Latency, Timeline, Window
from asyncperf.samples import Samples

ITEMS = Endpoint("GET", "/items", Handler("shop.py", 12, "items", is_async=True))
BLOCKING = Endpoint("GET", "/blocking", Handler("shop.py", 30, "blocking", is_async=False))
OPENAPI = {"paths": {endpoint.path: {"get": {}} for endpoint in (ITEMS, BLOCKING)}}
HANDLERS = {("GET", endpoint.path): endpoint.handler for endpoint in (ITEMS, BLOCKING)}
HEALTHY = GeneratorHealth(cpu=0.2, max_drift_s=0.01)
PLAN = LoadPlan("locust 2.47", 500, 50.0, 60.0, 600.0, 60.0)
NOWHERE = Path("nowhere/pyproject.toml")


def settings_of(**flags: Any) -> Any:
    """Settings as from these flags, whatever this machine's environment says."""
    return load_settings(flags, environment={}, pyproject=NOWHERE)


def request(endpoint: Endpoint = ITEMS, **changes: Any) -> Request:
    return replace(Request(endpoint, endpoint.path), **changes)


def samples(
    start_s: Sequence[float] = (),
    latency_s: Sequence[float] | float = 0.1,
    *,
    ok: Sequence[bool] | bool = True,
    cut_off_s: Sequence[float] = (),
    errors: Mapping[str, int] | None = None,
) -> Samples:
    n = len(start_s)
    good = np.broadcast_to(np.array(ok, dtype=np.bool_), n).copy()
    return Samples(
        start_s=np.array(start_s, dtype=np.float64),
        latency_s=np.broadcast_to(np.array(latency_s, dtype=np.float64), n).copy(),
        status=np.where(good, 200, 500).astype(np.int32),
        ok=good,
        received_bytes=np.full(n, 34, dtype=np.int64),
        cut_off_s=np.array(cut_off_s, dtype=np.float64),
        errors=dict(errors or {}),
    )


def alone(response_s: float, requests: int = 10) -> Samples:
    """The single user's requests before the ramp, the first of them slower."""
    latencies = [response_s * 1.5] + [response_s] * (requests - 1)
    return samples([-1.0] * requests, latencies)


def load_of(*measured: Measured, **changes: Any) -> Load:
    made = Load(
        name=measured[0].endpoint.label if measured else "GET /items",
        started_at=1_795_000_010.0,
        duration_s=60.0,
        ramp_end_s=10.0,
        generator=HEALTHY,
        measured=measured or (Measured(ITEMS, alone(0.1), samples([1.0, 2.0])),),
    )
    return replace(made, **changes)


def run_of(*loads: Load, **changes: Any) -> Run:
    target = Target(
        app="shop:app",
        command=("uvicorn", "shop:app"),
        workers=2,
        server="uvicorn 0.54.0",
        python="CPython 3.12.3",
        access_log=False,
        endpoints=(ITEMS, BLOCKING),
    )
    made = Run(
        tool="asyncperf 0.1.0",
        started_at=1_795_000_000.0,
        machine=Machine("Linux 6.1", 2, "some CPU", 8 << 30, "CPython 3.12.3"),
        target=target,
        plan=PLAN,
        loads=loads,
        status="complete",
    )
    return replace(made, **changes)


def figures(rate_rps: float | None = 100.0, requests: int = 5000, failures: int = 0) -> Figures:
    return Figures(requests, failures, rate_rps, Latency(1.0, 0.9, 1.1, {50: 1.0}))


def result_of(endpoint: Endpoint = ITEMS, **changes: Any) -> EndpointResult:
    """An endpoint in good order, without a finding."""
    made = EndpointResult(
        endpoint=endpoint,
        load=endpoint.label,
        whole=figures(),
        steady=figures(),
        window=Window(10.0, 60.0, 1.0, 50),
        no_window_why=None,
        in_flight_at_end=0,
        errors={},
        unloaded_s=1.0,
        unloaded_requests=10,
        limiter=None,
        limiter_note=None,
        ceiling_rps=None,
        next_limiter=None,
        generator=HEALTHY,
        timeline=Timeline(1.0, (1.0,)),
        histogram=None,
        published=None,
        trouble=None,
    )
    return replace(made, **changes)
