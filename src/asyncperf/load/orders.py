"""What a load process is told: one JSON file, written by the engine before it starts.

Standard library only; the load processes start with it.
"""

import base64
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asyncperf.levels import Level, Stage
from asyncperf.load.schedule import Arrivals, ThinkTime


@dataclass(frozen=True)
class Message:
    """A request to send; `weight` is its share relative to the others'."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    weight: float = 1.0


@dataclass(frozen=True)
class Orders:
    """The whole load. Each of `processes` takes its share of it; times are seconds.

    `stages` is at least one; all of them closed, or all open. `run_time_s` counts from the
    start of the ramp, None is until told to stop. `response_timeout_s` None is for ever.
    `stamped` requests say in a header when they were begun, for the probe.
    """

    url: str
    messages: tuple[Message, ...]
    processes: int
    stages: tuple[Stage, ...]
    spawn_rate: float
    think_time: ThinkTime
    think_time_s: float
    arrivals: Arrivals
    run_time_s: float | None
    keepalive: bool
    connect_timeout_s: float
    response_timeout_s: float | None
    ca_file: str | None
    alone_requests: int
    alone_min_requests: int
    alone_s: float
    seed: int = 0
    stamped: bool = False

    def save(self, file: Path) -> None:
        fields = asdict(self)
        for message in fields["messages"]:
            message["body"] = base64.b64encode(message["body"]).decode("ascii")
        file.write_text(json.dumps(fields), encoding="utf-8")

    @classmethod
    def load(cls, file: Path) -> "Orders":
        fields = json.loads(file.read_text(encoding="utf-8"))
        fields["messages"] = tuple(map(read_message, fields["messages"]))
        fields["stages"] = tuple(map(read_stage, fields["stages"]))
        return cls(**fields)


def read_message(fields: dict[str, Any]) -> Message:
    headers = tuple((name, value) for name, value in fields.pop("headers"))
    return Message(headers=headers, body=base64.b64decode(fields.pop("body")), **fields)


def read_stage(fields: dict[str, Any]) -> Stage:
    return Stage(Level(**fields["level"]), fields["hold_s"])


@dataclass(frozen=True)
class Files:
    """The files through which the processes of one load speak; all in one folder."""

    folder: Path

    @property
    def orders(self) -> Path:
        return self.folder / "orders.json"

    @property
    def ramp(self) -> Path:
        """Written by process 0 when the single user is done: when the ramp begins, on the
        clock of `time.perf_counter`, or null if it does not."""
        return self.folder / "ramp.json"

    def records(self, process: int, segment: int) -> Path:
        return self.folder / f"record-{process}-{segment:06}.bin"

    @property
    def folded(self) -> Path:
        """What was folded of the records, and up to where, see `folding`."""
        return self.folder / "folded.npz"

    def events(self, process: int) -> Path:
        """JSON arrays, one a line. The first one says that the process is ready.

        ["begun", at]                  this process is ready
        ["ramp", at, epoch]            the ramp begins
        ["reached", at, stage]         the users of this process are those of that stage:
                                       all have started, all that are too many have left
        ["detail", outcome, text]      the first words of each kind of failure
        ["h", at, cpu_s, drift_s, cpu_wait_s]     a heartbeat; all records up to `at` are written
        ["end", at, begun]             over, in good order, after so many requests
        """
        return self.folder / f"event-{process}.jsonl"
