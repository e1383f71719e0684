"""Every server that can serve an app: its command is read, loaded, probed and stopped."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncperf.analysis.inside import NOTHING_SEEN
from asyncperf.probe.orders import VARIABLE
from asyncperf.store import load_run
from asyncperf.target.server import free_port

from .conftest import APPS, Finished
from .test_awaits import callees

BIN = Path(sys.executable).parent
COMMANDS = {
    "uvicorn": "uvicorn awaits:app --app-dir {apps} --port {port} --workers 2",
    "fastapi": "fastapi run {apps}/awaits.py --port {port} --workers 2",
    "granian": "granian awaits:app --interface asgi --working-dir {apps} --port {port} --workers 2",
    "hypercorn": "hypercorn {apps}/awaits:app --bind 127.0.0.1:{port} --workers 2",
    "gunicorn": "gunicorn awaits:app -k asgi --chdir {apps} --bind 127.0.0.1:{port} --workers 2",
}


@pytest.mark.parametrize("server", COMMANDS)
def test_its_workers_are_loaded_with_a_tuned_collector_and_seen_inside(
    asyncperf: Callable[..., Finished], tmp_path: Path, server: str
) -> None:
    port = free_port()
    command = COMMANDS[server].format(apps=APPS, port=port).split()
    load = ("-u", 10, "-r", 40, "-t", "2s", "--json", "-", "--include", "/all", "-o", "run")
    done = asyncperf("run", *load, "--gc", "tuned", "--", BIN / command[0], *command[1:])
    document = done.document
    assert document["target"]["server"] == server
    assert document["target"]["workers"] == 2
    assert document["target"]["gc"] == "tuned"
    # Tuned in both workers, or it would say so.
    assert "garbage collector" not in " ".join(document["load"]["warnings"])
    [endpoint] = document["endpoints"]
    assert endpoint["whole_run"]["failures"] == 0
    assert_awaits_are_seen(tmp_path / "run")


def test_a_script_that_serves_its_own_app(
    asyncperf: Callable[..., Finished], tmp_path: Path
) -> None:
    script = tmp_path / "main.py"
    serve = "import sys\nimport uvicorn\nuvicorn.run(app, port=int(sys.argv[2]))\n"
    script.write_text(f"{(APPS / 'awaits.py').read_text()}\n{serve}")
    load = ("-u", 2, "-t", "1s", "--include", "/all", "-o", "run")
    asyncperf("run", *load, "--", sys.executable, script, "--port", free_port())
    assert_awaits_are_seen(tmp_path / "run")


def assert_awaits_are_seen(folder: Path) -> None:
    [load] = load_run(folder).loads
    assert load.insight is not None
    assert load.insight.missing == ()
    assert {"everything", "user", "session", "settings", "query"} <= set(callees(load.insight))


def test_a_server_that_the_probe_does_not_reach_is_said(asyncperf: Callable[..., Finished]) -> None:
    port = free_port()
    serve = f"-E -m uvicorn shop:app --app-dir {APPS} --port {port} --workers 1"
    load = ("-u", 2, "-t", "500ms", "--json", "-", "--include", "/fine")
    done = asyncperf("run", *load, "--gc", "tuned", "--", sys.executable, *serve.split())
    warning = "GET /fine: the garbage collector was tuned in 0 of 1 workers"
    assert warning in done.document["load"]["warnings"]
    assert NOTHING_SEEN in done.document["load"]["warnings"]
    assert VARIABLE not in os.environ
