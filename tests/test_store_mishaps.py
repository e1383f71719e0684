"""What cannot be read or written is named, and leaves what was saved."""

import contextlib
import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from asyncperf.errors import StoreError
from asyncperf.store import RUN_FILE, create_run_folder, load_run, samples_file

from .builders import load_of, run_of
from .saved import STARTED_AT, in_a_folder_of_its_own, mishap, same, saved

here = pytest.fixture(autouse=True)(in_a_folder_of_its_own)


# What cannot be read


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'{"schema_version": 1}',
        b'{"schema_version": "one"}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_corrupt_run_file_is_named(content):
    path = saved(run_of(load_of()))
    (path / RUN_FILE).write_bytes(content)
    error = mishap(load_run, path)
    assert str(error).startswith("the run in 'run' is corrupt")
    assert error.exit_code == 2


@pytest.mark.parametrize("keep", [0, 1, 100, -1, -30], ids="first {} bytes".format)
def test_truncated_samples_are_named(keep):
    path = saved(run_of(load_of()))
    file = path / samples_file(0)
    file.write_bytes(file.read_bytes()[:keep])
    assert "corrupt" in str(mishap(load_run, path))


@pytest.mark.parametrize("where", [*range(0, 3000, 97), 6, 8])
def test_a_flipped_byte_in_the_samples_is_named_or_harmless(where):
    """ZIP carries a checksum for each array."""
    run = run_of(load_of())
    path = saved(run)
    file = path / samples_file(0)
    content = bytearray(file.read_bytes())
    content[where % len(content)] ^= 0xFF
    file.write_bytes(content)
    with contextlib.suppress(StoreError):
        assert same(load_run(path), run)


def test_missing_samples_are_named():
    path = saved(run_of(load_of(), load_of()))
    (path / samples_file(1)).unlink()
    error = mishap(load_run, path)
    assert "corrupt" in str(error)
    assert samples_file(1) in str(error)


def test_samples_that_are_no_archive_are_named():
    """A plain array is what NumPy loads from such a file; pickles it refuses."""
    path = saved(run_of(load_of()))
    with (path / samples_file(0)).open("wb") as file:
        np.save(file, np.arange(3))
    assert "corrupt" in str(mishap(load_run, path))


@pytest.mark.parametrize("name", ["status", "latency_s", "received_bytes"])
@pytest.mark.parametrize("array", [np.zeros(1), np.float64(1.0), np.zeros((2, 2))])
def test_sample_arrays_that_do_not_fit_each_other_are_named(name, array):
    path = saved(run_of(load_of()))
    file = path / samples_file(0)
    with np.load(file) as archive:
        arrays = dict(archive)
    arrays[f"0.loaded.{name}"] = array
    np.savez_compressed(file, **arrays)
    assert "corrupt" in str(mishap(load_run, path))


def test_a_missing_array_is_named():
    path = saved(run_of(load_of()))
    file = path / samples_file(0)
    with np.load(file) as archive:
        arrays = dict(archive)
    del arrays["0.loaded.ok"]
    np.savez_compressed(file, **arrays)
    error = mishap(load_run, path)
    assert "corrupt" in str(error)
    assert "0.loaded.ok" in str(error)


def test_a_newer_schema_asks_for_an_update():
    path = saved(run_of())
    content = json.loads((path / RUN_FILE).read_bytes())
    (path / RUN_FILE).write_text(json.dumps({"schema_version": 99, "new": content}))
    error = mishap(load_run, path)
    assert "newer asyncperf (schema 99" in str(error)
    assert "Update" in error.hint


# What cannot be written


def test_a_place_below_a_file_cannot_be_written():
    Path("file").touch()
    error = mishap(create_run_folder, Path("file/run"), "shop:app", STARTED_AT, False)
    assert "cannot write to 'file/run'" in str(error)
    assert "--output" in error.hint


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a place where no one may write")
def test_a_read_only_place_cannot_be_written():
    error = mishap(create_run_folder, Path("/proc/run"), "shop:app", STARTED_AT, False)
    assert "cannot write to '/proc/run'" in str(error)


@pytest.mark.parametrize("attribute", ["write_bytes", "open"])
def test_a_full_disk_is_named_and_leaves_what_was_saved(monkeypatch, attribute):
    folder = create_run_folder(Path("run"), "shop:app", STARTED_AT, force=False)
    folder.save(run_of(load_of(), status="running"))

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, attribute, full)
        error = mishap(folder.save, run_of(load_of(), load_of()))
    assert str(error) == "cannot write to 'run': No space left on device"
    assert len(load_run(folder.path).loads) == 1
    folder.save(run_of(load_of(), load_of()))
    assert len(load_run(folder.path).loads) == 2


def test_a_folder_that_vanished_is_named():
    folder = create_run_folder(Path("run"), "shop:app", STARTED_AT, force=False)
    shutil.rmtree(folder.path)
    assert "cannot write to 'run'" in str(mishap(folder.save, run_of(load_of())))
