"""What a line of uvicorn's access log costs, by what the probe times of it.

    python benchmarks/access_log.py [STARTS]

One worker of FastAPI's hello world changes every 40 ms, in random order, between writing its
access log to a file, writing none, and computing for as long as a line takes. wrk loads it with
4 connections all the while. What counts is the CPU time of the loop's thread per request.

From uvicorn's call to its return the probe times less than a line costs: its arguments are
made before that, and its code drives the requests' out of the CPU's caches. Computing in a
small loop drives out nothing, and costs what it takes and the arguments: that tells the two
apart. `analysis.findings.server.COSTS` is the last figure.
"""

import asyncio
import json
import logging
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

from rivals import free_port, wait_for

TURN_S = 0.04
LOAD_S = 8
COMPUTED_S = 40e-6
OFF, WRITTEN, COMPUTED = "off", "written", "computed"


def serve(port: int, report: Path) -> None:
    import uvicorn
    from fastapi import FastAPI
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from asyncperf.probe.access_log import AccessLog
    from asyncperf.probe.clock import ThreadClock

    app = FastAPI()
    logger = logging.getLogger("uvicorn.access")
    mode = OFF
    requests = dict.fromkeys((OFF, WRITTEN, COMPUTED), 0)
    cpu_s = dict.fromkeys(requests, 0.0)

    @app.get("/hello")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    def compute(*_: object) -> None:
        since = perf_counter()
        while perf_counter() < since + COMPUTED_S:
            pass

    async def take_turns(log: AccessLog) -> None:
        nonlocal mode
        write = logger.info
        while True:
            for mode in random.sample(sorted(requests), len(requests)):
                vars(logger)["info"] = compute if mode == COMPUTED else write
                before = thread_time()
                await asyncio.sleep(TURN_S)
                cpu_s[mode] += thread_time() - before
            each_us = {name: 1e6 * cpu_s[name] / max(1, requests[name]) for name in requests}
            found = {
                "each_us": each_us,
                "timed_us": 1e6 * log.spent_s / max(1, requests[WRITTEN]),
            }
            report.write_text(json.dumps(found))

    class Cycle(RequestResponseCycle):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "access_log": mode != OFF})

    async def counted(
        scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        if scope["type"] == "http":
            requests[mode] += 1
        await app(scope, receive, send)

    async def main() -> None:
        server = uvicorn.Server(uvicorn.Config(counted, port=port, http="httptools"))
        vars(sys.modules[RequestResponseCycle.__module__])["RequestResponseCycle"] = Cycle
        turns = asyncio.create_task(take_turns(AccessLog(ThreadClock())))
        await server.serve()
        turns.cancel()

    asyncio.run(main())


def one_start(folder: Path) -> dict[str, Any]:
    port, report = free_port(), folder / "report.json"
    url = f"http://127.0.0.1:{port}/hello"
    with (folder / "access.log").open("w") as log:
        command = [sys.executable, __file__, "serve", str(port), str(report)]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(url)
        wrk = ["wrk", "-t1", "-c4", f"-d{LOAD_S}s", url]
        subprocess.run(wrk, stdout=subprocess.DEVNULL, check=True)
        found: dict[str, Any] = json.loads(report.read_text())
        return found
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    ratios = []
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 6):
        with tempfile.TemporaryDirectory() as folder:
            found = one_start(Path(folder))
        each_us = found["each_us"]
        line_us, loop_us = (each_us[name] - each_us[OFF] for name in (WRITTEN, COMPUTED))
        ratios.append(line_us / found["timed_us"])
        print(
            f"without {each_us[OFF]:.1f} us; a line costs {line_us:.1f} us, is timed "
            f"{found['timed_us']:.1f}, {ratios[-1]:.2f} times; "
            f"computing for {1e6 * COMPUTED_S:.0f} us costs {loop_us:.1f}"
        )
    print(f"median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
