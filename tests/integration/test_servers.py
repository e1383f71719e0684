"""Every server that can serve an app: its command is read, loaded, probed and stopped."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asyncperf.probe.orders import VARIABLE
from asyncperf.target.server import free_port

from .conftest import APPS, Finished

BIN = Path(sys.executable).parent
COMMANDS = {
    "uvicorn": "uvicorn shop:app --app-dir {apps} --port {port} --workers 2",
    "fastapi": "fastapi run {apps}/shop.py --port {port} --workers 2",
    "granian": "granian shop:app --interface asgi --working-dir {apps} --port {port} --workers 2",
    "hypercorn": "hypercorn {apps}/shop:app --bind 127.0.0.1:{port} --workers 2",
    "gunicorn": "gunicorn shop:app -k asgi --chdir {apps} --bind 127.0.0.1:{port} --workers 2",
}


@pytest.mark.parametrize("server", COMMANDS)
def test_its_workers_are_loaded_with_a_tuned_collector(
    asyncperf: Callable[..., Finished], tmp_path: Path, server: str
) -> None:
    port = free_port()
    command = COMMANDS[server].format(apps=APPS, port=port).split()
    load = ("-u", 10, "-r", 40, "-t", "3s", "--json", "-", "--include", "/fine")
    done = asyncperf("run", *load, "--gc", "tuned", "--", BIN / command[0], *command[1:])
    document = done.document
    assert document["target"]["server"] == server
    assert document["target"]["workers"] == 2
    assert document["target"]["gc"] == "tuned"
    assert document["load"]["warnings"] == []  # tuned in both workers, or it would say so
    [endpoint] = document["endpoints"]
    assert endpoint["failures"] == 0
    assert endpoint["limiter"]["kind"] == "users"


def test_a_server_that_the_probe_does_not_reach_is_said(asyncperf: Callable[..., Finished]) -> None:
    port = free_port()
    serve = f"-E -m uvicorn shop:app --app-dir {APPS} --port {port} --workers 1"
    load = ("-u", 10, "-r", 40, "-t", "3s", "--json", "-", "--include", "/fine")
    done = asyncperf("run", *load, "--gc", "tuned", "--", sys.executable, *serve.split())
    [warning] = done.document["load"]["warnings"]
    assert warning == "GET /fine: the garbage collector was tuned in 0 of 1 workers"
    assert VARIABLE not in os.environ
