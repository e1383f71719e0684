"""What befalls a worker and its records: the app runs on as if there were no probe, and what had
been seen is kept."""

import http.client
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from asyncperf.insight import Insight
from asyncperf.probe.orders import ProbeOrders
from asyncperf.probe_files import read_insight
from asyncperf.process import ChildProcess
from asyncperf.target.server import free_port

from ..processes import wait_until
from .conftest import APPS

BIN = Path(sys.executable).parent
UVICORN = (str(BIN / "uvicorn"), "injured:app", "--app-dir", str(APPS), "--port")
GUNICORN = (str(BIN / "gunicorn"), "injured:app", "--chdir", str(APPS), "-w", "2", "--preload")
Ask = Callable[[str], "int | None"]


@contextmanager
def served(
    command: Sequence[str], records: Path, log: Path, env: dict[str, str] | None = None
) -> Iterator[Ask]:
    """A server with the probe, and a way to ask it: the status, None if no answer came."""
    port = free_port()

    def ask(path: str) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    orders = ProbeOrders(str(records), record=True).environment({**os.environ, **(env or {})})
    command = [part.format(port=port) for part in command]
    with ChildProcess(command, log=log, env=orders, grace_s=5.0) as server:
        wait_until(lambda: ask("/fine") == 200 or server.exit_code is not None, "the server")
        assert server.exit_code is None, server.output()
        yield ask


def seen(folder: Path) -> Insight:
    found = read_insight(folder, time.time())
    assert found is not None
    return found


@pytest.mark.parametrize("writes", [0, 400])
def test_a_disk_that_is_full_takes_nothing_from_the_app(tmp_path: Path, writes: int) -> None:
    # Python would leave half of a module's bytecode behind, for all who import it later.
    env = {"FILE_SIZE": str(writes), "PYTHONDONTWRITEBYTECODE": "1"}
    with served((*UVICORN, "{port}"), tmp_path, tmp_path / "log", env) as ask:
        assert {ask(path) for path in ("/fine", "/forks") * 10} == {200}
    found = read_insight(tmp_path, time.time())
    assert found is None or len(found.requests) < 20  # and no file of its keeps it from being read


def test_a_folder_that_is_gone_takes_nothing_from_the_app(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with served((*UVICORN, "{port}"), tmp_path / "absent", log) as ask:
        assert {ask("/fine") for _ in range(10)} == {200}
    assert "Traceback" not in log.read_text()
    assert not (tmp_path / "absent").exists()


def test_a_worker_that_forks_records_on(tmp_path: Path) -> None:
    with served((*UVICORN, "{port}"), tmp_path, tmp_path / "log") as ask:
        assert {ask(path) for path in ("/forks", "/fine") * 5} == {200}
    found = seen(tmp_path)
    assert (len(found.workers), len(found.requests), found.missing) == (1, 11, ())


def test_of_a_worker_that_is_killed_in_a_request_what_it_wrote_is_kept(tmp_path: Path) -> None:
    with served((*UVICORN, "{port}", "--workers", "2"), tmp_path, tmp_path / "log") as ask:
        assert {ask("/fine") for _ in range(10)} == {200}
        wait_until(lambda: len(seen(tmp_path).requests) == 11, "the first eleven")
        before = len(seen(tmp_path).workers)
        assert ask("/killed") is None
        wait_until(lambda: ask("/fine") == 200, "another worker")
    found = seen(tmp_path)
    assert len(found.workers) >= before
    assert len(found.requests) >= 12
    assert found.missing == ()


def test_workers_that_are_restarted_and_such_of_a_preloaded_app_are_all_seen(
    tmp_path: Path,
) -> None:
    """gunicorn imports the app before it forks; each worker here ends after three requests."""
    command = (*GUNICORN, "-k", "asgi", "--max-requests", "3", "--bind", "127.0.0.1:{port}")
    with served(command, tmp_path, tmp_path / "log") as ask:
        answers = []
        wait_until(
            lambda: answers.append(ask("/fine")) or len(seen(tmp_path).workers) > 3,
            "two workers in the places of others",
        )
    found = seen(tmp_path)
    assert len(found.requests) == answers.count(200) + 1
    assert found.missing == ()
