"""One load from several Locust processes: of this machine, and of others as good as real."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from asyncperf.analysis.statistics import until
from asyncperf.load.distribution import free_port
from asyncperf.model import Load
from asyncperf.store import load_run

from .conftest import APPS, Finished, Running, measures, wait_until

APP = APPS / "counting.py"
USERS = 20
LOAD = ("--engine", "locust", "-u", USERS, "-r", 40)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    return tmp_path / "served.json"


def answered(served: Path, path: str) -> int:
    """How many requests the app itself has counted."""
    counts = json.loads(served.read_text())
    return sum(count for key, count in counts.items() if key.startswith(f"{path} "))


def recorded(loads: list[Load], path: str) -> tuple[int, int]:
    """How many requests were recorded as answered, and as cut off at the end."""
    found = [
        samples
        for load in loads
        for measured in load.measured
        if measured.endpoint.path == path
        for samples in (measured.unloaded, measured.samples)
    ]
    return sum(map(len, found)), sum(len(samples.cut_off_s) for samples in found)


def in_flight_at_end(load: Load) -> int:
    """Those cut off, and those answered while the users were being stopped."""
    return sum(len(until(each.samples, load.duration_s).cut_off_s) for each in load.measured)


def starts_within(load: Load) -> bool:
    """Whether all requests of a load began in it, by whatever clocks they were timed."""
    starts = [start for each in load.measured for start in each.samples.start_s]
    alone = [start for each in load.measured for start in each.unloaded.start_s]
    return -10 < min(alone) <= max(alone) < 0.1 and -0.1 < min(starts) <= max(starts) < 10


def worker_ids(running: Running) -> list[int]:
    """The load's worker processes, once the ramp is over."""
    wait_until(lambda: running.recorded("ramped"), "the end of the ramp")
    files = (running.directory / "run" / "scratch").glob("*/record-worker-*.jsonl")
    names = [json.loads(file.read_text().splitlines()[0])[1] for file in files]
    return [int(re.findall(r"process (\d+)", name)[0]) for name in names]


# On one machine


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


@dataclass(frozen=True)
class Site:
    """Where the master and the app are reached, and what to type before a worker's command."""

    host: str
    clients: tuple[str, str]
    before: tuple[tuple[str, ...], tuple[str, ...]]


