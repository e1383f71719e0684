"""The native engine: load processes of our own, as light as a load can be in Python."""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from asyncperf import __version__
from asyncperf.errors import LoadError
from asyncperf.levels import Stage
from asyncperf.load.engine import (
    ALONE_MIN_REQUESTS,
    ALONE_REQUESTS,
    ALONE_S,
    Recording,
    Workload,
)
from asyncperf.load.native_ledger import NativeLedger
from asyncperf.load.orders import Files, Message, Orders
from asyncperf.model import LoadPlan, Request
from asyncperf.process import ChildProcess, last_lines

# Recording what is in flight and closing some ten thousand connections takes a second.
STOP_GRACE_S = 10.0
LOG_LINES_SHOWN = 15
# Meant for the app, these would slow the generator down.
SLOWING = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONTRACEMALLOC", "PYTHONMALLOC")


@dataclass(frozen=True)
class NativeEngine:
    """HTTP/1.1 over uvloop, in `plan.processes` processes. `scratch` is an empty directory."""

    scratch: Path
    env: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"native {__version__}"

    def start(self, workload: Workload, plan: LoadPlan, url: str) -> "NativeSession":
        if not workload.requests:
            raise LoadError(
                f"the native engine cannot run the Locust user class {workload.name!r}",
                "Use --engine locust.",
            )
        files = Files(Path(tempfile.mkdtemp(dir=self.scratch.resolve(), prefix="native-")))
        processes = min(plan.processes, plan.users) if plan.model == "closed" else plan.processes
        orders_for(workload.requests, plan, url, processes).save(files.orders)
        for number in range(processes):
            files.events(number).touch()
            files.records(number, 0).touch()
        env = {key: value for key, value in self.env.items() if key not in SLOWING}
        started: list[ChildProcess] = []
        try:
            for number in range(processes):
                started.append(
                    ChildProcess(
                        (
                            *(sys.executable, "-m", "asyncperf.load.native_worker"),
                            *(str(files.folder), str(number)),
                        ),
                        log=files.folder / f"process-{number}.log",
                        env=env,
                        cwd=files.folder,
                        grace_s=STOP_GRACE_S,
                    )
                )
        except BaseException:
            stop_all(started)
            raise
        keys = [request.key for request in workload.requests]
        ledger = NativeLedger(files, processes, keys, open_load=plan.model == "open")
        return NativeSession(started, ledger, plan)

    def close(self) -> None:
        """Nothing waits for another load: each has processes of its own."""


class NativeSession:
    """The load processes of one load, whose records are read as they are written."""

    def __init__(self, processes: list[ChildProcess], ledger: NativeLedger, plan: LoadPlan) -> None:
        self._processes = processes
        self._ledger = ledger
        self._plan = plan

    @property
    def ended(self) -> bool:
        return all(process.exit_code is not None for process in self._processes)

    def read(self) -> Recording:
        for number, process in enumerate(self._processes):
            if process.exit_code:
                raise LoadError(
                    f"load process {number} failed (code {process.exit_code})",
                    last_lines(process.output(), LOG_LINES_SHOWN),
                )
        return self._recording()

    def stop(self) -> Recording:
        # What came of a process that failed is kept; that it failed has been said.
        stop_all(self._processes)
        return self._recording()

    @property
    def begun(self) -> int:
        """How many requests were begun, by the processes' own count at their end."""
        return self._ledger.begun

    def _recording(self) -> Recording:
        self._ledger.update()
        return self._ledger.recording(self._plan)


def orders_for(requests: Sequence[Request], plan: LoadPlan, url: str, processes: int) -> Orders:
    return Orders(
        url=url,
        messages=tuple(message_of(request, plan) for request in requests),
        processes=processes,
        stages=plan.stages or (Stage(plan.level, None),),
        spawn_rate=plan.spawn_rate,
        think_time=plan.think_time,
        think_time_s=plan.think_time_s,
        arrivals=plan.arrivals,
        run_time_s=plan.run_time_s,
        keepalive=plan.keepalive,
        connect_timeout_s=plan.connect_timeout_s,
        response_timeout_s=plan.response_timeout_s,
        ca_file=plan.ca_file,
        alone_requests=ALONE_REQUESTS,
        alone_min_requests=ALONE_MIN_REQUESTS,
        alone_s=ALONE_S,
        stamped=plan.probed,
    )


def message_of(request: Request, plan: LoadPlan) -> Message:
    """A request's own headers replace those that all requests carry."""
    own = {name.lower() for name, _ in request.headers}
    shared = tuple(header for header in plan.headers if header[0].lower() not in own)
    return Message(
        method=request.method,
        target=request.target,
        headers=(*shared, *request.headers),
        body=request.body,
        weight=request.weight,
    )


def stop_all(processes: list[ChildProcess]) -> None:
    """Stop them at the same moment, so that none loads on alone."""
    if processes:
        with ThreadPoolExecutor(len(processes)) as threads:
            list(threads.map(ChildProcess.stop, processes))
