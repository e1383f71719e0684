"""Made insights: what a probe would have seen of workers whose truth is known."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from asyncperf.insight import Insight, Resource, Route, Site, WorkerInfo
from asyncperf.probe.record_format import BLOCKED, NO_REQUEST, TABLES
from asyncperf.probe_files import stored
from asyncperf.samples import Samples

from .builders import samples

WORKER = WorkerInfo(1, "cpython 3.12.3", "uvloop")
ROUTES = (Route("GET", "/items", "shop.py", 11, "items"), Route("", "", None, None, None))


def records(table: str, count: int, **columns: Any) -> np.ndarray:
    """Rows of a table; what is not named is 0."""
    made = np.zeros(count, np.dtype([*stored(TABLES[table]).descr, ("worker", "<u2")]))
    for name, values in columns.items():
        made[name] = values
    return made


def insight(workers: int = 1, **parts: Any) -> Insight:
    made: dict[str, Any] = {name: records(name, 0) for name in TABLES}
    words: dict[str, Any] = {"sites": (), "resources": (), "stacks": (), "routes": ROUTES}
    return Insight(workers=(WORKER,) * workers, **(words | made | parts))


def requests(
    sent: Sequence[float] | np.ndarray,
    *,
    before_s: Any = 0.0,
    inside_s: Any = 0.0,
    after_s: Any = 0.0,
    loop_s: Any = 0.0,
    **columns: Any,
) -> np.ndarray:
    """Requests that reach the app `before_s` after they were sent, and answer `inside_s`
    later; `loop_s` is spent in steps before the answer and `after_s` in the step that ends
    with it."""
    sent = np.asarray(sent, dtype=float)
    start = sent + before_s
    answered = start + inside_s
    made = records(
        "requests", len(sent), sent=sent, start=start, answered=answered, end=answered + after_s
    )
    made["loop_s"] = np.asarray(loop_s) + after_s
    made["number"] = np.arange(len(sent))
    made["status"] = 200
    for name, values in columns.items():
        made[name] = values
    return made


def answered(rows: np.ndarray, back_s: Any = 0.0) -> Samples:
    """The engine's samples of these requests: the answer took `back_s` to come."""
    latency_s = rows["answered"] - rows["sent"] + back_s
    order = np.argsort(rows["sent"] + latency_s, kind="stable")
    return samples(rows["sent"][order], latency_s[order])


def ticks(
    until_s: float, cpu: float, queued: float = 0.0, worker: int = 0, every_s: float = 0.01
) -> np.ndarray:
    """A loop that uses that share of a CPU, and waits for one that share of the time."""
    at = np.arange(-1.0, until_s + every_s, every_s)
    since = at + 1.0
    return records(
        "ticks", len(at), at=at, cpu_s=cpu * since, delay_s=queued * since, worker=worker
    )


def trips(
    asked: Any, wait_s: Any, run_s: Any, request: Any = NO_REQUEST, **columns: Any
) -> np.ndarray:
    columns["request"] = request
    asked = np.asarray(asked, dtype=float)
    return records("trips", len(asked), asked=asked, wait_s=wait_s, run_s=run_s, **columns)


def uses(
    asked: Any, wait_s: Any, hold_s: Any, request: Any = NO_REQUEST, **columns: Any
) -> np.ndarray:
    columns["request"] = request
    asked = np.asarray(asked, dtype=float)
    got = asked + wait_s
    return records("uses", len(asked), asked=asked, got=got, released=got + hold_s, **columns)


def site(line: int, text: str | None = None) -> Site:
    return Site("shop.py", line, 5, "items", text)


def pool(kind: str = "threads", capacity: int | None = 40, name: str = "thread pool") -> Resource:
    return Resource(kind, name, capacity, None)


def blocked(start_s: Any, duration_s: float, worker: int = 0) -> np.ndarray:
    start_s = np.asarray(start_s, dtype=float)
    return records(
        "stalls", len(start_s), start=start_s, duration_s=duration_s, kind=BLOCKED, worker=worker
    )
