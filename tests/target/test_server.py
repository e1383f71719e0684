"""When a server counts as ready, and what is said when it never is; no server is started."""

import itertools
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import Mock

import pytest

from asyncperf.errors import TargetError
from asyncperf.target import server
from asyncperf.target.address import LOOPBACK, Address
from asyncperf.target.discover import FoundApp
from asyncperf.target.kinds import uvicorn_command
from asyncperf.target.server import ServerProcess, check_port, free_port

APP = FoundApp("shop:app", Path("/srv/shop"), None, {})
READY = "INFO:     Application startup complete.\n"
NO_LIFESPAN = "INFO:     ASGI 'lifespan' protocol appears unsupported.\n"


@dataclass
class FakeServer:
    """uvicorn as a script: what it has printed, when it answers and when it exits; in seconds."""

    prints: dict[float, str]
    answers_at: float = 0.0
    exits_at: float = float("inf")
    now: float = 0.0
    stopped: int = 0

    def __call__(self, command, **options):
        self.command = command
        return self

    @property
    def exit_code(self):
        return 3 if self.now >= self.exits_at else None

    def output(self):
        return "".join(text for at, text in self.prints.items() if at <= self.now)

    def stop(self):
        self.stopped += 1

    # As a clock, too.

    def sleep(self, seconds):
        self.now += seconds

    def monotonic(self):
        return self.now


@pytest.fixture
def start(monkeypatch, tmp_path):
    def start(fake, workers=2):
        monkeypatch.setattr(server, "ChildProcess", fake)
        monkeypatch.setattr(server, "time", fake)
        monkeypatch.setattr(ServerProcess, "_answers", lambda self: fake.now >= fake.answers_at)
        address = Address("http", LOOPBACK, free_port())
        log = tmp_path / "log"
        return ServerProcess(("serve",), address=address, workers=workers, log=log, env={})

    return start


def test_workers_that_die_before_they_are_ready_are_explained(start):
    died = dict.fromkeys(map(float, range(5, 60, 5)), "INFO:     Child process [7] died\n")
    with pytest.raises(TargetError) as error:
        start(FakeServer(died, answers_at=float("inf")))
    assert "--timeout-worker-healthcheck 60" in error.value.hint
    with pytest.raises(TargetError) as error:
        start(FakeServer({1.0: "INFO:     Started\n"}, answers_at=float("inf")))
    assert "--timeout" not in error.value.hint


@pytest.mark.parametrize("line", [READY, NO_LIFESPAN])
def test_it_is_ready_when_every_worker_is(start, line):
    fake = FakeServer({1.0: line, 2.0: line}, answers_at=0.5)
    start(fake)
    assert 2.0 <= fake.now < 2.5
    assert fake.stopped == 0


def test_a_server_of_unknown_workers_is_ready_with_its_first(start):
    fake = FakeServer({1.0: READY}, answers_at=0.5)
    start(fake, workers=None)
    assert 1.0 <= fake.now < 1.5


def test_it_is_not_ready_before_it_answers(start):
    fake = FakeServer({0.0: READY * 2}, answers_at=3.0)
    start(fake)
    assert fake.now >= 3.0


def test_an_app_that_silences_the_log_is_ready_some_time_after_it_answers(start):
    fake = FakeServer({}, answers_at=1.0)
    start(fake)
    assert 1.0 + server.SILENT_WORKERS_S <= fake.now < 10.0


def test_a_server_that_exits_at_start_shows_its_last_lines(start):
    printed = "".join(f"line {number}\n" for number in range(100)) + "OSError: no database\n"
    fake = FakeServer({0.0: printed}, answers_at=9.0, exits_at=1.0)
    with pytest.raises(TargetError, match="exited") as caught:
        start(fake)
    assert "code 3" in str(caught.value)
    assert "  OSError: no database" in caught.value.hint
    assert "line 99" in caught.value.hint
    assert "line 9\n" not in caught.value.hint
    assert fake.stopped


def test_a_server_that_exits_without_a_word_says_so(start):
    with pytest.raises(TargetError) as caught:
        start(FakeServer({}, exits_at=0.0))
    assert caught.value.hint == "It printed nothing."


def test_a_server_that_never_answers_is_stopped(start):
    fake = FakeServer({0.0: "INFO:     Waiting\n"}, answers_at=1e9)
    with pytest.raises(TargetError, match=r"did not answer at http://127\.0\.0\.1:\d+ within 60 s"):
        start(fake)
    assert fake.stopped


