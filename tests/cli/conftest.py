"""Commands typed in this process, and what they may find."""

import sys
from pathlib import Path

import pytest

from asyncperf import cli, pipeline
from asyncperf.model import Measured
from asyncperf.pipeline import Outcome
from asyncperf.store import create_run_folder

from ..analysis.closed_load import ClosedLoad, fixed, simulate
from ..builders import ITEMS, alone, load_of, run_of
from .loads import blocking, waiting


@pytest.fixture
def asyncperf(monkeypatch, tmp_path, capsys):
    """Type a command: its exit code, and what it wrote to both streams."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "ASYNCPERF_FAIL_ON"):
        monkeypatch.delenv(name, raising=False)

    def asyncperf(*arguments):
        monkeypatch.setattr(sys, "argv", ["asyncperf", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return asyncperf


@pytest.fixture
def outcome(monkeypatch):
    """Let every run have this outcome, or raise this error; note what was asked for."""
    asked = []

    def outcome(*loads, error=None, raises=None, status="complete"):
        def run_experiment(settings, progress, output, force):
            asked.append((settings, progress, output, force))
            if raises is not None:
                raise raises
            return Outcome(run_of(*loads, status=status), Path("run-folder"), error)

        monkeypatch.setattr(pipeline, "run_experiment", run_experiment)
        return asked

    return outcome


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """The folder of a saved run."""
    monkeypatch.chdir(tmp_path)
    folder = create_run_folder(None, "shop:app", 1_795_000_000.0, force=False)
    folder.save(run_of(blocking()))
    return folder.path


@pytest.fixture
def two_runs(tmp_path, monkeypatch):
    """`before` and `after`; the second takes a fifth longer."""
    monkeypatch.chdir(tmp_path)
    slower = simulate(ClosedLoad(500, 50, fixed(1.8)), 60)
    after = load_of(Measured(ITEMS, alone(1.8), slower))
    for name, load in (("before", waiting()), ("after", after)):
        create_run_folder(Path(name), "shop:app", 1_795_000_000.0, force=False).save(run_of(load))
