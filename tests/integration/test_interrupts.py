"""Ctrl-C at every stage, and the death of asyncperf itself: nothing lost, nothing left."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncperf.load.record_format import RECORD_BYTES
from asyncperf.store import load_run

from .conftest import APPS, ROOT, Running, wait_until

EXPERIMENT = (ROOT / "app.py", "-w", 1, "--include", "/async_concurrent", "-o", "run")
TASK = {"SECONDS_TO_SLEEP": "0.02"}  # so that the single user is soon done


def serving(running: Running) -> bool:
    log = running.directory / "run" / "logs" / "server-001.log"
    return log.exists() and "Waiting for application startup" in log.read_text()


def answered(running: Running) -> int:
    """How many requests the load generator has recorded."""
    files = (running.directory / "run" / "scratch").glob("*/record-*.bin")
    return sum(file.stat().st_size for file in files) // RECORD_BYTES


def saved_status(running: Running) -> str:
    status: str = json.loads((running.directory / "run" / "run.json").read_text())["status"]
    return status


def catches(running: Running, number: signal.Signals) -> bool:
    """Whether the process has a handler of its own for the signal."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], base=16) >> (number - 1) & 1)


def has_loaded(running: Running, library: str) -> bool:
    return library in Path(f"/proc/{running.process.pid}/maps").read_text()


# Python itself has a handler for SIGINT alone, so that for SIGTERM shows ours; then the
# libraries tell how far the imports are. Wherever the signal lands from then on, it counts.
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("library", "number"),
    [
        ("", signal.SIGINT),
        ("_multiarray_umath", signal.SIGINT),
        ("_multiarray_umath", signal.SIGTERM),
        ("_pydantic_core", signal.SIGINT),
    ],
)
def test_interrupted_while_it_is_itself_imported(
    start: Callable[..., Running], library: str, number: signal.Signals
) -> None:
    running = start("run", *EXPERIMENT)
    wait_until(lambda: catches(running, signal.SIGTERM), "the signals to be heeded")
    wait_until(lambda: has_loaded(running, library), library)
    done = running.interrupt(number)
    assert done.code == 130
    assert "Traceback" not in done.err


def test_interrupted_while_the_server_starts(start: Callable[..., Running]) -> None:
    running = start("run", APPS / "slow_start.py", "-o", "run")
    wait_until(lambda: serving(running), "the server's start")
    done = running.interrupt()
    assert done.code == 130
    assert "interrupted" in done.err
    assert saved_status(running) == "partial"


# A second and a third interrupt do not tear the save.
@pytest.mark.parametrize(
    "numbers",
    [[signal.SIGINT] * 3, [signal.SIGTERM], [signal.SIGHUP]],
    ids=["three times SIGINT", "SIGTERM", "SIGHUP"],
)
def test_interrupted_in_the_steady_state(
    start: Callable[..., Running], numbers: list[signal.Signals]
) -> None:
    running = start("run", *EXPERIMENT, "-u", 20, "-r", 400, "-t", "5m", env=TASK)
    wait_until(lambda: running.recorded("reached"), "the end of the ramp")
    wait_until(lambda: answered(running) > 50, "answers to more than the single user")
    for number in numbers:
        running.process.send_signal(number)
    done = running.finish()
    assert done.code == 130
    assert "PARTIAL" in done.out
    run = load_run(running.directory / "run")
    assert run.status == "partial"
    [measured] = run.loads[0].measured
    assert len(measured.samples) > 0
    assert len(measured.samples.cut_off_s) > 0


def test_interrupted_in_the_ramp(start: Callable[..., Running]) -> None:
    running = start("run", *EXPERIMENT, "-u", 200, "-r", 1, "-t", "5m", env=TASK)
    wait_until(lambda: running.recorded("ramp"), "the ramp")
    done = running.interrupt()
    assert done.code == 130
    run = load_run(running.directory / "run")
    assert (run.status, run.loads[0].ramp_end_s) == ("partial", None)


def test_killed_outright_leaves_no_process_and_a_readable_run(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    load = ("-w", 2, "-u", 20, "-r", 400, "-t", "5m")
    running = start("run", *EXPERIMENT, *load, env=TASK)
    wait_until(lambda: running.recorded("reached"), "the end of the ramp")
    assert len(running.family()) > 4
    running.process.kill()
    running.process.communicate()
    wait_until(lambda: not running.family(), "the children to follow")
    assert load_run(tmp_path / "run").status == "partial"