def test_a_server_is_stopped_when_its_start_is_interrupted(start, monkeypatch):
    fake = FakeServer({})

    def interrupt(seconds):
        raise KeyboardInterrupt

    fake.sleep = interrupt
    fake.answers_at = 1e9
    with pytest.raises(KeyboardInterrupt):
        start(fake)
    assert fake.stopped


def test_leaving_the_block_stops_it(start):
    fake = FakeServer({0.0: READY * 2})
    with pytest.raises(ZeroDivisionError), start(fake):
        raise ZeroDivisionError
    assert fake.stopped


def test_it_has_stopped_when_its_port_is_free(start, monkeypatch):
    """A killed worker that nobody waits for is dead a moment before its port is free."""
    fake = FakeServer({0.0: READY * 2})
    running = start(fake)
    freed = fake.now + 1.0

    def check_port(port, host):
        if fake.now < freed:
            raise TargetError("taken", "")

    monkeypatch.setattr(server, "check_port", check_port)
    running.stop()
    assert freed <= fake.now < freed + server.PORT_FREED_S


def test_a_port_that_stays_taken_is_not_waited_for_long(start, monkeypatch):
    fake = FakeServer({0.0: READY * 2})
    running = start(fake)
    monkeypatch.setattr(server, "check_port", Mock(side_effect=TargetError("taken", "")))
    before = fake.now
    running.stop()
    assert fake.stopped
    assert fake.now - before < 2 * server.PORT_FREED_S


def test_death_under_load_is_noticed(start):
    fake = FakeServer({0.0: READY * 2}, exits_at=30.0)
    running = start(fake)
    running.check("under load")
    fake.now = 31.0
    with pytest.raises(TargetError, match="exited"):
        running.check("under load")


def test_workers_that_died_are_counted(start):
    fake = FakeServer({0.0: READY * 2, 10.0: "INFO:     Child process [7] died\n" * 3})
    running = start(fake)
    assert running.troubles() == ()
    fake.now = 11.0
    assert running.troubles() == ("3 of the server's workers died",)


@pytest.mark.parametrize(("ended", "who"), [(2, "all 2 workers"), (1, "the only worker")])
def test_a_server_all_of_whose_workers_have_ended_is_gone(start, monkeypatch, ended, who):
    running = start(FakeServer({0.0: READY * 2}))
    monkeypatch.setattr(running, "_seen", Mock(ended=lambda: 0))
    running.check("under load")
    monkeypatch.setattr(running, "_seen", Mock(ended=lambda: ended))
    with pytest.raises(TargetError, match=f"{who} of the server ended under load") as error:
        running.check("under load")
    assert "Application startup complete." in error.value.hint


@pytest.mark.parametrize(
    ("died", "replaced", "is_gone", "told"),
    [
        (0, 0, False, ()),
        (2, 0, False, ("2 of the server's workers died",)),
        (
            *(2, 1, False),
            ("2 of the server's workers died; 1 worker was started instead",),
        ),
        (2, 0, True, ("2 of the server's workers died; at the end none was left",)),
        (0, 3, False, ("3 workers were started in the place of others that had ended",)),
    ],
)
def test_what_became_of_workers_is_told(start, monkeypatch, died, replaced, is_gone, told):
    running = start(FakeServer({0.0: READY * 2}))
    seen = Mock(died=lambda: died, replaced=lambda _: replaced, all_gone=lambda: is_gone)
    monkeypatch.setattr(running, "_seen", seen)
    assert running.troubles() == told


def test_command():
    command = uvicorn_command(APP, workers=3, port=8001)
    assert command[:4] == (sys.executable, "-m", "uvicorn", "shop:app")
    pairs = dict(itertools.pairwise(command))
    assert pairs["--app-dir"] == "/srv/shop"
    assert pairs["--host"] == "127.0.0.1"
    assert (pairs["--port"], pairs["--workers"]) == ("8001", "3")
    assert "--no-access-log" in command


def test_a_taken_port_is_named_with_what_to_do():
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            TargetError, match=f"port {port} on {LOOPBACK} cannot be used"
        ) as caught:
            check_port(port)
    assert "--port" in caught.value.hint


def test_a_free_port_can_be_used():
    check_port(free_port())
