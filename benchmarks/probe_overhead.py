"""What the probe costs the app: CPU per request and throughput, paired with and without it.

    python benchmarks/probe_overhead.py [STARTS]

FastAPI's hello world, and an endpoint that computes for a millisecond, each under uvicorn:
plain, with the probe as `asyncperf run` has it, and with all requests in full detail. Beside
them, where they are installed (`pip install aiocop blockbuster`), aiocop and blockbuster, and
asyncio's debug mode. All serve at once and are loaded in turns by wrk with 16 connections.
Two processes of one and the same app differ by some percent, as their memory happens to lie:
so all are started anew several times. A figure is the median over all turns, of the server
process's CPU time by the requests of that turn and of its ratio to the plain server's, and of
the ratio of the two throughputs. CPU by request is what caps the throughput of one worker,
and is disturbed less by whatever else runs on the machine than throughput itself.
"""

import importlib.util
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
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
TURNS = 2  # of each server and path after a start
TURN_S = 2
# What a worker did not record of its rate in a pause it records at the beginning of the load.
UNCOUNTED_S = 1


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


@dataclass(frozen=True)
class Turn:
    cpu_s: float  # of the server per request
    rate_rps: float


def measure(url: str, process: psutil.Process) -> Turn:
    load(url, UNCOUNTED_S)
    before = cpu_s(process)
    requests = load(url, TURN_S)
    return Turn((cpu_s(process) - before) / requests, requests / TURN_S)


def load(url: str, seconds: int) -> int:
    """The requests answered."""
    wrk = ["wrk", "-t1", "-c16", f"-d{seconds}s", url]
    out = subprocess.run(wrk, capture_output=True, text=True, check=True).stdout
    requests = re.search(r"(\d+) requests in", out)
    assert requests is not None, out
    return int(requests[1])


Turns = dict[str, list[Turn]]


def one_start(turns: Mapping[str, Turns]) -> None:
    """Add the turns of each path, by variant."""
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
            for port, _ in servers.values():
                wait_for(f"http://127.0.0.1:{port}/hello")
            for path, found in turns.items():
                for _ in range(TURNS):
                    for variant, (port, process) in servers.items():
                        url = f"http://127.0.0.1:{port}{path}"
                        turn = measure(url, psutil.Process(process.pid))
                        found.setdefault(variant, []).append(turn)
        finally:
            for _, process in servers.values():
                process.terminate()
                process.wait()


def main() -> None:
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    turns: dict[str, Turns] = {"/hello": {}, "/work": {}}
    for _ in range(starts):
        one_start(turns)
    for path, found in turns.items():
        report(path, found)


def report(path: str, found: Turns) -> None:
    plain = found["plain"]
    print(f"{path}: medians of {len(plain)} turns of {TURN_S} s; CPU per request, throughput")
    for variant, turns in found.items():
        pairs = list(zip(turns, plain, strict=True))
        ratios = [turn.cpu_s / base.cpu_s for turn, base in pairs]
        ratio = statistics.median(ratios)
        low, high = sorted(ratios)[len(ratios) // 4], sorted(ratios)[-1 - len(ratios) // 4]
        limit = LIMITS.get((path, variant))
        verdict = (
            "" if limit is None else f"at most {limit:g}: {'ok' if ratio <= limit else 'MISSED'}"
        )
        each_us = statistics.median(turn.cpu_s for turn in turns) * 1e6
        rate = statistics.median(turn.rate_rps / base.rate_rps for turn, base in pairs)
        print(
            f"  {variant:14} {each_us:8.1f} us  {ratio:6.3f} ({low:.3f} to {high:.3f})"
            f"  {rate:6.3f}  {verdict}"
        )


if __name__ == "__main__":
    main()
