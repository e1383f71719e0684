"""From the files that the probe left behind to an `Insight`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asyncperf.insight import Frame, Insight, Records, Resource, Route, Site, Stack, WorkerInfo
from asyncperf.probe.notes import read_notes
from asyncperf.probe.places import is_users
from asyncperf.probe.record_format import FILES, TABLES, WAITS_FILE, Fields, file_name, records_of

# NumPy's names of the struct codes.
KINDS = {"d": "<f8", "f": "<f4", "I": "<u4", "H": "<u2", "B": "u1"}
# The package that an installed file belongs to; and those whose own routes say nothing of an app.
PACKAGE = r"[/\\](?:site|dist)-packages[/\\](\w+)"
FRAMEWORKS = ("fastapi", "starlette")
# Columns that hold a time, to be moved to the load's own beginning; the others are durations.
TIMES = ("sent", "start", "answered", "end", "asked", "got", "released", "at")
# Columns that hold a number of something described in a note, and of what.
NUMBERS = {
    "route": "route",
    "site": "site",
    "callee": "site",
    "cause": "site",
    "resource": "resource",
    "pool": "resource",
    "stack": "stack",
}


def stored(fields: Fields) -> np.dtype[np.void]:
    """The type of a table's records in their file."""
    return np.dtype([(name, KINDS[code]) for name, code in fields])


def read_insight(
    folder: Path, ramp_epoch: float, ramp_clock_s: float | None = None
) -> Insight | None:
    """What the probe recorded in `folder` of a load whose ramp began at that time; None if no
    worker recorded anything. What a killed worker could not finish writing is left out.

    `ramp_clock_s` is the same moment by the machine's monotonic clock, where it is known. All
    processes share that clock, so then times are exact: the time of day, which ties the clocks
    together otherwise, is adjusted while it runs, and read some microseconds apart.
    """
    workers: list[dict[str, Any]] = []
    names = Names()
    missing: list[str] = []
    modes: dict[int, dict[str, Any]] = {}
    for found in read_notes(folder):
        match found["note"]:
            case "worker":
                workers.append(found)
            case "modes":
                modes[found["pid"]] = {
                    "debug": tuple(found["debug"]),
                    "access_log": found["access_log"],
                }
            case "route" | "site" | "resource" | "stack":
                names.add(found)
            case "not-hooked" | "not-rewritten" | "failed" | "not-written" | "dropped":
                missing.append(trouble(found))
    if not workers:
        return None
    index = {worker["pid"]: number for number, worker in enumerate(workers)}
    origins = {
        w["pid"]: ramp_epoch - w["epoch"] + w["perf_counter"]
        if ramp_clock_s is None
        else ramp_clock_s
        for w in workers
    }
    tables = {
        name: np.concatenate(
            [
                read_table(folder, name, pid, number, origins[pid], names)
                for pid, number in index.items()
            ]
        )
        for name in TABLES
    }
    tables["uses"] = latest(tables["uses"])
    routes = tuple(names.of("route", read_route))
    if installed := package_of(routes):
        missing.append(
            f"every handler is of an installed package ({installed}), and no line of one is told "
            "from a library's: if that is the app, install it with pip install -e"
        )
    return Insight(
        workers=tuple(
            WorkerInfo(w["pid"], w["python"], w["loop"], **modes.get(w["pid"], {})) for w in workers
        ),
        routes=routes,
        sites=tuple(names.of("site", read_site)),
        resources=tuple(names.of("resource", names.read_resource)),
        stacks=tuple(names.of("stack", read_stack)),
        missing=tuple(dict.fromkeys(missing)),
        **tables,
    )


def read_table(
    folder: Path, name: str, pid: int, worker: int, origin: float, names: Names
) -> Records:
    found = read_file(folder, name, pid)
    columns = {column: found[column] for column in found.dtype.names or ()}
    if name == "requests":
        found, columns = whole_requests(found, read_file(folder, "waits", pid))
    elif name == "spans":
        columns["end"] = columns["start"] + columns["duration_s"]
    kind = stored(TABLES[name])
    records = np.empty(len(found), np.dtype([*kind.descr, ("worker", "<u2")]))
    for column in kind.names or ():
        values = columns[column]
        if column in TIMES:
            values = values - origin
        elif column in NUMBERS:
            values = names.common(NUMBERS[column], pid)[values]
        records[column] = values
    records["worker"] = worker
    return records


