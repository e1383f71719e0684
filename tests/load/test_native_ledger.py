"""What the load processes wrote, read back: phases, order, health, and torn ends."""

import errno
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncperf.levels import Held, Level, Stage
from asyncperf.load import record_format
from asyncperf.load.folding import Folding
from asyncperf.load.native_ledger import NativeLedger
from asyncperf.load.orders import Files, Message, Orders
from asyncperf.load.outcomes import Outcome
from asyncperf.load.record_format import BUFFERED, LOADED, RECORD, RecordWriter
from asyncperf.load.record_reader import DTYPE
from asyncperf.model import LoadPlan

KEY = ("GET", "/")
PLAN = LoadPlan("native", 2, 10.0, None, 60.0, 10.0)
OPEN = LoadPlan("native", 2, 10.0, None, 60.0, 10.0, model="open", rate_rps=5.0)


class Process:
    """Writes as a load process does."""

    def __init__(self, files: Files, number: int) -> None:
        self.records = RecordWriter(partial(files.records, number))
        self._events = files.events(number)
        self.event("begun", 100.0)

    def event(self, *event: object) -> None:
        with self._events.open("a") as file:
            file.write(json.dumps(event) + "\n")

    def add(
        self,
        intended: float,
        start: float,
        end: float,
        outcome: Outcome = Outcome.OK,
        status: int = 200,
    ) -> None:
        self.records.add(intended, start, (start + end) / 2, end, 7, status, outcome)

    def begin_load(self, at: float) -> None:
        self.event("ramp", at, 1_795_000_000.0)
        self.records.phase = LOADED


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_packed_as_numpy_reads_it() -> None:
    packed = RECORD.pack(1.5, 2.5, 3.5, 4.5, 2**40, 599, Outcome.RESET, LOADED, 7)
    [record] = np.frombuffer(packed, DTYPE)
    assert record.tolist() == (1.5, 2.5, 3.5, 4.5, 2**40, 599, Outcome.RESET, LOADED, 7)
    assert RECORD.size == 46


def test_the_single_user_comes_first(files: Files) -> None:
    process = Process(files, 0)
    ledger = NativeLedger(files, 1, [KEY])
    process.add(100.0, 100.0, 100.5)
    process.records.flush()
    process.event("h", 100.6, 0.1, 0.0, 0.0)
    ledger.update()
    recording = ledger.recording(PLAN)
    assert recording.ramp_started_at is None
    assert recording.unloaded[KEY].latency_s.tolist() == [0.5]
    assert len(recording.loaded[KEY]) == 0
    process.begin_load(101.0)
    process.add(101.0, 101.0, 101.25)
    process.records.flush()
    process.event("h", 102.0, 0.2, 0.0, 0.0)
    ledger.update()
    recording = ledger.recording(PLAN)
    assert recording.ramp_started_at == 1_795_000_000.0
    assert recording.clock_s == 101.0
    assert (recording.duration_s, recording.ramp_end_s) == (1.0, None)
    assert recording.unloaded[KEY].start_s.tolist() == [-1.0]
    loaded = recording.loaded[KEY]
    assert (loaded.start_s.tolist(), loaded.latency_s.tolist()) == ([0.0], [0.25])
    assert loaded.first_byte_s is not None
    assert loaded.first_byte_s.tolist() == [0.125]
    assert loaded.received_bytes.tolist() == [7]


def loaded_by_two(files: Files, **options: Any) -> tuple[Process, Process, NativeLedger]:
    first, second = Process(files, 0), Process(files, 1)
    second.records.phase = LOADED
    first.begin_load(100.0)
    first.event("reached", 100.0, 0)
    second.event("reached", 100.1, 0)
    return first, second, NativeLedger(files, 2, [KEY], **options)


def test_processes_are_merged_in_order_of_completion(files: Files) -> None:
    first, second, ledger = loaded_by_two(files)
    for at in (101.0, 103.0, 105.0):
        first.add(at, at, at + 1)
    for at in (100.0, 102.0, 104.0):
        second.add(at, at, at + 1)
    second.add(105.0, 105.0, 105.5, Outcome.CUT_OFF, 0)
    for process, until in ((first, 106.0), (second, 105.5)):
        process.records.flush()
        process.event("end", until, 4)
    ledger.update()
    recording = ledger.recording(PLAN)
    samples = recording.loaded[KEY]
    assert samples.end_s.tolist() == [1, 2, 3, 4, 5, 6]
    assert samples.cut_off_s.tolist() == [5.0]
    # Only up to there are the records of both complete.
    assert recording.duration_s == 5.5
    assert recording.ramp_end_s == pytest.approx(0.2)
    assert recording.generator.starts == 7
    assert ledger.begun == 8


