"""What can be under test, behind one protocol: an app that is imported, a command that
serves one, a server that someone else runs.

`explore` tells what there is to request; `start` gives a running server, once per trial.
"""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, Self

from asyncperf.errors import TargetError, UsageError
from asyncperf.target.address import LOOPBACK, Address, check_local, dialled, read_url
from asyncperf.target.command_line import CommandLine, read_command
from asyncperf.target.discover import FoundApp, find_app
from asyncperf.target.document import Document, base_of, no_openapi, openapi_of
from asyncperf.target.examples import Schema
from asyncperf.target.fetch import Access, reach
from asyncperf.target.requests import Handlers
from asyncperf.target.server import (
    NOT_PROBED,
    UVICORN,
    Probed,
    ServerProcess,
    check_port,
    free_port,
)
from asyncperf.target.unlisted import Other

# uvicorn waits this long for requests in flight when it stops, then closes its lifespan.
GRACEFUL_SHUTDOWN_S = 1


class Server(Protocol):
    """A server that is up, until the `with` block is left."""

    @property
    def url(self) -> str:
        """Scheme, host and port; requests bring their whole path."""

    def check(self, when: str) -> None:
        """Raise `TargetError` if it is known to be gone."""

    @property
    def notes(self) -> Path | None:
        """The folder where a probe in its workers writes; None without a probe."""

    def troubles(self) -> tuple[str, ...]:
        """What a reader must know of how it served so far, a sentence each."""

    def stop(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


@dataclass(frozen=True)
class Explored:
    """What is known of a target before it is loaded.

    `openapi` is None where there is none, `no_openapi` then says so. `handlers` has the HTTP
    routes that are known, those outside the document included, and `others` what else there
    is. `base` is the path below which the app is. None elsewhere is what cannot be known from
    outside.
    """

    name: str
    openapi: Schema | None
    no_openapi: str = ""
    handlers: Handlers = field(default_factory=dict)
    others: tuple[Other, ...] = ()
    command: tuple[str, ...] = ()
    workers: int | None = None
    server: str | None = None
    python: str | None = None
    access_log: bool | None = None
    base: str = ""
    restarted: bool = True


class Subject(Protocol):
    """Something to test."""

    def explore(self) -> Explored:
        """Raises `TargetError`."""

    def start(self, log: Path) -> Server:
        """A server that is ready, a new one each time if it is ours. Raises `TargetError`."""


@contextmanager
def scratch_log() -> Iterator[Path]:
    """Where a server may write that is only asked what there is to request."""
    with tempfile.TemporaryDirectory(prefix="asyncperf-") as folder:
        yield Path(folder) / "server.log"


@dataclass(frozen=True)
class App:
    """An app of this Python environment, served by uvicorn. `port` None is a free one;
    `python` names the interpreter; with `asked` its OpenAPI document is asked for so, once
    it is served, rather than read off the app."""

    found: FoundApp
    workers: int
    port: int | None
    env: Mapping[str, str]
    python: str
    probed: Probed = NOT_PROBED
    asked: Access | None = None

    def explore(self) -> Explored:
        name, openapi = self.found.import_string, self.found.openapi
        missing, base = f"{name} {self.found.no_openapi}", ""
        if self.asked is not None:
            with scratch_log() as log, self.start(log) as server:
                address = read_url(server.url)
                answer = reach(address, self.asked)
            openapi = openapi_of(answer)
            missing = no_openapi(address.url + self.asked.openapi_path, answer)
            base = base_of(openapi, self.asked.openapi_path)
        handlers = {
            (method, path.removeprefix(base)): handler
            for (method, path), handler in self.found.handlers.items()
            if path.startswith(f"{base}/")
        }
        return Explored(
            name=name,
            openapi=openapi,
            no_openapi=missing,
            handlers=handlers,
            others=() if base else self.found.others,
            base=base,
            command=uvicorn_command(self.found, self.workers, self.port or 0, python="python"),
            workers=self.workers,
            server=f"uvicorn {version('uvicorn')}",
            python=self.python,
            access_log=False,
        )

    def start(self, log: Path) -> ServerProcess:
        port = self.port if self.port is not None else free_port()
        return ServerProcess(
            uvicorn_command(self.found, self.workers, port),
            address=Address("http", LOOPBACK, port),
            workers=self.workers,
            log=log,
            env=self.env,
            probe=UVICORN,
            probed=self.probed,
        )


def uvicorn_command(
    app: FoundApp, workers: int, port: int, python: str = sys.executable
) -> tuple[str, ...]:
    # No access log: it costs about as much as FastAPI itself, and measures the terminal.
    return (
        *(python, "-m", "uvicorn", app.import_string),
        *("--app-dir", display_path(app.app_dir)),
        *("--host", LOOPBACK, "--port", str(port)),
        *("--workers", str(workers)),
        *("--no-access-log", "--no-use-colors"),
        *("--timeout-graceful-shutdown", str(GRACEFUL_SHUTDOWN_S)),
    )


def display_path(path: Path) -> str:
    """Relative to the working directory where that is above it: runs travel."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@dataclass(frozen=True)
class Command:
    """A command that serves the app, as it was `read`, at an address that it names."""

    command: tuple[str, ...]
    read: CommandLine
    address: Address
    env: Mapping[str, str]
    access: Access
    probed: Probed = NOT_PROBED

    def explore(self) -> Explored:
        with scratch_log() as log, self.start(log):
            answer = reach(self.address, self.access)
        openapi = openapi_of(answer)
        return Explored(
            name=shlex.join(self.command),
            openapi=openapi,
            base=base_of(openapi, self.access.openapi_path),
            no_openapi=no_openapi(self.address.url + self.access.openapi_path, answer),
            command=self.command,
            workers=self.read.workers,
            server=self.read.server or answer.server,
            access_log=self.read.access_log,
        )

    def start(self, log: Path) -> ServerProcess:
        return ServerProcess(
            self.command,
            address=self.address,
            workers=self.read.workers,
            log=log,
            env=self.env,
            probed=self.probed,
        )


@dataclass(frozen=True)
class Url:
    """A server that someone else runs: neither started nor stopped."""

    address: Address
    access: Access

    def explore(self) -> Explored:
        answer = reach(self.address, self.access)
        openapi = openapi_of(answer)
        return Explored(
            name=self.address.url,
            openapi=openapi,
            no_openapi=no_openapi(self.address.url + self.access.openapi_path, answer),
            server=answer.server,
            base=self.address.base or base_of(openapi, self.access.openapi_path),
            restarted=False,
        )

    def start(self, log: Path) -> "ForeignServer":
        reach(self.address, self.access)
        return ForeignServer(self.address.origin)


@dataclass(frozen=True)
class ForeignServer:
    """A server that is not ours. What becomes of it under load shows in the answers."""

    url: str
    notes: None = None

    def check(self, when: str) -> None:
        pass

    def troubles(self) -> tuple[str, ...]:
        return ()

    def stop(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def described(explored: Explored, document: Document) -> Explored:
    """With the document that the user has in a file, if any, in place of the target's own."""
    return explored if document.content is None else replace(explored, openapi=document.content)


def subject_of(
    app: str | None,
    command: Sequence[str],
    *,
    workers: int,
    port: int | None,
    env: Mapping[str, str],
    python: str,
    access: Access,
    allow_remote: bool,
    probed: Probed = NOT_PROBED,
    openapi_path: str | None = None,
) -> Subject:
    """The kind of target that the user named. Raises `UsageError` or `TargetError`."""
    if openapi_path is not None:
        access = replace(access, openapi_path=openapi_path)
    if command:
        return command_subject(command, port, env, access, allow_remote, probed)
    if app is not None and "://" in app:
        address = read_url(app)
        check_local(address.host, allow_remote)
        return Url(address, access)
    asked = None if openapi_path is None else access
    return App(find_app(app, env), workers, port, env, python, probed, asked)


def command_subject(
    command: Sequence[str],
    port: int | None,
    env: Mapping[str, str],
    access: Access,
    allow_remote: bool,
    probed: Probed,
) -> Command:
    read = read_command(command)
    if port is not None and read.port is not None and port != read.port:
        raise UsageError(
            f"--port {port} contradicts the command, which listens on port {read.port}",
            "Leave out --port.",
        )
    chosen = read.port or port
    if chosen is None:
        raise UsageError(
            f"the command does not say on which port it listens: {shlex.join(command)}",
            "Add its option (--port 8001 for uvicorn, fastapi and granian, --bind 127.0.0.1:8001 "
            "for gunicorn and hypercorn), or say it before the --: asyncperf run --port 8001 --",
        )
    address = Address("https" if read.tls else "http", dialled(read.host), chosen)
    check_local(address.host, allow_remote)
    found = (program(command[0], env), *command[1:])
    check_port(address.port, address.host)
    return Command(found, read, address, env, access, probed)


def program(name: str, env: Mapping[str, str]) -> str:
    """The command to run: as a shell finds it, else beside the Python that runs us, so that
    an environment need not be activated. Raises `TargetError`."""
    beside = str(Path(sys.executable).parent)
    search = os.pathsep.join(part for part in (env.get("PATH", os.defpath), beside) if part)
    if shutil.which(name, path=search) is None:
        raise TargetError(
            f"there is no command {name!r}",
            f"Check its spelling, or give its path; it was looked for in PATH and in {beside}.",
        )
    return name if shutil.which(name, path=env.get("PATH", os.defpath)) else f"{beside}/{name}"
