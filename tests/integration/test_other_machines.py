"""One load from Locust processes of other machines, as good as real."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from asyncperf.load.distribution import free_port
from asyncperf.model import Load
from asyncperf.store import load_run

from .conftest import APPS, Finished, Running, measures, wait_until
from .counted import LOAD, USERS, in_flight_at_end, recorded, starts_within, worker_ids
from .machines import Site, other_machines


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
