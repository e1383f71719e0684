"""What the probe takes of disk and memory, with every request recorded in full detail.

    python benchmarks/probe_footprint.py [SECONDS]

The disk: `asyncperf run` loads a FastAPI hello world on two workers with 2,000 requests a second
for a minute, and its run folder is weighed. The memory: one worker without the probe and one
with it each answer 20,000 requests and then up to 100,000; what is weighed is the memory
that is theirs alone.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
from probe_overhead import load
from rivals import free_port, wait_for

from asyncperf.probe.orders import VARIABLE, ProbeOrders

APP = """
import asyncio
from fastapi import FastAPI

app = FastAPI()


@app.get("/hello")
async def hello():
    await asyncio.sleep(0)
    return {"hello": "world"}
"""
# asyncperf itself records what costs little; this has the server's orders say all of it.
EVERYTHING = f"""
import json, os, sys
orders = json.loads(os.environ["{VARIABLE}"])
os.environ["{VARIABLE}"] = json.dumps(orders | {{"everything": True}})
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
RATE_RPS = 2000
FOLDER_BELOW = 50e6
FEW, MANY = 20_000, 100_000
# Python's allocator gives memory back in pieces of a megabyte, and may keep some.
GROWTH_BELOW = 4e6


def run_folder(folder: Path, seconds: float) -> None:
    run, port = folder / "run", free_port()
    serve = f"-m uvicorn hello_app:app --port {port} --workers 2 --no-access-log"
    command = [
        *(sys.executable, "-m", "asyncperf", "run", "--port", str(port), "--include", "/hello"),
        *("--rate", str(RATE_RPS), "-t", f"{seconds:g}s", "-o", str(run), "-q", "--json", "-"),
        *("--", sys.executable, "-c", EVERYTHING, *serve.split()),
    ]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=False)
    if not done.stdout:
        sys.exit(done.returncode)
    document = json.loads(done.stdout)
    [endpoint] = document["endpoints"]
    generator = document["load"]["generator"]
    print(f"{seconds:g} s at {RATE_RPS:,} requests a second, two workers, everything recorded")
    if endpoint["rate_rps"] is None:
        print(f"  not at that rate: {endpoint['trouble'] or endpoint['no_window_why']}")
    else:
        print(
            f"  answered {endpoint['requests']:,}, {endpoint['rate_rps']:,.0f} a second, "
            f"{endpoint['failures']} failed; {generator['late_starts']} late starts"
        )
    sizes: dict[str, int] = {}
    for file in run.rglob("*"):
        if file.is_file():
            kind = file.name.partition("-")[0].partition(".")[0]
            sizes[kind] = sizes.get(kind, 0) + file.stat().st_size
    for kind, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"    {size / 1e6:6.2f} MB  {kind}")
    with np.load(run / "insight-000.npz") as inside:
        print(f"    of {len(inside['requests']):,} requests, {len(inside['spans']):,} awaits")
    total = sum(sizes.values())
    limit = FOLDER_BELOW * seconds / 60
    verdict = "ok" if total < limit else "MISSED"
    print(f"  run folder {total / 1e6:.1f} MB, below {limit / 1e6:g}: {verdict}")


def memory(folder: Path, probed: bool) -> None:
    port, env = free_port(), dict(os.environ)
    if probed:
        notes = folder / "notes"
        notes.mkdir()
        env = ProbeOrders(str(notes), record=True, everything=True).environment(env)
    serve = f"-m uvicorn hello_app:app --port {port} --no-access-log --log-level error"
    server = subprocess.Popen([sys.executable, *serve.split()], cwd=folder, env=env)
    try:
        url = f"http://127.0.0.1:{port}/hello"
        wait_for(url)
        process, answered, weights = psutil.Process(server.pid), 0, []
        for until in (FEW, MANY):
            while answered < until:
                answered += load(url, 1)
            weights.append((answered, process.memory_full_info().uss))
    finally:
        server.terminate()
        server.wait()
    (few, before), (many, after) = weights
    name, limit = "without the probe", ""
    if probed:
        name, limit = "with it", f": {'ok' if after - before < GROWTH_BELOW else 'MISSED'}"
    print(
        f"a worker {name}: {before / 1e6:.1f} MB after {few:,} requests, "
        f"{after / 1e6:.1f} MB after {many:,}{limit}"
    )


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hello_app.py").write_text(APP)
        run_folder(folder, seconds)
        for probed in (False, True):
            memory(folder, probed)


if __name__ == "__main__":
    main()
