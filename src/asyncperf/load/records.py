"""From the listener's lines to a `Recording`."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from asyncperf.load.engine import Recording
from asyncperf.model import GeneratorHealth, LoadPlan, Samples

Key = tuple[str, str]


class RecordFile:
    """A growing file of JSON lines, read from where the last read ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_records(self) -> list[list[Any]]:
        """The whole lines written since the last call; a line still being written waits."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


@dataclass
class _Column:
    """One endpoint's requests as they come in; times are epoch seconds."""

    start: list[float] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    ok: list[bool] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    cut_off: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def samples(self, origin: float) -> Samples:
        start = np.array(self.start, dtype=np.float64) - origin
        latency = np.array(self.latency, dtype=np.float64)
        order = np.argsort(start + latency, kind="stable")
        return Samples(
            start_s=start[order],
            latency_s=latency[order],
            status=np.array(self.status, dtype=np.int32)[order],
            ok=np.array(self.ok, dtype=np.bool_)[order],
            received_bytes=np.array(self.received, dtype=np.int64)[order],
            cut_off_s=np.sort(np.array(self.cut_off, dtype=np.float64) - origin),
            errors=dict(self.errors),
        )


@dataclass(frozen=True)
class _Beat:
    at: float
    cpu_s: float
    drift_s: float


class Ledger:
    """The records of one load, from all of the generator's processes."""

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._ramp_at: float | None = None
        self._ramped_at: float | None = None
        self._ended_at: float | None = None
        self._last_at = started_at
        self._unloaded: defaultdict[Key, _Column] = defaultdict(_Column)
        self._loaded: defaultdict[Key, _Column] = defaultdict(_Column)
        self._beats: defaultdict[str, list[_Beat]] = defaultdict(list)

    def add(self, process: str, records: Iterable[Sequence[Any]]) -> None:
        for kind, *values in records:
            match kind:
                case "r":
                    self._add_request(*values)
                case "c":
                    start, method, name = values
                    self._columns[method, name].cut_off.append(start)
                case "h":
                    beat = _Beat(*values)
                    self._last_at = max(self._last_at, beat.at)
                    if self._ramp_at is not None:
                        self._beats[process].append(beat)
                case "ramp":
                    (self._ramp_at,) = values
                case "ramped":
                    (self._ramped_at,) = values
                case "end":
                    (self._ended_at,) = values

    @property
    def _columns(self) -> defaultdict[Key, _Column]:
        return self._unloaded if self._ramp_at is None else self._loaded

    def _add_request(
        self,
        start: float,
        latency_s: float,
        method: str,
        name: str,
        status: int,
        received: int,
        error: str | None,
    ) -> None:
        column = self._columns[method, name]
        column.start.append(start)
        column.latency.append(latency_s)
        column.status.append(status)
        column.ok.append(error is None)
        column.received.append(received)
        if error is not None:
            column.errors[error] += 1
        self._last_at = max(self._last_at, start + latency_s)

    def recording(self, plan: LoadPlan) -> Recording:
        origin = self._started_at if self._ramp_at is None else self._ramp_at
        ramp_end_s = None
        if self._ramp_at is not None and self._ramped_at is not None:
            # Locust reports the ramp when it has dispatched the last second's users;
            # ours then spread themselves over that second.
            ramp_end_s = max(self._ramped_at - self._ramp_at, plan.ramp_s)
        return Recording(
            unloaded={key: column.samples(origin) for key, column in self._unloaded.items()},
            loaded={key: column.samples(origin) for key, column in self._loaded.items()},
            ramp_started_at=self._ramp_at,
            ramp_end_s=ramp_end_s,
            duration_s=(self._ended_at or self._last_at) - origin,
            generator=self._health(),
        )

    def _health(self) -> GeneratorHealth:
        """The generator's health once all users had started; opening 500 connections is
        work of another kind."""
        since = self._last_at if self._ramped_at is None else self._ramped_at
        recent = ([beat for beat in beats if beat.at >= since] for beats in self._beats.values())
        beats = [kept for kept in recent if len(kept) > 1]
        if not beats:
            return GeneratorHealth(cpu=None, max_drift_s=None)
        return GeneratorHealth(
            cpu=sum((b[-1].cpu_s - b[0].cpu_s) / (b[-1].at - b[0].at) for b in beats),
            max_drift_s=max(beat.drift_s for b in beats for beat in b),
            processes=len(beats),
        )
