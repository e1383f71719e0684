"""What a rewritten await costs: not in detail, and in detail.

    PYTHONPATH=src .venv/bin/python benchmarks/await_cost.py

Medians of many short runs in turns, of an `await` that is ready at once, above the same
await as it was written.
"""

import ast
import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from asyncperf.probe import awaits
from asyncperf.probe.numbering import Sites
from asyncperf.probe.request import STEPPING, Request
from asyncperf.probe.rewrite import rewrite
from asyncperf.probe.tables import Tables
from asyncperf.probe.timeline import NONE, PLACES, Timeline, Track

AWAITS, ROUNDS = 1000, 300
SOURCE = f"""
async def leaf(): pass
class Manager:
    async def __aenter__(self): pass
    async def __aexit__(self, *error): pass
manager = Manager()
async def numbers():
    for n in range({AWAITS}): yield n
async def plain():
    for _ in range({AWAITS}): await leaf()
async def loop():
    async for _ in numbers(): pass
async def entered():
    for _ in range({AWAITS}):
        async with manager: pass
"""


def functions(changed: bool) -> dict[str, Any]:
    tree = ast.parse(SOURCE)
    if changed:
        rewrite(tree, SOURCE, "cost.py", PLACES.number)
    names: dict[str, Any] = {}
    exec(compile(tree, "cost.py", "exec"), names)
    return names


async def seconds(function: Callable[[], Awaitable[None]]) -> float:
    began = perf_counter()
    await function()
    return (perf_counter() - began) / AWAITS


async def main(folder: str) -> None:
    awaits.install()
    tables = Tables(Path(folder))
    detail = Track(Timeline(folder, tables.spans, Sites(folder)), Request(1, 0.0, 0.0, 1), 0, NONE)
    plain, changed = functions(False), functions(True)
    for name in ("plain", "loop", "entered"):
        costs: dict[str, list[float]] = {"as written": [], "not in detail": [], "in detail": []}
        for _ in range(ROUNDS):
            costs["as written"].append(await seconds(plain[name]))
            costs["not in detail"].append(await seconds(changed[name]))
            detail.request.spans = 0  # no more of one request's are recorded than `MOST_SPANS`
            STEPPING.track = detail
            costs["in detail"].append(await seconds(changed[name]))
            STEPPING.track = None
            tables.spans.cut()
        base = statistics.median(costs["as written"])
        print(
            f"{name:8} {base * 1e6:.3f} us as written; "
            + ", ".join(
                f"{what} +{(statistics.median(found) - base) * 1e6:.3f} us"
                for what, found in list(costs.items())[1:]
            )
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        asyncio.run(main(made))
