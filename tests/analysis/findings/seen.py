"""What a probe might have seen, a few rows at a time; a test changes what it is about."""

from dataclasses import replace

import numpy as np

from asyncperf.analysis.findings import evidence_of, find
from asyncperf.insight import Frame, Insight, Resource, Route, Stack, WorkerInfo
from asyncperf.model import Measured
from asyncperf.probe.record_format import BLOCKED, TABLES
from asyncperf.probe_files import stored

from ...builders import alone, load_of, result_of, run_of, samples

FILE = "/home/me/shop.py"
ROUTES = (
    Route("GET", "/items", FILE, 11, "items"),
    Route("GET", "/blocking", FILE, 29, "blocking"),
)
SLEEPS = Stack((Frame("/lib/uvicorn.py", 1, "run"), Frame(FILE, 14, "items")), 1)
WINDOW_S = (10.0, 60.0)


def table(name, rows):
    """Records of a table; what a row does not say is 0."""
    records = np.zeros(len(rows), np.dtype([*stored(TABLES[name]).descr, ("worker", "<u2")]))
    for record, row in zip(records, rows, strict=True):
        for column, value in row.items():
            record[column] = value
    return records


def insight_of(
    workers=1, routes=ROUTES, sites=(), resources=(), stacks=(SLEEPS,), debug=(), **rows
):
    return Insight(
        workers=tuple(WorkerInfo(i, "cpython 3.11", "uvloop", debug) for i in range(workers)),
        routes=tuple(routes),
        sites=tuple(sites),
        resources=tuple(resources),
        stacks=tuple(stacks),
        **{name: table(name, rows.get(name, ())) for name in TABLES},
    )


def requests(count=100, *, route=0, length_s=1.0, first=0, **changes):
    """Requests that end in the window, evenly."""
    start_s, end_s = WINDOW_S
    return [
        {
            "number": first + i,
            "sent": end - length_s,
            "start": end - length_s,
            "answered": end,
            "end": end,
            "route": route,
            "detail": 1,
            **changes,
        }
        for i, end in enumerate(np.linspace(start_s + 1, end_s - 1, count))
    ]


def stalls(count, length_s, *, kind=BLOCKED, stack=0, **changes):
    starts = np.linspace(11.0, 58.0, count)
    return [
        {"start": at, "duration_s": length_s, "kind": kind, "stack": stack, "request": i, **changes}
        for i, at in enumerate(starts)
    ]


def ticks(cpu=0.1, delay=0.0, worker=0):
    return [
        {"at": at, "cpu_s": cpu * at, "delay_s": delay * at, "worker": worker}
        for at in np.arange(10.0, 60.0, 0.01)
    ]


def evidence(insight, *results, **run):
    """The evidence of one load with these results and this insight."""
    results = results or (result_of(),)
    results = [replace(result, load=results[0].load) for result in results]
    measured = [Measured(r.endpoint, alone(r.unloaded_s or 0.1), samples([1.0])) for r in results]
    load = load_of(*measured, name=results[0].load, insight=insight)
    return evidence_of(run_of(load, **run), results)


def found(insight, *results, **how):
    return find(evidence(insight, *results, **how))


def codes(insight, *results, **how):
    return [finding.code for finding in found(insight, *results, **how)]


def threads(capacity=40):
    return Resource("threads", "thread pool", capacity, None)
