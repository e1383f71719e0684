"""The experiment, small: real server, real load, figures that agree with the arithmetic."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from .conftest import PATIENCE_S, ROOT, Finished, starter, wait_until

SCRIPTS = Path(sys.executable).parent
Asyncperf = Callable[..., Finished]
SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())
# Users enough that the worker that gets fewer of them still fills its 40 threads:
# keep-alive pins each to the worker that took its connection.
SMALL = ("-u", 200, "-r", 200, "--max-time", "1m")
FEWER = ("--include", "/sync_baseline", "--include", "/async_concurrent")
TASK = {"SECONDS_TO_SLEEP": "0.3"}
QUICK = ("-u", 20, "-r", 40, "-t", "3s")


@dataclass(frozen=True)
class Saved:
    """A run that was left in `folder`, with the formats that it wrote there as well."""

    done: Finished
    folder: Path

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "first.json").read_text())
        return document


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Run once: the load goes on until there is enough to quote."""
    folder = tmp_path_factory.mktemp("experiment")
    formats = ("--json", folder / "first.json", "--csv", folder / "out")
    with starter(folder) as start:
        running = start("run", *SMALL, *FEWER, "-o", folder / "run", *formats, cwd=ROOT, env=TASK)
        return Saved(running.finish(), folder)


@pytest.mark.timeout(300)
def test_the_experiment_agrees_with_arithmetic(experiment: Saved) -> None:
    document = experiment.document
    jsonschema.validate(document, SCHEMA)
    assert (experiment.done.code, document["status"]) == (0, "complete")
    by_path = {endpoint["path"]: endpoint for endpoint in document["endpoints"]}
    limiters = {path: endpoint["limiter"]["kind"] for path, endpoint in by_path.items()}
    assert limiters == {
        "/sync_baseline": "thread_pool",
        "/async_concurrent": "users",
    }
    assert by_path["/sync_baseline"]["limiter"]["capacity"] == 80
    for endpoint in by_path.values():
        # Room for a busy machine; the exact claim is in results/ and in benchmarks.
        assert endpoint["measured_over_ceiling"] == pytest.approx(1, abs=0.1)
        assert endpoint["failures"] == 0
        assert endpoint["whole_run"]["requests"] >= endpoint["requests"]
    # A machine with too much to do can add a remark of its own.
    [finding] = [f for f in document["findings"] if f["severity"] == "error"]
    assert finding["code"] == "pool-saturated"
    lines = (ROOT / "app.py").read_text().splitlines()
    assert lines[finding["line"] - 1].startswith("def sync_baseline")
    header = (experiment.folder / "out_stats.csv").read_text().splitlines()[0]
    assert header.startswith("Type,Name,Request Count,Failure Count,Median Response Time")


@pytest.mark.timeout(300)
def test_a_saved_run_is_reported_again(asyncperf: Asyncperf, experiment: Saved) -> None:
    assert "the 200 users themselves" in experiment.done.out
    assert f"Wrote {experiment.folder / 'run'}" in experiment.done.err
    run = experiment.folder / "run"
    assert asyncperf("report", run, "--json", "-", cwd=ROOT).document == experiment.document
    assert asyncperf("report", run, cwd=ROOT).out == experiment.done.out


@pytest.mark.timeout(300)
def test_repetitions_budgets_and_a_comparison(asyncperf: Asyncperf) -> None:
    """Two repetitions with a budget each way, then the run against itself."""
    done = asyncperf(
        *("run", ROOT / "app.py", "--include", "/async_concurrent", *QUICK, "-o", "run"),
        *("--repeat", 2, "--budget", "rate>1", "--budget", "GET /*: p95<1ms", "--json", "-"),
        env={"SECONDS_TO_SLEEP": "0.1"},
    )
    assert done.code == 1
    jsonschema.validate(done.document, SCHEMA)
    assert [budget["status"] for budget in done.document["budgets"]] == ["met", "missed"]
    [endpoint] = done.document["endpoints"]
    first, second = endpoint["repetitions"]
    assert endpoint["requests"] == first["requests"] + second["requests"]
    assert endpoint["rate_rps"] == pytest.approx((first["rate_rps"] + second["rate_rps"]) / 2)
    assert [load["repetition"] for load in done.document["load"]["loads"]] == [1, 2]

    compared = asyncperf("compare", "run", "run", "--json", "-", "--fail-on", "worse")
    assert compared.code == 0
    [endpoint] = compared.document["endpoints"]
    assert endpoint["verdict"] in ("no_difference_shown", "cannot_tell")
    assert endpoint["changes"]["rate"]["low"] <= 1 <= endpoint["changes"]["rate"]["high"]
    # But for how busy the machine was, a run is like itself.
    assert all("CPUs were" in warning for warning in compared.document["warnings"])


def test_user_classes_of_a_locustfile(asyncperf: Asyncperf) -> None:
    done = asyncperf(
        *("run", ROOT / "app.py", "-f", ROOT / "locustfile.py"),
        *("--user-class", "AsyncConcurrentUser", *QUICK, "--json", "-"),
        env=TASK,
    )
    [endpoint] = done.document["endpoints"]
    assert (endpoint["load"], endpoint["path"]) == ("AsyncConcurrentUser", "/async_concurrent")
    assert endpoint["limiter"]["kind"] == "users"


@pytest.fixture(scope="module")
def published_server() -> Iterator[int]:
    """The published command's server, but for the port, which may be taken; yields that."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    server = subprocess.Popen(
        [SCRIPTS / "fastapi", "run", "--workers", "2", "app.py", "--port", str(port)],
        cwd=ROOT,
        env=os.environ | {"SECONDS_TO_SLEEP": "0.05"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def answers() -> bool:
        assert server.poll() is None
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/async_concurrent").close()
        except OSError:
            return False
        return True

    try:
        wait_until(answers, "the server")
        yield port
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.mark.parametrize(
    ("user_class", "path"),
    [
        ("SyncBaselineUser", "/sync_baseline"),
        ("AsyncIndependentUser", "/async_independent"),
        ("AsyncDependentUser", "/async_dependent"),
        ("AsyncConcurrentUser", "/async_concurrent"),
    ],
)
def test_the_published_commands(
    user_class: str, path: str, published_server: int, tmp_path: Path
) -> None:
    """As published, but for the port; stopped once it has printed what it requests."""
    host = f"http://0.0.0.0:{published_server}"
    flags = f"--headless -u 500 -r 50 -t 5m -f locustfile.py -H {host}"
    log = tmp_path / "log"
    with log.open("w") as output:
        locust = subprocess.Popen(
            [SCRIPTS / "locust", *flags.split(), user_class],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def rows() -> list[tuple[str, str, str]]:
        return re.findall(r"^GET +(\S+) +(\d+) +(\d+)\(", log.read_text(), flags=re.MULTILINE)

    try:
        wait_until(rows, "the first row of its table")
        locust.terminate()  # SIGINT may be lost in the greenlet that happens to run
        assert locust.wait(PATIENCE_S) == 0, log.read_text()[-2000:]
    finally:
        locust.kill()
        locust.wait()
    name, requests, failures = rows()[-1]
    assert (name, failures) == (path, "0")
    assert int(requests) > 0
