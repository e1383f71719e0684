"""Whatever a language server does, the client ends in time with an answer or a reason."""

import json
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from asyncperf.scan.language_server import LanguageServer, Location, ServerFailed

from ..processes import is_gone, wait_until, wait_until_gone

FAKE = Path(__file__).with_name("fake_language_server.py")
TEXT = "a = 1\n'é' + 'é𝄞', name\n"
SOON_S = 0.3  # of a server that never answers
LATE_S = 60.0  # of one that does, on a busy machine


@pytest.fixture
def start(tmp_path):
    """A server that behaves so, and the file in which it notes what it is told."""
    started = []

    def start(behaviour):
        log = tmp_path / "log"
        server = LanguageServer(
            [sys.executable, str(FAKE), behaviour, str(log)],
            *(tmp_path, {"known": {"x": 1}}, {"y": 2}, os.environ),
        )
        started.append(server)
        return server, log

    yield start
    for server in started:
        server.close()


def until(seconds=LATE_S):
    return time.monotonic() + seconds


def ask(server, folder, seconds=LATE_S):
    name = len("'é' + 'é𝄞', ".encode())
    return server.locate("definition", folder / "a b.py", TEXT, 2, name, until(seconds))


def told(log):
    return [json.loads(line) for line in log.read_text().splitlines()[1:]]


def test_a_place_is_asked_for_in_utf_16_and_comes_back(start, tmp_path):
    server, log = start("answers")
    server.initialize(until())
    character = len("'é' + 'é𝄞', ".encode("utf-16-le")) // 2
    assert ask(server, tmp_path) == [Location(str(tmp_path / "a b.py"), 2, character)]
    assert [message.get("method") for message in told(log) if "method" in message] == [
        *("initialize", "initialized", "textDocument/didOpen", "textDocument/definition")
    ]


def test_a_place_is_asked_for_in_bytes_where_the_server_counts_so(start, tmp_path):
    server, _ = start("utf-8")
    server.initialize(until())
    (found,) = ask(server, tmp_path)
    assert found.column == len("'é' + 'é𝄞', ".encode())


def test_a_file_is_opened_once(start, tmp_path):
    server, log = start("answers")
    server.initialize(until())
    ask(server, tmp_path)
    ask(server, tmp_path)
    opened = [message for message in told(log) if message.get("method") == "textDocument/didOpen"]
    assert [message["params"]["textDocument"]["text"] for message in opened] == [TEXT]


def test_the_server_is_told_the_settings_that_it_asks_for(start, tmp_path):
    server, log = start("answers")
    server.initialize(until())
    ask(server, tmp_path)
    wait_until(lambda: len([m for m in told(log) if "method" not in m]) == 2, "both answers")
    assert {m["id"]: m["result"] for m in told(log) if "method" not in m} == {
        "a": [{"x": 1}, None],
        "b": None,
    }


@pytest.mark.parametrize(
    ("behaviour", "found"),
    [("refuses", []), ("odd-places", [(5, 2)]), ("links", [(2, 2)])],
)
def test_what_is_no_place_is_left_out(start, tmp_path, behaviour, found):
    server, _ = start(behaviour)
    server.initialize(until())
    assert [(each.line, each.column) for each in ask(server, tmp_path)] == found


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ("dies", "ended"),
        ("half", "ended"),
        *((name, "sent what is no message") for name in ("garbage", "endless-header")),
        *((name, "sent what is no message") for name in ("no-length", "huge", "no-json")),
        ("no-object", "sent what is no message"),
    ],
)
def test_a_server_that_fails_is_said_to(start, tmp_path, behaviour, why):
    server, _ = start(behaviour)
    server.initialize(until())
    for _ in range(2):
        with pytest.raises(ServerFailed, match=why):
            ask(server, tmp_path)


def test_what_is_no_language_server_is_said_to_be_none(start):
    server, _ = start("no-server")
    with pytest.raises(ServerFailed, match="answered what no language server answers"):
        server.initialize(until())


def test_a_program_that_does_not_start_is_said_to_have_ended(tmp_path):
    command = [str(tmp_path / "gone")]
    server = LanguageServer(command, tmp_path, {}, None, os.environ)
    with server, pytest.raises(ServerFailed, match="ended"):
        server.initialize(until())


def test_a_server_that_hangs_is_waited_for_no_longer_than_told(start, tmp_path):
    server, _ = start("hangs")
    server.initialize(until())
    with pytest.raises(ServerFailed, match="did not answer in time"):
        ask(server, tmp_path, SOON_S)


def test_a_server_that_reads_nothing_holds_nobody_up(start, tmp_path):
    server, _ = start("deaf")
    with pytest.raises(ServerFailed, match="did not answer in time"):
        server.locate("definition", tmp_path / "a.py", "x" * 1_000_000, 1, 0, until(SOON_S))


@pytest.mark.parametrize("behaviour", ["answers", "hangs", "deaf"])
def test_nothing_is_left_of_it_when_closed(start, tmp_path, behaviour):
    server, log = start(behaviour)
    wait_until(lambda: log.exists() and log.read_text().endswith("\n"), "its process id")
    process = psutil.Process(int(log.read_text().split()[0]))
    assert not is_gone(process)
    server.close()
    wait_until_gone([process])
