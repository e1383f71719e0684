"""A run folder gives back what was put in, and says plainly when it cannot."""

import contextlib
import errno
import json
import os
import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncperf import store
from asyncperf.errors import StoreError
from asyncperf.model import GeneratorHealth, LoadPlan, Measured, Skipped
from asyncperf.samples import Samples
from asyncperf.store import RUN_FILE, create_run_folder, find_run, load_run, samples_file

from .builders import BLOCKING, ITEMS, alone, load_of, run_of, samples
from .folded import folded

STARTED_AT = 1_795_000_000.0


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Runs go below the working directory."""
    monkeypatch.chdir(tmp_path)


def saved(run, path="run"):
    folder = create_run_folder(Path(path), "shop:app", STARTED_AT, force=False)
    folder.save(run)
    return folder.path


def mishap(call, *args, **kwargs):
    with pytest.raises(StoreError) as caught:
        call(*args, **kwargs)
    assert caught.value.hint
    return caught.value


def same(a, b):
    """Equality through all fields, arrays by value, dtype and length."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def full_run():
    target = replace(
        run_of().target,
        skipped=(Skipped("POST", "/items", "POST may write"),),
        env_digests={"SIZE": "4e074085"},
    )
    first = load_of(
        Measured(
            ITEMS,
            alone(0.1),
            samples(
                [0.0, 1 / 3, 2.0],
                [0.1, 0.2, 1e-9],
                ok=[True, False, True],
                cut_off_s=[3.1, 3.2],
                errors={"HTTP 500 – „größer“\n\x1b[31m": 1},
            ),
        ),
        Measured(replace(BLOCKING, handler=None), Samples.none(), Samples.none()),
        generator=GeneratorHealth(None, None),
        ramp_end_s=None,
        trouble="interrupted",
    )
    return run_of(
        first,
        load_of(),
        load_of(repetition=2),
        target=target,
        plan=LoadPlan("locust 2.47", 7, 0.1, None, 600.0, 60.0),
        status="partial",
        warnings=("a warning",),
    )


# Round trip


@pytest.mark.parametrize("run", [run_of(), run_of(load_of()), full_run()])
def test_a_run_comes_back_as_it_was_saved(run):
    assert same(load_run(saved(run)), run)


def test_a_run_from_before_there_were_repetitions_is_read():
    path = saved(run_of(load_of()))
    stored = json.loads((path / RUN_FILE).read_text())
    del stored["loads"][0]["repetition"], stored["target"]["env_digests"]
    (path / RUN_FILE).write_text(json.dumps(stored))
    run = load_run(path)
    assert (run.loads[0].repetition, run.target.env_digests) == (1, {})


def test_a_run_from_before_samples_were_folded_is_read():
    path = saved(full_run())
    stored = json.loads((path / RUN_FILE).read_text())
    assert stored["schema_version"] == 2
    stored["schema_version"] = 1
    for load in stored["loads"]:
        for endpoint in load["endpoints"]:
            del endpoint["precision"]
    (path / RUN_FILE).write_text(json.dumps(stored))
    assert same(load_run(path), full_run())


def folded_run():
    found = folded(samples(np.arange(0.0, 100.0, 0.001), 0.1), cell_s=0.03)
    found = replace(found, cut_off_s=np.array([99.9]), errors={"HTTP 500": 1})
    return run_of(load_of(Measured(ITEMS, alone(0.1), found)))


def test_folded_samples_come_back_bit_for_bit():
    run = folded_run()
    again = load_run(saved(run))
    assert same(again, run)
    assert again.loads[0].measured[0].samples.requests == 100_000


def test_folded_samples_without_their_precision_are_named():
    path = saved(folded_run())
    stored = json.loads((path / RUN_FILE).read_text())
    del stored["loads"][0]["endpoints"][0]["precision"]
    (path / RUN_FILE).write_text(json.dumps(stored))
    assert "nothing says how finely" in str(mishap(load_run, path))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 1e3), st.booleans()), max_size=20),
    st.dictionaries(st.text(max_size=10), st.integers(0, 2**40), max_size=3),
)
def test_any_samples_come_back(rows, errors):
    starts, latencies, ok = ([row[i] for row in rows] for i in range(3))
    errors = {text.encode(errors="replace").decode(): n for text, n in errors.items()}
    found = samples(starts, np.array(latencies), ok=np.array(ok), errors=errors)
    run = run_of(load_of(Measured(ITEMS, Samples.none(), found)))
    path = saved(run)
    try:
        assert same(load_run(path), run)
    finally:
        shutil.rmtree(path)


def test_loads_are_saved_as_they_come():
    folder = create_run_folder(Path("run"), "shop:app", STARTED_AT, force=False)
    folder.save(run_of(status="running"))
    assert len(load_run(folder.path).loads) == 0
    folder.save(run_of(load_of(), status="running"))
    first = (folder.path / samples_file(0)).stat().st_mtime_ns
    folder.save(run_of(load_of(), load_of(), status="complete"))
    assert len(load_run(folder.path).loads) == 2
    assert (folder.path / samples_file(0)).stat().st_mtime_ns == first  # not written again


