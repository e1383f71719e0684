"""One load from several Locust processes of this machine."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from asyncperf.analysis.statistics import until
from asyncperf.load.distribution import free_port
from asyncperf.store import load_run

from .conftest import Finished, Running, wait_until
from .counted import APP, LOAD, USERS, answered, in_flight_at_end, recorded, worker_ids


def test_every_sample_of_every_process_comes_back(
    asyncperf: Callable[..., Finished], tmp_path: Path, served: Path
) -> None:
    """Of more processes than CPUs, which is said."""
    many = (psutil.cpu_count() or 1) + 1
    done = asyncperf(
        *("run", APP, *LOAD, "--processes", many, "-w", 1, "-t", "3s"),
        *("--include", "/first", "-o", "run", "--json", "-"),
        env={"SERVED": str(served)},
    )
    assert done.code in (0, 4), done.err  # on a busy machine the load may be worth nothing
    run = load_run(tmp_path / "run")
    [load] = run.loads
    assert any(f"{many} Locust processes" in warning for warning in run.warnings)
    assert load.trouble is None
    # The master and its workers.
    assert done.document["load"]["generator"]["processes"] == many + 1
    assert len(load.generator.cpu_each) == many + 1
    assert 0 < in_flight_at_end(load) <= USERS
    count, cut_off = recorded([load], "/first")
    assert count <= answered(served, "/first") <= count + cut_off
    [measured] = load.measured
    assert len(measured.unloaded) >= 2
    # All users at work: no more of them than there are, and none waits between requests.
    busy_s = until(measured.samples, load.duration_s).latency_s.sum()
    assert 0.5 * USERS < busy_s / (load.duration_s - 0.25) < 1.05 * USERS


def test_a_process_that_dies_is_reported_and_its_samples_are_kept(
    start: Callable[..., Running],
) -> None:
    running = start(
        *("run", APP, *LOAD, "--processes", 2, "-w", 1, "-t", "5m"),
        *("--include", "/first", "-o", "run", "--json", "-"),
        env={"SERVED": os.devnull},
    )
    victim = worker_ids(running)[0]
    os.kill(victim, signal.SIGKILL)
    done = running.finish()
    assert done.code == 4
    lost = rf"the load worker \S+ \(process {victim}\) was lost [\d.]+ s into the load, with 10 of"
    load = done.document["load"]
    assert any(re.search(lost, warning) for warning in load["warnings"])
    assert re.search(lost, load["loads"][0]["trouble"])
    assert (load["valid"], load["generator"]["users_lost"]) == (False, 10)
    [kept] = load_run(running.directory / "run").loads
    count, _ = recorded([kept], "/first")
    assert count > USERS


@pytest.mark.parametrize("word", ["worker", "ramped"])
def test_ctrl_c_ends_every_process_of_this_machine(
    start: Callable[..., Running], word: str
) -> None:
    """That none is left is what `start` itself sees to."""
    running = start(
        *("run", APP, *LOAD, "--processes", 2, "-w", 1, "-t", "5m", "--include", "/first"),
        *("-o", "run"),
        env={"SERVED": os.devnull},
    )
    wait_until(lambda: running.recorded(word), f"the record {word!r}")
    assert running.interrupt().code == 130
    [load] = load_run(running.directory / "run").loads
    if word == "ramped":
        assert sum(recorded([load], "/first")) > 0


def test_ctrl_c_stops_a_single_process_which_says_what_it_had_in_flight(
    start: Callable[..., Running],
) -> None:
    """That is only written where Locust ends its users itself, and is not killed in the end."""
    running = start(
        *("run", APP, *LOAD, "-w", 1, "-t", "5m", "--include", "/first", "-o", "run"),
        env={"SERVED": os.devnull},
    )
    wait_until(lambda: running.recorded("ramped"), "the end of the ramp")
    assert running.interrupt().code == 130
    [load] = load_run(running.directory / "run").loads
    count, cut_off = recorded([load], "/first")
    assert count > 0
    assert 0 < cut_off <= USERS


# With workers that connect


def test_too_few_workers_are_counted_and_their_command_is_said(
    asyncperf: Callable[..., Finished],
) -> None:
    port = free_port()
    done = asyncperf(
        *("run", APP, *LOAD, "-w", 1, "--include", "/first", "-o", "run"),
        *("--expect-workers", 2, "--expect-workers-max-wait", "1s", "--master-bind-port", port),
        env={"SERVED": os.devnull},
    )
    assert done.code == 4
    assert "0 of 2 workers connected within 1 s" in done.err
    assert f"asyncperf worker --master-host 127.0.0.1 --master-port {port}" in done.err


def test_a_worker_that_waits_ends_at_ctrl_c(start: Callable[..., Running]) -> None:
    worker = start("worker", "--master-host", "127.0.0.1", "--master-port", free_port())
    wait_until(lambda: len(worker.family()) > 2, "Locust to start")
    assert worker.interrupt().code == 130


def test_a_worker_that_is_late_hears_the_farewell_too(start: Callable[..., Running]) -> None:
    """When the other has heard it and is gone."""
    port = free_port()
    prompt, late = (
        start("worker", "--master-host", "127.0.0.1", "--master-port", port) for _ in range(2)
    )
    running = start(
        *("run", APP, *LOAD, "-w", 1, "-t", "2s", "--include", "/first", "-o", "run"),
        *("--expect-workers", 2, "--master-bind-port", port),
        env={"SERVED": os.devnull},
    )
    wait_until(lambda: running.recorded("ramp"), "the ramp")
    late.process.send_signal(signal.SIGSTOP)  # it will start no Locust for another load
    ended = prompt.finish()
    late.process.send_signal(signal.SIGCONT)
    for worker in (ended, late.finish()):
        assert (worker.code, "the run is over" in worker.err) == (0, True)
    running.finish()
