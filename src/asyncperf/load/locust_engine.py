"""Load with Locust, in a subprocess: importing it would patch this process (gevent)."""

import base64
import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from asyncperf.errors import LoadError, UsageError
from asyncperf.load.distribution import Distribution, is_loopback
from asyncperf.load.engine import (
    ALONE_MIN_REQUESTS,
    ALONE_REQUESTS,
    ALONE_S,
    Recording,
    Workload,
)
from asyncperf.load.records import Ledger, RecordFile
from asyncperf.model import LoadPlan, Request
from asyncperf.process import ChildProcess, last_lines

LISTENER = Path(__file__).with_name("locust_listener.py")
ENDPOINT_USER = Path(__file__).with_name("locust_user.py")

# Killing a few thousand users and printing its tables takes Locust about a second.
STOP_GRACE_S = 15.0
# Starting Locust once more, to tell workers that the run is over, takes a second or two, and it
# waits for those that are late.
FAREWELL_S = 20.0
LOG_LINES_SHOWN = 15
# A locustfile that takes longer to import than this is stuck rather than slow.
LIST_TIMEOUT_S = 60.0
FOLDER = "locust-"
LOAD = "ASYNCPERF_LOAD"
# Of the load that never comes: workers are told so before they could begin it.
NO_PLAN = LoadPlan("locust", 1, 1.0, None, 1.0, 1.0)


@dataclass(frozen=True)
class LocustEngine:
    """Users of `locustfile`, or of our own for given requests where there is none.

    `scratch` is an empty directory: Locust reads `locust.conf` and `pyproject.toml` from
    its working directory and `~/.locust.conf`, none of which may change a measurement.
    """

    scratch: Path
    env: Mapping[str, str]
    locustfile: Path | None = None
    distribution: Distribution | None = None

    @property
    def name(self) -> str:
        return f"locust {version('locust')}"

    def start(self, workload: Workload, plan: LoadPlan, url: str) -> "LocustSession":
        check_installed()
        self._check_reach(url)
        folder = self._new_folder()
        user_file = self.locustfile.resolve() if self.locustfile else ENDPOINT_USER
        user_class = "EndpointUser" if workload.requests else workload.name
        process = self._process(
            folder,
            self._orders(workload, plan, folder),
            (str(user_file), str(LISTENER)),
            ("-H", url, "-u", "1", "-r", "1", user_class),
        )
        return LocustSession(process, folder, plan, self.distribution)

    def close(self) -> None:
        """Tell the workers that have come that the run is over. To them this is the master
        of one more load."""
        spread = self.distribution
        known = self._most_workers()
        if spread is None or spread.local or not known:
            return
        folder = self._new_folder()
        orders = self._orders(Workload(""), NO_PLAN, folder) | {"over": True, "workers": known}
        files = (str(ENDPOINT_USER), str(LISTENER))
        with self._process(folder, orders, files, ()) as process:
            process.wait(FAREWELL_S)

    def _most_workers(self) -> int:
        """How many workers came to one load at most."""
        folders = self.scratch.glob(f"{FOLDER}*")
        return max((len(list(each.glob("record-worker-*"))) for each in folders), default=0)

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.scratch.resolve(), prefix=FOLDER))

    def _check_reach(self, url: str) -> None:
        """Raise `UsageError` where workers on other machines would load their own."""
        spread = self.distribution
        if spread is None or spread.on_this_machine:
            return
        if is_loopback(urlsplit(url).hostname or ""):
            raise UsageError(
                f"workers on other machines cannot reach the app at {url}",
                "Serve it on an address that they reach, and load that: "
                "asyncperf run http://ADDRESS:PORT --allow-remote",
            )

    def _process(
        self,
        folder: Path,
        orders: Mapping[str, object],
        files: tuple[str, ...],
        arguments: tuple[str, ...],
    ) -> ChildProcess:
        spread = self.distribution
        if spread is not None and not spread.local:
            # Workers have the master's files sent to them, and no environment of it.
            sent = json.dumps({key: value for key, value in orders.items() if key != "record"})
            first = folder / "asyncperf_orders.py"
            first.write_text(f"import os\n\nos.environ.setdefault({LOAD!r}, {sent!r})\n")
            files = (str(first), *files)
        return ChildProcess(
            (
                *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
                *(spread.flags() if spread is not None else ()),
                *("-f", ",".join(files), *arguments),
            ),
            log=folder / "locust.log",
            env=clean_environment(self.env, folder) | {LOAD: json.dumps(orders)},
            cwd=folder,
            stop_signal=signal.SIGINT,
            grace_s=STOP_GRACE_S,
        )

    def _orders(self, workload: Workload, plan: LoadPlan, folder: Path) -> dict[str, object]:
        # The single user sends each request in turn.
        turns = max(1, len(workload.requests))
        spread = self.distribution
        return {
            "record": str(folder / "record"),
            "users": plan.users,
            "spawn_rate": plan.spawn_rate,
            "run_time_s": plan.run_time_s,
            "alone_requests": ALONE_REQUESTS * turns,
            "alone_min_requests": ALONE_MIN_REQUESTS * turns,
            "alone_s": ALONE_S * turns,
            "requests": [message(request, plan) for request in workload.requests],
            "workers": spread.workers if spread else 1,
            "same_clock": spread is None or spread.local,
            "max_wait_s": spread.max_wait_s if spread else None,
            "over": False,
        }


