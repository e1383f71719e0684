"""How a request can end. Each one that was begun ends in exactly one of these."""

from enum import IntEnum


class Outcome(IntEnum):
    """One byte of every record. The numbers are part of the run folder: never reuse one."""

    OK = 0
    REDIRECT = 1
    HTTP_ERROR = 2
    INVALID = 3
    HEAD_TOO_LARGE = 4
    UPGRADE = 5
    CLOSED = 6
    TRUNCATED = 7
    RESET = 8
    RESPONSE_TIMEOUT = 9
    REFUSED = 10
    CONNECT_TIMEOUT = 11
    UNREACHABLE = 12
    TLS = 13
    NO_PORT = 14
    NO_DESCRIPTOR = 15
    CUT_OFF = 16


# A redirect is an answer; it is not followed, because its target is another endpoint.
SUCCEEDED = frozenset({Outcome.OK, Outcome.REDIRECT})
# Up to here the server answered: the user goes on at once. After the others it takes a
# breath first.
LAST_ANSWERED = Outcome.HTTP_ERROR
# The generator's own limits, not the target's.
GENERATOR_LIMITS = frozenset({Outcome.NO_PORT, Outcome.NO_DESCRIPTOR})

TEXTS = {
    Outcome.INVALID: "invalid HTTP in the answer",
    Outcome.HEAD_TOO_LARGE: "the answer's headers never ended",
    Outcome.UPGRADE: "the server switched to another protocol",
    Outcome.CLOSED: "the server closed the connection without an answer",
    Outcome.TRUNCATED: "the server closed the connection in the middle of its answer",
    Outcome.RESET: "the connection was reset",
    Outcome.RESPONSE_TIMEOUT: "no whole answer within the response timeout",
    Outcome.REFUSED: "connection refused",
    Outcome.CONNECT_TIMEOUT: "no connection within the connect timeout",
    Outcome.UNREACHABLE: "no connection",
    Outcome.TLS: "TLS failed",
    Outcome.NO_PORT: "the load generator ran out of local ports",
    Outcome.NO_DESCRIPTOR: "the load generator ran out of file descriptors",
}


def of_status(status: int) -> Outcome:
    """What a complete answer with that status means."""
    if status < 200:
        return Outcome.INVALID
    if status < 300 or status == 304:
        return Outcome.OK
    return Outcome.REDIRECT if status < 400 else Outcome.HTTP_ERROR


def error_text(outcome: Outcome, status: int, detail: str | None = None) -> str:
    """A failure in words, such as `HTTP 503` or `TLS failed: certificate has expired`."""
    if outcome is Outcome.HTTP_ERROR:
        return f"HTTP {status}"
    return f"{TEXTS[outcome]}: {detail}" if detail else TEXTS[outcome]
