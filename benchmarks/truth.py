"""Does the native engine tell the truth? Against waits that the server itself measures.

    python benchmarks/truth.py

1. Each answer's length says how long the server really waited. What the engine reports
   beyond that is the network's, the kernel's and the engine's own: the error.
2. The server stops once for 1.5 s. Of a constant stream over T seconds the share that
   waits longer than x is (1.5 - x) / T, so the open load's p99 must be 1.5 - T / 100
   seconds; a closed load sends nothing meanwhile and hides it (coordinated omission).

The error holds every wait for a CPU: where the machine's CPUs were busy with anything else, that
was the limit.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from rivals import CLIENT_CPU, pinned, waiting

from asyncperf.load.engine import Recording, Workload
from asyncperf.load.native_engine import NativeEngine
from asyncperf.model import Endpoint, LoadPlan, Request
from asyncperf.samples import Samples

# As known_waits.py encodes them.
RESOLUTION_S = 1e-5
WAIT_S, RATE_RPS, RUN_S = 0.02, 2000.0, 8.0
STALL_S, STALL_RATE_RPS, STALL_WAIT_S = 1.5, 400.0, 0.005


def load(url: str, **changes: object) -> Recording:
    fields: dict[str, object] = {"engine": "native", "users": 1, "spawn_rate": 1000.0}
    fields |= {"run_time_s": RUN_S, "max_time_s": 60.0, "timeout_s": 10.0} | changes
    plan = LoadPlan(**fields)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        with pinned(CLIENT_CPU):
            engine = NativeEngine(Path(folder), os.environ)
            request = Request(Endpoint("GET", "/"), "/")
            session = engine.start(Workload("/", (request,)), plan, url)
        while not session.ended:
            time.sleep(0.5)
        return session.stop()


def samples_of(recording: Recording) -> Samples:
    [samples] = recording.loaded.values()
    assert samples.ok.all(), samples.errors
    return samples


def judge(what: str, value: float, most: float, unit: str = "ms") -> None:
    verdict = "ok" if value <= most else "MISSED"
    print(f"  {what:44} {value:8.3f} {unit} (at most {most:g}) {verdict}")


def known_waits() -> None:
    closed_users = round(RATE_RPS * WAIT_S)
    loads: dict[str, dict[str, object]] = {
        f"open, {RATE_RPS:g} requests a second": {"model": "open", "rate_rps": RATE_RPS},
        f"open, Poisson, {RATE_RPS:g} a second": {
            **{"model": "open", "rate_rps": RATE_RPS, "arrivals": "poisson"}
        },
        f"closed, {closed_users} users": {"users": closed_users},
    }
    for name, changes in loads.items():
        with waiting(WAIT_S) as url:
            psutil.cpu_percent()
            recording = load(url, **changes)
            busy = psutil.cpu_percent()
        samples = samples_of(recording)
        error_ms = (samples.latency_s - samples.received_bytes * RESOLUTION_S) * 1e3
        print(f"{name}: {len(samples)} requests, {recording.generator}")
        print(f"  the machine's CPUs were {busy:.0f} % busy")
        judge("median error of the latency", float(np.median(error_ms)), 0.5)
        judge("99.9th percentile of it", float(np.percentile(error_ms, 99.9)), 5.0)
        if samples.late_s is not None:
            judge("median late start", float(np.median(samples.late_s)) * 1e3, 0.5)


def one_stall() -> None:
    after = round(STALL_RATE_RPS * RUN_S / 3)
    expected_s = STALL_S - RUN_S / 100 + STALL_WAIT_S
    with waiting(STALL_WAIT_S, after, STALL_S) as url:
        opened = samples_of(load(url, model="open", rate_rps=STALL_RATE_RPS))
    with waiting(STALL_WAIT_S, after, STALL_S) as url:
        closed = samples_of(load(url, users=round(STALL_RATE_RPS * STALL_WAIT_S)))
    p99 = [float(np.percentile(samples.latency_s, 99)) for samples in (opened, closed)]
    print(f"one stall of {STALL_S:g} s: p99 open {p99[0]:.3f} s, closed {p99[1]:.3f} s")
    error_percent = abs(p99[0] / expected_s - 1) * 100
    judge(f"open p99 off from {expected_s:.3f} s by", error_percent, 5.0, "%")


if __name__ == "__main__":
    known_waits()
    one_stall()
