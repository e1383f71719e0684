"""Users on their connections: the native engine's hot path.

A `Client` is one user, or one place in an open load's pool: it has at most one request
and one connection at a time. A `Connection` is one TCP connection of it, a raw asyncio
protocol: a request that is answered at once costs two system calls and no task.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import cast

from asyncperf.load.http1 import IDEMPOTENT, ResponseReader
from asyncperf.load.outcomes import Outcome
from asyncperf.load.record_format import RecordWriter
from asyncperf.probe.record_format import SENT_DIGITS

# Linux: choose the local port when the connection is made, not at `bind`, so that a port
# in TIME_WAIT does not count as taken (ip(7)).
IP_BIND_ADDRESS_NO_PORT = 24

_PORT_ERRORS = (errno.EADDRNOTAVAIL, errno.EADDRINUSE)
_DESCRIPTOR_ERRORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as its bytes; `number` tells it from the load's others.

    With `tail` the moment it begins stands between it and `payload`: nanoseconds, in
    `SENT_DIGITS` digits.
    """

    number: int
    method: str
    payload: bytes
    tail: bytes = b""

    def begun_at(self, start: float) -> bytes:
        if not self.tail:
            return self.payload
        return b"%b%0*d%b" % (self.payload, SENT_DIGITS, int(start * 1e9), self.tail)


@dataclass(frozen=True)
class Site:
    """Where all requests of a load go, and what they share. Timeouts are seconds.

    `request` is what is sent; in a mix `pick` gives the next one each time.
    """

    loop: asyncio.AbstractEventLoop
    writer: RecordWriter
    note: Callable[[Outcome, str], object]
    family: socket.AddressFamily
    address: tuple[str, int]
    tls: ssl.SSLContext | None
    tls_name: str | None
    request: Prepared
    pick: Callable[[], Prepared] | None
    keepalive: bool
    connect_timeout_s: float


