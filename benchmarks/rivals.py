"""What the benchmarks share: a server that is not the limit, and the load clients to pair.

Linux only. Server and clients are pinned to a CPU each, so that what one costs is not
what the other takes from it.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from asyncperf.load.engine import Workload
from asyncperf.load.native_engine import NativeEngine
from asyncperf.model import Endpoint, LoadPlan, Request

SERVER_CPU, CLIENT_CPU = 0, 1
NGINX = """
daemon off;
worker_processes 1;
worker_cpu_affinity 1;
worker_rlimit_nofile 20000;
error_log stderr;
pid {folder}/pid;
events {{ worker_connections 15000; multi_accept on; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
    fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /ok {{ default_type application/json; return 200 '{{"hello": "world"}}'; }}
        location = /status {{ stub_status; }}
    }}
}}
"""
LOCUSTFILE = """
from locust import {kind}, task

class User({kind}):
    @task
    def request(self):
        self.client.get("/ok")
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def nginx() -> Iterator[str]:
    """One nginx worker; yields its base URL."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config = Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=port))
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen([program, "-c", config, "-p", folder], stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url + "/ok")
            yield url
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def waiting(*arguments: object) -> Iterator[str]:
    """A server that waits as `known_waits.py` is told to; yields its base URL."""
    port = free_port()
    program = str(Path(__file__).with_name("known_waits.py"))
    with pinned(SERVER_CPU):
        server = subprocess.Popen([sys.executable, program, str(port), *map(str, arguments)])
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url)
        yield url
    finally:
        server.kill()
        server.wait()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def served(url: str) -> int:
    """How many requests nginx has answered since it started."""
    with urllib.request.urlopen(url + "/status") as answer:
        counts = re.search(rb"\n (\d+) (\d+) (\d+)", answer.read())
    assert counts is not None
    return int(counts[3])


@contextlib.contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """Processes started inside stay on that CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def command(arguments: Sequence[str]) -> Iterator[list[psutil.Process]]:
    """A client that is a command; yields its processes."""
    with pinned(CLIENT_CPU):
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield [psutil.Process(process.pid)]
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def wrk(url: str, users: int) -> Iterator[list[psutil.Process]]:
    with command(["wrk", "-t1", f"-c{users}", "-d600", url + "/ok"]) as processes:
        yield processes


@contextlib.contextmanager
def locust(url: str, users: int, kind: str) -> Iterator[list[psutil.Process]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "locustfile.py"
        file.write_text(LOCUSTFILE.format(kind=kind))
        flags = ("-f", str(file), "--headless", "--only-summary", "-u", str(users), "-r", "100")
        with command([sys.executable, "-m", "locust", *flags, "-H", url]) as processes:
            yield processes


@contextlib.contextmanager
def native(url: str, users: int, **changes: object) -> Iterator[list[psutil.Process]]:
    """The native engine, recording everything; yields its load processes alone: what reads
    their files waits for no request."""
    fields: dict[str, object] = {"engine": "native", "users": users, "spawn_rate": 1000.0}
    fields |= {"run_time_s": None, "max_time_s": 600.0, "timeout_s": 10.0} | changes
    plan = LoadPlan(**fields)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        with pinned(CLIENT_CPU):
            engine = NativeEngine(Path(folder), os.environ)
            request = Request(Endpoint("GET", "/ok"), "/ok")
            session = engine.start(Workload("ok", (request,)), plan, url)
        try:
            yield workers()
        finally:
            session.stop()


def workers() -> list[psutil.Process]:
    """The load processes among our children, once they run."""
    while True:
        found = [
            process
            for process in psutil.Process().children(recursive=True)
            if process.cmdline()[1:3] == ["-m", "asyncperf.load.native_worker"]
        ]
        if found:
            return found
        time.sleep(0.05)
