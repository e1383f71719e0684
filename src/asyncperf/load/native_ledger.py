"""From the records and events of the load processes to a `Recording`."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asyncperf.load.engine import Recording
from asyncperf.load.orders import Files
from asyncperf.load.outcomes import GENERATOR_LIMITS, SUCCEEDED, TEXTS, Outcome, error_text
from asyncperf.load.record_format import ALONE, RECORD
from asyncperf.load.records import RecordFile
from asyncperf.model import LATE_START_S, GeneratorHealth, LoadPlan
from asyncperf.samples import Samples

# As `record_format` packs it.
DTYPE = np.dtype(
    [
        ("intended", "<f8"),
        ("start", "<f8"),
        ("first", "<f8"),
        ("end", "<f8"),
        ("received", "<u8"),
        ("status", "<u2"),
        ("outcome", "u1"),
        ("phase", "u1"),
        ("message", "<u2"),
    ]
)
assert DTYPE.itemsize == RECORD.size

Records = NDArray[np.void]
NONE = np.empty(0, DTYPE)
CUT_OFF = int(Outcome.CUT_OFF)
# By outcome; a number that no outcome has is no success.
IS_SUCCESS = np.isin(np.arange(256), [int(outcome) for outcome in SUCCEEDED])


class PackedFile:
    """A growing file of packed records, read from where the last read ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_records(self) -> Records:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = len(data) // DTYPE.itemsize * DTYPE.itemsize
        self._offset += whole
        return np.frombuffer(data, dtype=DTYPE, count=whole // DTYPE.itemsize)


@dataclass(frozen=True)
class Beat:
    at: float
    cpu_s: float
    drift_s: float


class NativeLedger:
    """The records of one load, from all of its processes. `keys` are the messages' (method,
    name); those of one name are counted together.

    `begun` is how many requests the processes began, by their own count at their end.
    """

    def __init__(self, files: Files, processes: int, keys: Sequence[tuple[str, str]]) -> None:
        self._keys = tuple(keys)
        self._events = [RecordFile(files.events(number)) for number in range(processes)]
        self._files = [PackedFile(files.records(number)) for number in range(processes)]
        self._records = NONE
        self._last_at: dict[int, float] = {}
        self._beats: defaultdict[int, list[Beat]] = defaultdict(list)
        self._ramped: dict[int, float] = {}
        self._details: dict[Outcome, str] = {}
        self._began_at = 0.0
        self.begun = 0
        self._ramp_at: float | None = None
        self._ramp_epoch: float | None = None

    def update(self) -> None:
        """Read what has been written since the last time."""
        # The events first: each vouches for the records that were written before it.
        for process, events in enumerate(self._events):
            for kind, *values in events.new_records():
                self._add_event(process, kind, values)
        new = in_order(np.concatenate([records.new_records() for records in self._files]))
        if len(new):
            # What one process has just told may have ended before what another told last
            # time; further back there is nothing to put in order.
            settled = int(np.searchsorted(self._records["end"], new["end"][0]))
            tail = in_order(np.concatenate([self._records[settled:], new]))
            self._records = np.concatenate([self._records[:settled], tail])

    def _add_event(self, process: int, kind: str, values: list[float]) -> None:
        match kind:
            case "h":
                beat = Beat(*values)
                self._beats[process].append(beat)
                self._last_at[process] = beat.at
            case "begun" if process == 0:
                (self._began_at,) = values
            case "ramp":
                self._ramp_at, self._ramp_epoch = values
            case "ramped":
                (self._ramped[process],) = values
            case "detail":
                number, text = values
                self._details.setdefault(Outcome(int(number)), str(text))
            case "end":
                self._last_at[process], begun = values
                self.begun += int(begun)

    def recording(self, plan: LoadPlan) -> Recording:
        origin = self._began_at if self._ramp_at is None else self._ramp_at
        ramp_end_s = None
        if self._all_ramped_at is not None:
            ramp_end_s = max(self._all_ramped_at - origin, plan.ramp_s)
        # In order of completion, and the single user is done before the ramp begins.
        alone_count = int(np.count_nonzero(self._records["phase"] == ALONE))
        alone, loaded = self._records[:alone_count], self._records[alone_count:]
        return Recording(
            unloaded={
                key: self._samples(part, origin, open_load=False)
                for key, part in self._by_key(alone)
            },
            loaded={
                key: self._samples(part, origin, plan.model == "open")
                for key, part in self._by_key(loaded)
            },
            ramp_started_at=self._ramp_epoch,
            ramp_end_s=ramp_end_s,
            duration_s=max(0.0, self._written_until() - origin),
            generator=self._health(loaded),
        )

    def _by_key(self, records: Records) -> Iterator[tuple[tuple[str, str], Records]]:
        for key in dict.fromkeys(self._keys):
            messages = [number for number, other in enumerate(self._keys) if other == key]
            whole = len(messages) == len(self._keys)
            yield key, records if whole else records[np.isin(records["message"], messages)]

    @property
    def _all_ramped_at(self) -> float | None:
        if len(self._ramped) < len(self._files):
            return None
        return max(self._ramped.values())

    def _written_until(self) -> float:
        """Up to when the records of every process are complete."""
        if len(self._last_at) < len(self._files):
            return self._began_at
        return min(self._last_at.values())

    def _samples(self, records: Records, origin: float, open_load: bool) -> Samples:
        column = "intended" if open_load else "start"
        cut_off = records["outcome"] == CUT_OFF
        done, cut = (records[~cut_off], records[cut_off]) if cut_off.any() else (records, NONE)
        start, first = done[column], done["first"]
        return Samples(
            start_s=start - origin,
            latency_s=done["end"] - start,
            status=done["status"].astype(np.int32),
            ok=IS_SUCCESS[done["outcome"]],
            received_bytes=done["received"].astype(np.int64),
            cut_off_s=np.sort(cut[column] - origin),
            errors=self._errors(done),
            late_s=done["start"] - done["intended"],
            first_byte_s=np.where(first > 0, first - origin, np.nan),
            outcome=done["outcome"].copy(),
        )

    def _errors(self, done: Records) -> dict[str, int]:
        failed = done[~IS_SUCCESS[done["outcome"]]]
        codes = failed["outcome"].astype(np.int64) << 16 | failed["status"]
        errors: dict[str, int] = {}
        for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
            outcome = Outcome(int(code) >> 16)
            text = error_text(outcome, int(code) & 0xFFFF, self._details.get(outcome))
            errors[text] = errors.get(text, 0) + int(count)
        return dict(sorted(errors.items(), key=lambda item: -item[1]))

    def _health(self, loaded: Records) -> GeneratorHealth:
        """The generator's health once all users had started; opening their connections is
        work of another kind. Late starts are those of the whole load."""
        late = int((loaded["start"] - loaded["intended"] > LATE_START_S).sum())
        exhausted = {
            TEXTS[outcome]: count
            for outcome in sorted(GENERATOR_LIMITS)
            if (count := int(np.count_nonzero(loaded["outcome"] == int(outcome))))
        }
        since = self._all_ramped_at if self._all_ramped_at is not None else float("inf")
        recent = ([b for b in beats if b.at >= since] for beats in self._beats.values())
        beats = [kept for kept in recent if len(kept) > 1]
        each = tuple((b[-1].cpu_s - b[0].cpu_s) / (b[-1].at - b[0].at) for b in beats)
        return GeneratorHealth(
            cpu=sum(each) if beats else None,
            max_drift_s=max((beat.drift_s for b in beats for beat in b[1:]), default=None),
            processes=len(self._files),
            cpu_each=each,
            starts=len(loaded),
            late_starts=late,
            exhausted=exhausted,
        )


def in_order(records: Records) -> Records:
    """Records of several processes in order of completion."""
    ends = np.ascontiguousarray(records["end"])
    if (ends[1:] >= ends[:-1]).all():
        return records
    return records[np.argsort(ends, kind="stable")]
