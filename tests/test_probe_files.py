"""The probe's files, as the workers leave them, and as they are kept in a run."""

import json

import numpy as np
import pytest

from asyncperf.insight_files import insight_file, pack_insight, read_insight_file
from asyncperf.probe.record_format import (
    COMPRESSED_FROM,
    FILES,
    HEADER,
    TABLES,
    block,
    file_name,
)
from asyncperf.probe_files import NOTHING, read_insight, stored

EPOCH = 1_000_000.0


def write_notes(folder, pid, *notes):
    lines = [json.dumps({"pid": pid, **note}) + "\n" for note in notes]
    (folder / f"notes-{pid}.jsonl").write_text("".join(lines))


def write_table(folder, pid, name, *rows):
    kind = stored(FILES[name])
    records = np.zeros(len(rows), kind)
    for record, row in zip(records, rows, strict=True):
        for column, value in row.items():
            record[column] = value
    (folder / file_name(name, pid)).write_bytes(block(records.tobytes(), records.itemsize))


def worker(perf_counter, epoch=EPOCH):
    return {
        "note": "worker",
        "python": "cpython 3.11",
        "loop": "uvloop",
        "perf_counter": perf_counter,
        "epoch": epoch,
    }


def route(number, path, line):
    handler = {"file": "shop.py", "line": line, "name": path.strip("/")}
    return {"note": "route", "number": number, "method": "GET", "path": path, "handler": handler}


@pytest.fixture
def folder(tmp_path):
    """Two workers that numbered their routes in another order; the ramp began 5 s after the
    first said when it was."""
    write_notes(tmp_path, 7, worker(100.0), route(1, "/a", 1), route(2, "/b", 2))
    write_notes(tmp_path, 8, worker(100.0), route(1, "/b", 2), {"note": "gc-tuned"})
    write_table(tmp_path, 7, "requests", {"start": 106.0, "route": 2, "loop_s": 0.5})
    write_table(tmp_path, 8, "requests", {"start": 104.0, "route": 1}, {"start": 107.0})
    return tmp_path


def test_workers_come_under_one_clock_and_one_numbering(folder):
    insight = read_insight(folder, EPOCH + 5)
    assert [found.pid for found in insight.workers] == [7, 8]
    assert insight.requests["start"].tolist() == [1.0, -1.0, 2.0]
    assert insight.requests["worker"].tolist() == [0, 1, 1]
    paths = [insight.routes[n].path for n in insight.requests["route"] if n != NOTHING]
    assert paths == ["/b", "/b"]
    assert insight.requests["loop_s"][0] == 0.5


def test_a_shared_clock_needs_no_time_of_day(folder):
    """Which a worker may have read while another process had its CPU, or before it was set."""
    write_notes(folder, 8, worker(100.0, EPOCH + 0.02))
    requests = read_insight(folder, EPOCH + 5, ramp_clock_s=105.0).requests
    assert requests["start"].tolist() == [1.0, -1.0, 2.0]


