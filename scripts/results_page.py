"""Write results/README.md from what the protocol left in results/: see scripts/demo --full."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from asyncperf.analysis.diagnosis import diagnose
from asyncperf.analysis.published import PUBLISHED
from asyncperf.results import Diagnosis, EndpointResult, Figures
from asyncperf.store import load_run

RESULTS = Path(__file__).parent.parent / "results"
USERS, SPAWN_RATE, RUN_TIME_S = 500, 50, 300
TASK_S, THREADS = 5, 80
USER_CLASSES = {
    "/sync_baseline": "SyncBaselineUser",
    "/async_independent": "AsyncIndependentUser",
    "/async_dependent": "AsyncDependentUser",
    "/async_concurrent": "AsyncConcurrentUser",
}
# Type, name, requests, failures, | mean, min, max, median, | requests and failures per second.
LOCUST_ROW = (
    r"^GET +{path} +(\d+) +(\d+)\(.*?%\) \| +(\d+) +(\d+) +(\d+) +(\d+) \| +([\d.]+) +[\d.]+$"
)


@dataclass(frozen=True)
class Arithmetic:
    """What the protocol must give by counting alone."""

    rate_rps: float
    formula: str
    requests: int


@dataclass(frozen=True)
class Row:
    """One source's figures for one endpoint; times in milliseconds."""

    source: str
    requests: float
    failures: float
    mean: float
    low: float
    high: float
    median: float
    rate: float


def arithmetic(path: str) -> Arithmetic:
    response_s = TASK_S if path == "/async_concurrent" else 3 * TASK_S
    if path == "/sync_baseline":
        batches = math.floor(RUN_TIME_S / response_s - 1e-9)
        return Arithmetic(
            THREADS / response_s, f"{THREADS} threads / {response_s} s", batches * THREADS
        )
    starts = (user / SPAWN_RATE for user in range(USERS))
    # A hair more than the task itself: no response comes back early.
    requests = sum(math.floor((RUN_TIME_S - start) / (response_s + 0.002)) for start in starts)
    return Arithmetic(USERS / response_s, f"{USERS} users / {response_s} s", requests)


def rows(result: EndpointResult) -> Iterator[Row]:
    path = result.endpoint.path
    published = PUBLISHED[path]
    yield Row(
        "published",
        published.requests,
        published.failures,
        published.mean_ms,
        published.min_ms,
        published.max_ms,
        published.median_ms,
        published.rate_rps,
    )
    yield locust_row(path)
    yield figures_row("asyncperf, whole run", result.whole)
    if result.steady is not None:
        yield figures_row("**asyncperf, steady state**", result.steady)


def locust_row(path: str) -> Row:
    """The last table that Locust printed: its CSV can stop a second early."""
    text = (RESULTS / "locust" / f"{USER_CLASSES[path]}.txt").read_text(encoding="utf-8")
    *_, last = re.finditer(LOCUST_ROW.format(path=re.escape(path)), text, flags=re.MULTILINE)
    requests, failures, mean, low, high, median, rate = map(float, last.groups())
    return Row("Locust, here", requests, failures, mean, low, high, median, rate)


def figures_row(source: str, figures: Figures) -> Row:
    latency = figures.latency
    if latency is None or latency.median_s is None or figures.rate_rps is None:
        raise SystemExit(f"results/run has too little data for {source!r}; run it again")
    times_s = (latency.mean_s, latency.min_s, latency.max_s, latency.median_s)
    return Row(
        source, figures.requests, figures.failures, *(1000 * t for t in times_s), figures.rate_rps
    )


def rate_table(diagnosis: Diagnosis) -> Iterator[str]:
    yield (
        "| endpoint | arithmetic, req/s | published | Locust, here | asyncperf, whole run "
        "| asyncperf, steady state | steady / arithmetic |"
    )
    yield "|---|---|---|---|---|---|---|"
    for result in diagnosis.endpoints:
        known = arithmetic(result.endpoint.path)
        by_source = {row.source: row.rate for row in rows(result)}
        steady = by_source["**asyncperf, steady state**"]
        yield (
            f"| `{result.endpoint.path}` | {known.formula} = {known.rate_rps:.2f} "
            f"| {by_source['published']:.2f} | {by_source['Locust, here']:.2f} "
            f"| {by_source['asyncperf, whole run']:.2f} | **{steady:.2f}** "
            f"| {steady / known.rate_rps:.4f} |"
        )


def detail_table(diagnosis: Diagnosis) -> Iterator[str]:
    yield "| endpoint | source | requests | failures | mean ms | min | max | median | req/s |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for result in diagnosis.endpoints:
        for row in rows(result):
            yield (
                f"| `{result.endpoint.path}` | {row.source} | {row.requests:,.0f} "
                f"| {row.failures:.0f} | {row.mean:,.0f} | {row.low:,.0f} | {row.high:,.0f} "
                f"| {row.median:,.0f} | {row.rate:.2f} |"
            )


def count_table(diagnosis: Diagnosis) -> Iterator[str]:
    yield (
        "| endpoint | counted by arithmetic | published | Locust, here | asyncperf | in flight "
        "at the end (asyncperf) |"
    )
    yield "|---|---|---|---|---|---|"
    for result in diagnosis.endpoints:
        path = result.endpoint.path
        by_source = {row.source: row.requests for row in rows(result)}
        yield (
            f"| `{path}` | {arithmetic(path).requests:,} | {PUBLISHED[path].requests:,} "
            f"| {by_source['Locust, here']:,.0f} | {by_source['asyncperf, whole run']:,.0f} "
            f"| {result.in_flight_at_end:,} |"
        )


def page(diagnosis: Diagnosis) -> str:
    run = diagnosis.run
    machine = run.machine
    windows = "; ".join(
        f"`{result.endpoint.path}` {result.window.cycles} cycles of {result.window.cycle_s:.2f} s"
        for result in diagnosis.endpoints
        if result.window
    )
    text = Path(__file__).with_suffix(".md").read_text(encoding="utf-8")
    return text.format(
        machine=f"{machine.cpus} CPUs ({machine.cpu_model}), "
        f"{machine.memory_bytes / 2**30:.0f} GiB, {machine.system}",
        software=f"{run.target.python}, {run.target.server}, {run.plan.engine.capitalize()}, "
        f"{run.tool}",
        rates="\n".join(rate_table(diagnosis)),
        counts="\n".join(count_table(diagnosis)),
        details="\n".join(detail_table(diagnosis)),
        windows=windows,
    )


if __name__ == "__main__":
    found = diagnose(load_run(RESULTS / "run"))
    (RESULTS / "README.md").write_text(page(found), encoding="utf-8")
