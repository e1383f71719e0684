"""Which kind of target was named, and what is said where it cannot be one."""

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from asyncperf.errors import AsyncperfError, TargetError, UsageError
from asyncperf.target import address, kinds
from asyncperf.target.address import Address, check_local, dialled, read_url
from asyncperf.target.discover import FoundApp
from asyncperf.target.document import Document
from asyncperf.target.fetch import Access
from asyncperf.target.kinds import App, Command, Explored, Url, described, subject_of


def subject(app=None, command=(), port=None, allow_remote=False, env=os.environ):
    return subject_of(
        app,
        command,
        workers=3,
        port=port,
        env=env,
        python="CPython 3",
        access=Access(5.0),
        allow_remote=allow_remote,
    )


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    """Names resolve without a network."""
    known = {"shop.example": "192.0.2.7", "localhost": "127.0.0.1"}

    def getaddrinfo(host, port, **_):
        found = known.get(host, host)
        if not set(found) <= set("0123456789abcdef.:%eth"):
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (found, 0))]

    monkeypatch.setattr(address.socket, "getaddrinfo", getaddrinfo)


def test_an_app_is_served_by_uvicorn(monkeypatch) -> None:
    found = FoundApp("shop:app", Path("/srv"), {"paths": {}}, {})
    monkeypatch.setattr(kinds, "find_app", lambda app, env: found)
    app = subject("shop.py")
    assert isinstance(app, App)
    explored = app.explore()
    assert (explored.name, explored.workers, explored.access_log) == ("shop:app", 3, False)
    assert explored.command[:3] == ("python", "-m", "uvicorn")  # runs travel between machines
    started = []
    monkeypatch.setattr(kinds, "ServerProcess", lambda *args, **how: started.append((args, how)))
    app.start(Path("log"))
    [((command,), how)] = started
    assert command[0] == sys.executable
    assert str(how["address"].port) in command


def test_a_url_is_a_server_that_someone_else_runs() -> None:
    found = subject("http://localhost:8001/api/")
    assert isinstance(found, Url)
    assert found.address == Address("http", "localhost", 8001, "/api")
    assert (found.address.origin, found.address.url) == (
        *("http://localhost:8001", "http://localhost:8001/api"),
    )


def test_a_command_is_started_where_it_says_it_listens() -> None:
    command = ("python3", "-m", "uvicorn", "shop:app", "--host", "0.0.0.0", "--port", "18231")
    found = subject(command=command)
    assert isinstance(found, Command)
    assert found.address == Address("http", "127.0.0.1", 18231)
    assert subject(command=("python3", "serve.py"), port=18231).address.port == 18231


def test_a_command_is_found_beside_our_python_too() -> None:
    name = Path(sys.executable).name
    found = subject(command=(name, "--port", "18231"), env={"PATH": "/nowhere"})
    assert found.command[0] == str(Path(sys.executable).parent / name)


@pytest.mark.parametrize(
    ("named", "kind", "says", "hint"),
    [
        ({"app": "ftp://localhost/"}, UsageError, "is no http or https URL", "http://127"),
        ({"app": "http://"}, UsageError, "names no server", "http://127"),
        ({"app": "http://localhost:99999"}, UsageError, "is no URL: Port out of range", "http:"),
        ({"app": "http://me:pw@localhost"}, UsageError, "holds credentials", "-H"),
        ({"app": "http://localhost/a?b=c"}, UsageError, "more than a server's", "--endpoint"),
        ({"app": "http://shop.example"}, UsageError, "shop.example (192.0.2.7)", "--allow-remote"),
        ({"app": "http://192.0.2.7"}, UsageError, "192.0.2.7 is not this", "--allow-remote"),
        ({"app": "http://nowhere.invalid"}, TargetError, "has no address: Name or", "Check"),
        ({"command": ("python3", "x.py")}, UsageError, "does not say on which port", "--bind"),
        ({"command": ("uvicron", "--port", "18231")}, TargetError, "no command 'uvicron'", "PATH"),
        ({"command": ("python3", "--port", "18231"), "port": 18232}, UsageError, "contradicts", ""),
        (
            {"command": ("python3", "--host", "192.0.2.7", "--port", "18231")},
            *(UsageError, "192.0.2.7 is not this", "--allow-remote"),
        ),
    ],
)
def test_what_cannot_be_a_target_is_refused(
    named: dict, kind: type[AsyncperfError], says: str, hint: str
) -> None:
    with pytest.raises(kind) as raised:
        subject(**named)
    assert says in str(raised.value)
    assert hint in raised.value.hint
    assert "pw" not in str(raised.value)


def test_another_host_can_be_allowed() -> None:
    assert subject("https://shop.example", allow_remote=True).address.port == 443
    check_local("shop.example", allow_remote=True)


@pytest.mark.parametrize(
    ("host", "reached"),
    [(None, "127.0.0.1"), ("", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("h", "h")],
)
def test_a_server_on_every_address_is_reached_on_loopback(host: str | None, reached: str) -> None:
    assert dialled(host) == reached


def test_addresses_of_version_6_stand_in_brackets() -> None:
    assert read_url("http://[::1]:8001").origin == "http://[::1]:8001"


def test_a_default_port_is_not_said() -> None:
    assert read_url("https://localhost/").url == "https://localhost"


def test_a_document_of_the_users_takes_the_place_of_the_targets() -> None:
    explored = Explored("shop:app", {"paths": {"/a": {}}}, handlers={("GET", "/a"): None})
    mine = {"paths": {"/b": {}}}
    assert described(explored, Document(content=mine)) == replace(explored, openapi=mine)
    assert described(explored, Document(path="/x")) == explored
