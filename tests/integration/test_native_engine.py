"""The native engine against a server that keeps no promise: each request ends in exactly
one outcome, nothing hangs, nothing leaks."""

import os
import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asyncperf.errors import LoadError
from asyncperf.load.crowd import BREATH_S
from asyncperf.load.engine import Recording, Workload
from asyncperf.load.native_engine import NativeEngine, NativeSession
from asyncperf.load.outcomes import Outcome
from asyncperf.load.record_format import RECORD_BYTES
from asyncperf.model import Endpoint, LoadPlan, Request
from asyncperf.samples import Samples

from .conftest import wait_until
from .hostile import EXPECTED, Hostile, make_certificate, refusing, unaccepting

# The hostile server leaves sockets as it drops them; that is what it is for.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ALONE = 10
Start = Callable[..., NativeSession]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a load of `path` at `url`; it is stopped at the end of the test."""
    sessions: list[NativeSession] = []

    def start(url: str, path: str = "/ok", method: str = "GET", **changes: object) -> NativeSession:
        fields: dict[str, object] = {"engine": "native", "users": 8, "spawn_rate": 800.0}
        fields |= {"run_time_s": 0.5, "max_time_s": 60.0, "timeout_s": 10.0} | changes
        plan = LoadPlan(**fields)  # type: ignore[arg-type]
        workload = Workload(path, (Request(Endpoint(method, path), path),))
        session = NativeEngine(tmp_path, os.environ).start(workload, plan, url)
        sessions.append(session)
        return session

    yield start
    for session in sessions:
        session.stop()


def finish(session: NativeSession) -> Recording:
    """Let the load run its time; every request that was begun is accounted for."""
    wait_until(lambda: session.ended, "the end of the load")
    session.read()
    recording = session.stop()
    everything = (*recording.unloaded.values(), *recording.loaded.values())
    assert session.begun == sum(len(part) + len(part.cut_off_s) for part in everything)
    assert all(len(part) - part.ok.sum() == sum(part.errors.values()) for part in everything)
    return recording


def answered(folder: Path) -> int:
    """How many requests have come to an end, by the records that are written."""
    return sum(file.stat().st_size for file in folder.rglob("record-*.bin")) // RECORD_BYTES


def loaded(recording: Recording) -> Samples:
    [samples] = recording.loaded.values()
    return samples


def alone(recording: Recording) -> Samples:
    [samples] = recording.unloaded.values()
    return samples


def outcomes(samples: Samples) -> set[Outcome]:
    assert samples.outcome is not None
    return set(map(Outcome, samples.outcome.tolist()))


@pytest.mark.parametrize("model", ["closed", "open"])
@pytest.mark.parametrize("processes", [1, 2])
def test_requests_are_those_that_the_server_saw(start: Start, model: str, processes: int) -> None:
    with Hostile() as server:
        changes = {"model": model, "rate_rps": 200.0, "processes": processes, "run_time_s": 0.5}
        recording = finish(start(server.url, "/ok", **changes))
        samples = loaded(recording)
        due_s = [*samples.start_s, *samples.cut_off_s]
        sent = ALONE + len(due_s)
        # What was sent in the last instant may not have been read.
        assert sent - len(samples.cut_off_s) <= server.requests <= sent
    assert recording.generator.processes == processes
    assert samples.late_s is not None
    assert samples.late_s.min() >= 0
    if model == "open":
        assert sum(at < 0.499 for at in due_s) == 100


def test_think_time_spaces_the_requests(start: Start) -> None:
    with Hostile() as server:
        recording = finish(start(server.url, think_time_s=0.1, run_time_s=1.0))
    samples = loaded(recording)
    assert samples.late_s is not None
    assert len(samples) <= 8 * 11
    # Where a busy machine makes for fewer, answers or starts are late, or there is none yet.
    cut_off_s = (recording.duration_s - samples.cut_off_s).sum()
    answered_s = 0.1 * len(samples) + samples.latency_s.sum() + samples.late_s.sum()
    assert 8 * 0.8 < answered_s + cut_off_s < 8 * (recording.duration_s + 0.2)


def test_a_kept_connection_is_used_again(start: Start) -> None:
    with Hostile() as server:
        session = start(server.url, run_time_s=None)
        wait_until(lambda: server.requests > 200, "requests")
        assert server.open_connections <= 8
        session.stop()


def test_a_single_user_that_fails_is_the_end(start: Start) -> None:
    with Hostile() as server:
        recording = finish(start(server.url, "/error", processes=2))
    assert alone(recording).errors == {"HTTP 503": 1}
    assert recording.ramp_started_at is None
    assert len(loaded(recording)) == 0


def test_nobody_listens(start: Start) -> None:
    with refusing() as url:
        recording = finish(start(url))
    assert alone(recording).errors == {"connection refused": 1}


def test_nobody_accepts(start: Start) -> None:
    with unaccepting() as url:
        recording = finish(start(url, connect_timeout_s=0.3))
    text = "no connection within the connect timeout"
    assert alone(recording).errors == {text: 1}


def test_a_server_that_goes_away_is_not_flooded(start: Start, tmp_path: Path) -> None:
    with Hostile() as server:
        session = start(server.url, run_time_s=None)
        wait_until(lambda: server.requests > 20, "the load")
    wait_until(lambda: answered(tmp_path) > server.requests + 8 * 3, "several tries of each user")
    samples = loaded(session.stop())
    assert samples.outcome is not None
    refused_s = samples.start_s[samples.outcome == Outcome.REFUSED]
    # They would be thousands.
    assert 8 <= len(refused_s) <= 8 * (2 + (refused_s.max() - refused_s.min()) / BREATH_S)


def test_stopping_records_what_is_in_flight(start: Start) -> None:
    with Hostile(alone=ALONE) as server:
        session = start(server.url, "/hang", run_time_s=None)
        wait_until(lambda: server.requests >= ALONE + 8, "eight requests")
        recording = session.stop()
        assert len(loaded(recording).cut_off_s) == 8
        wait_until(lambda: server.open_connections == 0, "every connection to be let go of")


def test_a_load_process_that_dies_is_named(start: Start) -> None:
    with Hostile() as server:
        session = start(server.url, run_time_s=None)
        wait_until(lambda: server.requests > 20, "the load")
        session.stop()
        session = start("http://no.such.host.invalid:1")
        wait_until(lambda: session.ended, "its end")
        with pytest.raises(LoadError, match="load process 0 failed") as caught:
            session.read()
        assert "gaierror" in caught.value.hint
        session.stop()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    return make_certificate(tmp_path)


def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.mark.parametrize("path", ["/ok", "/short_body", "/reset_in_body", "/no_length", "/close"])
def test_tls_that_is_trusted(start: Start, certificate: tuple[Path, Path], path: str) -> None:
    with Hostile(tls(certificate), alone=ALONE) as server:
        session = start(server.url, path, ca_file=str(certificate[0]), run_time_s=None)
        wait_until(lambda: server.requests > ALONE + 3 * 8, "three requests of each user")
        samples = loaded(session.stop())
        wait_until(lambda: server.open_connections == 0, "every connection to be let go of")
    assert len(samples) >= 8
    assert outcomes(samples) <= EXPECTED[path] | {Outcome.TRUNCATED}


def test_tls_that_is_not_trusted(start: Start, certificate: tuple[Path, Path]) -> None:
    with Hostile(tls(certificate)) as server:
        recording = finish(start(server.url))
    [error] = alone(recording).errors
    assert error.startswith("TLS failed: self")


def test_tls_of_another_name(start: Start, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "DNS:elsewhere.example")
    with Hostile(tls(other)) as server:
        recording = finish(start(server.url, ca_file=str(other[0])))
    [error] = alone(recording).errors
    assert error.startswith("TLS failed: ")


def test_tls_where_there_is_none(start: Start) -> None:
    with Hostile() as server:
        recording = finish(start(server.url.replace("http:", "https:"), connect_timeout_s=0.5))
    [error] = alone(recording).errors
    assert error.startswith(("TLS failed", "no connection within", "the connection was reset"))


def test_killed_outright_leaves_no_load_process(tmp_path: Path) -> None:
    """Covered for the whole command in test_interrupts; here the engine alone."""
    with Hostile() as server:
        import subprocess
        import sys

        import psutil

        code = (
            "import os, sys, time\n"
            "from pathlib import Path\n"
            "from asyncperf.load.engine import Workload\n"
            "from asyncperf.load.native_engine import NativeEngine\n"
            "from asyncperf.model import Endpoint, LoadPlan, Request\n"
            "plan = LoadPlan('native', 8, 800.0, None, 60.0, 10.0, processes=2)\n"
            f"engine = NativeEngine(Path({str(tmp_path)!r}), os.environ)\n"
            "workload = Workload('x', (Request(Endpoint('GET', '/ok'), '/ok'),))\n"
            f"engine.start(workload, plan, {server.url!r})\n"
            "time.sleep(60)\n"
        )
        parent = subprocess.Popen([sys.executable, "-c", code])
        wait_until(lambda: server.requests > 50, "the load")
        family = psutil.Process(parent.pid).children(recursive=True)
        assert len(family) == 4
        parent.kill()
        parent.wait()
        wait_until(lambda: not any(p.is_running() for p in family), "the load to end")
        wait_until(lambda: server.open_connections == 0, "the server to have read what came")
        seen = server.requests
        time.sleep(0.1)
        assert server.requests == seen
