"""Workers that are killed, restart or fork leave what they recorded readable; and what the probe
leaves behind tells nothing of what was sent."""

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import psutil
import pytest

from asyncperf.insight import Insight
from asyncperf.probe.notes import read_notes
from asyncperf.probe.orders import ProbeOrders
from asyncperf.probe.record_format import FILES, block, packing, records_of
from asyncperf.probe_files import read_insight
from asyncperf.store import load_run
from asyncperf.target.server import free_port

from .conftest import APPS, Finished, Running, answers, wait_until

BIN = Path(sys.executable).parent
SECRETS = ("header-secret", "cookie-secret", "query-secret", "body-secret")


def insight_in(folder: Path) -> Insight:
    [load] = load_run(folder).loads
    assert load.insight is not None
    return load.insight


def recorded_by(insight: Insight) -> list[int]:
    """How many requests each worker that began left behind."""
    return np.bincount(insight.requests["worker"], minlength=len(insight.workers)).tolist()


def under_load(running: Running, count: int, workers: int = 1) -> bool:
    """Whether so many workers have each written that many records of requests."""
    files = (running.directory / "run" / "logs").glob("*.probe/requests-*.bin")
    return sum(file.stat().st_size > 100 * count for file in files) >= workers


def test_a_killed_worker_is_named_and_what_it_recorded_is_kept(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    wanted = tmp_path / "kill"
    running = start(
        *("run", APPS / "fragile.py", "--include", "/killed", "-w", 2),
        *("-u", 8, "-r", 40, "-t", "5m", "--no-keepalive"),
        *("--json", "-", "--output", "run"),
        env={"FRAGILE_KILL": str(wanted)},
    )
    wait_until(lambda: under_load(running, 50, workers=2), "records of both")
    wanted.touch()
    wait_until(lambda: under_load(running, 50, workers=3), "records of the one in its place")
    done = running.interrupt()
    told = "GET /killed: 1 of the server's workers died"
    assert any(text.startswith(told) for text in done.document["load"]["warnings"])
    insight = insight_in(tmp_path / "run")
    assert len(insight.workers) == 3  # another took its place
    assert min(recorded_by(insight)) > 10


@pytest.mark.parametrize(
    ("keeps", "flags", "says"),
    [
        ("keep", (), "all 2 workers of the server ended under load"),
        ("close", (), "all 2 workers of the server ended under load"),
        ("close", ("--no-probe",), "nobody answered any more from "),
    ],
)
def test_a_server_without_workers_is_one_that_died(
    asyncperf: Callable[..., Finished], keeps: str, flags: tuple[str, ...], says: str
) -> None:
    """Whether its parent still takes connections, for nobody, or refuses them."""
    port = free_port()
    done = asyncperf(
        *("run", *flags, "--port", port, "-u", 8, "-r", 40, "-t", "12s"),
        *("--endpoint", "GET /", "--json", "-", "--", sys.executable, APPS / "forsaken.py", port),
        *(keeps,),
    )
    assert done.code == 3
    assert done.document["load"]["valid"] is False
    (load,) = done.document["load"]["loads"]
    assert load["trouble"].startswith(says)


def test_a_worker_killed_under_gunicorn_is_named_as_well(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    """gunicorn says it in words of its own; that it is gone is enough."""
    wanted, port = tmp_path / "kill", free_port()
    serve = f"fragile:app -k asgi --chdir {APPS} --bind 127.0.0.1:{port} --workers 2"
    running = start(
        *("run", "--include", "/killed", "-u", 8, "-r", 40, "-t", "5m", "--no-keepalive"),
        *("--json", "-", "--output", "run", "--", BIN / "gunicorn", *serve.split()),
        env={"FRAGILE_KILL": str(wanted)},
    )
    wait_until(lambda: under_load(running, 50, workers=2), "records of both")
    wanted.touch()
    wait_until(lambda: under_load(running, 50, workers=3), "records of the one in its place")
    done = running.interrupt()
    told = "GET /killed: 1 of the server's workers died"
    assert any(text.startswith(told) for text in done.document["load"]["warnings"])
    assert min(recorded_by(insight_in(tmp_path / "run"))) > 10


def test_workers_that_restart_are_no_deaths(start: Callable[..., Running], tmp_path: Path) -> None:
    port = free_port()
    serve = (
        f"fragile:app -k asgi --chdir {APPS} --bind 127.0.0.1:{port} --workers 1 --max-requests 150"
    )
    running = start(
        *("run", "--include", "/fine", "-u", 4, "-r", 40, "-t", "5m"),
        *("--json", "-", "--output", "run", "--", BIN / "gunicorn", *serve.split()),
    )
    wait_until(lambda: under_load(running, 50, workers=3), "records of three in a row")
    done = running.interrupt()
    assert not [text for text in done.document["load"]["warnings"] if "died" in text]
    insight = insight_in(tmp_path / "run")
    assert len(insight.workers) >= 3
    # Each said how it ended, and wrote all of what it had.
    assert min(recorded_by(insight)[:-1]) > 100


def test_a_server_that_reloads_is_seen_before_and_after(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    folder, port = tmp_path / "app", free_port()
    folder.mkdir()
    app = shutil.copy(APPS / "fragile.py", folder)
    serve = f"fragile:app --app-dir {folder} --reload --reload-dir {folder} --port {port}"
    running = start(
        *("run", "--include", "/fine", "-u", 4, "-r", 40, "-t", "5m"),
        *("--json", "-", "--output", "run", "--", BIN / "uvicorn", *serve.split()),
    )
    wait_until(lambda: under_load(running, 50), "records of a load")
    Path(app).write_text(Path(app).read_text() + "\nchanged = True\n")
    wait_until(lambda: under_load(running, 50, workers=2), "records of the one that came after")
    done = running.interrupt()
    assert not [text for text in done.document["load"]["warnings"] if "died" in text]
    insight = insight_in(tmp_path / "run")
    assert len(insight.workers) == 2
    assert min(recorded_by(insight)) > 10


def test_a_forked_child_writes_nothing_of_its_parents(
    asyncperf: Callable[..., Finished], tmp_path: Path
) -> None:
    done = asyncperf(
        *("run", APPS / "fragile.py", "--include", "/forking", "-w", 1),
        *("-u", 2, "-r", 40, "-t", "3s", "--json", "-", "--output", "run"),
    )
    assert not done.document["load"]["warnings"]
    insight = insight_in(tmp_path / "run")
    assert insight.missing == ()
    assert len(insight.workers) == 1
    numbers = insight.requests["number"]
    assert len(numbers) > 10
    assert len(np.unique(numbers)) == len(numbers)  # none was written twice
    assert (np.diff(insight.ticks["at"]) > 0).all()


@contextmanager
def probed(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A server of the shop in which everything is recorded."""
    port = free_port()
    orders = ProbeOrders(str(folder), record=True, everything=True)
    serve = f"-m uvicorn shop:app --app-dir {APPS} --port {port} --no-access-log"
    server = subprocess.Popen(
        [sys.executable, *serve.split()],
        env=orders.environment(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/fine", server), "the server")
        yield f"http://127.0.0.1:{port}", psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


def test_nothing_of_what_was_sent_is_recorded_and_no_port_is_opened(notes: Path) -> None:
    header, cookie, query, body = SECRETS
    with probed(notes) as (url, server):
        for path in ("/items", "/no-such-route"):
            known = path == "/items"
            request = urllib.request.Request(
                f"{url}{path}?token={query}",
                data=f'{{"name": "{body}", "price": 3}}'.encode(),
                headers={
                    "Authorization": f"Bearer {header}",
                    "Cookie": f"session={cookie}",
                    "Content-Type": "application/json",
                },
            )
            with nullcontext() if known else pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request).close()
            if not known:
                refused.value.close()
        listening = [c for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert len(listening) == 1
    insight = read_insight(notes, 0.0)
    assert insight is not None
    assert 201 in insight.requests["status"]  # it was seen
    assert len(insight.spans) > 0
    for file in notes.iterdir():
        content = file.read_bytes()
        assert not [secret for secret in SECRETS if secret.encode() in content], file


def test_what_a_worker_had_recorded_is_read_though_it_never_ended(notes: Path) -> None:
    with probed(notes) as (url, server):
        for _ in range(20):
            urllib.request.urlopen(f"{url}/fine").close()
        # Four times a second.
        wait_until(lambda: list(notes.glob("requests-*.bin")), "its records")
        written = next(notes.glob("requests-*.bin"))
        twenty = 20 * packing(FILES["requests"]).size
        wait_until(lambda: len(records_of(written.read_bytes())) >= twenty, "all of its records")
        server.kill()
        server.wait(30)
        with written.open("ab") as records:
            records.write(block(bytes(twenty), twenty // 20)[: twenty // 40])
        with next(notes.glob("notes-*.jsonl")).open("a") as file:
            file.write('{"note": "rou')
        assert not [found for found in read_notes(notes) if found["note"] == "closed"]
        insight = read_insight(notes, 0.0)
    assert insight is not None
    assert len(insight.requests) >= 20
    assert {insight.routes[number].path for number in insight.requests["route"]} == {"/fine"}
