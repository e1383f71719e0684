"""What the probe costs a worker, switched on and off within one process.

    python benchmarks/probe_switched.py [PAIRS]

Two processes of one and the same app differ by some percent, as their memory happens to lie, and
a shared machine from second to second by more. So one uvicorn serves FastAPI's hello world, and
an endpoint that computes for a millisecond, to wrk with 16 connections, and takes itself the probe
from around the app and puts it back, in turns of a tenth of a second, each first in half of the
pairs. A pair's ratio is of the CPU time of the loop's thread by request; what is told is the median
of all pairs, with the standard error of it, and with what the probe's other threads used meanwhile
added. FastAPI's modules stay as they were compiled, with a call around each await: of a request
that is not recorded that is 0.03 us an await (`await_cost.py`), and not in the ratio.
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from math import inf, pi, sqrt
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any

from rivals import free_port, wait_for

from asyncperf.probe.orders import ProbeOrders

APP = """
import time
from fastapi import FastAPI

app = FastAPI()
served = 0


@app.get("/hello")
async def hello():
    global served
    served += 1
    return {"hello": "world"}


@app.get("/work")
async def work():
    global served
    served += 1
    until = time.thread_time() + 0.001
    while time.thread_time() < until:
        pass
    return {}
"""
SLICE_S = 0.1
SETTLE_S = 0.005  # after a switch
WARM_S = 1.5
# (path, every request in detail, at most so many times the CPU without the probe)
CASES = (("/hello", False, 1.03), ("/hello", True, 1.08), ("/work", False, 1.01))


class Silent:
    """The loop and the watchdog of a probe that is switched off."""

    base = True

    def call_later(self, *_: Any, **__: Any) -> None:
        pass

    def expect(self, *_: Any) -> None:
        pass


class Switched:
    """The app that is served: with the probe around it, or without."""

    def __init__(self, boundary: Any) -> None:
        self.boundary = boundary
        self.serve = boundary

    def __call__(self, *request: Any) -> Any:
        return self.serve(*request)

    def switch(self, on: bool) -> None:
        from asyncperf_probe.request import STEPPING  # type: ignore[import-not-found]

        worker = self.boundary.worker
        ticks, watchdog = worker._ticks, worker._watch.watchdog
        if on:
            known = worker._sampling
            known.stop()
            worker._sampling = type(known)(known._table, known._stacks, watchdog)
            self.serve, ticks._loop, ticks._watchdog = self.boundary, worker.loop, watchdog
            ticks._fired()
        else:  # what is still to come of its timers wakes nobody
            self.serve = self.boundary.app
            ticks._loop = ticks._watchdog = Silent()
            STEPPING.next_sign = inf
            watchdog.expect(perf_counter(), 1000)
            worker._sampling.stop()


async def slices(switched: Switched, app: Any, pairs: int) -> dict[str, list[float]]:
    """The CPU time of the loop's thread by request, of the slices with the probe and of those
    without, in seconds; and the sum of what other threads used, by request with the probe."""
    found: dict[bool, list[float]] = {True: [], False: []}
    with_it = 0
    others_s = thread_time() - process_time()
    for _ in range(pairs):
        for on in random.sample((True, False), 2):
            switched.switch(on)
            await asyncio.sleep(SETTLE_S)
            served, before = app.served, thread_time()
            await asyncio.sleep(SLICE_S)
            count, used_s = app.served - served, thread_time() - before
            found[on].append(used_s / count)
            with_it += count if on else 0
    others_s += process_time() - thread_time()
    return {"on": found[True], "off": found[False], "others": [others_s / with_it]}


def serve(port: int, pairs: int, result: Path) -> None:
    """In a process of its own, whose environment has ordered the probe."""
    import uvicorn

    config = uvicorn.Config("switched_app:app", port=port, access_log=False, log_level="error")
    config.load()
    switched = Switched(config.loaded_app)
    config.loaded_app = switched
    server = uvicorn.Server(config)

    async def main() -> None:
        import switched_app  # type: ignore[import-not-found]

        serving = asyncio.ensure_future(server.serve())
        while switched_app.served < 1000:  # a load has begun
            await asyncio.sleep(0.1)
        await asyncio.sleep(WARM_S)
        result.write_text(json.dumps(await slices(switched, switched_app, pairs)))
        server.should_exit = True
        await serving

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(main())


def measure(path: str, detailed: bool, pairs: int) -> Mapping[str, list[float]]:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "switched_app.py").write_text(APP)
        orders = ProbeOrders(name, record=True, everything=detailed)
        env = orders.environment({**os.environ, "PYTHONSAFEPATH": ""})
        result = folder / "result.json"
        command = [sys.executable, __file__, "--serve", str(port), str(pairs), str(result)]
        server = subprocess.Popen(command, cwd=folder, env=env)
        url = f"http://127.0.0.1:{port}{path}"
        wait_for(f"http://127.0.0.1:{port}/hello")
        load = subprocess.Popen(["wrk", "-t1", "-c16", "-d1h", url], stdout=subprocess.DEVNULL)
        try:
            server.wait()
        finally:
            load.kill()
            server.kill()
        return json.loads(result.read_text())  # type: ignore[no-any-return]


def report(path: str, detailed: bool, limit: float, found: Mapping[str, list[float]]) -> None:
    ratios = [on / off for on, off in zip(found["on"], found["off"], strict=True)]
    off_s = statistics.median(found["off"])
    others = found["others"][0] / off_s
    cost = statistics.median(ratios) + others
    # Of a median of normally distributed values; the outliers of a busy machine kept out.
    low, _, high = statistics.quantiles(ratios, n=4)
    error = (high - low) / 1.349 * sqrt(pi / 2 / len(ratios))
    print(
        f"{path:7} {'all in detail' if detailed else 'by default':14} {off_s * 1e6:7.1f} us"
        f"  {cost - 1:+7.2%} +- {error:.2%}, of that other threads {others:.2%}"
        f"  ({len(ratios)} pairs)  at most {limit - 1:.0%}: {'ok' if cost <= limit else 'MISSED'}",
        flush=True,
    )


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        sys.path.insert(0, os.getcwd())
        serve(int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
        return
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    for path, detailed, limit in CASES:
        report(path, detailed, limit, measure(path, detailed, pairs))


if __name__ == "__main__":
    main()
