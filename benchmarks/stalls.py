"""How exactly the probe finds stalls of the event loop: planted ones, on asyncio and uvloop.

    python benchmarks/stalls.py [SECONDS]

An app blocks its loop in eight ways at eight places, for 20 to 500 ms each, and notes itself
when it did, and how much of that no CPU was free. One that came out shorter without that than it
was to be is planted again. A stall counts as found when the probe has
one that overlaps it; its line is right when the probe blames the line that blocked. Then a
healthy app is loaded as hard as it goes, on which no stall of the user's may be reported.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from rivals import free_port

from asyncperf.insight import Insight
from asyncperf.probe.orders import ProbeOrders
from asyncperf.probe_files import read_insight

APP = """
import asyncio, json, sys, threading, time
from pathlib import Path
from fastapi import Depends, FastAPI, Request

TRUTH = Path(sys.argv[0] and __file__).with_name("truth.jsonl")
app = FastAPI()


def counted_per_s():
    began = time.thread_time()
    sum(range(5_000_000))
    return 5_000_000 / (time.thread_time() - began)


PER_S = max(counted_per_s() for _ in range(10))


def waited():
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def planted(name, line, began, waited_before):
    end = time.perf_counter()
    own_s = end - began - (waited() - waited_before)
    with TRUTH.open("a") as file:
        row = {"name": name, "line": line, "start": began, "end": end, "own_s": own_s}
        file.write(json.dumps(row) + "\\n")


def line():
    return sys._getframe(1).f_lineno


def sleep(name, s):
    before, began = waited(), time.perf_counter()
    time.sleep(s); at = line()
    planted(name, at, began, before)


def compute(name, s):
    before, cpu_s, began = waited(), time.thread_time(), time.perf_counter()
    at = line() + 1
    while time.thread_time() - cpu_s < s: pass
    planted(name, at, began, before)


def native(name, s):
    global PER_S
    before, cpu_s, began = waited(), time.thread_time(), time.perf_counter()
    sum(range(int(s * PER_S))); at = line()
    planted(name, at, began, before)
    if time.thread_time() - cpu_s < s:
        PER_S *= 1.05


def small(name, s):
    before, began = waited(), time.perf_counter()
    at = line() + 1
    for _ in range(round(s * 1000)): time.sleep(0.001)
    planted(name, at, began, before)


def deeper(name, s): deep(name, s)
def deep(name, s): sleep(name, s)


WAYS = {"sleep": sleep, "compute": compute, "native": native, "small": small}


async def dependency(s: float = 0.0, way: str = "sleep", place: str = ""):
    if place == "dependency":
        WAYS[way](place + " " + way, s)


@app.middleware("http")
async def middleware(request: Request, call_next):
    query = request.query_params
    if query.get("place") == "middleware":
        WAYS[query["way"]]("middleware " + query["way"], float(query["s"]))
    return await call_next(request)


@app.get("/stall")
async def stall(place: str, way: str, s: float, _=Depends(dependency)):
    name = place + " " + way
    if place == "handler":
        WAYS[way](name, s)
    elif place == "deep":
        deeper(name, s)
    elif place == "task":
        async def inner():
            await asyncio.sleep(0)
            WAYS[way](name, s)
        await asyncio.create_task(inner())
    elif place == "callback":
        asyncio.get_running_loop().call_later(0.003, WAYS[way], name, s)
        await asyncio.sleep(0.05)


@app.get("/fine")
async def fine():
    await asyncio.sleep(0.002)
    return {}
"""
WAYS = ("sleep", "compute", "native", "small")
PLACES = ("handler", "dependency", "middleware", "task", "callback", "deep")
DURATIONS_S = (0.02, 0.03, 0.05, 0.1, 0.2, 0.5)
ERROR_BELOW_S = 0.002
# On a busy machine what is to compute for so long waits for a CPU instead.
TRIALS = 20


def plant(folder: Path, loop: str, seconds: float) -> Insight:
    """Serve the app with a probe on that loop, plant every stall once, then load it."""
    (folder / "planted.py").write_text(APP)
    port, notes = free_port(), folder / "notes"
    notes.mkdir()
    import os

    env = ProbeOrders(str(notes), record=True).environment(os.environ)
    command = f"-m uvicorn planted:app --port {port} --loop {loop} --no-access-log".split()
    log = (folder / "log").open("w")
    server = subprocess.Popen([sys.executable, *command], cwd=folder, env=env, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/fine")
        for place in PLACES:
            for way in ("sleep",) if place == "deep" else WAYS:
                for s in DURATIONS_S:
                    url = f"http://127.0.0.1:{port}/stall?place={place}&way={way}&s={s}"
                    plant_one(url, s, folder / "truth.jsonl")
        (folder / "healthy").write_text(str(time.perf_counter()))
        wrk = ["wrk", "-t1", "-c64", f"-d{seconds:g}s", f"http://127.0.0.1:{port}/fine"]
        subprocess.run(wrk, stdout=subprocess.DEVNULL, check=True)
    finally:
        server.terminate()
        server.wait()
    insight = read_insight(notes, time.time() - time.perf_counter())  # perf_counter's own zero
    assert insight is not None
    return insight


def plant_one(url: str, s: float, truth: Path) -> None:
    """Plant until it is as long as it was to be."""
    for _ in range(TRIALS):
        urllib.request.urlopen(url, timeout=30).read()
        time.sleep(0.03)
        *before, last = truth.read_text().splitlines(keepends=True)
        if json.loads(last)["own_s"] >= s:
            return
        truth.write_text("".join(before))
    print(f"  the machine is too busy to plant {url}")


def wait_for(url: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=5).read()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{url} did not answer")


def judge(folder: Path, insight: Insight) -> None:
    healthy_from = float((folder / "healthy").read_text())
    truth = [json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()]
    found, right, errors, unfound = 0, 0, [], []
    for planted in truth:
        length = planted["end"] - planted["start"]
        rows = insight.stalls
        ends = rows["start"] + rows["duration_s"]
        overlap = np.minimum(ends, planted["end"]) - np.maximum(rows["start"], planted["start"])
        if not len(overlap) or overlap.max() < length / 2:
            unfound.append(f"{planted['name']} {length * 1000:.0f} ms")
            continue
        found += 1
        row = rows[int(overlap.argmax())]
        errors.append(abs(float(row["duration_s"]) - length))
        stack = insight.stacks[row["stack"]]
        blamed = stack.frames[stack.blame].line if stack.blame is not None else None
        right += blamed == planted["line"]
        if blamed != planted["line"]:
            unfound.append(f"{planted['name']} {length * 1000:.0f} ms: line {blamed}")
    false = [
        insight.stacks[row["stack"]].frames[-3:]
        for row in insight.stalls[insight.stalls["start"] > healthy_from]
    ]
    print(f"  planted {len(truth)}, found {found}, right line {right}")
    error_s = statistics.median(errors)
    worst = sorted(errors)[int(0.95 * len(errors))]
    verdict = "ok" if error_s < ERROR_BELOW_S else "MISSED"
    print(f"  duration error: median {error_s * 1000:.2f} ms, p95 {worst * 1000:.1f} ms {verdict}")
    print(f"  on the healthy app under full load: {len(false)} stalls")
    for text in [*unfound, *map(str, false)][:12]:
        print(f"    {text}")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    for loop in ("asyncio", "uvloop"):
        print(loop)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            judge(folder, plant(folder, loop, seconds))


if __name__ == "__main__":
    main()