def test_what_comes_late_is_put_in_its_place(files: Files) -> None:
    first, second, ledger = loaded_by_two(files)
    for at in (101.0, 103.0, 105.0):
        first.add(at, at, at + 1)
    first.records.flush()
    ledger.update()
    for at in (100.0, 102.0, 104.0, 106.0):
        second.add(at, at, at + 1)
    second.records.flush()
    ledger.update()
    assert ledger.recording(PLAN).loaded[KEY].end_s.tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_open_latency_counts_from_the_intended_start(files: Files) -> None:
    first, _, ledger = loaded_by_two(files, open_load=True)
    first.add(101.0, 101.5, 102.0)
    first.add(102.0, 102.001, 102.5)
    first.records.flush()
    ledger.update()
    recording = ledger.recording(OPEN)
    samples = recording.loaded[KEY]
    assert samples.start_s.tolist() == [1.0, 2.0]
    assert samples.latency_s.tolist() == [1.0, 0.5]
    assert samples.late_s is not None
    assert samples.late_s.tolist() == pytest.approx([0.5, 0.001])
    assert (recording.generator.starts, recording.generator.late_starts) == (2, 1)
    closed = NativeLedger(files, 2, [KEY])
    closed.update()
    assert closed.recording(PLAN).loaded[KEY].latency_s.tolist() == pytest.approx([0.5, 0.499])


def test_failures_are_counted_by_their_text(files: Files) -> None:
    first, _, ledger = loaded_by_two(files)
    first.event("detail", Outcome.TLS, "certificate has expired")
    for outcome, status in (
        (Outcome.HTTP_ERROR, 503),
        (Outcome.HTTP_ERROR, 503),
        (Outcome.HTTP_ERROR, 404),
        (Outcome.TLS, 0),
        (Outcome.REDIRECT, 307),
        (Outcome.NO_PORT, 0),
        (Outcome.CUT_OFF, 0),
    ):
        first.add(101.0, 101.0, 102.0, outcome, status)
    first.records.flush()
    ledger.update()
    recording = ledger.recording(PLAN)
    samples = recording.loaded[KEY]
    assert samples.errors == {
        "HTTP 503": 2,
        "HTTP 404": 1,
        "TLS failed: certificate has expired": 1,
        "the load generator ran out of local ports": 1,
    }
    assert (len(samples), samples.ok.sum()) == (6, 1)
    assert recording.generator.exhausted == {"the load generator ran out of local ports": 1}


def test_health_is_of_the_time_after_the_ramp(files: Files) -> None:
    first, second, ledger = loaded_by_two(files)
    for at, cpu_s, drift_s in ((99.0, 0.0, 9.0), (101.0, 0.5, 8.0), (102.0, 0.75, 0.01)):
        first.event("h", at, cpu_s, drift_s, at / 4)
        second.event("h", at, cpu_s / 2, drift_s / 2, at / 8)
    ledger.update()
    health = ledger.recording(PLAN).generator
    assert health.cpu_wait == 0.375
    assert health.cpu_each == (0.25, 0.125)
    assert (health.cpu, health.max_drift_s, health.processes) == (0.375, 0.01, 2)


def test_a_wait_for_a_cpu_that_the_system_does_not_count_is_not_known(files: Files) -> None:
    first, second, ledger = loaded_by_two(files)
    for at in (101.0, 102.0):
        first.event("h", at, 0.0, 0.0, at)
        second.event("h", at, 0.0, 0.0, float("nan"))
    ledger.update()
    assert ledger.recording(PLAN).generator.cpu_wait is None


def test_a_record_still_being_written_waits(files: Files) -> None:
    _, _, ledger = loaded_by_two(files)
    packed = RECORD.pack(101.0, 101.0, 101.0, 102.0, 0, 200, Outcome.OK, LOADED, 0)
    with files.records(0, 0).open("ab") as file:
        for part in (packed[:20], packed[20:]):
            ledger.update()
            assert len(ledger.recording(PLAN).loaded[KEY]) == 0
            file.write(part)
            file.flush()
    ledger.update()
    assert len(ledger.recording(PLAN).loaded[KEY]) == 1


