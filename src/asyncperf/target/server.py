"""Serve the app with uvicorn, on a loopback port, until told to stop."""

import http.client
import socket
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Self

from asyncperf.errors import TargetError
from asyncperf.process import ChildProcess, last_lines
from asyncperf.target.discover import FoundApp

HOST = "127.0.0.1"
START_TIMEOUT_S = 60.0
POLL_S = 0.05
# uvicorn waits this long for requests in flight when it stops, then closes its lifespan.
GRACEFUL_SHUTDOWN_S = 1
# After that it has this long to be gone; threads that still sleep are killed.
STOP_GRACE_S = 2.0
LOG_LINES_SHOWN = 20

# What uvicorn prints once a worker is up; the second for an app without lifespan.
WORKER_READY = ("Application startup complete.", "protocol appears unsupported.")
# An app that silences uvicorn's log never shows them; once it answers, this is enough.
SILENT_WORKERS_S = 5.0
WORKER_DIED = "Child process ["


def server_name() -> str:
    return f"uvicorn {version('uvicorn')}"


def server_command(
    app: FoundApp, workers: int, port: int, python: str = sys.executable
) -> tuple[str, ...]:
    # No access log: it costs about as much as FastAPI itself, and measures the terminal.
    return (
        *(python, "-m", "uvicorn", app.import_string),
        *("--app-dir", display_path(app.app_dir)),
        *("--host", HOST, "--port", str(port)),
        *("--workers", str(workers)),
        *("--no-access-log", "--no-use-colors"),
        *("--timeout-graceful-shutdown", str(GRACEFUL_SHUTDOWN_S)),
    )


def display_path(path: Path) -> str:
    """Relative to the working directory where that is above it: runs travel."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int) -> None:
    """Raise `TargetError` if the port is taken."""
    with socket.socket() as probe:
        # As the server will: a port in TIME_WAIT is free, one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise TargetError(
                f"port {port} on {HOST} cannot be used: {error.strerror}",
                "Stop what listens there, name another with --port, or leave --port out.",
            ) from None


class Server:
    """The app, served by uvicorn from construction to `stop`, all workers ready.

    Raises `TargetError` when the port is taken, the server exits, or it does not answer
    within `START_TIMEOUT_S`. Whatever it prints goes to `log`.
    """

    def __init__(
        self, app: FoundApp, *, workers: int, port: int, log: Path, env: Mapping[str, str]
    ) -> None:
        check_port(port)
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self._workers = workers
        self._process = ChildProcess(
            server_command(app, workers, port), log=log, env=env, grace_s=STOP_GRACE_S
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self._process.stop()
            raise

    def _wait_until_ready(self) -> None:
        started = time.monotonic()
        answered: float | None = None
        while True:
            self.check("before it was ready")
            now = time.monotonic()
            if answered is None and self._answers():
                answered = now
            if answered is not None:
                output = self._process.output()
                ready = sum(output.count(line) for line in WORKER_READY)
                if ready >= self._workers or now - answered > SILENT_WORKERS_S:
                    return
            if now - started > START_TIMEOUT_S:
                raise TargetError(
                    f"the server was not ready after {START_TIMEOUT_S:.0f} s", self._last_words()
                )
            time.sleep(POLL_S)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=START_TIMEOUT_S)
        try:
            connection.request("OPTIONS", "*")
            connection.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True

    def check(self, when: str) -> None:
        """Raise `TargetError` if the server has exited; `when` says at which time that was."""
        code = self._process.exit_code
        if code is not None:
            raise TargetError(f"the server exited {when} (code {code})", self._last_words())

    @property
    def workers_lost(self) -> int:
        """How many workers have died so far; uvicorn starts another in their place."""
        return self._process.output().count(WORKER_DIED)

    def stop(self) -> None:
        self._process.stop()

    def _last_words(self) -> str:
        output = self._process.output()
        return last_lines(output, LOG_LINES_SHOWN) if output else "It printed nothing."

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
