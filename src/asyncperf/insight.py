"""What the probe saw inside the app's workers during one load.

Frozen data and NumPy arrays; what the columns of each table mean stands in
`probe.record_format`. Times are seconds from the start of the ramp (the single user's
requests have times below 0), whichever worker's clock they come from. Numbers of routes,
sites, resources and stacks are indices into the tuples here, the same for all workers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Records = NDArray[np.void]


@dataclass(frozen=True)
class WorkerInfo:
    """A worker process; `loop` is the package of its event loop. `debug` names whose debug modes
    are on: "fastapi", "asyncio". `access_log` is None where that is not known."""

    pid: int
    python: str
    loop: str
    debug: tuple[str, ...] = ()
    access_log: bool | None = None


@dataclass(frozen=True)
class Route:
    """What a request was routed to; path "" and no file where no route matched. `line` is
    the first of the handler, decorators included."""

    method: str
    path: str
    file: str | None
    line: int | None
    function: str | None


@dataclass(frozen=True)
class Site:
    """A place in source code: an await if `text` is its source, else the start of a function
    or a line in it. `column` counts from 1."""

    file: str
    line: int
    column: int | None
    function: str
    text: str | None


@dataclass(frozen=True)
class Resource:
    """Something of limited capacity in a worker: a pool of threads or of connections, a lock, a
    semaphore. `capacity` is None where it has no limit or none is known."""

    kind: str
    name: str
    capacity: int | None
    site: int | None


@dataclass(frozen=True)
class Frame:
    file: str
    line: int
    function: str


@dataclass(frozen=True)
class Stack:
    """What the event loop was at, while it stalled or when it was looked at, from the outermost
    frame to the innermost. `blame` is the index of the user's line to blame, None if no frame is
    the user's."""

    frames: tuple[Frame, ...]
    blame: int | None


@dataclass(frozen=True, eq=False)
class Insight:
    """Each table has the columns of `probe.record_format` and `worker`, an index into
    `workers`. `missing` says what could not be seen, a sentence each."""

    workers: tuple[WorkerInfo, ...]
    routes: tuple[Route, ...]
    sites: tuple[Site, ...]
    resources: tuple[Resource, ...]
    stacks: tuple[Stack, ...]
    requests: Records
    trips: Records
    spans: Records
    uses: Records
    collections: Records
    ticks: Records
    stalls: Records
    profile: Records
    missing: tuple[str, ...] = ()