class LocustSession:
    """One Locust process, whose records are read as they are written."""

    def __init__(
        self,
        process: ChildProcess,
        folder: Path,
        plan: LoadPlan,
        distribution: Distribution | None = None,
    ) -> None:
        self._process = process
        self._folder = folder
        self._plan = plan
        self._distribution = distribution
        self._files: dict[Path, RecordFile] = {}
        self._ledger = Ledger(time.time())

    @property
    def ended(self) -> bool:
        return self._process.exit_code is not None

    def read(self) -> Recording:
        ended = self.ended
        recording = self._collected()
        if ended and not self._files:
            raise LoadError(
                f"Locust exited with code {self._process.exit_code} before it began",
                last_lines(self._process.output(), LOG_LINES_SHOWN),
            )
        if ended and self._ledger.waiting and self._distribution:
            raise too_few_workers(*self._ledger.waiting, self._distribution)
        return recording

    def stop(self) -> Recording:
        self._process.stop()
        return self._collected()

    def _collected(self) -> Recording:
        for path in sorted(self._folder.glob("record-*.jsonl")):
            file = self._files.setdefault(path, RecordFile(path))
            self._ledger.add(path.name, file.new_records())
        recording = self._ledger.recording(self._plan)
        if self._ledger.waiting and self._distribution:
            waiting = still_missing(*self._ledger.waiting, self._distribution)
            recording = replace(recording, waiting=waiting)
        return recording


def still_missing(connected: int, expected: int, distribution: Distribution) -> str:
    if distribution.local:
        return f"{connected} of {expected} load processes have started"
    return f"{connected} of {expected} workers connected: {distribution.worker_command}"


def too_few_workers(connected: int, expected: int, distribution: Distribution) -> LoadError:
    message = f"{connected} of {expected} workers connected within {distribution.max_wait_s:g} s"
    if distribution.local:
        return LoadError(message, "The machine may be too busy to start so many processes.")
    return LoadError(
        message,
        f"On each of the others: {distribution.worker_command}\n"
        f"The master listens on {distribution.host}, port {distribution.port} "
        "(--master-bind-host, --master-bind-port); a firewall may be in between.",
    )


def message(request: Request, plan: LoadPlan) -> dict[str, object]:
    """A request as `locust_user` reads it. Its own headers replace those of the plan."""
    own = {name.lower() for name, _ in request.headers}
    shared = [header for header in plan.headers if header[0].lower() not in own]
    return {
        "method": request.method,
        "target": request.target,
        "name": request.endpoint.path,
        "headers": dict([*shared, *request.headers]),
        "body": base64.b64encode(request.body).decode("ascii"),
        "weight": request.weight,
    }


def clean_environment(env: Mapping[str, str], home: Path) -> dict[str, str]:
    """`env` without what Locust would take settings from."""
    kept = {key: value for key, value in env.items() if not key.startswith("LOCUST_")}
    return kept | {"HOME": str(home)}


def check_installed() -> None:
    if find_spec("locust") is None:
        raise LoadError(
            "Locust is not installed in this environment",
            f"Install it: {sys.executable} -m pip install locust",
        )


def user_classes(locustfile: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    """The user classes that a locustfile defines, in order, as Locust lists them.

    Raises `UsageError` when the file does not exist, does not import, or defines none.
    """
    check_installed()
    if not locustfile.is_file():
        raise UsageError(f"no locustfile at {str(locustfile)!r}", "Check the path given to -f.")
    with tempfile.TemporaryDirectory(prefix="asyncperf-") as folder:
        command = (sys.executable, "-m", "locust", "-f", str(locustfile.resolve()), "--list")
        environment = clean_environment(env, Path(folder))
        with ChildProcess(
            command, log=Path(folder) / "list.log", env=environment, cwd=Path(folder)
        ) as process:
            code = process.wait(LIST_TIMEOUT_S)
        output = process.output()
    names = tuple(re.findall(r"^ {4}(\w+)$", output, flags=re.MULTILINE))
    if code != 0:
        raise UsageError(f"Locust cannot load {str(locustfile)!r}", output.strip())
    if not names:
        raise UsageError(
            f"Locust finds no user class in {str(locustfile)!r}",
            "It must define a class with a task that inherits from HttpUser or FastHttpUser.",
        )
    return names


def choose_user_classes(defined: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The classes asked for, or all. Raises `UsageError` for one that is not there."""
    for name in wanted:
        if name not in defined:
            raise UsageError(
                f"the locustfile has no user class {name!r}", f"It has: {', '.join(defined)}"
            )
    return wanted or defined
