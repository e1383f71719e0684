"""Talks to a language server: JSON-RPC over its standard input and output (LSP 3.17).

All waits have an end, and a server that dies, hangs or sends what no server sends is a
`ServerFailed`. For `scan` only.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from asyncperf.process import PipedProcess

HEADERS = (b"content-length", b"content-type")
# A header line of LSP is some thirty bytes; what goes on for longer is something else.
MAX_HEADER_BYTES = 1_000
# The answer to a question about one place takes a few hundred bytes.
MAX_MESSAGE_BYTES = 10_000_000
# Killed is killed: only a process that left the server's tree could hold its pipes any longer.
LEAVE_S = 2.0


class ServerFailed(Exception):
    """What the server did, or did not do, as the end of a sentence that begins with its name."""


class Location(NamedTuple):
    """Where the name of something stands; `line` counts from 1, `column` from 0."""

    path: str
    line: int
    column: int


class LanguageServer:
    """One server, of one folder. `settings` are what it is told when it asks for a section of
    them; `options` what it is told at once."""

    def __init__(
        self,
        command: Sequence[str],
        root: Path,
        settings: Mapping[str, object],
        options: object,
        env: Mapping[str, str],
    ) -> None:
        self._root = root
        self._settings = settings
        self._options = options
        self._next = 0
        self._is_utf8 = False
        self._opened: set[Path] = set()
        self._inbox: queue.SimpleQueue[dict[str, Any] | ServerFailed] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._process = PipedProcess(command, env, root)
        threads = [
            threading.Thread(target=target, daemon=True, name=f"language server {target.__name__}")
            for target in (self._read, self._write)
        ]
        for thread in threads:
            thread.start()
        self._threads = threads

    def initialize(self, until: float) -> None:
        folder = {"uri": self._root.as_uri(), "name": self._root.name}
        answer = self._ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folder["uri"],
                "workspaceFolders": [folder],
                "initializationOptions": self._options,
                "capabilities": {
                    "general": {"positionEncodings": ["utf-8", "utf-16"]},
                    "workspace": {"configuration": True, "workspaceFolders": True},
                    # Who can be asked for its complaints need not send them.
                    "textDocument": {"diagnostic": {}, "definition": {}, "typeDefinition": {}},
                },
            },
            until,
        )
        capabilities = answer.get("capabilities") if isinstance(answer, dict) else None
        if not isinstance(capabilities, dict):
            raise ServerFailed("answered what no language server answers")
        self._is_utf8 = capabilities.get("positionEncoding") == "utf-8"
        self._tell("initialized", {})

    def locate(
        self, what: str, path: Path, text: str, line: int, column: int, until: float
    ) -> list[Location]:
        """The `definition` or `typeDefinition` of what stands at a place of a file: `line` from 1,
        `column` in bytes from 0, as `ast` counts. Empty where the server knows none."""
        uri = path.as_uri()
        if path not in self._opened:
            self._opened.add(path)
            document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
            self._tell("textDocument/didOpen", {"textDocument": document})
        if not self._is_utf8:
            before = text.split("\n")[line - 1].encode()[:column].decode(errors="replace")
            column = len(before.encode("utf-16-le")) // 2
        place = {"line": line - 1, "character": column}
        asked = {"textDocument": {"uri": uri}, "position": place}
        return _locations(self._ask(f"textDocument/{what}", asked, until))

    def close(self) -> None:
        self._process.stop()
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(LEAVE_S)
        if not any(thread.is_alive() for thread in self._threads):
            self._process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Messages

    def _tell(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    def _ask(self, method: str, params: object, until: float) -> Any:
        """The result; None where the server says that it has none, for whatever reason."""
        self._next += 1
        self._send({"id": self._next, "method": method, "params": params})
        while True:
            message = self._receive(until)
            if "method" in message:
                self._send({"id": message["id"], "result": self._own_answer(message)})
            elif message["id"] == self._next:
                return message.get("result")

    def _own_answer(self, message: dict[str, Any]) -> object:
        """What the server asks us: of all that it may, only its settings need an answer."""
        if message["method"] != "workspace/configuration":
            return None
        params = message.get("params")
        items = params.get("items") if isinstance(params, dict) else None
        sections = [item.get("section") for item in items or () if isinstance(item, dict)]
        return [self._settings.get(str(section)) for section in sections]

    def _send(self, message: dict[str, object]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._outbox.put(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))

    def _receive(self, until: float) -> dict[str, Any]:
        try:
            message = self._inbox.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise ServerFailed("did not answer in time") from None
        if isinstance(message, ServerFailed):
            self._inbox.put(message)  # so it ended, and whoever asks again shall hear it again
            raise message
        return message

    # Threads, since a server that hangs would block whoever reads or writes

    def _read(self) -> None:
        try:
            while True:
                message = read_message(self._process.output)
                if "id" in message:  # else it is news, and we asked for none
                    self._inbox.put(message)
        except ServerFailed as error:
            self._inbox.put(error)
        except (OSError, ValueError):
            self._inbox.put(ServerFailed("could not be read any more"))

    def _write(self) -> None:
        while (data := self._outbox.get()) is not None:
            try:
                self._process.write(data)
            except OSError:
                return  # it is gone, which the reader sees as well


def read_message(stream: IO[bytes]) -> dict[str, Any]:
    """The next message. Raises `ServerFailed` at the end, and for what is none."""
    length = None
    while True:
        header = stream.readline(MAX_HEADER_BYTES)
        if not header:
            raise ServerFailed("ended")
        if not header.strip():
            break
        name, _, value = header.partition(b":")
        if name.lower() not in HEADERS or not header.endswith(b"\n"):
            raise ServerFailed("sent what is no message")
        if name.lower() == b"content-length":
            length = int(value) if value.strip().isdigit() else None
    if length is None or length > MAX_MESSAGE_BYTES:
        raise ServerFailed("sent what is no message")
    data = stream.read(length)
    if len(data) < length:
        raise ServerFailed("ended")
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise ServerFailed("sent what is no message")
    return message


def _locations(result: Any) -> list[Location]:
    """From a Location, several, or LocationLinks; what is neither is left out."""
    found = []
    for each in result if isinstance(result, list) else [result]:
        try:
            uri = each["targetUri"] if "targetUri" in each else each["uri"]
            begin = each["targetSelectionRange"] if "targetUri" in each else each["range"]
            parts = urlsplit(uri)
            line, column = int(begin["start"]["line"]), int(begin["start"]["character"])
            if parts.scheme == "file":
                found.append(Location(unquote(parts.path), line + 1, column))
        except (TypeError, KeyError, ValueError):
            continue
    return found
