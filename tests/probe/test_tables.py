"""Records on their way to the disk."""

import math
import os

import numpy as np
import psutil
import pytest

from asyncperf.probe import tables as module
from asyncperf.probe.record_format import TABLES, records_of
from asyncperf.probe.tables import BUFFERED, Table, Tables
from asyncperf.probe_files import stored


@pytest.fixture
def table(tmp_path):
    return Table(tmp_path / "trips.bin", "trips")


def read(tmp_path):
    return np.frombuffer(records_of((tmp_path / "trips.bin").read_bytes()), stored(TABLES["trips"]))


def test_records_come_back_as_they_were(table, tmp_path):
    for number in range(BUFFERED + 3):
        table.add(0.5, 0.25, 0.125, math.nan, number, 7, 2, 9)
    table.cut()
    table.write()
    found = read(tmp_path)
    assert found["request"].tolist() == list(range(BUFFERED + 3))
    assert set(found["wait_s"]) == {0.25}
    assert np.isnan(found["resume_s"]).all()


def test_what_was_not_cut_is_not_written(table, tmp_path):
    table.add(0.5, 0.25, 0.125, 0.0, 1, 7, 2, 9)
    table.write()
    assert not (tmp_path / "trips.bin").exists()


def test_a_disk_that_takes_nothing_bounds_the_memory(table, monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    for number in range(5 * BUFFERED):
        table.add(0.5, 0.25, 0.125, 0.0, number, 7, 2, 9)
    assert table.dropped == 3 * BUFFERED


def test_a_failed_write_loses_nothing(table, tmp_path):
    table.add(0.5, 0.25, 0.125, 0.0, 1, 7, 2, 9)
    table.cut()
    (tmp_path / "trips.bin").mkdir()
    with pytest.raises(OSError, match="directory"):
        table.write()
    (tmp_path / "trips.bin").rmdir()
    table.write()
    assert len(read(tmp_path)) == 1


def test_a_disk_that_takes_half_of_it_keeps_what_was_there(table, tmp_path, monkeypatch):
    def add():
        for number in range(BUFFERED):
            table.add(0.5, 0.25, 0.125, 0.0, number, 7, 2, 9)

    add()
    table.write()
    write = os.write
    monkeypatch.setattr(module.os, "write", lambda file, data: write(file, data[: len(data) // 2]))
    add()
    with pytest.raises(OSError, match="space"):
        table.write()
    monkeypatch.setattr(module.os, "write", write)
    assert len(read(tmp_path)) == BUFFERED
    table.write()
    assert read(tmp_path)["request"].tolist() == 2 * list(range(BUFFERED))


def test_a_file_is_given_back(table):
    descriptors = psutil.Process().num_fds
    before = descriptors()
    for number in range(2 * BUFFERED):
        table.add(0.5, 0.25, 0.125, 0.0, number, 7, 2, 9)
        table.write()
    assert descriptors() == before + 1
    del table._file
    assert descriptors() == before


def test_many_records_take_less_than_they_hold(table, tmp_path):
    for number in range(BUFFERED):
        table.add(0.5, 0.25, 0.125, 0.0, number, 7, 2, 9)
    table.write()
    assert (tmp_path / "trips.bin").stat().st_size < read(tmp_path).nbytes / 2


def test_every_table_has_its_file(tmp_path):
    made = Tables(tmp_path)
    made.ticks.add(1.0, 0.5, 0.6, 0.0, 0.0, 0.001, 3, 0)
    made.cut()
    made.write()
    assert [file.name.partition("-")[0] for file in tmp_path.iterdir()] == ["ticks"]
