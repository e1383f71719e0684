"""What the probe costs the app: CPU per request, paired in one run with and without it.

    python benchmarks/probe_overhead.py [ROUNDS]

FastAPI's hello world, and an endpoint that computes for a millisecond, each under uvicorn:
plain, with the probe as `asyncperf run` has it, and with all requests in full detail. Beside
them, where they are installed (`pip install aiocop blockbuster`), aiocop and blockbuster, and
asyncio's debug mode. All serve at once and are loaded in turns by wrk with 16 connections; a
figure is the median over the rounds of the server process's CPU time by the requests of that
round, and its ratio to the plain server's. CPU by request is what caps the throughput of
one worker, and is disturbed less by whatever else runs on the machine than throughput itself.
"""

import importlib.util
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
from rivals import free_port, wait_for

from asyncperf.probe.orders import ProbeOrders

APP = """
import os, time
from fastapi import FastAPI

app = FastAPI()
RIVAL = os.environ.get("RIVAL")


@app.get("/hello")
async def hello():
    return {"hello": "world"}


@app.get("/work")
async def work():
    until = time.thread_time() + 0.001
    while time.thread_time() < until:
        pass
    return {}


if RIVAL == "aiocop":
    import aiocop

    @app.on_event("startup")
    async def start():
        aiocop.patch_audit_functions()
        aiocop.start_blocking_io_detection()
        aiocop.detect_slow_tasks()
        aiocop.activate()

if RIVAL == "blockbuster":
    from blockbuster import BlockBuster

    @app.on_event("startup")
    async def start():
        BlockBuster().activate()
"""
# At most so many times the plain server's CPU per request.
LIMITS = {
    ("/hello", "probe"): 1.03,
    ("/hello", "all in detail"): 1.08,
    ("/work", "probe"): 1.01,
}
ROUND_S = 2


def variants(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """The environments to serve with, by their names."""
    plain = dict(os.environ)
    found = {"plain": plain}
    for name, detailed in (("probe", False), ("all in detail", True)):
        notes = folder / name.replace(" ", "-")
        notes.mkdir()
        orders = ProbeOrders(str(notes), record=True, everything=detailed)
        found[name] = orders.environment(plain)
    for rival in ("aiocop", "blockbuster"):
        if importlib.util.find_spec(rival):
            found[rival] = {**plain, "RIVAL": rival}
    found["asyncio debug"] = {**plain, "PYTHONASYNCIODEBUG": "1"}
    return found


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def measure(url: str, process: psutil.Process) -> float:
    """CPU seconds of the server per request of one round."""
    before = cpu_s(process)
    wrk = ["wrk", "-t1", "-c16", f"-d{ROUND_S}s", url]
    out = subprocess.run(wrk, capture_output=True, text=True, check=True).stdout
    requests = re.search(r"(\d+) requests in", out)
    assert requests is not None, out
    return (cpu_s(process) - before) / int(requests[1])


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hello_app.py").write_text(APP)
        servers = {}
        try:
            for variant, env in variants(folder).items():
                port = free_port()
                serve = f"-m uvicorn hello_app:app --port {port} --no-access-log --log-level error"
                command = [sys.executable, *serve.split()]
                servers[variant] = (port, subprocess.Popen(command, cwd=folder, env=env))
                wait_for(f"http://127.0.0.1:{port}/hello")
            time.sleep(1)
            for path in ("/hello", "/work"):
                report(path, rounds, servers)
        finally:
            for _, process in servers.values():
                process.terminate()
                process.wait()


def report(
    path: str, rounds: int, servers: Mapping[str, tuple[int, "subprocess.Popen[bytes]"]]
) -> None:
    cost: dict[str, list[float]] = {variant: [] for variant in servers}
    for _ in range(rounds):
        for variant, (port, process) in servers.items():
            url = f"http://127.0.0.1:{port}{path}"
            cost[variant].append(measure(url, psutil.Process(process.pid)))
    print(f"{path}: CPU per request, median of {rounds} rounds of {ROUND_S} s")
    for variant, values in cost.items():
        ratios = [v / p for v, p in zip(values, cost["plain"], strict=True)]
        ratio = statistics.median(ratios)
        low, high = sorted(ratios)[rounds // 4], sorted(ratios)[-1 - rounds // 4]
        limit = LIMITS.get((path, variant))
        verdict = (
            "" if limit is None else f"at most {limit:g}: {'ok' if ratio <= limit else 'MISSED'}"
        )
        each_us = statistics.median(values) * 1e6
        print(
            f"  {variant:14} {each_us:8.1f} us  {ratio:6.3f} ({low:.3f} to {high:.3f})  {verdict}"
        )


if __name__ == "__main__":
    main()
