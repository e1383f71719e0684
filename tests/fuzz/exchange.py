"""A client of the native engine on a connection without sockets, at the mercy of a script.

The fuzzer (`http1.py`) and the property test beside it share it. The steps of a script are
bytes that arrive, or an `Event`; after each one the books have to balance. How a connection
fails to be made is not among them: that takes an event loop, see `tests/integration`.
"""

import ssl
from collections.abc import Coroutine, Iterable, Sequence
from enum import IntEnum
from itertools import cycle
from time import perf_counter
from typing import Any

from asyncperf.load.connection import Client, Connection, Prepared, Site
from asyncperf.load.http1 import ResponseReader
from asyncperf.load.outcomes import Outcome

# Once, and once more where a kept connection turns out to have been closed.
MOST_SENDS = 2
LARGEST_STATUS = 999


class Event(IntEnum):
    """What can befall a client, besides bytes."""

    NEXT = 0  # the user's next request is due
    CONNECTED = 1
    CLOSED = 2  # by the server, in good order
    RESET = 3
    TLS_ERROR = 4
    TIMEOUT = 5
    SLOW = 6  # from here on the system does not take all that is written
    FAST = 7


Step = bytes | Event


def tls_error() -> ssl.SSLError:
    """One as OpenSSL gives them; those made by hand lack the reason."""
    answer = ssl.MemoryBIO()
    answer.write(b"this is no TLS")
    client = ssl.create_default_context().wrap_bio(answer, ssl.MemoryBIO(), server_hostname="x")
    try:
        client.do_handshake()
    except ssl.SSLError as error:
        return error
    raise AssertionError("that was TLS")


ERRORS = {
    Event.CLOSED: None,
    Event.RESET: ConnectionResetError(),
    Event.TLS_ERROR: tls_error(),
}


class Exchange:
    """One client and all that it says it did. It is the client's event loop and writer, and
    the transport of its connection, of which there is one at a time. Requests of several
    methods take turns, as in a mix."""

    def __init__(self, methods: Sequence[str], keepalive: bool) -> None:
        self.records: list[Outcome] = []
        self.ends = 0
        # Of the request under way, or the last one.
        self.sends = self.fed = 0
        self.connecting = self.open = self.slow = False
        site: dict[str, Any] = {"loop": self, "writer": self, "note": self._note}
        requests = [Prepared(n, method, method.encode()) for n, method in enumerate(methods)]
        self._turns = cycle(requests)
        self.request = requests[0]
        pick = None if len(requests) == 1 else self._pick
        site |= {"request": requests[0], "pick": pick, "keepalive": keepalive}
        site |= {"family": None, "address": None, "tls": None, "tls_name": None}
        self.client = Client(Site(**site, connect_timeout_s=1.0), self._ended)
        self.connection = Connection(self.client, requests[0].method)

    def run(self, script: Iterable[Step]) -> None:
        """Take the steps, then stop as a load process does."""
        for step in (Event.NEXT, *script):
            self.take(step)
            self.check()
        if self.client.busy:
            self.client.give_up(Outcome.CUT_OFF, perf_counter())
        self.client.close()
        self.check()
        assert self.client.begun == len(self.records)
        assert not self.open
        assert not self.connecting

    def take(self, step: Step) -> None:
        """One step, unless it cannot happen as things stand."""
        client = self.client
        match step:
            case bytes() if self.open and step:
                self.fed += len(step)
                self.connection.data_received(step)
            case Event.NEXT if not client.busy:
                self.sends = self.fed = 0
                client.due(perf_counter())
            case Event.CONNECTED if self.connecting:
                self.connecting, self.open = False, True
                self.connection = Connection(client, self.request.method)
                self.connection.connection_made(self)  # type: ignore[arg-type]
            case Event.CLOSED | Event.RESET | Event.TLS_ERROR if self.open:
                self.open = False
                self.connection.connection_lost(ERRORS[step])
            case Event.TIMEOUT if client.waits_since() is not None:
                client.give_up(Outcome.RESPONSE_TIMEOUT, perf_counter())
            case Event.SLOW | Event.FAST:
                self.slow = step is Event.SLOW

    def check(self) -> None:
        """Each request has ended once, or waits for something that can still come."""
        client = self.client
        assert client.begun == len(self.records) + client.busy
        assert self.ends == len(self.records)
        assert not client.busy or self.connecting or self.open, "waits for nothing"
        assert client.connection is None or self.open, "keeps what is closed"
        assert self.sends <= MOST_SENDS

    # The event loop, and the task that makes a connection.

    def create_task(self, task: Coroutine[Any, Any, None]) -> "Exchange":
        task.close()
        assert not self.connecting, "a second connection"
        assert not self.open, "a second connection"
        self.connecting = True
        return self

    def cancel(self) -> None:
        self.connecting = False

    # The transport.

    def write(self, data: bytes) -> None:
        assert self.open, "writes to what is closed"
        assert not self.fed, "sends again what has begun to be answered"
        assert data == self.request.payload
        self.sends += 1

    def get_write_buffer_size(self) -> int:
        return int(self.slow)

    def abort(self) -> None:
        self.open = False

    # The writer of records, and what is told of the end of a request.

    def add(
        self,
        intended: float,
        start: float,
        first: float,
        end: float,
        received: int,
        status: int,
        outcome: Outcome,
        number: int,
    ) -> None:
        assert intended <= start <= end
        assert first == 0 or start <= first <= end
        assert 0 <= status <= LARGEST_STATUS
        assert 0 <= received <= self.fed
        assert number == self.request.number
        self.records.append(Outcome(outcome))

    def _pick(self) -> Prepared:
        self.request = next(self._turns)
        return self.request

    def _note(self, outcome: Outcome, detail: str) -> None:
        assert isinstance(detail, str)

    def _ended(self, client: Client, now: float, outcome: Outcome) -> None:
        assert not client.busy
        assert outcome is self.records[-1]
        self.ends += 1


def reading(method: str, pieces: Iterable[bytes]) -> tuple[Outcome, int, int]:
    """The outcome, status and length of the first answer in the pieces, as they come in."""
    reader = ResponseReader(method)
    for piece in pieces:
        if (outcome := reader.feed(piece)) is not None:
            return outcome, reader.status, reader.body_bytes
    return reader.at_end(), reader.status, reader.body_bytes