# A namespace, and this machine's end of the wire to it.
WIRES = (("asyncperf-east", "aperf1"), ("asyncperf-west", "aperf2"))


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def lay_wires() -> None:
    for number, (name, wire) in enumerate(WIRES, start=1):
        here, there = f"10.213.{number}.1", f"10.213.{number}.2"
        ip("netns", "add", name)
        ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("address", "add", f"{here}/24", "dev", wire)
        ip("link", "set", wire, "up")
        ip("-n", name, "address", "add", f"{there}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "route", "add", "default", "via", here)


def remove_wires() -> None:
    """A namespace takes its wire along, but not at once: the wire goes first."""
    for name, wire in WIRES:
        for command in (("link", "delete", wire), ("netns", "delete", name)):
            subprocess.run(["ip", *command], capture_output=True, check=False)


@contextmanager
def turn() -> Iterator[None]:
    """Namespaces are the machine's: of several test runs on it one has them at a time."""
    with (Path(tempfile.gettempdir()) / "asyncperf-namespaces.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def other_machines() -> Iterator[Site]:
    """Two, as far as the network can tell, each on a wire of its own to this one. Raises OSError
    where that cannot be."""
    if shutil.which("ip") is None:
        raise OSError("the command ip (iproute2) is not installed")
    with turn():
        remove_wires()  # of a test that was killed
        try:
            lay_wires()
            east, west = (("ip", "netns", "exec", name) for name, _ in WIRES)
            yield Site("10.213.1.1", ("10.213.1.2", "10.213.2.2"), (east, west))
        finally:
            remove_wires()


@pytest.fixture
def namespaces() -> Iterator[Site]:
    with ExitStack() as stack:
        try:
            found = stack.enter_context(other_machines())
        except OSError as error:
            pytest.skip(f"no network namespaces here: {error}")
        yield found


@pytest.fixture
def site() -> Iterator[Site]:
    """Other machines, or this one where there can be none."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(other_machines())
        except OSError:
            found = Site("127.0.0.1", ("127.0.0.1", "127.0.0.1"), ((), ()))
        yield found


@pytest.fixture
def url(site: Site, tmp_path: Path, served: Path) -> Iterator[str]:
    """The app, served by someone else."""
    port = free_port()
    command = (
        *(sys.executable, "-m", "uvicorn", "counting:app", "--app-dir", str(APPS)),
        *("--host", site.host, "--port", str(port), "--no-access-log"),
    )
    log = tmp_path / "uvicorn.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, env={**os.environ, "SERVED": str(served)}, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: "Uvicorn running" in log.read_text(), "the app")
        yield f"http://{site.host}:{port}"
    finally:
        server.terminate()
        server.wait()


# Python imports this at its start.
WRONG_CLOCK = """
import time

right = time.time
time.time = lambda: right() - 3600
"""


def start_workers(
    start: Callable[..., Running], site: Site, port: int, folder: Path
) -> list[Running]:
    """Each on its machine, the second of which has a clock that is an hour slow."""
    (folder / "sitecustomize.py").write_text(WRONG_CLOCK)
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    command = ("worker", "--master-host", site.host, "--master-port", port)
    east, west = site.before
    return [start(*command, before=east), start(*command, before=west, env={"PYTHONPATH": path})]


def test_workers_carry_a_run_and_outlast_the_death_of_one(
    start: Callable[..., Running], site: Site, url: str, tmp_path: Path
) -> None:
    """Of two endpoints the first loses a worker; its replacement is there for the second."""
    port = free_port()
    workers = start_workers(start, site, port, tmp_path)
    running = start(
        *("run", url, "--allow-remote", *LOAD, "-t", "6s", "-o", "run", "--json", "-"),
        *("--expect-workers", 2, "--master-bind-host", site.host, "--master-bind-port", port),
    )
    victim = worker_ids(running)[0]
    os.kill(victim, signal.SIGKILL)
    done = running.finish()
    assert done.code == 4, done.err
    first, second = done.document["load"]["loads"]
    assert f"(process {victim}) was lost" in first["trouble"]
    assert first["generator"]["users_lost"] == 10
    assert second["trouble"] is None
    assert second["generator"]["users_lost"] == 0
    for worker in workers:
        ended = worker.finish()
        assert (ended.code, "the run is over" in ended.err) == (0, True)
    loads = list(load_run(running.directory / "run").loads)
    assert recorded(loads[:1], "/first")[0] > USERS
    assert starts_within(loads[1])


@dataclass(frozen=True)
class Carried:
    """A run whose load two workers carried; `clients` are the app's own counts of them."""

    done: Finished
    workers: list[Finished]
    load: Load
    clients: Counter[str]


@pytest.fixture
def carried(
    start: Callable[..., Running], namespaces: Site, tmp_path: Path, served: Path
) -> Carried:
    """From either machine, to an app that a command serves, until it says what it answered."""
    port, app_port = free_port(), free_port()
    command = (
        *("--", sys.executable, "-m", "uvicorn", "counting:app", "--app-dir", APPS),
        *("--host", namespaces.host, "--port", app_port, "--no-access-log"),
    )
    workers = start_workers(start, namespaces, port, tmp_path)
    running = start(
        *("run", "--allow-remote", *LOAD, "-t", "4s", "-o", "run", "--include", "/first"),
        *("--expect-workers", 2, "--master-bind-host", "0.0.0.0", "--master-bind-port", port),
        *command,
        env={"SERVED": str(served)},
    )
    done = running.finish()
    ended = [worker.finish() for worker in workers]
    [load] = load_run(tmp_path / "run").loads
    clients = Counter[str]()
    for key, requests in json.loads(served.read_text()).items():
        path, client = key.split()
        if path == "/first":
            clients[client] += requests
    return Carried(done, ended, load, clients)


def test_every_sample_of_every_worker_comes_back(carried: Carried, namespaces: Site) -> None:
    """By the app's own count, of either machine. However slow they are: whether the load was
    then worth anything (0 or 4) is another question."""
    assert carried.done.code in (0, 4), carried.done.err
    assert [worker.code for worker in carried.workers] == [0, 0]
    assert carried.load.trouble is None
    assert 0 < in_flight_at_end(carried.load) <= USERS
    count, cut_off = recorded([carried.load], "/first")
    assert count <= carried.clients.total() <= count + cut_off
    assert set(carried.clients) == set(namespaces.clients)


@measures
def test_the_workers_share_the_load_and_one_clock(carried: Carried, namespaces: Site) -> None:
    """All users at work until the end, half of them on each machine, on the run's time axis."""
    assert carried.done.code == 0, carried.done.err
    assert starts_within(carried.load)
    assert in_flight_at_end(carried.load) == USERS
    for client in namespaces.clients:
        assert carried.clients[client] > carried.clients.total() / 4