def read_file(folder: Path, name: str, pid: int) -> Records:
    kind = stored(FILES[name])
    file = folder / file_name(name, pid)
    data = records_of(file.read_bytes()) if file.exists() else b""
    return np.frombuffer(data, kind, count=len(data) // kind.itemsize)


def whole_requests(found: Records, waits: Records) -> tuple[Records, dict[str, NDArray[Any]]]:
    """The requests of a file, and their columns with those of `waits`. One whose waits a killed
    worker had not written is left out: it would look as if it had had none."""
    order = np.argsort(waits["number"], kind="stable")
    numbers = waits["number"][order]
    at = np.searchsorted(numbers, found["number"]).clip(max=max(0, len(numbers) - 1))
    waited = found["waited"] == 1
    has = waited & (numbers[at] == found["number"]) if len(numbers) else np.zeros_like(waited)
    kept = has | ~waited
    found, has, at = found[kept], has[kept], at[kept]
    columns = {column: found[column] for column in found.dtype.names or ()}
    start = found["start"]
    columns["answered"] = start + found["answered_s"]
    columns["end"] = start + found["end_s"]
    for column, code in WAITS_FILE[1:]:
        columns[column] = np.zeros(len(found), KINDS[code])
        columns[column][has] = waits[column][order][at[has]]
    return found, columns


def package_of(routes: Sequence[Route]) -> str | None:
    """A package that handlers come from, if none of them is of the user's own files."""
    files = [route.file for route in routes if route.file is not None]
    if not files or any(map(is_users, files)):
        return None
    found = (re.search(PACKAGE, file) for file in files)
    return next((match[1] for match in found if match and match[1] not in FRAMEWORKS), None)


# What tells one use from another.
USE = ["worker", "request", "asked", "resource", "instance"]


def latest(uses: Records) -> Records:
    """The last record of each use, in the order in which they were made: one that lasts is
    recorded before it ends, and again then."""
    _, from_the_end = np.unique(uses[USE][::-1], return_index=True)
    return uses[np.sort(len(uses) - 1 - from_the_end)]


# 65535: no such thing.
NOTHING = 0xFFFF


@dataclass
class Names:
    """Things that workers numbered, each worker for itself, brought under common numbers."""

    _numbers: dict[tuple[str, int, int], int] = field(default_factory=dict)
    _keys: dict[str, dict[Any, int]] = field(default_factory=dict)
    _described: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, note: Mapping[str, Any]) -> None:
        what, pid, number = note["note"], note["pid"], note["number"]
        own = {key: value for key, value in note.items() if key not in ("note", "pid", "number")}
        if what == "resource" and own.get("site") is not None:
            own["site"] = self._numbers.get(("site", pid, own["site"]))
        keys = self._keys.setdefault(what, {})
        common = keys.setdefault(repr(sorted(own.items())), len(keys))
        described = self._described.setdefault(what, [])
        if common == len(described):
            described.append(own)
        self._numbers[what, pid, number] = common

    def common(self, what: str, pid: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
        """By a worker's own number: the common one, `NOTHING` where there is none."""
        found = np.full(0x10000, NOTHING, np.uint16)
        for (kind, process, number), common in self._numbers.items():
            if (kind, process) == (what, pid):
                found[number] = common
        return found

    def of(self, what: str, read: Callable[[dict[str, Any]], Any]) -> list[Any]:
        return list(map(read, self._described.get(what, [])))

    @staticmethod
    def read_resource(note: dict[str, Any]) -> Resource:
        return Resource(note["kind"], note["name"], note["capacity"], note["site"])


def read_route(note: dict[str, Any]) -> Route:
    handler = note["handler"] or {}
    return Route(
        note["method"],
        note["path"],
        handler.get("file"),
        handler.get("line"),
        handler.get("name"),
    )


def read_site(note: dict[str, Any]) -> Site:
    return Site(note["file"], note["line"], note["column"], note["function"], note["text"])


def read_stack(note: dict[str, Any]) -> Stack:
    blame = note["blame"]
    return Stack(tuple(Frame(*frame) for frame in note["frames"]), blame if blame >= 0 else None)


def trouble(note: Mapping[str, Any]) -> str:
    match note["note"]:
        case "not-hooked":
            return f"the probe does not know this version of {note['module']}: {note['error']}"
        case "not-rewritten":
            return f"the awaits of {note['module']} could not be recorded: {note['error']}"
        case "failed":
            return f"the probe failed in a worker, and did not see all of it: {note['error']}"
        case "not-written":
            return f"what the probe saw could not be written: {note['error']}"
    return f"{note['records']:,} records of the probe were dropped, because the disk was too slow"
