"""Where runs are kept: what is not overwritten, their names, and how one is found."""

import os
from pathlib import Path

import pytest

from asyncperf import store
from asyncperf.store import RUN_FILE, create_run_folder, find_run, load_run, samples_file

from .builders import load_of, run_of
from .saved import STARTED_AT, in_a_folder_of_its_own, mishap, saved

here = pytest.fixture(autouse=True)(in_a_folder_of_its_own)


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