class Client:
    """One request at a time, on a connection that is made when it is needed.

    `ended(client, now, outcome)` is called after each request. `source` is the local
    address to connect from, None for the one the system chooses. `begun` counts requests
    when they begin, apart from their records.
    """

    __slots__ = (
        "_add",
        "_connecting",
        "_ended",
        "_first",
        "_intended",
        "_pick",
        "_request",
        "_resent",
        "_site",
        "_source",
        "_start",
        "begun",
        "busy",
        "connection",
    )

    def __init__(
        self,
        site: Site,
        ended: "Callable[[Client, float, Outcome], object]",
        source: str | None = None,
    ) -> None:
        self._site = site
        self._add = site.writer.add
        self._ended = ended
        self._source = source
        self._request = site.request
        self._pick = site.pick
        self._connecting: asyncio.Task[None] | None = None
        self._intended = self._start = self._first = 0.0
        self._resent = 0
        self.begun = 0
        self.busy = False
        self.connection: Connection | None = None

    def begin(self, intended: float, now: float) -> None:
        """Send a request that was meant to be sent at `intended`."""
        self.begun += 1
        self.busy = True
        self._intended = intended
        self._start = now
        self._first = 0.0
        connection = self.connection
        if self._pick is not None:
            self._request = self._pick()
            if connection is not None:
                connection.reader.expect(self._request.method)
        if connection is None:
            self._connect()
        else:
            connection.write(self._request.begun_at(self._start))

    def due(self, intended: float) -> None:
        """Send a request now; for the wheel to call."""
        self.begin(intended, perf_counter())

    def waits_since(self) -> float | None:
        """When the request that waits for its answer was begun, None if none does."""
        return self._start if self.busy and self.connection is not None else None

    def received(self, connection: "Connection", data: bytes) -> None:
        now = perf_counter()
        if not self.busy:
            # Nobody asked for it. What it is part of cannot be told from the next answer.
            self.connection = None
            connection.drop()
            return
        first = self._first = self._first or now
        reader = connection.reader
        outcome = reader.feed(data)
        if outcome is None:
            return
        self.busy = False
        self._add(
            self._intended,
            self._start,
            first,
            now,
            reader.body_bytes,
            reader.status,
            outcome,
            self._request.number,
        )
        if reader.reusable and self._site.keepalive and connection.has_sent():
            connection.served = True
            reader.begin()
        else:
            self._let_go(connection, outcome)
        self._ended(self, now, outcome)

    def _let_go(self, connection: "Connection", outcome: Outcome) -> None:
        self.connection = None
        connection.drop()
        if connection.reader.error:
            self._site.note(outcome, connection.reader.error)

    def made(self, connection: "Connection") -> None:
        self.connection = connection
        connection.write(self._request.begun_at(self._start))

    def lost(self, connection: "Connection", error: Exception | None) -> None:
        """The connection has ended, with `error` if not in good order."""
        self.connection = None
        if not self.busy:
            return
        reader = connection.reader
        if connection.served and not reader.started and self._may_resend:
            # The server closed an idle connection just as it was used again. Every client
            # sends the request once more then (RFC 9112, section 9.3.1).
            self._resent = self.begun
            self._connect()
            return
        now = perf_counter()
        self.busy = False
        if error is None:
            outcome = reader.at_end()
        else:
            outcome = Outcome.TLS if isinstance(error, ssl.SSLError) else Outcome.RESET
            self._site.note(outcome, describe(error))
        self._record(now, outcome, reader)
        self._ended(self, now, outcome)

    def give_up(self, outcome: Outcome, now: float) -> None:
        """End the request that is under way, and its connection, with that outcome."""
        connection, self.connection = self.connection, None
        self.busy = False
        self._record(now, outcome, None if connection is None else connection.reader)
        if connection is not None:
            connection.drop()
        if self._connecting is not None:
            self._connecting.cancel()
        self._ended(self, now, outcome)

    def close(self) -> None:
        """Let go of the connection, without a request."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.drop()

    @property
    def _may_resend(self) -> bool:
        return self._request.method in IDEMPOTENT and self._resent != self.begun

    def _record(self, now: float, outcome: Outcome, reader: ResponseReader | None) -> None:
        status, received = (reader.status, reader.body_bytes) if reader else (0, 0)
        times = (self._intended, self._start, self._first, now)
        self._add(*times, received, status, outcome, self._request.number)

    def _connect(self) -> None:
        self._connecting = self._site.loop.create_task(self._make_connection())

    async def _make_connection(self) -> None:
        site = self._site
        try:
            async with asyncio.timeout(site.connect_timeout_s):
                await connect(site, self._source, lambda: Connection(self, self._request.method))
        except Exception as error:  # whatever it is, the request ends with it
            if self.busy and self.connection is None:
                now = perf_counter()
                outcome = of_connect_error(error)
                self.busy = False
                site.note(outcome, describe(error))
                self._record(now, outcome, None)
                self._ended(self, now, outcome)
        finally:
            # Unless the end of the request has already led to another one.
            if self._connecting is asyncio.current_task():
                self._connecting = None


class Connection(asyncio.Protocol):
    """One connection. After `drop` it tells its client nothing more."""

    __slots__ = ("_client", "_transport", "reader", "served", "write")

    _transport: asyncio.Transport
    write: Callable[[bytes], None]

    def __init__(self, client: Client, method: str) -> None:
        self._client: Client | None = client
        self.reader = ResponseReader(method)
        self.served = False

    def has_sent(self) -> bool:
        """Whether all of the request is on its way; if not, the answer came early."""
        return self._transport.get_write_buffer_size() == 0

    def drop(self) -> None:
        self._client = None
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no asyncio class.
        self._transport = transport = cast(asyncio.Transport, transport)
        self.write = transport.write
        if self._client is None or not self._client.busy:
            self.drop()
        else:
            self._client.made(self)

    def data_received(self, data: bytes) -> None:
        if self._client is not None:
            self._client.received(self, data)

    def connection_lost(self, error: Exception | None) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.lost(self, error)


async def connect(site: Site, source: str | None, factory: Callable[[], Connection]) -> None:
    """Make a connection for the factory's protocol. Raises OSError and what asyncio may."""
    if source is None:
        await site.loop.create_connection(
            factory, *site.address, family=site.family, ssl=site.tls, server_hostname=site.tls_name
        )
        return
    sock = socket.socket(site.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((source, 0))
        await site.loop.sock_connect(sock, site.address)
        await site.loop.create_connection(
            factory, sock=sock, ssl=site.tls, server_hostname=site.tls_name
        )
    except BaseException:
        sock.close()
        raise


def of_connect_error(error: Exception) -> Outcome:
    """What it means that a connection could not be made."""
    match error:
        case ssl.SSLError():
            return Outcome.TLS
        case TimeoutError():
            return Outcome.CONNECT_TIMEOUT
        case ConnectionRefusedError():
            return Outcome.REFUSED
        case ConnectionError():
            return Outcome.RESET
        case OSError(errno=number) if number in _PORT_ERRORS:
            return Outcome.NO_PORT
        case OSError(errno=number) if number in _DESCRIPTOR_ERRORS:
            return Outcome.NO_DESCRIPTOR
        case _:
            return Outcome.UNREACHABLE


def describe(error: Exception) -> str:
    """The error in its own words; empty where it has none beyond its kind."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    if isinstance(error, TimeoutError | ConnectionError):
        return ""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
