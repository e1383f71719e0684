"""Segments: what is written to them is read once, whole and in order."""

from functools import partial
from pathlib import Path

import pytest

from asyncperf.load import record_format
from asyncperf.load.orders import Files
from asyncperf.load.outcomes import Outcome
from asyncperf.load.record_format import RECORD_BYTES, RecordWriter
from asyncperf.load.record_reader import RecordReader

SEGMENT = 1024


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """With small segments."""
    monkeypatch.setattr(record_format, "SEGMENT", SEGMENT)
    return Files(tmp_path)


def write(writer: RecordWriter, numbers: range) -> None:
    for number in numbers:
        writer.add(1.0, 1.0, 0.0, 2.0, number, 200, Outcome.OK)
    writer.flush()


def sizes(files: Files) -> dict[str, int]:
    return {
        path.name: path.stat().st_size // RECORD_BYTES for path in sorted(files.folder.iterdir())
    }


def test_a_full_segment_is_followed_by_the_next(files: Files) -> None:
    writer = RecordWriter(partial(files.records, 3))
    write(writer, range(SEGMENT - 1))
    assert sizes(files) == {"record-3-000000.bin": SEGMENT - 1}
    write(writer, range(1))
    write(writer, range(7))
    writer.close()
    assert sizes(files) == {"record-3-000000.bin": SEGMENT, "record-3-000001.bin": 7}


def test_every_record_is_read_once_however_writing_and_reading_take_turns(files: Files) -> None:
    segments = partial(files.records, 0)
    writer, reader = RecordWriter(segments), RecordReader(segments)
    read: list[int] = []
    for first in range(0, 10_000, 700):
        write(writer, range(first, first + 700))
        read += reader.new_records()["received"].tolist()
    while reader.is_behind:
        read += reader.new_records()["received"].tolist()
    assert read == list(range(10_500))
    assert len(reader.new_records()) == 0


def test_a_call_reads_one_segment_at_most(files: Files) -> None:
    segments = partial(files.records, 0)
    write(RecordWriter(segments), range(5 * SEGMENT))
    reader = RecordReader(segments)
    assert len(reader.new_records()) <= 2 * SEGMENT
    assert reader.is_behind


def test_only_what_was_read_to_its_end_is_deleted(files: Files) -> None:
    segments = partial(files.records, 0)
    writer, reader = RecordWriter(segments), RecordReader(segments)
    write(writer, range(10))
    reader.new_records()
    assert not reader.has_read_segments
    write(writer, range(2 * SEGMENT))
    reader.new_records()
    assert reader.has_read_segments
    reader.delete_read_segments()
    assert not reader.has_read_segments
    assert not segments(0).exists()
    assert segments(1).exists()
    assert reader.segment == 1


def test_a_segment_that_ends_in_the_middle_of_a_record_is_read_up_to_there(files: Files) -> None:
    """As a load process leaves it that was killed."""
    segments = partial(files.records, 0)
    writer, reader = RecordWriter(segments), RecordReader(segments)
    write(writer, range(10))
    with segments(0).open("r+b") as file:
        file.truncate(9 * RECORD_BYTES + 7)
    assert reader.new_records()["received"].tolist() == list(range(9))