def test_no_record_is_lost_when_the_buffer_is_full(files: Files) -> None:
    first, _, ledger = loaded_by_two(files)
    for number in range(2 * BUFFERED + 3):
        first.add(101.0, 101.0, 102.0 + number)
    first.records.flush()
    ledger.update()
    assert len(ledger.recording(PLAN).loaded[KEY]) == 2 * BUFFERED + 3


def test_messages_of_a_mix_are_told_apart_by_their_names(files: Files) -> None:
    keys = [("GET", "/a"), ("POST", "/b"), ("GET", "/a")]
    process = Process(files, 0)
    ledger = NativeLedger(files, 1, keys)
    process.event("begun", 99.0)
    process.event("ramp", 100.0, 1_795_000_000.0)
    process.records.phase = LOADED
    for number in (0, 1, 2, 2):
        process.records.add(101.0, 101.0, 101.5, 102.0, number, 200, Outcome.OK, number)
    process.records.flush()
    ledger.update()
    loaded = ledger.recording(PLAN).loaded
    assert {key: sorted(part.received_bytes) for key, part in loaded.items()} == {
        ("GET", "/a"): [0, 2, 2],
        ("POST", "/b"): [1],
    }


STAGES = tuple(Stage(Level(users), 2.0) for users in (2, 1, 3))


def test_stages_are_told_with_when_their_level_was_reached(files: Files) -> None:
    first, second, ledger = loaded_by_two(files)
    plan = replace(PLAN, users=3, run_time_s=6.5, stages=STAGES)
    first.event("h", 102.15, 0.1, 0.0, 0.0)
    second.event("h", 102.15, 0.1, 0.0, 0.0)
    ledger.update()
    # The second stage begins after 0.2 s of ramp and 2 s.
    assert ledger.recording(plan).levels == (Held(Level(2), 0.0, 0.2, pytest.approx(2.15)),)
    for process, at in ((first, 102.3), (second, 103.5)):  # a user is slow to leave
        process.event("reached", at, 1)
        process.event("h", 105.0, 0.2, 0.0, 0.0)
    ledger.update()
    _, fewer, more = ledger.recording(plan).levels
    assert (fewer.begins_s, fewer.reached_s, fewer.ends_s) == pytest.approx((2.2, 3.5, 4.3))
    assert (more.level, more.reached_s) == (Level(3), None)
    for process in (first, second):
        process.event("reached", 104.5, 2)
        process.event("end", 106.5, 3)
    ledger.update()
    assert ledger.recording(plan).levels[2].reached_s == pytest.approx(4.5)


def test_a_level_is_not_reached_before_those_who_were_too_many_have_left(files: Files) -> None:
    first, second, ledger = loaded_by_two(files)
    for process in (first, second):
        process.event("reached", 104.5, 2)
        process.event("h", 105.0, 0.2, 0.0, 0.0)
    first.event("reached", 102.3, 1)
    ledger.update()
    plan = replace(PLAN, users=3, run_time_s=6.5, stages=STAGES)
    assert [held.reached_s for held in ledger.recording(plan).levels] == [0.2, None, None]
    second.event("reached", 104.8, 1)
    ledger.update()
    reached = [held.reached_s for held in ledger.recording(plan).levels]
    assert reached == pytest.approx([0.2, 4.8, 4.8])


def test_orders_survive_their_file(tmp_path: Path) -> None:
    orders = Orders(
        **{"url": "http://h", "messages": (Message("POST", "/é", (("A", "b"),), b"\0\xff", 2.5),)},
        **{"processes": 2, "stages": (Stage(Level(3), 2.0), Stage(Level(1), None))},
        **{"think_time": "fixed", "think_time_s": 0.0, "arrivals": "poisson", "spawn_rate": 1.0},
        **{"run_time_s": None, "keepalive": False, "connect_timeout_s": 1.0},
        **{"response_timeout_s": None, "ca_file": None, "alone_requests": 1},
        **{"alone_min_requests": 1, "alone_s": 1.0},
    )
    orders.save(tmp_path / "orders.json")
    assert Orders.load(tmp_path / "orders.json") == orders


# Beyond what is kept one by one


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_format, "SEGMENT", 2048)