@pytest.mark.parametrize("count", [10, COMPRESSED_FROM])
def test_what_a_killed_worker_did_not_finish_writing_is_left_out(folder, count):
    file = folder / file_name("requests", 7)
    whole, kind = file.read_bytes(), stored(FILES["requests"])
    numbers = np.random.default_rng(7).integers(0, 1 << 32, count)
    records = np.zeros(count, kind)
    records["number"] = numbers
    last = block(records.tobytes(), kind.itemsize)
    file.write_bytes(whole + last)
    assert len(read_insight(folder, EPOCH).requests) == 3 + count
    for cut, least in ((3, 0), (len(last) // 2, 0.3 * count), (len(last) - 8, 0.9 * count - 1)):
        file.write_bytes(whole + last[:cut])
        read = read_insight(folder, EPOCH).requests["number"].tolist()[1:-2]
        assert read == numbers[: len(read)].tolist()
        assert least <= len(read) <= count * cut / len(last) + 0.1 * count


def test_what_stands_before_a_damaged_block_is_kept(folder):
    with (folder / file_name("requests", 7)).open("ab") as file:
        file.write(HEADER.pack(8, 1) + b"no block" + block(bytes(41), 41))
    assert len(read_insight(folder, EPOCH).requests) == 3


def test_a_request_has_its_waits_and_the_times_of_its_answer(folder):
    start, numbers = 106.0, (5, 6, 7)
    rows = [
        {"sent": 105.5, "start": start, "answered_s": 2.0, "end_s": 3.0, "number": number}
        for number in numbers
    ]
    rows[0]["waited"] = rows[2]["waited"] = 1
    write_table(folder, 7, "requests", *rows)
    waits = [{"number": 7, "pool_wait_s": 0.5, "trips": 2}, {"number": 5, "gc_s": 0.25}]
    write_table(folder, 7, "waits", *waits)
    requests = read_insight(folder, EPOCH + 5).requests
    found = requests[requests["worker"] == 0]
    assert found["number"].tolist() == list(numbers)
    assert found["pool_wait_s"].tolist() == [0, 0, 0.5]
    assert found["trips"].tolist() == [0, 0, 2]
    assert found["gc_s"].tolist() == [0.25, 0, 0]
    assert set(found["sent"]) == {0.5}
    assert set(found["answered"]) == {3.0}
    assert set(found["end"]) == {4.0}


def test_a_request_whose_waits_a_killed_worker_had_not_written_is_left_out(folder):
    rows = [{"start": 106.0, "number": number, "waited": 1} for number in (1, 2)]
    write_table(folder, 7, "requests", *rows, {"start": 106.0, "number": 3})
    write_table(folder, 8, "requests", rows[0])
    write_table(folder, 7, "waits", {"number": 2, "trips": 1})
    assert read_insight(folder, EPOCH).requests["number"].tolist() == [2, 3]


def test_a_span_ends_after_its_duration(folder):
    write_table(folder, 7, "spans", {"start": 106.0, "duration_s": 0.5, "span": 3, "outcome": 2})
    [span] = read_insight(folder, EPOCH + 5).spans
    assert (span["start"], span["end"], span["span"], span["outcome"]) == (1.0, 1.5, 3, 2)


def test_where_no_worker_recorded_there_is_nothing(tmp_path):
    write_notes(tmp_path, 7, {"note": "gc-tuned"})
    assert read_insight(tmp_path, EPOCH) is None


@pytest.mark.parametrize(
    ("note", "says"),
    [
        (
            {"note": "not-hooked", "module": "uvicorn.config", "error": "KeyError()"},
            "the probe does not know this version of uvicorn.config: KeyError()",
        ),
        ({"note": "failed", "error": "KeyError()"}, "did not see all of it: KeyError()"),
        ({"note": "not-written", "error": "full"}, "could not be written: full"),
        ({"note": "dropped", "records": 3000}, "3,000 records of the probe were dropped"),
    ],
)
def test_what_was_not_seen_is_said_once(folder, note, says):
    write_notes(folder, 9, worker(100.0), note, note)
    [missing] = read_insight(folder, EPOCH).missing
    assert says in missing


def test_an_insight_is_kept_whole(folder, tmp_path):
    insight = read_insight(folder, EPOCH)
    file = tmp_path / insight_file(3)
    file.write_bytes(pack_insight(insight))
    again = read_insight_file(file)
    assert again.routes == insight.routes
    assert again.workers == insight.workers
    for name in TABLES:
        assert (getattr(again, name) == getattr(insight, name)).all()
    assert read_insight_file(tmp_path / insight_file(4)) is None


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "insight-000.npz").write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"pickled|archive|arrays|magic"):
        read_insight_file(tmp_path / "insight-000.npz")


def test_of_a_use_that_was_recorded_while_it_lasted_the_last_record_counts(folder):
    waits = {"asked": 106.0, "got": np.nan, "released": np.nan, "request": 1}
    holds = {**waits, "got": 108.0}
    done = {**holds, "released": 109.0}
    write_table(folder, 7, "uses", waits, {**waits, "request": 2}, holds, done)
    write_table(folder, 8, "uses", waits)
    uses = read_insight(folder, EPOCH + 5).uses
    assert uses["request"].tolist() == [2, 1, 1]
    assert uses["worker"].tolist() == [0, 0, 1]
    np.testing.assert_array_equal(uses["released"], [np.nan, 4.0, np.nan])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["/venv/lib/python3.12/site-packages/titiler/core/factory.py"], True),
        (["/venv/lib/python3.12/site-packages/titiler/core/factory.py", "/home/me/shop.py"], False),
        (["/venv/lib/python3.12/site-packages/fastapi/applications.py"], False),
        ([], False),
    ],
)
def test_an_app_that_is_an_installed_package_is_said_to_have_no_lines(tmp_path, files, said):
    routes = [
        {**route(number, "/a", 1), "handler": {"file": file, "line": 1, "name": "a"}}
        for number, file in enumerate(files)
    ]
    write_notes(tmp_path, 7, worker(100.0), *routes)
    missing = read_insight(tmp_path, EPOCH).missing
    assert [text for text in missing if "installed package (titiler)" in text] == (
        list(missing) if said else []
    )
    assert len(missing) == said
