"""Memory per user and per recorded request of the native engine.

    python benchmarks/memory.py

A load process with many users is weighed against one with few; its records are weighed
on disk, where they are written, and as the arrays that they become.
"""

import time

import psutil
from rivals import native, nginx, served

from asyncperf.load.record_reader import DTYPE

FEW, MANY = 100, 8100
AT_MOST_PER_USER, AT_MOST_PER_REQUEST = 10_000, 60


def weight(url: str, users: int) -> int:
    """The unique memory of a load process whose users have all connected, in bytes."""
    with native(url, users, spawn_rate=4000.0, think_time_s=1.0) as [process]:
        time.sleep(users / 4000 + 3)
        before = served(url)
        time.sleep(2)
        assert served(url) - before > users, "not every user was at work"
        memory: int = psutil.Process(process.pid).memory_full_info().uss
        return memory


def main() -> None:
    with nginx() as url:
        few, many = weight(url, FEW), weight(url, MANY)
    per_user = (many - few) / (MANY - FEW)
    verdict = "ok" if per_user <= AT_MOST_PER_USER else "MISSED"
    print(f"a load process with {FEW} users: {few / 1e6:.1f} MB, with {MANY}: {many / 1e6:.1f} MB")
    print(f"per user: {per_user / 1000:.2f} kB (at most {AT_MOST_PER_USER / 1000:g}) {verdict}")
    verdict = "ok" if DTYPE.itemsize <= AT_MOST_PER_REQUEST else "MISSED"
    print(f"per request: {DTYPE.itemsize} bytes (at most {AT_MOST_PER_REQUEST}) {verdict}")


if __name__ == "__main__":
    main()
