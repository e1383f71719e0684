"""Apps and settings that go wrong: the message names it, the code is right, nothing is lost."""

import json
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncperf.store import load_run

from .conftest import APPS, ROOT, Finished, Running, wait_until

FAULTY = APPS / "faulty.py"
QUICK = ("-u", 10, "-r", 20, "--timeout", "2s", "--workers", 1)
Asyncperf = Callable[..., Finished]


def test_no_app_in_the_directory(asyncperf: Asyncperf, tmp_path: Path) -> None:
    done = asyncperf("run")
    assert done.code == 3
    assert f"there is none in {tmp_path}" in done.err
    assert "asyncperf run FILE.py" in done.err


@pytest.mark.parametrize(
    ("source", "app", "says"),
    [
        ("def helper():\n    return 1 / 0\nhelper()\n", "mine.py", "line 2, in helper"),
        ("x = 1\n", "other:app", "there is no module 'other'"),
    ],
)
def test_app_that_cannot_be_imported(
    asyncperf: Asyncperf, tmp_path: Path, source: str, app: str, says: str
) -> None:
    (tmp_path / "mine.py").write_text(source)
    done = asyncperf("run", app)
    assert done.code == 3
    assert says in done.err
    assert not (tmp_path / ".asyncperf").exists()


def test_bad_task_length_is_the_apps_own_message(asyncperf: Asyncperf) -> None:
    done = asyncperf("run", ROOT / "app.py", env={"SECONDS_TO_SLEEP": "-1"})
    assert done.code == 3
    assert "SECONDS_TO_SLEEP must be a number of seconds, 0 or more, not '-1'" in done.err


def test_port_that_is_taken(asyncperf: Asyncperf) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = asyncperf("run", FAULTY, "--port", port, "--include", "/fine")
    assert done.code == 3
    assert f"port {port} on 127.0.0.1 cannot be used" in done.err


def test_server_that_exits_at_start(asyncperf: Asyncperf) -> None:
    done = asyncperf("run", APPS / "no_start.py")
    assert done.code == 3
    assert "the server exited before it was ready" in done.err
    assert "RuntimeError: no database at db:5432" in done.err


def test_server_that_dies_under_load(asyncperf: Asyncperf, tmp_path: Path) -> None:
    done = asyncperf(
        "run", FAULTY, "--include", "/die", "-u", 20, "-r", 10, "-w", 2, "-o", tmp_path / "run"
    )
    assert done.code == 3
    assert "the server exited under load" in done.err
    run = load_run(tmp_path / "run")
    assert run.status == "partial"
    assert len(run.loads[0].measured[0].samples) > 0


def test_endpoint_that_fails_alone_is_not_loaded(asyncperf: Asyncperf) -> None:
    says = {
        "/error": "failed for a single user (HTTP 500)",
        "/hang": "had no answer within 2 s (--timeout)",
        "/close": "closed the connection in the middle of its answer",
    }
    paths = [flag for path in says for flag in ("--include", path)]
    done = asyncperf("run", FAULTY, *paths, "--json", "-", *QUICK)
    assert done.code == 4
    found = {endpoint["path"]: endpoint for endpoint in done.document["endpoints"]}
    assert found.keys() == says.keys()
    for path, words in says.items():
        assert words in found[path]["trouble"]
        assert found[path]["rate_rps"] is None


def test_endpoint_that_fails_under_load_is_counted(asyncperf: Asyncperf) -> None:
    done = asyncperf("run", FAULTY, "--include", "/flaky", "--json", "-", *QUICK, "-t", "3s")
    [endpoint] = done.document["endpoints"]
    whole = endpoint["whole_run"]
    assert 0 < whole["failures"] < whole["requests"]
    assert endpoint["errors"] == {"HTTP 503": whole["failures"]}
    assert endpoint["limiter"] is None


def test_too_short_a_load_is_not_quoted(asyncperf: Asyncperf) -> None:
    done = asyncperf("run", FAULTY, "--include", "/fine", "--json", "-", *QUICK, "-t", "600ms")
    assert done.code == 4
    [endpoint] = done.document["endpoints"]
    assert endpoint["rate_rps"] is None
    assert "give it more time" in endpoint["no_window_why"]
    codes = {finding["code"] for finding in done.document["findings"]}
    # On a busy machine its requests may begin late as well.
    assert codes - {"generator-saturated"} == {"too-little-data"}


