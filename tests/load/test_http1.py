"""Answers of every shape, in pieces of every size: one outcome each, and never an exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.load.http1 import MAX_HEAD_BYTES, ResponseReader, request_bytes
from asyncperf.load.outcomes import Outcome

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(
    answer: bytes, method: str = "GET", piece: int = 1 << 20
) -> tuple[Outcome, ResponseReader]:
    """Feed the answer piece by piece, and then the end if the reader wants more."""
    reader = ResponseReader(method)
    for at in range(0, len(answer), piece):
        outcome = reader.feed(answer[at : at + piece])
        if outcome is not None:
            return outcome, reader
    return reader.at_end(), reader


ANSWERS = {
    "content-length": (HELLO, Outcome.OK, 200, 5, True),
    "empty body": (OK + b"Content-Length: 0\r\n\r\n", Outcome.OK, 200, 0, True),
    "connection: close": (
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi",
        *(Outcome.OK, 200, 2, False),
    ),
    "chunked": (CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", Outcome.OK, 200, 5, True),
    "chunked with trailers": (
        CHUNKED + b"1\r\na\r\n0\r\nChecksum: 1\r\n\r\n",
        *(Outcome.OK, 200, 1, True),
    ),
    "until close": (OK + b"\r\nhello", Outcome.OK, 200, 5, False),
    "until close, said so": (OK + b"Connection: close\r\n\r\nhello", Outcome.OK, 200, 5, False),
    "until close, coded": (OK + b"Transfer-Encoding: gzip\r\n\r\nabc", Outcome.OK, 200, 3, False),
    "until close, after 100": (
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"\r\nhello",
        *(Outcome.OK, 200, 5, False),
    ),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhi", Outcome.OK, 200, 2, False),
    "HTTP/1.0 kept alive": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
        *(Outcome.OK, 200, 2, True),
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", Outcome.OK, 204, 0, True),
    "304": (
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        *(Outcome.OK, 304, 0, True),
    ),
    "early hints first": (
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HELLO,
        *(Outcome.OK, 200, 5, True),
    ),
    # The parser takes an interim answer that it does not know for one with a body.
    "a body to an interim answer": (
        b"HTTP/1.1 199 Wait\r\nContent-Length: 3\r\n\r\nabc" + HELLO,
        *(Outcome.OK, 200, 5, True),
    ),
    "a body to an interim answer alone": (
        b"HTTP/1.0 199 Wait\r\nContent-Length: 3\r\n\r\nabc",
        *(Outcome.TRUNCATED, 0, 0, False),
    ),
    "redirect": (
        b"HTTP/1.1 307 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        *(Outcome.REDIRECT, 307, 0, True),
    ),
    "error": (
        b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno",
        *(Outcome.HTTP_ERROR, 503, 2, True),
    ),
    "unknown high status": (
        b"HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n",
        *(Outcome.HTTP_ERROR, 999, 0, True),
    ),
    "status below 100": (
        b"HTTP/1.1 042 ?\r\nContent-Length: 0\r\n\r\n",
        *(Outcome.INVALID, 42, 0, True),
    ),
    "nothing": (b"", Outcome.CLOSED, 0, 0, False),
    "half a head": (OK + b"Content-Le", Outcome.TRUNCATED, 0, 0, False),
    "half a body": (OK + b"Content-Length: 9\r\n\r\nhalf", Outcome.TRUNCATED, 200, 4, False),
    "half a body, then closed": (
        OK + b"Connection: close\r\nContent-Length: 9\r\n\r\nhalf",
        *(Outcome.TRUNCATED, 200, 4, False),
    ),
    "half a chunk": (CHUNKED + b"9\r\nhalf", Outcome.TRUNCATED, 200, 4, False),
    "half a chunk, then closed": (
        OK + b"connection: close\r\ntransfer-encoding:\tgzip, chunked\r\n\r\n9\r\nhalf",
        *(Outcome.TRUNCATED, 200, 4, False),
    ),
    "an interim answer alone": (
        b"HTTP/1.1 100 Continue\r\n\r\n",
        *(Outcome.TRUNCATED, 0, 0, False),
    ),
    "upgrade": (
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxyz",
        *(Outcome.UPGRADE, 101, 0, False),
    ),
    "upgrade without saying to what": (
        b"HTTP/1.1 101 Switching\r\n\r\n",
        *(Outcome.UPGRADE, 101, 0, False),
    ),
    "an offer to upgrade": (
        OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nhi",
        *(Outcome.OK, 200, 2, True),
    ),
    "garbage": (b"SSH-2.0-OpenSSH_9.2\r\n", Outcome.INVALID, 0, 0, False),
    "two lengths": (
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        *(Outcome.INVALID, 0, 0, False),
    ),
    "negative length": (OK + b"Content-Length: -5\r\n\r\n", Outcome.INVALID, 0, 0, False),
    "bad chunk size": (CHUNKED + b"zz\r\n", Outcome.INVALID, 200, 0, False),
    "a NUL in a header": (OK + b"A: \0\r\n\r\n", Outcome.INVALID, 0, 0, False),
}


@pytest.mark.parametrize("piece", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers(answer: tuple[bytes, Outcome, int, int, bool], piece: int) -> None:
    data, *expected = answer
    outcome, reader = read(data, piece=piece)
    assert [outcome, reader.status, reader.body_bytes, reader.reusable] == expected


@pytest.mark.parametrize(
    "junk", [b"x", b"HTTP/1.1 200 OK\r\n", HELLO, b"\0" * 9, b"HTTP/1.1 100 Continue\r\n\r\n"]
)
def test_bytes_beyond_the_answer_spoil_the_connection(junk: bytes) -> None:
    for answer in (HELLO, CHUNKED + b"0\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n"):
        outcome, reader = read(answer + junk)
        assert (outcome, reader.reusable) == (Outcome.OK, False)
        assert reader.status < 300


@pytest.mark.parametrize("head", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_head_has_no_body(head: bytes) -> None:
    outcome, reader = read(OK + head + b"\r\n", "HEAD")
    assert (outcome, reader.body_bytes, reader.reusable) == (Outcome.OK, 0, True)
    assert read(b"HTTP/1.1 103 Hints\r\n\r\n" + OK + head + b"\r\n", "HEAD")[0] is Outcome.OK
    reader.begin()
    assert reader.feed(b"HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\n") is Outcome.HTTP_ERROR
    assert not read(OK + b"Content-Length: 5\r\n\r\nhello", "HEAD")[1].reusable


def test_many_answers_on_one_connection() -> None:
    reader = ResponseReader("GET")
    for _ in range(3):
        assert reader.feed(HELLO[:30]) is None
        assert reader.feed(HELLO[30:]) is Outcome.OK
        assert (reader.body_bytes, reader.reusable) == (5, True)
        reader.begin()
    assert reader.at_end() is Outcome.CLOSED


@pytest.mark.parametrize(
    "endless",
    [b"A: b\r\n", b"a", b"A: " + b"b" * 999 + b"\r\n", b"\r\n\r\nHTTP/1.1 102 Wait\r\n"],
)
def test_endless_headers_end(endless: bytes) -> None:
    reader = ResponseReader("GET")
    assert reader.feed(OK if endless != b"\r\n\r\nHTTP/1.1 102 Wait\r\n" else OK[:9]) is None
    outcome, fed = None, 0
    while outcome is None:
        outcome = reader.feed(endless)
        fed += len(endless)
        assert fed < 2 * MAX_HEAD_BYTES
    assert outcome in (Outcome.HEAD_TOO_LARGE, Outcome.INVALID)


def test_a_gigantic_body_is_counted_and_not_kept() -> None:
    reader = ResponseReader("GET")
    reader.feed(OK + b"Content-Length: 10000000000\r\n\r\n")
    piece = bytes(1 << 20)
    for _ in range(64):
        assert reader.feed(piece) is None
    assert reader.body_bytes == 64 << 20


@given(st.lists(st.binary(max_size=200)))
def test_no_bytes_whatever_raise(pieces: list[bytes]) -> None:
    reader = ResponseReader("GET")
    outcomes = [reader.feed(piece) for piece in pieces]
    assert isinstance(next((o for o in outcomes if o is not None), reader.at_end()), Outcome)


@given(st.sampled_from(sorted(ANSWERS)), st.data())
def test_no_mutation_of_an_answer_raises(name: str, data: st.DataObject) -> None:
    answer = bytearray(ANSWERS[name][0])
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(answer)))
        answer[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    for method in ("GET", "HEAD"):
        assert isinstance(read(bytes(answer), method)[0], Outcome)


def test_request_bytes() -> None:
    assert request_bytes("GET", "/a?b=c", "localhost:8000") == (
        b"GET /a?b=c HTTP/1.1\r\nHost: localhost:8000\r\n"
        b"User-Agent: asyncperf\r\nAccept: */*\r\n\r\n"
    )
    request = request_bytes(
        *("POST", "/", "h"),
        headers=[("accept", "text/html"), ("X", "1")],
        body=b"{}",
        keepalive=False,
    )
    assert request == (
        b"POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: asyncperf\r\nConnection: close\r\n"
        b"Content-Length: 2\r\naccept: text/html\r\nX: 1\r\n\r\n{}"
    )


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET\r\n", "/", ("A", "b")),
        ("GET", "/ HTTP/1.1\r\nX: y", ("A", "b")),
        ("GET", "/ü", ("A", "b")),
        ("GET", "", ("A", "b")),
        ("GET", "/", ("A\r\nB", "b")),
        ("GET", "/", ("A", "b\r\nC: d")),
        ("GET", "/", ("A", "\u20ac")),
    ],
)
def test_request_that_would_break_apart(method: str, target: str, header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"no HTTP|no request|codec"):
        request_bytes(method, target, "h", headers=[header])
