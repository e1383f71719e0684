"""The experiment, small: real server, real load, figures that agree with the arithmetic."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from .conftest import ROOT, Finished

Asyncperf = Callable[..., Finished]
SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())
# Users enough that the worker that gets fewer of them still fills its 40 threads:
# keep-alive pins each to the worker that took its connection.
SMALL = ("-u", 200, "-r", 200, "-t", "10s")
FEWER = ("--include", "/sync_baseline", "--include", "/async_concurrent")
TASK = {"SECONDS_TO_SLEEP": "0.3"}
QUICK = ("-u", 20, "-r", 40, "-t", "4s")


@pytest.mark.timeout(300)
def test_the_experiment_agrees_with_arithmetic(asyncperf: Asyncperf, tmp_path: Path) -> None:
    csv = ("--csv", tmp_path / "out")
    done = asyncperf("run", *SMALL, *FEWER, "--json", "-", *csv, cwd=ROOT, env=TASK)
    document = done.document
    jsonschema.validate(document, SCHEMA)
    assert (done.code, document["status"]) == (0, "complete")
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
    [finding] = document["findings"]
    assert finding["code"] == "pool-saturated"
    lines = (ROOT / "app.py").read_text().splitlines()
    assert lines[finding["line"] - 1].startswith("def sync_baseline")
    header = (tmp_path / "out_stats.csv").read_text().splitlines()[0]
    assert header.startswith("Type,Name,Request Count,Failure Count,Median Response Time")


def test_a_saved_run_is_reported_again(asyncperf: Asyncperf, tmp_path: Path) -> None:
    app = ROOT / "app.py"
    quick = ("--include", "/async_concurrent", *QUICK, "-o", "run")
    first = asyncperf("run", app, *quick, "--json", "first.json", env=TASK)
    assert first.code == 0
    assert "the 20 users themselves" in first.out
    assert "Wrote run" in first.err
    again = asyncperf("report", "run", "--json", "-")
    assert again.document == json.loads((tmp_path / "first.json").read_text())
    assert asyncperf("report", "run").out == first.out


@pytest.mark.timeout(300)
def test_repetitions_budgets_and_a_comparison(asyncperf: Asyncperf, tmp_path: Path) -> None:
    """Two repetitions with a budget each way, then the run against itself."""
    done = asyncperf(
        *(
            "run",
            ROOT / "app.py",
            "--include",
            "/async_concurrent",
            "-u",
            20,
            "-r",
            40,
            "-o",
            "run",
        ),
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
    assert compared.document["warnings"] == []


def test_user_classes_of_a_locustfile(asyncperf: Asyncperf) -> None:
    done = asyncperf(
        *("run", ROOT / "app.py", "-f", ROOT / "locustfile.py"),
        *("--user-class", "AsyncConcurrentUser", *QUICK, "--json", "-"),
        env=TASK,
    )
    [endpoint] = done.document["endpoints"]
    assert (endpoint["load"], endpoint["path"]) == ("AsyncConcurrentUser", "/async_concurrent")
    assert endpoint["limiter"]["kind"] == "users"


@pytest.mark.parametrize(
    "user_class",
    ["SyncBaselineUser", "AsyncIndependentUser", "AsyncDependentUser", "AsyncConcurrentUser"],
)
def test_the_published_commands(user_class: str, tmp_path: Path) -> None:
    """The two commands as published, but for the port, which may be taken, and the time."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    scripts = Path(sys.executable).parent
    server = subprocess.Popen(
        [scripts / "fastapi", "run", "--workers", "2", "app.py", "--port", str(port)],
        cwd=ROOT,
        env=os.environ | {"SECONDS_TO_SLEEP": "0.05"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.1)
        flags = f"--headless -u 500 -r 50 -t 3s -f locustfile.py -H http://0.0.0.0:{port}"
        done = subprocess.run(
            [scripts / "locust", *flags.split(), user_class],
            cwd=ROOT,
            env=os.environ | {"LOCUST_CSV": str(tmp_path / "out")},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    assert done.returncode == 0, done.stderr[-2000:]
    rows = (tmp_path / "out_stats.csv").read_text()
    assert user_class.removesuffix("User").lower() in rows.replace("_", "").lower()
