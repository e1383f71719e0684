"""Any app, however it is served, and any request: driven by the command line."""

import json
import os
import platform
import shlex
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jsonschema
import pytest

from asyncperf.target.address import LOOPBACK, Address
from asyncperf.target.server import ServerProcess, free_port

from .conftest import APPS, ROOT, Finished, Running, measures, wait_until
from .hostile import make_certificate

Asyncperf = Callable[..., Finished]
SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())
SHOP = APPS / "shop.py"
QUICK = ("-u", 10, "-r", 40, "-t", "3s", "--json", "-")
# Where no figure is judged.
ONE_USER = ("-u", 1, "-t", "500ms", "-w", 1, "--json", "-")


def uvicorn(port: int) -> list[str]:
    serve = f"-m uvicorn shop:app --app-dir {APPS} --port {port} --workers 2 --no-access-log"
    return [sys.executable, *serve.split()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The shop, served by someone else; its URL."""
    address = Address("http", LOOPBACK, free_port())
    log = tmp_path_factory.mktemp("server") / "log"
    command = uvicorn(address.port)
    with ServerProcess(command, address=address, workers=2, log=log, env=os.environ):
        yield address.url


@contextmanager
def answering(status: int, certificate: tuple[Path, Path] | None = None) -> Iterator[int]:
    """A server that is no app: the same answer to everything; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    serving = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        serving.socket = context.wrap_socket(serving.socket, server_side=True)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    try:
        yield serving.server_port
    finally:
        serving.shutdown()
        thread.join()
        serving.server_close()


@measures
def test_a_command_is_served_loaded_and_stopped(asyncperf: Asyncperf) -> None:
    command = uvicorn(free_port())
    done = asyncperf("run", *QUICK, "--include", "/fine", "--", *command)
    document = done.document
    jsonschema.validate(document, SCHEMA)
    assert done.code == 0
    target = document["target"]
    assert target["app"] == shlex.join(command)
    assert (target["workers"], target["server"]) == (2, "uvicorn")
    assert target["python"] == f"CPython {platform.python_version()}"  # by the probe
    assert target["access_log"] is False
    [endpoint] = document["endpoints"]
    assert endpoint["limiter"]["kind"] == "users"
    assert (endpoint["handler"]["name"], endpoint["handler"]["async"]) == ("fine", True)
    assert endpoint["handler"]["file"] == str(APPS / "shop.py")


@measures
def test_a_url_is_loaded_and_left_as_it_was(asyncperf: Asyncperf, server: str) -> None:
    endpoints = ("--endpoint", "/fine", "--endpoint", "/items/1")
    assert asyncperf("run", server, *QUICK, "-t", "500ms", *endpoints).code == 4  # too short
    done = asyncperf("run", server, *QUICK, *endpoints)  # it is still there
    document = done.document
    jsonschema.validate(document, SCHEMA)
    assert done.code == 0
    assert document["target"] == {
        "app": server,
        "command": [],
        "workers": None,
        "server": "uvicorn",
        "python": None,
        "access_log": None,
        "gc": "default",
    }
    assert [e["path"] for e in document["endpoints"]] == ["/fine", "/items/{item_id}"]
    warnings = " ".join(document["load"]["warnings"])
    assert "was not restarted between the loads" in warnings


@measures
def test_an_unknown_handler_leaves_the_thread_pool_unknown(
    asyncperf: Asyncperf, server: str
) -> None:
    done = asyncperf(
        "run", server, *QUICK, "-u", 200, "-r", 800, "-t", "6s", "--include", "/blocking"
    )
    [endpoint] = done.document["endpoints"]
    assert endpoint["limiter"] is None
    assert "the handler is not known" in endpoint["limiter_note"]


@pytest.mark.parametrize("engine", ["native", "locust"])
def test_bodies_and_examples_reach_the_app(asyncperf: Asyncperf, engine: str) -> None:
    """A body that did not come whole would be answered with 422."""
    flags = ("-w", 1, "--engine", engine, "--endpoint", "POST /items")
    done = asyncperf("run", SHOP, *QUICK, *flags)
    [endpoint] = done.document["endpoints"]
    assert (endpoint["trouble"], endpoint["errors"]) == (None, {})
    whole = endpoint["whole_run"]
    assert (whole["requests"] > 100, whole["failures"]) == (True, 0)
    [sent] = done.document["requests"]
    assert (sent["target"], sent["headers"]) == ("/items", ["Content-Type"])
    assert sent["body_bytes"] == len('{"name": "cup", "price": 1.0}')
    line = SHOP.read_text().splitlines()[endpoint["handler"]["line"] - 1]
    assert line.startswith("async def create")


@measures
@pytest.mark.parametrize("engine", ["native", "locust"])
def test_a_mix_is_one_load_in_shares(asyncperf: Asyncperf, tmp_path: Path, engine: str) -> None:
    (tmp_path / "mix.toml").write_text(
        """
        [[request]]
        path = "/fine"
        weight = 3

        [[request]]
        method = "POST"
        path = "/items"
        json = { name = "pot", price = 2 }
        weight = 1
        """
    )
    requests = ("--mix", "--requests", "mix.toml", "-t", "4s", "-w", 1)
    done = asyncperf("run", SHOP, *QUICK, "--engine", engine, *requests)
    document = done.document
    jsonschema.validate(document, SCHEMA)
    assert done.code == 0
    fine, create = document["endpoints"]
    assert fine["load"] == create["load"] == "mix"
    counts = [endpoint["whole_run"]["requests"] for endpoint in (fine, create)]
    assert 2 < counts[0] / counts[1] < 4.5
    # Shares of one ceiling: both reach the same part of it.
    assert fine["measured_over_ceiling"] == pytest.approx(create["measured_over_ceiling"], rel=0.1)
    assert fine["limiter"]["kind"] == "users"
    assert fine["limiter_note"].startswith("in a mix of 2 endpoints, 7")


def test_writes_are_sent_only_when_allowed(asyncperf: Asyncperf) -> None:
    flags = ("--mix", "--exclude", "/blocking", "--exclude", "/fine")
    assert "POST /items: POST may write: --allow-writes, or name it" in " ".join(
        asyncperf("run", SHOP, *ONE_USER, *flags).err.split()
    )
    sent = asyncperf("run", SHOP, *ONE_USER, *flags, "--allow-writes").document["requests"]
    assert [each["method"] for each in sent] == ["POST"]


def test_a_request_that_fails_in_a_mix_is_named(asyncperf: Asyncperf) -> None:
    endpoints = ("--mix", "--endpoint", "/fine", "--endpoint", "POST /items {}")
    done = asyncperf("run", SHOP, *ONE_USER, *endpoints)
    assert done.code == 4
    assert "POST /items: HTTP 422" in done.document["endpoints"][0]["trouble"]


def test_a_command_that_does_not_exist(asyncperf: Asyncperf, tmp_path: Path) -> None:
    done = asyncperf("run", "--", "uvicron", "shop:app", "--port", free_port())
    assert done.code == 3
    assert "there is no command 'uvicron'" in done.err
    assert not (tmp_path / ".asyncperf").exists()


def test_a_command_that_fails_shows_its_last_words(asyncperf: Asyncperf) -> None:
    serve = (sys.executable, "-m", "uvicorn", "nowhere:app", "--port", free_port())
    done = asyncperf("run", "--", *serve)
    assert done.code == 3
    assert "the server exited before it was ready" in done.err
    assert 'Could not import module "nowhere"' in done.err


def test_no_command_after_the_dashes(asyncperf: Asyncperf) -> None:
    done = asyncperf("run", "--")
    assert done.code == 2
    assert "no command after --" in done.err


def test_app_and_command_together(asyncperf: Asyncperf) -> None:
    done = asyncperf("run", SHOP, "--", "uvicorn", "shop:app", "--port", 8123)
    assert done.code == 2
    assert "both an app" in done.err


def test_a_url_that_refuses(asyncperf: Asyncperf) -> None:
    done = asyncperf("run", f"http://127.0.0.1:{free_port()}")
    assert done.code == 3
    assert "nothing answers at http://127.0.0.1:" in done.err
    assert "Connection refused" in done.err


def test_a_remote_host_needs_leave(asyncperf: Asyncperf) -> None:
    done = asyncperf("run", "http://192.0.2.1:8001")
    assert done.code == 2
    assert "the host 192.0.2.1 is not this machine's loopback" in done.err
    assert "--allow-remote" in done.err


def test_a_certificate_that_is_not_trusted(asyncperf: Asyncperf, tmp_path: Path) -> None:
    with answering(200, make_certificate(tmp_path)) as port:
        done = asyncperf("run", f"https://localhost:{port}")
    assert done.code == 3
    assert f"the certificate of https://localhost:{port} is not trusted: self" in done.err
    assert "--ca-file" in done.err


def test_a_server_without_openapi_needs_its_requests_named(asyncperf: Asyncperf) -> None:
    with answering(404) as port:
        done = asyncperf("run", f"http://127.0.0.1:{port}")
        assert done.code == 2
        assert "/openapi.json (HTTP 404)" in done.err
        assert "--endpoint 'GET /items/1'" in done.err


def test_a_document_at_another_path_or_in_a_file(asyncperf: Asyncperf, tmp_path: Path) -> None:
    serve = "-m uvicorn moved:app --workers 1 --port"
    (tmp_path / "moved.py").write_text(
        "from fastapi import FastAPI\n"
        "app = FastAPI(openapi_url='/api/spec.json')\n"
        "@app.get('/fine')\nasync def fine(): ...\n"
    )

    def run(*flags: object) -> Finished:
        command = (sys.executable, *serve.split(), free_port())
        return asyncperf("run", "-u", 1, "-t", "500ms", "--json", "-", *flags, "--", *command)

    missed = run()
    assert missed.code == 2
    assert "there is no OpenAPI document at http://127.0.0.1:" in missed.err
    assert "--openapi /api/v1/openapi.json" in missed.err
    found = run("--openapi", "/api/spec.json").document
    assert [e["path"] for e in found["endpoints"]] == ["/fine"]
    (tmp_path / "mine.json").write_text('{"paths": {"/fine": {"head": {}, "get": {}}}}')
    mine = run("--openapi", "mine.json").document
    assert [e["method"] for e in mine["endpoints"]] == ["HEAD", "GET"]


def test_an_app_of_another_framework_is_asked_for_its_document(
    asyncperf: Asyncperf, tmp_path: Path
) -> None:
    (tmp_path / "bare.py").write_text(
        "from starlette.applications import Starlette\n"
        "from starlette.responses import JSONResponse\n"
        "from starlette.routing import Route\n"
        "async def spec(request):\n    return JSONResponse({'paths': {'/spec': {'get': {}}}})\n"
        "app = Starlette(routes=[Route('/spec', spec)])\n"
    )
    assert "--endpoint 'GET /spec'" in asyncperf("run", "bare:app", *ONE_USER).err
    document = asyncperf("run", "bare:app", *ONE_USER, "--openapi", "/spec").document
    [endpoint] = document["endpoints"]
    assert (endpoint["path"], endpoint["handler"]["name"]) == ("/spec", "spec")


def test_the_document_of_a_mounted_app_is_loaded_below_its_mount(
    asyncperf: Asyncperf, tmp_path: Path
) -> None:
    (tmp_path / "outer.py").write_text(
        "from fastapi import FastAPI\n"
        "app, inner = FastAPI(), FastAPI()\n"
        "@inner.get('/fine')\ndef fine(): ...\n"
        "app.mount('/inner', inner)\n"
    )
    assert "--endpoint 'GET /inner/fine'" in asyncperf("run", "outer:app", *ONE_USER).err
    openapi = ("--openapi", "/inner/openapi.json")
    document = asyncperf("run", "outer:app", *ONE_USER, *openapi).document
    [endpoint] = document["endpoints"]
    assert (endpoint["path"], endpoint["trouble"]) == ("/fine", None)
    assert endpoint["handler"]["name"] == "fine"
    assert document["requests"][0]["target"] == "/inner/fine"


def test_a_requests_file_that_is_no_toml(asyncperf: Asyncperf, tmp_path: Path) -> None:
    (tmp_path / "requests.toml").write_text('[[request]]\npath "/"\n')
    done = asyncperf("run", SHOP, "--requests", "requests.toml")
    assert done.code == 2
    assert "requests.toml is no TOML" in done.err
    assert "at line 2" in done.err


def test_interrupting_a_command_stops_its_tree(start: Callable[..., Running]) -> None:
    port = free_port()
    running = start(
        "run", *QUICK, "-t", "5m", "--include", "/fine", "-o", "run", "--", *uvicorn(port)
    )
    wait_until(lambda: list((running.directory / "run").glob("scratch/*")), "the load")
    done = running.interrupt(signal.SIGINT)
    assert done.code == 130
    assert not any(f"--port {port}" in line for line in processes())


def processes() -> list[str]:
    done = subprocess.run(["ps", "-eo", "stat,args"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if not line.startswith("Z")]
