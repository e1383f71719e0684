"""How the server was started: what its settings cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from asyncperf.analysis.findings.evidence import EVERY_ENDPOINT, Evidence
from asyncperf.analysis.findings.gains import Cost
from asyncperf.analysis.findings.loop import BUSY
from asyncperf.analysis.findings.words import spoken
from asyncperf.analysis.prediction import LOOP
from asyncperf.results import Finding

# Measured here, one core: FastAPI on uvicorn takes 118 us for a request without the access log
# and 205 us with it. For where no worker was looked into.
ACCESS_LOG_S = 87e-6
# What a line costs a request by what the probe times of it, from uvicorn's call to its return.
# Its arguments are made before that (5 us), and its code drives the request's own out of the
# CPU's caches, which then runs slower: computing as long in a small loop costs no more than it
# takes. The median of benchmarks/access_log.py.
COSTS = 1.67
# Servers that write an access log unless they are told not to.
LOGS_BY_DEFAULT = ("uvicorn", "fastapi")
DEBUG = {
    "fastapi": "`FastAPI(debug=True)` shows tracebacks to whoever meets an error.",
    "asyncio": "asyncio's debug mode records where each task and callback was made: it took 4.3 to "
    "4.6 times the CPU here.",
}

Setting = Callable[[Evidence], Iterable[Finding]]


def server_settings(every: Sequence[Evidence]) -> Iterator[Finding]:
    """Of all loads, each setting once: as it shows in the load that it costs most."""
    debugs = (partial(_debug, mode) for mode in sorted(DEBUG))
    settings: list[Setting] = [_access_log, _reload, *debugs, _one_worker]
    loads = [evidence for evidence in every if evidence.first]
    for setting in settings:
        found = [finding for evidence in loads for finding in setting(evidence)]
        if found:
            yield max(found, key=costs)


def costs(finding: Finding) -> tuple[bool, float, float]:
    return (
        finding.severity != "info",
        finding.cost_rps or 0.0,
        finding.cost_ms_per_request or 0.0,
    )


def _access_log(evidence: Evidence) -> Iterable[Finding]:
    target = evidence.run.target
    names = {part.rpartition("/")[2] for part in target.command}
    inside = evidence.inside
    seen = {w.access_log for w in inside.insight.workers} if inside else set()
    logs = target.access_log
    if logs is None:
        logs = True in seen or (seen <= {None} and bool(names & set(LOGS_BY_DEFAULT)))
    if not logs or not target.command:
        return
    # Waits for a CPU as well: a line less to write is a wait less.
    delayed = inside.delay_share if inside else 0.0
    loop_bound = loop_busy_share(evidence) + delayed >= BUSY
    logged_s = inside.logged_s / max(1, evidence.answered) if inside else 0.0
    each_s = COSTS * logged_s or ACCESS_LOG_S
    cost = evidence.cost(each_s, each_s, {LOOP: each_s})
    timed = f": it takes {spoken(logged_s)}, and slows down what runs after it" if logged_s else ""
    yield _setting(
        f"The access log is on: a line costs each request some {spoken(each_s)} on the event loop"
        f"{timed}.",
        "Start the server with `--no-access-log`, and log where the requests come from."
        + cost.sentence * loop_bound,
        severe=loop_bound,
        cost=cost if loop_bound else Cost(cost.ms_per_request),
    )


def _reload(evidence: Evidence) -> Iterable[Finding]:
    command = evidence.run.target.command
    development = "dev" in command and any(part.endswith("fastapi") for part in command)
    if "--reload" in command or (development and "--no-reload" not in command):
        yield _setting(
            "The server reloads the app when a file changes, so it has one worker and watches "
            "the disk.",
            "Measure what runs in production: `--workers N` (`fastapi run`) and no `--reload`.",
            severe=True,
        )


def _debug(mode: str, evidence: Evidence) -> Iterable[Finding]:
    if evidence.inside is None:
        return
    if any(mode in worker.debug for worker in evidence.inside.insight.workers):
        yield _setting(DEBUG[mode], "Switch it off where it is measured and served.", severe=True)


def _one_worker(evidence: Evidence) -> Iterable[Finding]:
    cpus, busy = evidence.run.machine.cpus, loop_busy_share(evidence)
    # Where no CPU is free for one worker, there is none for another.
    if evidence.run.target.workers != 1 or cpus < 2 or busy < BUSY:
        return
    yield _setting(
        f"One worker has one event loop, which ran for {busy:.0%} of the time; the machine "
        f"has {cpus} CPUs.",
        f"Start more workers (`--workers {cpus}`): each is a process, with a loop of its own.",
        severe=True,
    )


def loop_busy_share(evidence: Evidence) -> float:
    """For how much of the time the loops ran; 0 where that was not seen."""
    return min(1.0, evidence.inside.cpu_share) if evidence.inside else 0.0


def _setting(
    message: str,
    advice: str,
    *,
    severe: bool,
    cost: Cost | None = None,
) -> Finding:
    return Finding(
        code="server-settings",
        severity="warning" if severe else "info",
        endpoint=EVERY_ENDPOINT,
        message=message,
        advice=advice,
        fix_kind="server-setting",
        predicted=cost.predicted if cost else None,
        cost_ms_per_request=cost.ms_per_request if cost else None,
        cost_rps=cost.rps if cost else None,
    )
