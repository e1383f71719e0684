"""What the fuzzer holds the client to, on scripts that hypothesis makes up, in every suite;
and that the reader agrees with h11, which is written apart from its parser."""

from itertools import pairwise

import h11
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.load.outcomes import Outcome, of_status

from .exchange import Event, Exchange, reading

START_LINES = ("HTTP/1.1 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 204 No", "HTTP/1.1 304 No")
START_LINES += ("HTTP/1.1 205 OK", "HTTP/1.1 307 No", "HTTP/1.1 503 No")
INTERIM = ("HTTP/1.1 100 Go\r\n\r\n", "HTTP/1.1 103 Go\r\nLink: x\r\n\r\n")
INTERIM += ("HTTP/1.1 103 Go\r\nContent-Length: 5\r\n\r\n",)
FIELDS = ("Connection: close", "Connection: keep-alive", "Connection: upgrade\r\nUpgrade: x")
FIELDS += ("Content-Length: 5", "content-length:  0", "X: Content-Length: 3")
FIELDS += ("Transfer-Encoding: chunked", "transfer-encoding: Chunked", "Transfer-Encoding: gzip")
BODIES = (
    "",
    "hello",
    "hello and more",
    "5\r\nhello\r\n0\r\n\r\n",
    "03;a=b\r\nabc\r\n0\r\nT: 1\r\n\r\n",
)
BODIES += ("3\r\nab",)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Answers of which many are whole and none is far from it."""
    interim = draw(st.lists(st.sampled_from(INTERIM), max_size=2))
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=3, unique=True))
    head = "\r\n".join([draw(st.sampled_from(START_LINES)), *fields])
    return "".join([*interim, head, "\r\n\r\n", draw(st.sampled_from(BODIES))]).encode()


def cut(answer: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(answer) + 1) for place in places} | {0, len(answer)})
    return [answer[a:b] for a, b in pairwise(ends)]


methods = st.sampled_from(["GET", "HEAD", "POST"])
places = st.lists(st.integers(0, 500), max_size=4)
pieces = st.builds(cut, answers(), places)
steps = st.sampled_from(Event).map(lambda event: [event])
# Most requests find a server that listens and speaks.
exchanges = pieces.map(lambda parts: [Event.NEXT, Event.CONNECTED, *parts])
scripts = st.lists(exchanges | steps | st.binary(min_size=1, max_size=9).map(lambda b: [b]))


@given(st.lists(methods, min_size=1, max_size=3), st.booleans(), scripts)
def test_each_request_ends_once_whatever_happens(methods, keepalive, script):
    Exchange(methods, keepalive).run([step for part in script for step in part])


@given(methods, answers(), places)
def test_an_answer_is_read_alike_in_whatever_pieces_it_comes(method, answer, places):
    assert reading(method, cut(answer, places)) == reading(method, [answer])


def read_by_h11(method: str, answer: bytes) -> tuple[int, int] | None:
    """Status and length of the first answer, None where it is not whole."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    status = length = 0
    for received in (answer, b""):
        connection.receive_data(received)
        while (event := connection.next_event()) is not h11.NEED_DATA:
            match event:
                case h11.Response():
                    status = event.status_code
                case h11.Data():
                    length += len(event.data)
                case h11.EndOfMessage():
                    return status, length
                case _ if not isinstance(event, h11.InformationalResponse):
                    return None
    return None


@given(st.sampled_from(["GET", "HEAD"]), answers())
def test_what_h11_reads_is_read_alike_or_refused(method, answer):
    """Ours refuses a length beside chunks, which RFC 9112 (section 6.3) lets a client do."""
    try:
        theirs = read_by_h11(method, answer)
    except h11.RemoteProtocolError:
        return
    outcome, *ours = reading(method, [answer])
    if outcome is not Outcome.INVALID:
        assert (theirs is not None) == (outcome is of_status(ours[0]))
        assert theirs in (None, tuple(ours))
