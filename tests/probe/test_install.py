"""The probe in a process: found at start-up, harmless whatever happens."""

import json
import os
import subprocess
import sys
from types import ModuleType

import pytest

from asyncperf.probe.install import harmlessly
from asyncperf.probe.notes import note, read_notes
from asyncperf.probe.orders import STARTUP, VARIABLE, ProbeOrders


def run(code, env, *options):
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)


def test_start_up_loads_the_probe_and_leaves_the_path_as_it_was(tmp_path):
    env = ProbeOrders(str(tmp_path)).environment({**os.environ, "PYTHONPATH": str(tmp_path)})
    code = (
        "import sys, json; print(json.dumps([sys.path, 'asyncperf_probe.install' in sys.modules]))"
    )
    path, loaded = json.loads(run(code, env).stdout)
    assert loaded
    assert str(tmp_path) in path
    assert str(STARTUP) not in path


def test_a_sitecustomize_that_was_there_before_is_run_too(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('as ever')")
    env = ProbeOrders(str(tmp_path)).environment({**os.environ, "PYTHONPATH": str(tmp_path)})
    assert run("import sitecustomize", env).stdout == "as ever\n"


def test_a_probe_that_cannot_be_loaded_is_said_and_the_app_runs_on(tmp_path):
    env = ProbeOrders(str(tmp_path)).environment(os.environ) | {VARIABLE: "{"}
    found = run("print('served')", env)
    assert found.stdout == "served\n"
    assert "the probe could not be loaded" in found.stderr


def test_without_orders_nothing_is_installed(tmp_path):
    env = {**os.environ, "PYTHONPATH": str(STARTUP)}
    code = "import sys; print([type(finder).__name__ for finder in sys.meta_path])"
    assert "AfterImports" not in run(code, env).stdout


def test_orders_travel_through_the_environment():
    orders = ProbeOrders("/somewhere", tune_gc=True)
    assert ProbeOrders.read(orders.environment({})) == orders
    assert ProbeOrders.read({}) is None


def test_a_hook_that_fails_is_noted_and_the_import_goes_on(tmp_path):
    def hook(module):
        raise AttributeError("no Config any more")

    harmlessly(str(tmp_path), hook)(ModuleType("uvicorn.config"))
    [found] = read_notes(tmp_path)
    assert (found["note"], found["module"]) == ("not-hooked", "uvicorn.config")
    assert "no Config any more" in found["error"]


def test_a_note_that_was_cut_off_is_left_out(tmp_path):
    note(str(tmp_path), "gc-tuned", frozen=3)
    with (tmp_path / f"notes-{os.getpid()}.jsonl").open("a") as file:
        file.write('{"note": "gc-t')
    assert [found["frozen"] for found in read_notes(tmp_path)] == [3]


def test_a_note_that_was_appended_to_a_cut_off_one_is_left_out_with_it(tmp_path):
    """The disk was full in the middle of a note, and had room again for the next."""
    with (tmp_path / f"notes-{os.getpid()}.jsonl").open("a") as file:
        file.write('{"note": "gc-t')
    note(str(tmp_path), "gc-tuned", frozen=3)
    note(str(tmp_path), "gc-tuned", frozen=4)
    assert [found["frozen"] for found in read_notes(tmp_path)] == [4]


@pytest.mark.parametrize("path", [None, "", "/other"])
def test_the_apps_own_path_stays_behind_ours(path):
    env = {} if path is None else {"PYTHONPATH": path}
    found = ProbeOrders("/f").environment(env)["PYTHONPATH"].split(os.pathsep)
    assert found == [str(STARTUP), *([path] if path else [])]
