"""HTTP/1.1 without sockets: the bytes of a request, and a reader for the answers to it.

The reader is on the hot path of every request. It keeps counts, never bodies; what an
answer may cost it in memory is bounded by `MAX_HEAD_BYTES`.
"""

import re
from collections.abc import Iterable

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from asyncperf.load.outcomes import Outcome, of_status

# All that comes before a body, interim answers included. Servers and proxies allow 8 to
# 64 KiB; what exceeds four times that has no end.
MAX_HEAD_BYTES = 256 * 1024
# Methods that may be sent again when a kept-alive connection turns out to have been
# closed (RFC 9110, section 9.2.2).
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

# A body whose end is known beforehand: anything but that ends with the connection
# (RFC 9112, section 6.3).
_LENGTH_KNOWN = re.compile(
    rb"\n(?:content-length[ \t]*:|transfer-encoding[ \t]*:[^\n]*chunked)", re.IGNORECASE
)
_INTERIM = re.compile(rb"\s*HTTP/1\.\d 1\d\d")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_STATUSES = tuple(of_status(status) for status in range(1000))


def request_bytes(
    method: str,
    target: str,
    host: str,
    *,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    keepalive: bool = True,
) -> bytes:
    """A whole request, the same bytes each time it is sent.

    `target` is a path with its query, percent-encoded; `headers` replace the defaults of
    the same name. Raises ValueError for a method, target or header that would break the
    message apart.
    """
    given = {name.lower() for name, _ in headers}
    defaults = [("Host", host), ("User-Agent", "asyncperf"), ("Accept", "*/*")]
    if not keepalive:
        defaults.append(("Connection", "close"))
    if body or method in ("POST", "PUT", "PATCH"):
        defaults.append(("Content-Length", str(len(body))))
    fields = [field for field in defaults if field[0].lower() not in given] + list(headers)
    if not _TOKEN.fullmatch(method):
        raise ValueError(f"no HTTP method: {method!r}")
    if not target.isascii() or not target.isprintable() or " " in target or not target:
        raise ValueError(f"no request target: {target!r}")
    for name, value in fields:
        if not _TOKEN.fullmatch(name) or any(c in value for c in "\r\n\0"):
            raise ValueError(f"no HTTP header: {name!r}: {value!r}")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


# How far a reader has come with an answer.
_NOTHING, _BEGUN, _HEAD, _COMPLETE = range(4)


class ResponseReader:
    """Reads the answers on one connection, one after another.

    For each: `feed` what arrives until it returns an outcome, or ask `at_end` for it when
    the connection has ended. Then `status`, `body_bytes` and `reusable` are the answer's;
    `begin` makes ready for the next one.
    """

    __slots__ = (
        "_closes",
        "_head",
        "_is_head",
        "_keeps_alive",
        "_parse",
        "_state",
        "_status",
        "body_bytes",
        "error",
        "reusable",
        "status",
    )

    def __init__(self, method: str) -> None:
        self._is_head = method == "HEAD"
        self.error: str | None = None
        self._renew()
        self.begin()

    def _renew(self) -> None:
        parser = HttpResponseParser(self)
        self._parse = parser.feed_data
        self._status = parser.get_status_code
        self._keeps_alive = parser.should_keep_alive

    def expect(self, method: str) -> None:
        """The next answer is to a request of that method: one to HEAD has no body."""
        self._is_head = method == "HEAD"

    def begin(self) -> None:
        """Make ready for the answer to the next request."""
        if self._is_head:
            # The parser cannot know that no body follows; it is still waiting for one.
            self._renew()
        self._state = _NOTHING
        self.status = 0
        self.body_bytes = 0
        self.reusable = False
        # What has come of an unfinished head, and once that is done whether the answer
        # ends with the connection; both None on the short path.
        self._head: bytearray | None = None
        self._closes: bool | None = None

    @property
    def started(self) -> bool:
        """Whether any of the answer has come."""
        return self._state > _NOTHING or self._head is not None

    def feed(self, data: bytes) -> Outcome | None:
        """Take in what arrived; the outcome once it is certain, None until then."""
        try:
            self._parse(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            return self._feed_wrongly(error)
        if self._state == _COMPLETE:
            return _STATUSES[self.status]
        return self._feed_partly(data)

    def _feed_wrongly(self, error: Exception) -> Outcome:
        # What follows a complete answer spoils the connection, not the answer.
        self.reusable = False
        if self.status == 101 or isinstance(error, HttpParserUpgrade):
            return Outcome.UPGRADE
        if self._state == _COMPLETE:
            return _STATUSES[self.status]
        self.error = str(error)
        return Outcome.INVALID

    def _feed_partly(self, data: bytes) -> Outcome | None:
        """The longer path: an answer that is not yet whole."""
        if self.status == 101:
            return Outcome.UPGRADE
        if self._closes is not None:
            return None
        if self._head is None:
            self._head = bytearray()
        self._head += data
        if self._state == _HEAD and self.status >= 200:
            self._closes = not self._keeps_alive() and not length_known(self._head)
            self._head = None
        elif len(self._head) > MAX_HEAD_BYTES:
            return Outcome.HEAD_TOO_LARGE
        return None

    def at_end(self) -> Outcome:
        """The outcome now that the server has closed the connection in good order."""
        if not self.started:
            return Outcome.CLOSED
        return _STATUSES[self.status] if self._closes else Outcome.TRUNCATED

    # What the parser calls. Nothing here may raise.

    def on_message_begin(self) -> None:
        if self._state == _COMPLETE:
            self.reusable = False
        else:
            self._state = _BEGUN

    def on_headers_complete(self) -> None:
        if self._state == _COMPLETE:
            return
        self.status = self._status()
        self._state = _HEAD
        if self._is_head and self.status >= 200:
            self._state = _COMPLETE
            self.reusable = self._keeps_alive()

    def on_body(self, body: bytes) -> None:
        if self._state == _COMPLETE:
            self.reusable = False
        else:
            self.body_bytes += len(body)

    def on_message_complete(self) -> None:
        if self._state == _COMPLETE:
            return
        if 100 <= self.status < 200:
            # An interim answer; the final one follows, but for 101, after which it is
            # no longer HTTP.
            self._state = _BEGUN
            self.body_bytes = 0  # of a body that no interim answer may have
            if self.status != 101:
                self.status = 0
            return
        self._state = _COMPLETE
        self.reusable = self._keeps_alive()


def length_known(head: bytes | bytearray) -> bool:
    """Whether the first final answer in `head` says where its body ends."""
    for block in head.split(b"\r\n\r\n"):
        if not _INTERIM.match(block):
            return bool(_LENGTH_KNOWN.search(block))
    return False
