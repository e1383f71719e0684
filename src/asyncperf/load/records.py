"""From the listener's lines to a `Recording`."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from asyncperf.load.clock import Clock, Ping
from asyncperf.load.engine import Recording
from asyncperf.model import GeneratorHealth, LoadPlan
from asyncperf.samples import Samples

Key = tuple[str, str]

# A clock that is known less exactly is worth a word: it is what separates two requests of
# a hundred a second, and a local network gives a tenth of it.
CLOCK_UNSURE_S = 0.01


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


@dataclass
class _Process:
    """One of the generator's processes; `lost_users` is None while it lives, `conducts`
    says that it sends no requests itself."""

    name: str = ""
    conducts: bool = False
    loading: bool = False
    last_at: float = 0.0
    beats: list[_Beat] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    lost_users: int | None = None
    gaps: int = 0
    refused: int = 0


class Ledger:
    """The records of one load, from all of the generator's processes."""

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._ramp_at: float | None = None
        self._ramped_at: float | None = None
        self._ended_at: float | None = None
        self._unloaded: defaultdict[Key, _Column] = defaultdict(_Column)
        self._loaded: defaultdict[Key, _Column] = defaultdict(_Column)
        self._processes: defaultdict[str, _Process] = defaultdict(_Process)
        # Workers connected and expected, while some have still to come.
        self.waiting: tuple[int, int] | None = None

    def add(self, process: str, records: Iterable[Sequence[Any]]) -> None:
        source = self._processes[process]
        for kind, *values in records:
            match kind:
                case "r":
                    self._add_request(source, *values)
                case "c":
                    start, method, name = values
                    cut_off = self._columns(source)[method, name].cut_off
                    cut_off.append(start + source.clock.offset_s)
                case "h":
                    at, cpu_s, drift_s = values
                    self._add_beat(source, _Beat(at + source.clock.offset_s, cpu_s, drift_s))
                case "p":
                    source.clock.add(Ping(*values))
                case "ramp":
                    (self._ramp_at,) = values
                    source.loading = True
                case "ramped":
                    (self._ramped_at,) = values
                case "end":
                    (self._ended_at,) = values
                case "waiting":
                    connected, expected = values
                    self.waiting = (connected, expected)
                case "begun":
                    self.waiting = None
                    (source.last_at,) = values
                    source.conducts = True
                case "worker":
                    (source.name,) = values
                case "lost":
                    (source.lost_users,) = values
                case "gap":
                    source.gaps += values[0]
                case "refused":
                    source.refused += values[0]

    def _columns(self, source: _Process) -> defaultdict[Key, _Column]:
        return self._loaded if source.loading else self._unloaded

    def _add_beat(self, source: _Process, beat: _Beat) -> None:
        source.last_at = max(source.last_at, beat.at)
        if source.loading:
            source.beats.append(beat)

    def _add_request(
        self,
        source: _Process,
        start: float,
        latency_s: float,
        method: str,
        name: str,
        status: int,
        received: int,
        error: str | None,
    ) -> None:
        start += source.clock.offset_s
        column = self._columns(source)[method, name]
        column.start.append(start)
        column.latency.append(latency_s)
        column.status.append(status)
        column.ok.append(error is None)
        column.received.append(received)
        if error is not None:
            column.errors[error] += 1
        source.last_at = max(source.last_at, start + latency_s)

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
            duration_s=self._until() - origin,
            generator=self._health(),
            trouble=self._trouble(origin, plan),
            warnings=tuple(self._warnings(origin, plan)),
        )

    def _until(self) -> float:
        """When the load was over, or up to when anything was heard of it. With a worker
        that had users it ends: from then on it is another load."""
        if self.waiting:
            return self._started_at
        heard = max((each.last_at for each in self._processes.values()), default=0.0)
        lost = [each.last_at for each in self._processes.values() if each.lost_users]
        return min([max(self._ended_at or heard, self._started_at), *lost])

    def _losses(self, origin: float, plan: LoadPlan) -> Iterator[tuple[int, str]]:
        """The users that each lost worker had, and when that was."""
        for each in self._processes.values():
            if each.lost_users is None:
                continue
            when = "before the load began"
            if self._ramp_at is not None:
                when = f"{max(0.0, each.last_at - origin):.1f} s into the load"
            users = plan.users if self._ramp_at is not None else 1
            yield (
                each.lost_users,
                f"the load worker {each.name} was lost {when}, "
                f"with {each.lost_users} of {users} users",
            )

    def _trouble(self, origin: float, plan: LoadPlan) -> str | None:
        for users, text in self._losses(origin, plan):
            if users:
                return f"{text}; the load was ended, what it had sent is kept"
        for each in self._processes.values():
            if each.gaps:
                return f"samples of the load worker {each.name} were lost on their way"
        return None

    def _warnings(self, origin: float, plan: LoadPlan) -> Iterator[str]:
        for _, text in self._losses(origin, plan):
            yield text
        for each in self._processes.values():
            if each.refused:
                yield (
                    f"{each.refused} records of the load worker {each.name} made no sense "
                    "and were dropped"
                )
        unsure_s = max((each.clock.uncertainty_s for each in self._processes.values()), default=0)
        if unsure_s > CLOCK_UNSURE_S:
            yield (
                f"the load workers' clocks are known to ±{unsure_s * 1000:.0f} ms: "
                "so exact are the times at which requests began; latencies are not affected"
            )

    def _health(self) -> GeneratorHealth:
        """The generator's health once all users had started; opening 500 connections is
        work of another kind."""
        since = float("inf") if self._ramped_at is None else self._ramped_at
        until = self._until()  # stopping the users is work of yet another kind
        cpu, drifts = [], [0.0]
        for each in self._processes.values():
            beats = [beat for beat in each.beats if since <= beat.at <= until]
            if len(beats) > 1:
                cpu.append((beats[-1].cpu_s - beats[0].cpu_s) / (beats[-1].at - beats[0].at))
                if not each.conducts:  # it may wake late, and no request is later for it
                    drifts += [beat.drift_s for beat in beats]
        return GeneratorHealth(
            cpu=sum(cpu) if cpu else None,
            max_drift_s=max(drifts) if cpu else None,
            processes=max(1, len(cpu)),
            cpu_each=tuple(cpu),
            users_lost=sum(each.lost_users or 0 for each in self._processes.values()),
        )
