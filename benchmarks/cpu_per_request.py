"""CPU per request of the native engine, beside wrk and Locust, on the same nginx.

    python benchmarks/cpu_per_request.py [--rounds 3] [--seconds 8]

Every client keeps 50 connections busy without think time. Its CPU, user and system, is
read twice in mid-load, and so is nginx's own count of requests: what a client costs to
start, and what it claims to have done, plays no part. The rounds are interleaved. Needs
the commands nginx and wrk (apt-get install nginx wrk).
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import psutil
from rivals import locust, native, nginx, served, wrk

USERS = 50
SETTLE_S = 3.0

Client = Callable[[str, int], AbstractContextManager[list[psutil.Process]]]
CLIENTS: dict[str, Client] = {
    "wrk": wrk,
    "native engine": native,
    "native, no keep-alive": partial(native, keepalive=False),
    "Locust FastHttpUser": partial(locust, kind="FastHttpUser"),
    "Locust HttpUser": partial(locust, kind="HttpUser"),
}
# What the issue asks of the engine, as a multiple of the other's cost.
AT_MOST = {"wrk": 1.5, "Locust FastHttpUser": 1 / 10, "Locust HttpUser": 1 / 40}


def cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure(client: Client, url: str, seconds: float) -> tuple[float, float]:
    """CPU seconds per request, and requests per second."""
    with client(url, USERS) as processes:
        time.sleep(SETTLE_S)
        began, cpu, count = time.monotonic(), cpu_s(processes), served(url)
        time.sleep(seconds)
        took, cpu, count = time.monotonic() - began, cpu_s(processes) - cpu, served(url) - count
    return cpu / count, count / took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--only", nargs="*", default=list(CLIENTS))
    options = parser.parse_args()
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in options.only}
    with nginx() as url:
        for _ in range(options.rounds):
            for name, rounds in results.items():
                rounds.append(measure(CLIENTS[name], url, options.seconds))
    print(f"{'client':24} {'CPU per request':>16} {'spread':>14} {'req/s':>8}")
    medians = {}
    for name, runs in results.items():
        costs = [cost * 1e6 for cost, _ in runs]
        medians[name] = statistics.median(costs)
        rate = statistics.median(rate for _, rate in runs)
        spread = f"{min(costs):.1f}-{max(costs):.1f}"
        print(f"{name:24} {medians[name]:13.1f} us {spread:>14} {rate:8.0f}")
    if "native engine" in medians:
        for name, most in AT_MOST.items():
            if name in medians:
                ratio = medians["native engine"] / medians[name]
                verdict = "ok" if ratio <= most else "MISSED"
                print(f"native engine / {name}: {ratio:.3f} (at most {most:.3f}) {verdict}")


if __name__ == "__main__":
    main()
