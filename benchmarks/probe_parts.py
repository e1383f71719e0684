"""What the parts of the probe cost amid requests that are not recorded, as most are not.

    PYTHONPATH=src .venv/bin/python benchmarks/probe_parts.py [ROUNDS]

FastAPI's hello world in this process, without a server. By the time that a request is recorded,
or the loop ticks, forty others have driven the probe's code and data out of the CPU's caches; so
each is timed alone, after forty requests that pass. Medians over all rounds, in turns; and what
they come to in a second of a busy loop at the default rates.
"""

import asyncio
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, MutableMapping
from functools import partial
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any

from asyncperf.probe import awaits
from asyncperf.probe.boundary import Boundary
from asyncperf.probe.intake import DEFAULT_RATES, EVERYTHING, TOGETHER
from asyncperf.probe.request import STEPPING, Request
from asyncperf.probe.sources import UserSources
from asyncperf.probe.ticks import TICK_S
from asyncperf.probe.worker import Worker

BETWEEN = 40
APP = """
from fastapi import FastAPI
app = FastAPI()
@app.get("/hello")
async def hello():
    return {"hello": "world"}
"""
PARTS = ("passes", "recorded", "in a row", "in detail", "tick")


class Told(Worker):
    """Records what it is told to."""

    recording = False

    def begin(self, scope: MutableMapping[str, Any], now: float) -> Request | None:
        return super().begin(scope, now) if self.recording else None

    def record(self, *, detail: bool = False) -> None:
        self.recording, self.next_detail = True, 0.0 if detail else inf

    def tick(self, now: float) -> None:
        self._pulse(now)

    def leave_alone(self) -> None:
        """No other ticks, and nobody looks."""
        self.recording, STEPPING.next_sign = False, inf
        self._watch.watchdog.expect(perf_counter(), 1000)


def scope() -> dict[str, Any]:
    return {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http"},
        **{"method": "GET", "path": "/hello", "raw_path": b"/hello", "query_string": b""},
        **{"root_path": "", "headers": [(b"host", b"localhost")], "state": {}},
        **{"server": ("127.0.0.1", 80), "client": ("127.0.0.1", 81)},
    }


async def receive() -> dict[str, Any]:
    return {"type": "http.request"}


async def send(message: Any) -> None:
    pass


async def measure(app: Boundary, rounds: int) -> dict[str, float]:
    async def request() -> float:
        asked, began = scope(), perf_counter()
        await app(asked, receive, send)
        return perf_counter() - began

    await request()
    worker = app.worker
    assert isinstance(worker, Told)

    async def part(name: str) -> float:
        if name == "tick":
            began = perf_counter()
            worker.tick(began)
            return perf_counter() - began
        if name != "passes":
            worker.record(detail=name == "in detail")
        if name == "in a row":
            return statistics.fmean([await request() for _ in range(TOGETHER)])
        return await request()

    found: dict[str, list[float]] = {name: [] for name in PARTS}
    for _ in range(rounds):
        for name in random.sample(PARTS, len(PARTS)):
            worker.leave_alone()
            for _ in range(BETWEEN):
                await request()
            found[name].append(await part(name))
    worker.close()
    return {name: statistics.median(times) for name, times in found.items()}


def report(found: dict[str, float]) -> None:
    above: Callable[[str], float] = lambda name: found[name] - found["passes"]  # noqa: E731
    rates = DEFAULT_RATES
    a_second = {
        "in a row": rates.recorded_per_s * above("in a row"),
        "in detail": rates.detailed_per_s * (above("in detail") - above("recorded")),
        "tick": found["tick"] / TICK_S,
    }
    print(f"a request that passes: {found['passes'] * 1e6:.1f} us")
    for name in PARTS[1:]:
        cost = found[name] if name == "tick" else above(name)
        share = f"{a_second[name]:6.2%} of a busy second" if name in a_second else ""
        print(f"  {name:10} {cost * 1e6:6.1f} us   {share}".rstrip())
    print(f"  together {sum(a_second.values()):.2%}")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "hello_app.py").write_text(APP)
        sys.path.insert(0, folder)
        awaits.install()
        UserSources(folder).install()
        import hello_app  # type: ignore[import-not-found]

        boundary = Boundary(hello_app.app, folder, partial(Told, rates=EVERYTHING))
        report(asyncio.run(measure(boundary, rounds)))


if __name__ == "__main__":
    main()