def crowd(process: Process, from_s: float, n: int) -> None:
    """n requests within a second, every tenth refused; one more that never ends."""
    for number in range(n):
        end, outcome = from_s + number / n, Outcome.HTTP_ERROR if number % 10 == 0 else Outcome.OK
        process.add(end - 0.1, end - 0.1, end, outcome, 503 if number % 10 == 0 else 200)
    process.add(from_s, from_s, from_s + 1, Outcome.CUT_OFF, 0)
    process.records.flush()
    process.event("h", from_s + 1, 0.5, 0.0, 0.0)


@pytest.mark.usefixtures("small_segments")
def test_a_load_is_exact_up_to_the_limit_and_folded_beyond_it(files: Files) -> None:
    first, second, ledger = loaded_by_two(files, exact_requests=5000)
    exact = NativeLedger(files, 2, [KEY])
    crowd(first, 101.0, 3000)
    ledger.update()
    assert ledger.recording(PLAN).loaded[KEY].precision is None
    for at in (101.0, 102.0):
        crowd(second, at, 3000)
    exact.update()
    ledger.update()
    was, now = exact.recording(PLAN), ledger.recording(PLAN)
    one_by_one, cells = was.loaded[KEY], now.loaded[KEY]
    assert one_by_one.precision is None
    assert cells.precision is not None
    assert cells.requests == one_by_one.requests == 9000
    assert len(cells) < len(one_by_one)
    assert cells.errors == one_by_one.errors == {"HTTP 503": 900}
    assert cells.cut_off_s.tolist() == one_by_one.cut_off_s.tolist()
    assert now.generator == was.generator
    assert (now.duration_s, now.ramp_end_s) == (was.duration_s, was.ramp_end_s)


@pytest.mark.usefixtures("small_segments")
def test_the_single_user_stays_exact(files: Files) -> None:
    process = Process(files, 0)
    ledger = NativeLedger(files, 1, [KEY], exact_requests=1000)
    process.add(100.0, 100.0, 100.5)
    process.begin_load(101.0)
    crowd(process, 101.0, 3000)
    ledger.update()
    recording = ledger.recording(PLAN)
    assert recording.unloaded[KEY].latency_s.tolist() == [0.5]
    assert recording.unloaded[KEY].precision is None
    assert recording.loaded[KEY].requests == 3000


@pytest.mark.usefixtures("small_segments")
def test_nothing_is_ever_only_in_memory(files: Files) -> None:
    """Whenever asyncperf dies: what it had folded, and the records after that, are all there."""
    first, second, ledger = loaded_by_two(files, exact_requests=5000)
    sizes = []
    for at in range(101, 110):
        crowd(first, float(at), 3000)
        crowd(second, float(at), 2000)
        ledger.update()
        segments = sorted(files.folder.glob("record-*.bin"))
        sizes.append(sum(path.stat().st_size for path in segments))
        written = (at - 100) * 5000
        assert ledger.recording(PLAN).loaded[KEY].requests == written
        if not files.folded.exists():
            assert sizes[-1] == (written + 2 * (at - 100)) * RECORD.size
            continue
        with np.load(files.folded) as folded:
            left = 0
            for process, (segment, offset) in enumerate(folded["read"].tolist()):
                path = files.records(process, segment)
                records = np.frombuffer(path.read_bytes()[offset:], DTYPE)
                left += int((records["outcome"] != Outcome.CUT_OFF).sum())
            assert folded["cells"]["requests"].sum() + left == written
            assert len(folded["exact"]) > 0
    assert files.folded.exists()
    # Two segments of each process at most.
    assert max(sizes[3:]) <= 2 * 2 * 2 * 2048 * RECORD.size


@pytest.mark.usefixtures("small_segments")
def test_a_full_disk_costs_nothing_but_room(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    first, _, ledger = loaded_by_two(files, exact_requests=1000)
    with monkeypatch.context() as without_room:
        without_room.setattr(Folding, "save", full)
        crowd(first, 101.0, 5000)
        ledger.update()
    assert files.records(0, 0).exists()
    assert ledger.recording(PLAN).loaded[KEY].requests == 5000
    crowd(first, 102.0, 5000)
    ledger.update()
    assert not files.records(0, 0).exists()
    assert ledger.recording(PLAN).loaded[KEY].requests == 10_000