def test_unknown_user_class_names_those_there_are(asyncperf: Asyncperf) -> None:
    done = asyncperf(
        *("run", ROOT / "app.py", "-f", ROOT / "locustfile.py", "--user-class", "NoUser")
    )
    assert done.code == 2
    assert "no user class 'NoUser'" in done.err
    assert "SyncBaselineUser, AsyncIndependentUser" in done.err


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import nothing_of_that_name\n", "Locust cannot load 'users.py'"),
        ("x = 1\n", "Locust finds no user class in 'users.py'"),
    ],
)
def test_locustfile_without_a_user(
    asyncperf: Asyncperf, tmp_path: Path, source: str, says: str
) -> None:
    (tmp_path / "users.py").write_text(source)
    done = asyncperf("run", FAULTY, "-f", "users.py")
    assert done.code == 2
    assert says in done.err


def test_descriptor_limit_below_the_users(start: Callable[..., Running]) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    users = min(hard, 999_000) if hard != resource.RLIM_INFINITY else None
    if users is None:
        pytest.skip("this machine sets no limit on file descriptors")
    done = start("run", FAULTY, "-u", users, "-w", 1).finish()
    assert done.code == 2
    assert f"{users} of the users needs {users + 100} file descriptors" in done.err
    assert "ulimit -n" in done.err


def test_run_folder_that_holds_a_run(asyncperf: Asyncperf, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    earlier = json.dumps({"schema_version": 1, "tool": "asyncperf 0.1.0"})
    (tmp_path / "run" / "run.json").write_text(earlier)
    done = asyncperf("run", FAULTY, "-o", "run")
    assert done.code == 2
    assert "'run' already holds a run" in done.err
    assert (tmp_path / "run" / "run.json").read_text() == earlier


def test_force_replaces_only_a_run(asyncperf: Asyncperf, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "run.json").write_text('{"theirs": 1}')
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    done = asyncperf("run", FAULTY, "-o", "mine", "--force")
    assert done.code == 2
    assert "holds no run" in done.err
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep me"


def test_disk_that_cannot_be_written(asyncperf: Asyncperf) -> None:
    done = asyncperf("run", FAULTY, "-o", "/proc/asyncperf")
    assert done.code == 2
    assert "cannot write to '/proc/asyncperf'" in done.err


def test_disk_that_is_full_for_the_workers_alone(asyncperf: Asyncperf, tmp_path: Path) -> None:
    """The app runs on, its load is made, and the report begins with what was not seen."""
    flags = ("--endpoint", "GET /fine", *QUICK, "-t", "3s", "-w", 1, "--env", "FILE_SIZE=3000")
    done = asyncperf("run", APPS / "injured.py", *flags, "-o", tmp_path / "run")
    assert done.out.startswith("! what the probe saw could not be written: ")
    [measured] = load_run(tmp_path / "run").loads[0].measured
    assert len(measured.samples) > 0
    assert measured.samples.ok.all()


def test_run_of_a_newer_asyncperf(asyncperf: Asyncperf, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps({"schema_version": 99}))
    done = asyncperf("report", "run")
    assert done.code == 2
    assert "newer asyncperf (schema 99" in done.err


def test_locust_that_is_missing(asyncperf: Asyncperf, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: "
        "None if name == 'locust' else found(name, *more)\n"
    )
    locust = ("--engine", "locust")
    done = asyncperf("run", FAULTY, *locust, env={"PYTHONPATH": str(tmp_path)})
    assert done.code == 4
    assert "Locust is not installed" in done.err
    assert "pip install locust" in done.err
    assert not (tmp_path / ".asyncperf").exists()


@pytest.mark.parametrize(
    ("engine", "module", "says"),
    [
        ("locust", "locust", "the load generator exited by itself"),
        ("native", "asyncperf.load.native_worker", "load process 0 failed (code 137)"),
    ],
)
def test_load_generator_that_dies(
    start: Callable[..., Running], tmp_path: Path, engine: str, module: str, says: str
) -> None:
    flags = (*QUICK, "-t", "5m", "-o", "run", "--engine", engine)
    running = start("run", FAULTY, "--include", "/fine", *flags)
    ramped = "ramped" if engine == "locust" else "reached"
    wait_until(lambda: running.recorded(ramped), "the end of the ramp")
    for process in running.family():
        if process.cmdline()[1:3] == ["-m", module]:
            process.kill()
    done = running.finish()
    assert done.code == 4
    assert says in done.out + done.err
    assert len(load_run(tmp_path / "run").loads[0].measured[0].samples) > 0
