"""Load with Locust, in a subprocess: importing it would patch this process (gevent)."""

import base64
import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from asyncperf.errors import LoadError, UsageError
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
LOG_LINES_SHOWN = 15
# A locustfile that takes longer to import than this is stuck rather than slow.
LIST_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class LocustEngine:
    """Users of `locustfile`, or of our own for given requests where there is none.

    `scratch` is an empty directory: Locust reads `locust.conf` and `pyproject.toml` from
    its working directory and `~/.locust.conf`, none of which may change a measurement.
    """

    scratch: Path
    env: Mapping[str, str]
    locustfile: Path | None = None

    @property
    def name(self) -> str:
        return f"locust {version('locust')}"

    def start(self, workload: Workload, plan: LoadPlan, url: str) -> "LocustSession":
        check_installed()
        folder = Path(tempfile.mkdtemp(dir=self.scratch.resolve(), prefix="locust-"))
        user_file = self.locustfile.resolve() if self.locustfile else ENDPOINT_USER
        command = (
            *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
            *("-f", f"{user_file},{LISTENER}", "-H", url, "-u", "1", "-r", "1"),
            *(["EndpointUser"] if workload.requests else [workload.name]),
        )
        process = ChildProcess(
            command,
            log=folder / "locust.log",
            env=self._environment(workload, plan, folder),
            cwd=folder,
            stop_signal=signal.SIGINT,
            grace_s=STOP_GRACE_S,
        )
        return LocustSession(process, folder, plan)

    def _environment(self, workload: Workload, plan: LoadPlan, folder: Path) -> dict[str, str]:
        # The single user sends each request in turn.
        turns = max(1, len(workload.requests))
        load: dict[str, object] = {
            "record": str(folder / "record"),
            "users": plan.users,
            "spawn_rate": plan.spawn_rate,
            "run_time_s": plan.run_time_s,
            "alone_requests": ALONE_REQUESTS * turns,
            "alone_min_requests": ALONE_MIN_REQUESTS * turns,
            "alone_s": ALONE_S * turns,
            "requests": [message(request, plan) for request in workload.requests],
        }
        return clean_environment(self.env, folder) | {"ASYNCPERF_LOAD": json.dumps(load)}


class LocustSession:
    """One Locust process, whose records are read as they are written."""

    def __init__(self, process: ChildProcess, folder: Path, plan: LoadPlan) -> None:
        self._process = process
        self._folder = folder
        self._plan = plan
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
        return recording

    def stop(self) -> Recording:
        self._process.stop()
        return self._collected()

    def _collected(self) -> Recording:
        for path in sorted(self._folder.glob("record-*.jsonl")):
            file = self._files.setdefault(path, RecordFile(path))
            self._ledger.add(path.name, file.new_records())
        return self._ledger.recording(self._plan)


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
