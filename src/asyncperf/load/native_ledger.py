"""From the records and events of the load processes to a `Recording`."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from asyncperf.levels import Held
from asyncperf.load.engine import Recording
from asyncperf.load.folding import Folding
from asyncperf.load.orders import Files
from asyncperf.load.outcomes import GENERATOR_LIMITS, TEXTS, Outcome, error_text
from asyncperf.load.record_format import ALONE
from asyncperf.load.record_reader import (
    CUT_OFF,
    IS_SUCCESS,
    NONE,
    End,
    RecordReader,
    Records,
    failed_ends,
    in_order,
    late_starts,
)
from asyncperf.load.records import RecordFile
from asyncperf.load.schedule import spans
from asyncperf.model import GeneratorHealth, LoadPlan
from asyncperf.samples import Samples

# Beyond so many a load's requests are folded: 46 MB of records, and as much again as samples.
EXACT_REQUESTS = 1_000_000


@dataclass(frozen=True)
class Beat:
    at: float
    cpu_s: float
    drift_s: float
    cpu_wait_s: float


class NativeLedger:
    """The records of one load, from all of its processes. `keys` are the messages' (method,
    name); those of one name are counted together.

    Requests are kept one by one up to `exact_requests`; once there are more, all of them are
    folded, and what a process has written is deleted when it has been.

    `begun` is how many requests the processes began, by their own count at their end.
    """

    def __init__(
        self,
        files: Files,
        processes: int,
        keys: Sequence[tuple[str, str]],
        *,
        open_load: bool = False,
        exact_requests: int = EXACT_REQUESTS,
    ) -> None:
        self._names = list(dict.fromkeys(keys))
        self._name_of = [self._names.index(key) for key in keys]
        # From when latency counts: in an open load from when a request was meant to start.
        self._start = "intended" if open_load else "start"
        self._exact_requests = exact_requests
        self._folding: Folding | None = None
        self._folded_file = files.folded
        self._events = [RecordFile(files.events(number)) for number in range(processes)]
        self._readers = [RecordReader(partial(files.records, n)) for n in range(processes)]
        self._records = NONE
        self._last_at: dict[int, float] = {}
        self._beats: defaultdict[int, list[Beat]] = defaultdict(list)
        self._reached: defaultdict[int, dict[int, float]] = defaultdict(dict)
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
        # A segment each at a time: however much there is, so much memory does it take.
        behind = self._readers
        while behind:
            self._add(np.concatenate([reader.new_records() for reader in behind]))
            behind = [reader for reader in behind if reader.is_behind]
        if self._folding is not None and any(reader.has_read_segments for reader in self._readers):
            self._delete_folded(self._folding)

    def _delete_folded(self, folding: Folding) -> None:
        """Let go of the segments that were folded, once that is written down."""
        try:
            read = [(reader.segment, reader.offset) for reader in self._readers]
            folding.save(self._folded_file, self._records, read)
        except OSError:
            return  # the disk is full: until there is room again the records stay
        for reader in self._readers:
            reader.delete_read_segments()

    def _add(self, new: Records) -> None:
        if len(new) == 0:
            return
        new = in_order(new)
        # What one process has just told may have ended before what another told last
        # time; further back there is nothing to put in order.
        settled = int(np.searchsorted(self._records["end"], new["end"][0]))
        tail = in_order(np.concatenate([self._records[settled:], new]))
        self._records = np.concatenate([self._records[:settled], tail])
        if len(self._records) > self._exact_requests and self._ramp_at is not None:
            self._folding = self._folding or Folding(self._name_of, self._ramp_at, self._start)
        if self._folding is not None:
            # The single user's stay exact, and of those cut off nothing but the start is known.
            kept = (self._records["phase"] == ALONE) | (self._records["outcome"] == CUT_OFF)
            self._folding.add(self._records[~kept])
            self._records = self._records[kept]

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
            case "reached":
                at, stage = values
                self._reached[int(stage)][process] = at
            case "detail":
                number, text = values
                self._details.setdefault(Outcome(int(number)), str(text))
            case "end":
                self._last_at[process], begun = values
                self.begun += int(begun)

    def recording(self, plan: LoadPlan) -> Recording:
        origin = self._began_at if self._ramp_at is None else self._ramp_at
        ramped_at = self._reached_at(0)
        ramp_end_s = None if ramped_at is None else max(ramped_at - origin, plan.ramp_s)
        duration_s = max(0.0, self._written_until() - origin)
        # In order of completion, and the single user is done before the ramp begins.
        alone_count = int(np.count_nonzero(self._records["phase"] == ALONE))
        alone, loaded = self._records[:alone_count], self._records[alone_count:]
        return Recording(
            unloaded={
                self._names[name]: self._samples(part, origin, "start")
                for name, part in self._by_name(alone)
            },
            loaded={
                self._names[name]: self._loaded(name, part, origin)
                for name, part in self._by_name(loaded)
            },
            ramp_started_at=self._ramp_epoch,
            ramp_end_s=ramp_end_s,
            duration_s=duration_s,
            generator=self._health(loaded),
            levels=tuple(self._levels(plan, origin, duration_s)),
            clock_s=origin,
        )

    def _levels(self, plan: LoadPlan, origin: float, duration_s: float) -> Iterator[Held]:
        """The stages that have begun. One is not reached before those before it are: who is
        too many for one of them is so for the next."""
        latest_s: float | None = 0.0
        for number, span in enumerate(spans(plan.stages, plan.spawn_rate)):
            if span.begins_s >= duration_s:
                return
            reached_at = self._reached_at(number)
            if reached_at is None or latest_s is None:
                latest_s = None
            else:
                latest_s = max(latest_s, span.reached_s, reached_at - origin)
            ends_s = duration_s if span.ends_s is None else min(span.ends_s, duration_s)
            yield Held(plan.stages[number].level, span.begins_s, latest_s, ends_s)

    def _by_name(self, records: Records) -> Iterator[tuple[int, Records]]:
        for name in range(len(self._names)):
            messages = [number for number, other in enumerate(self._name_of) if other == name]
            whole = len(self._names) == 1
            yield name, records if whole else records[np.isin(records["message"], messages)]

    def _reached_at(self, stage: int) -> float | None:
        """When all processes had reached a stage's level."""
        reached = self._reached[stage]
        return max(reached.values()) if len(reached) == len(self._readers) else None

    def _written_until(self) -> float:
        """Up to when the records of every process are complete."""
        if len(self._last_at) < len(self._readers):
            return self._began_at
        return min(self._last_at.values())

    def _loaded(self, name: int, records: Records, origin: float) -> Samples:
        exact = self._samples(records, origin, self._start)
        if self._folding is None:
            return exact
        errors = self._errors(self._folding.failed_ends(name))
        return replace(self._folding.samples(name), cut_off_s=exact.cut_off_s, errors=errors)

    def _samples(self, records: Records, origin: float, column: str) -> Samples:
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
            errors=self._errors(failed_ends(done)),
            late_s=done["start"] - done["intended"],
            first_byte_s=np.where(first > 0, first - origin, np.nan),
            outcome=done["outcome"].copy(),
        )

    def _errors(self, failed: Mapping[End, int]) -> dict[str, int]:
        errors: dict[str, int] = {}
        for (number, status), count in sorted(failed.items()):
            outcome = Outcome(number)
            text = error_text(outcome, status, self._details.get(outcome))
            errors[text] = errors.get(text, 0) + count
        return dict(sorted(errors.items(), key=lambda item: -item[1]))

    def _health(self, loaded: Records) -> GeneratorHealth:
        """The generator's health once all users had started; opening their connections is
        work of another kind. Late starts are those of the whole load."""
        by_outcome = np.bincount(loaded["outcome"], minlength=256)
        late = late_starts(loaded)
        if self._folding is not None:
            by_outcome = by_outcome + self._folding.by_outcome
            late += self._folding.late_starts
        exhausted = {
            TEXTS[outcome]: int(by_outcome[outcome])
            for outcome in sorted(GENERATOR_LIMITS)
            if by_outcome[outcome]
        }
        ramped_at = self._reached_at(0)
        since = float("inf") if ramped_at is None else ramped_at
        recent = ([b for b in beats if b.at >= since] for beats in self._beats.values())
        beats = [kept for kept in recent if len(kept) > 1]
        each = tuple((b[-1].cpu_s - b[0].cpu_s) / (b[-1].at - b[0].at) for b in beats)
        waits = [(b[-1].cpu_wait_s - b[0].cpu_wait_s) / (b[-1].at - b[0].at) for b in beats]
        return GeneratorHealth(
            cpu=sum(each) if beats else None,
            cpu_wait=sum(waits) if waits and np.isfinite(waits).all() else None,
            max_drift_s=max((beat.drift_s for b in beats for beat in b[1:]), default=None),
            processes=len(self._readers),
            cpu_each=each,
            starts=int(by_outcome.sum()),
            late_starts=late,
            exhausted=exhausted,
        )
