"""A PostgreSQL server of the tests' own, on a free loopback port, with its own data."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .processes import wait_until

# `.ci/run` sets this: there a missing server is a failure.
REQUIRED = "ASYNCPERF_TEST_POSTGRES"
# PostgreSQL refuses to run as root; its packages make this user for it.
NOT_ROOT = "postgres"
# What Debian's packages leave off the path.
USUAL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def program(name: str) -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, USUAL)])
    found = shutil.which(name, path=path)
    if found is None:
        missing = f"no PostgreSQL here ({name}): scripts/postgres installs one"
        if os.environ.get(REQUIRED):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def running() -> Iterator[str]:
    """A running server's address, as `postgres@127.0.0.1:PORT/postgres`. No durability, and
    no password: it lives as long as the tests do."""
    initdb, postgres, ready = map(program, ("initdb", "postgres", "pg_isready"))
    user = NOT_ROOT if os.getuid() == 0 else None
    # Not in `tmp_path`, where no other user may look.
    with tempfile.TemporaryDirectory(prefix="asyncperf-postgres-") as folder:
        if user is not None:
            shutil.chown(folder, user)
        data = Path(folder) / "data"
        make = [initdb, "--pgdata", data, "--username", "postgres", "--auth", "trust"]
        subprocess.run(
            [*make, "--no-sync"], user=user, cwd=folder, check=True, capture_output=True, timeout=60
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {"listen_addresses": "127.0.0.1", "port": port, "fsync": "off"}
        settings["unix_socket_directories"] = ""
        options = [f"-c{name}={value}" for name, value in settings.items()]
        with (Path(folder) / "log").open("wb") as log:
            server = subprocess.Popen(
                [postgres, "-D", data, *options], user=user, cwd=folder, stdout=log, stderr=log
            )
        try:
            wait_until(lambda: answers(ready, port) or server.poll() is not None, "PostgreSQL")
            assert server.poll() is None, (Path(folder) / "log").read_text()
            yield f"postgres@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(2)  # SIGINT: at once, without waiting for its clients
            server.wait(30)


def answers(ready: str, port: int) -> bool:
    """It listens before it lets anyone in."""
    asked = [ready, "--quiet", "--host", "127.0.0.1", "--port", str(port)]
    return subprocess.run(asked, check=False, timeout=30).returncode == 0
