"""A server that breaks HTTP and TCP in every way it knows; the path says which.

It runs in a thread of the test process. `requests` counts the heads of requests read.
"""

import asyncio
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asyncperf.load.outcomes import Outcome

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Behaviour = Callable[[Reader, Writer], Awaitable[bool]]
HUGE = 32 << 20
# Generous: it only ends a test that would wait for ever.
PATIENCE_S = 60.0

BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(function: Behaviour) -> Behaviour:
    """What to do when a request has come; whether the connection then goes on."""
    BEHAVIOURS["/" + function.__name__] = function
    return function


def always(name: str, answer: bytes, goes_on: bool = False) -> None:
    async def send(reader: Reader, writer: Writer) -> bool:
        writer.write(answer)
        return goes_on

    BEHAVIOURS[name] = send


always("/ok", HELLO, goes_on=True)
always("/chunked", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", goes_on=True)
always("/no_length", OK + b"\r\nuntil the end")
always("/interim", b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO, goes_on=True)
always("/error", b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", goes_on=True)
always("/redirect", b"HTTP/1.1 307 No\r\nContent-Length: 0\r\n\r\n", goes_on=True)
always("/garbage", b"\x16\x03\x01 this is no HTTP\r\n\r\n", goes_on=True)
always("/short_body", OK + b"Content-Length: 50\r\n\r\nshort")
always("/long_body", HELLO + b" and more than that", goes_on=True)
always("/two_answers", HELLO + HELLO, goes_on=True)
always("/bad_chunk", OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", goes_on=True)
always("/half_chunk", OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\nhalf")
always("/half_head", OK + b"Content-Le")
always("/close", b"")
always("/silent_close", HELLO)
always("/upgrade", b"HTTP/1.1 101 No\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", goes_on=True)


@behaviour
async def hang(reader: Reader, writer: Writer) -> bool:
    # What the client sends meanwhile is read, or its end would never be seen behind it.
    while await reader.read(1 << 16):
        pass
    return False


@behaviour
async def slow_bytes(reader: Reader, writer: Writer) -> bool:
    for byte in HELLO:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.001)
    return True


@behaviour
async def trickle(reader: Reader, writer: Writer) -> bool:
    """Never ends, but is never silent for long either."""
    writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while not (reader.at_eof() or writer.is_closing()):
        writer.write(b"1\r\nx\r\n")
        await asyncio.sleep(0.01)
    return False


@behaviour
async def endless_headers(reader: Reader, writer: Writer) -> bool:
    writer.write(OK)
    while not (reader.at_eof() or writer.is_closing()):
        writer.write(b"A: " + b"b" * 8000 + b"\r\n")
        await writer.drain()
    return False


@behaviour
async def huge(reader: Reader, writer: Writer) -> bool:
    writer.write(OK + b"Content-Length: %d\r\n\r\n" % HUGE)
    for _ in range(HUGE >> 20):
        writer.write(bytes(1 << 20))
        await writer.drain()
    return True


@behaviour
async def unasked(reader: Reader, writer: Writer) -> bool:
    """An answer, and a moment later another one that nobody asked for."""
    writer.write(HELLO)
    await asyncio.sleep(0.002)
    writer.write(HELLO)
    return True


def reset(writer: Writer) -> None:
    """Close with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def resetting(name: str, first: bytes) -> None:
    async def send_and_reset(reader: Reader, writer: Writer) -> bool:
        writer.write(first)
        await asyncio.sleep(0.001)
        reset(writer)
        return False

    BEHAVIOURS[name] = send_and_reset


resetting("/reset", b"")
resetting("/reset_in_head", OK + b"Content-Le")
resetting("/reset_in_body", OK + b"Content-Length: 50\r\n\r\nshort")
resetting("/reset_after", HELLO)


# How a request to each path may end.
EXPECTED = {
    "/ok": {Outcome.OK},
    "/chunked": {Outcome.OK},
    "/no_length": {Outcome.OK},
    "/interim": {Outcome.OK},
    "/error": {Outcome.HTTP_ERROR},
    "/redirect": {Outcome.REDIRECT},
    "/garbage": {Outcome.INVALID},
    "/short_body": {Outcome.TRUNCATED},
    "/long_body": {Outcome.OK},
    "/two_answers": {Outcome.OK},
    "/bad_chunk": {Outcome.INVALID},
    "/half_chunk": {Outcome.TRUNCATED},
    "/half_head": {Outcome.TRUNCATED},
    "/close": {Outcome.CLOSED},
    "/silent_close": {Outcome.OK},
    "/upgrade": {Outcome.UPGRADE},
    "/hang": {Outcome.RESPONSE_TIMEOUT},
    "/slow_bytes": {Outcome.OK},
    "/trickle": {Outcome.RESPONSE_TIMEOUT},
    "/endless_headers": {Outcome.HEAD_TOO_LARGE},
    "/huge": {Outcome.OK},
    "/unasked": {Outcome.OK},
    "/reset": {Outcome.RESET},
    "/reset_in_head": {Outcome.RESET},
    "/reset_in_body": {Outcome.RESET},
    "/reset_after": {Outcome.OK, Outcome.RESET},
}


class Hostile:
    """Serves until the end of the `with` block. `alone` answers that many requests well
    first, so that the single user of a load comes through. The paths of a `script` take
    turns, whatever is asked for."""

    def __init__(
        self, tls: ssl.SSLContext | None = None, alone: int = 0, script: Sequence[str] = ()
    ) -> None:
        self.requests = 0
        self.alone = alone
        self.script = script
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Hostile":
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(self._start(), self._loop)
        self.port: int = started.result(PATIENCE_S)
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    async def _start(self) -> int:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._tls, backlog=1024
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _stop(self) -> None:
        self._server.close()
        # A connection may have been accepted just now, and not be known yet.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in self._connections:
                task.cancel()
            await asyncio.wait(others, timeout=0.01)
        await asyncio.sleep(0)  # the transports close in the loop's next turn

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        gone = asyncio.ensure_future(self._answer_all(reader, writer))
        try:
            await gone
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            gone.cancel()
            writer.transport.abort()
            self._connections.discard(task)

    async def _answer_all(self, reader: Reader, writer: Writer) -> None:
        goes_on = True
        while goes_on:
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            path = head.split(b" ", 2)[1].decode()
            if self.requests <= self.alone:
                path = "/ok"
            elif self.script:
                path = self.script[self.requests % len(self.script)]
            goes_on = await BEHAVIOURS[path](reader, writer)
            await writer.drain()
        writer.close()


@contextmanager
def refusing() -> Iterator[str]:
    """The URL of a port on which nobody listens, and nobody can begin to."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@contextmanager
def unaccepting() -> Iterator[str]:
    """The URL of a server that accepts no connection, with its queue full of others."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(server.getsockname())
            waiting.append(client)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for client in waiting:
            client.close()


def make_certificate(folder: Path, names: str = "IP:127.0.0.1") -> tuple[Path, Path]:
    """A certificate signed by itself, and its key. Needs the openssl command."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=hostile", "-addext", f"subjectAltName={names}"),
            *("-out", certificate, "-keyout", key),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key
