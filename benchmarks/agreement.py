"""Do the engines agree with each other, and with wrk, on the same work?

    python benchmarks/agreement.py [--rounds 5] [--seconds 8]

Each keeps 20 connections busy, without think time, against one server that waits 50 ms: a
closed load of at most 400 requests a second, at which none of them is short of CPU. They
take turns, so that a machine that slows down slows all of them, and every figure is divided
by the native engine's of the same round.

The tolerance is for the median of these ratios: 2 % for the rate, the mean and the median
latency, 10 % for the 99th percentile, which a shared machine scatters. A user of Locust's
takes some 0.4 ms between an answer and the next request, which no latency shows; the
shorter the wait, the fewer requests it therefore makes (at 20 ms 3 % fewer). So this says
that the three count and time alike where none of them is the limit. What each costs is in
cpu_per_request.py, open loads, which wrk cannot make, are in truth.py. It needs an idle
machine: where others use the CPUs it measures who got them. wrk has no single
user first and no ramp, and counts from its start to its end; the engines' figures are those
after the first second. Needs the command wrk (apt-get install wrk).
"""

import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from rivals import CLIENT_CPU, pinned, waiting

from asyncperf.load.engine import LoadEngine, Workload
from asyncperf.load.locust_engine import LocustEngine
from asyncperf.load.native_engine import NativeEngine
from asyncperf.model import Endpoint, LoadPlan, Request

WAIT_S, USERS = 0.05, 20
SETTLE_S = 1.0
TOLERANCES = {"req/s": 0.02, "mean": 0.02, "p50": 0.02, "p99": 0.10}
WRK_SCRIPT = """
function done(summary, latency, requests)
    io.write(string.format("figures: %f %f %f %f %f\\n",
        summary.requests / summary.duration * 1e6, latency.mean / 1e3,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        summary.errors.connect + summary.errors.read + summary.errors.write
            + summary.errors.status + summary.errors.timeout))
end
"""

# Requests per second, and latencies in ms, in the order of TOLERANCES.
Figures = tuple[float, ...]


def engine(kind: Callable[[Path, dict[str, str]], LoadEngine], url: str, run_s: float) -> Figures:
    plan = LoadPlan("any", USERS, 1000.0, run_s, 600.0, 10.0)
    with tempfile.TemporaryDirectory() as folder:
        with pinned(CLIENT_CPU):
            load = kind(Path(folder), dict(os.environ))
            session = load.start(Workload("/", (Request(Endpoint("GET", "/"), "/"),)), plan, url)
        while not session.ended:
            time.sleep(0.2)
        [samples] = session.stop().loaded.values()
    assert samples.ok.all(), samples.errors
    latency_ms = samples.latency_s[(samples.end_s >= SETTLE_S) & (samples.end_s < run_s)] * 1e3
    rate_rps = len(latency_ms) / (run_s - SETTLE_S)
    return (rate_rps, float(latency_ms.mean()), *np.percentile(latency_ms, [50, 99]).tolist())


def wrk(url: str, run_s: float) -> Figures:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK_SCRIPT)
        script.flush()
        flags = ("-t1", f"-c{USERS}", f"-d{run_s:.0f}s", "-s", script.name)
        with pinned(CLIENT_CPU):
            done = subprocess.run(
                ["wrk", *flags, url], capture_output=True, text=True, check=True
            ).stdout
    found = re.search(r"figures: (.*)", done)
    assert found is not None, done
    *figures, errors = map(float, found[1].split())
    assert errors == 0, done
    return tuple(figures)


CLIENTS: dict[str, Callable[[str, float], Figures]] = {
    "native engine": partial(engine, NativeEngine),
    "Locust engine": partial(engine, LocustEngine),
    "wrk": wrk,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    rounds: dict[str, list[Figures]] = {name: [] for name in CLIENTS}
    psutil.cpu_percent()
    with waiting(WAIT_S) as url:
        for _ in range(options.rounds):
            for name, client in CLIENTS.items():
                rounds[name].append(client(url, options.seconds))
    print(f"the machine's CPUs were {psutil.cpu_percent():.0f} % busy")
    print(f"{USERS} users, {WAIT_S * 1e3:g} ms: at most {USERS / WAIT_S:g} req/s; medians")
    print(f"{'':16}" + "".join(f"{title:>10}" for title in TOLERANCES))
    for name, figures in rounds.items():
        medians = map(statistics.median, zip(*figures, strict=True))
        print(f"{name:16}" + "".join(f"{median:10.2f}" for median in medians))
    first, *others = rounds
    for name in others:
        print(f"{name} / {first}: median, and the least and the most of {options.rounds} rounds")
        for number, (title, tolerance) in enumerate(TOLERANCES.items()):
            pairs = zip(rounds[name], rounds[first], strict=True)
            ratios = [theirs[number] / ours[number] for theirs, ours in pairs]
            median = statistics.median(ratios)
            verdict = "ok" if abs(median - 1) <= tolerance else "MISSED"
            spread = f"{min(ratios):.3f}-{max(ratios):.3f}"
            print(f"  {title:6} {median:6.3f} {spread:>12} (within {tolerance:.0%}) {verdict}")


if __name__ == "__main__":
    main()