@pytest.mark.parametrize(
    ("status", "read"),
    [("running", "partial"), ("partial", "partial"), ("complete", "complete")],
)
def test_a_run_that_was_killed_is_partial(status, read):
    assert load_run(saved(run_of(load_of(), status=status))).status == read


def test_scratch_is_for_the_load_generator_and_goes_away():
    folder = create_run_folder(Path("run"), "shop:app", STARTED_AT, force=False)
    (folder.scratch / "record.jsonl").touch()
    folder.discard_scratch()
    folder.discard_scratch()
    assert not folder.scratch.exists()
    assert folder.logs.is_dir()


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


# What a person made is not overwritten


def test_an_empty_folder_is_used():
    Path("run").mkdir()
    saved(run_of())
    assert load_run(Path("run")).status == "complete"


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_holds_no_run_is_left_alone(force):
    Path("photos").mkdir()
    Path("photos/holiday.jpg").touch()
    error = mishap(create_run_folder, Path("photos"), "shop:app", STARTED_AT, force)
    assert "'photos' is not empty and holds no run" in str(error)
    assert Path("photos/holiday.jpg").exists()


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_left_alone(force):
    Path("notes").write_text("mine")
    error = mishap(create_run_folder, Path("notes"), "shop:app", STARTED_AT, force)
    assert "'notes' is a file" in str(error)
    assert Path("notes").read_text() == "mine"


def test_a_run_is_replaced_only_with_force():
    path = saved(run_of(load_of()))
    error = mishap(create_run_folder, path, "shop:app", STARTED_AT, False)
    assert "already holds a run" in str(error)
    assert "--force" in error.hint
    assert len(load_run(path).loads) == 1
    folder = create_run_folder(path, "shop:app", STARTED_AT, force=True)
    assert not (path / RUN_FILE).exists()
    assert not (path / samples_file(0)).exists()
    folder.save(run_of())
    assert load_run(path).loads == ()


# Names


def test_default_names_never_collide():
    folders = [create_run_folder(None, "shop:app", STARTED_AT, False) for _ in range(5)]
    assert len({folder.path for folder in folders}) == 5
    assert all(folder.path.parent == store.RUNS for folder in folders)
    assert folders[1].path.name == folders[0].path.name + "-2"


@pytest.mark.parametrize(
    "name", ["shop.main:app", "../../etc:app", "/etc/passwd", "a b\nc", "größe:app", ""]
)
def test_default_names_are_safe_in_any_file_system(name):
    folder = create_run_folder(None, name, STARTED_AT, False)
    assert folder.path.parent == store.RUNS
    assert folder.path.resolve().parent == store.RUNS.resolve()
    assert all(c.isascii() and (c.isalnum() or c in "-_.") for c in folder.path.name)


def test_default_runs_stay_out_of_version_control():
    create_run_folder(None, "shop:app", STARTED_AT, False)
    assert (store.HOME / ".gitignore").read_text() == "*\n"


# Finding a run


def runs(*names):
    """Runs below the default place, each newer than the one before."""
    paths = []
    for number, name in enumerate(names):
        path = saved(run_of(), store.RUNS / name)
        os.utime(path / RUN_FILE, (number, number))
        paths.append(path)
    return paths


def test_the_newest_run_is_found_without_a_name():
    _, newest = runs("b", "a")
    (store.RUNS / "c").mkdir()  # no run
    assert find_run(None) == newest


def test_a_run_is_found_by_its_name_and_by_its_path():
    (path,) = runs("2026-11-22T16-40-shop")
    elsewhere = saved(run_of(), "elsewhere")
    assert find_run("2026-11-22T16-40-shop") == path
    assert find_run(str(path)) == path
    assert find_run(str(path.resolve())) == path.resolve()
    assert find_run(str(path / RUN_FILE)) == path
    assert find_run("elsewhere") == elsewhere


def test_no_run_yet_says_how_to_make_one():
    error = mishap(find_run, None)
    assert "no run in '.asyncperf/runs'" in str(error)
    assert "asyncperf run" in error.hint


@pytest.mark.parametrize("name", ["other", "", "/", "a/b", "x" * 300, "a\0b"])
def test_an_unknown_run_says_where_was_looked(name):
    runs("one")
    error = mishap(find_run, name)
    assert f"no run at {name!r}" in str(error)
    assert str(store.RUNS) in error.hint


def test_the_values_of_headers_are_not_saved(tmp_path):
    run = run_of()
    run = replace(run, plan=replace(run.plan, headers=(("Authorization", "Bearer s3cret"),)))
    folder = create_run_folder(tmp_path / "run", "app", 0.0, force=False)
    folder.save(run)
    assert "s3cret" not in (tmp_path / "run" / "run.json").read_text()
    assert [name for name, _ in load_run(tmp_path / "run").plan.headers] == ["Authorization"]
