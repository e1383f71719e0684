"""Fuzz the native engine's reader of HTTP/1.1, and the client around it, with atheris.

    python tests/fuzz/http1.py [-max_total_time=600] [-artifact_prefix=DIR/] [CORPUS | CRASH]

Flags are libFuzzer's. It ends at the first input that made the client raise, that left its
books unbalanced, that is read differently when it arrives in other pieces, or that took
too long; written to a file, that input alone runs again when the file is named. Without
a CORPUS folder it starts from seeds that are made here. Only Python is instrumented: what
is new inside the parser (llhttp, in C) does not guide it.
"""

import sys
import tempfile
from itertools import product
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["asyncperf.load"]):
    from exchange import Event, Exchange, Step, reading

# Longest input. An endless head, 64 times longer, is in tests/load/test_http1.py.
MAX_BYTES = 4096
SLOWEST_S = 5
# In an input the byte after it says which event it is; what follows is a piece of its own.
MARK = 0xFF

HEADS = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 204 No\r\n",
    b"HTTP/1.1 304 No\r\n",
    b"HTTP/1.1 503 No\r\n",
    b"HTTP/1.1 101 Go\r\n",
    b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 103 Go\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n",
)
FIELDS = (
    b"",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Connection: upgrade\r\nUpgrade: x\r\n",
)
BODIES = (
    b"Content-Length: 5\r\n\r\nhello",
    b"Content-Length: 9\r\n\r\nhello",
    b"Content-Length: 0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n\r\n2;x=y\r\nab\r\n0\r\nA: b\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nff\r\nhalf",
    b"\r\nuntil the end",
)
WORDS = ("HTTP/1.", "\\x0d\\x0a", "\\x0d\\x0a\\x0d\\x0a", "Content-Length: ", "Transfer-Encoding: ")
WORDS += ("chunked", "Connection: ", "close", "keep-alive", "Upgrade: ", " 101 ", " 100 ", " 200 ")


def decode(data: bytes) -> tuple[tuple[str, ...], bool, list[Step]]:
    """Any bytes as the methods that take turns, whether to keep connections, and a script."""
    flags = data[0] if data else 0
    first, *rest = data[1:].split(bytes([MARK]))
    script: list[Step] = [Event.CONNECTED, first]
    for part in rest:
        if part:
            script += [Event(part[0] % len(Event)), part[1:]]
    methods = (("GET",), ("HEAD",), ("GET", "HEAD"), ("POST", "GET"))
    return methods[flags % 4], bool(flags & 4), script


def encode(flags: int, *script: Step) -> bytes:
    """The input that `decode` makes that script of, after its first two steps."""
    return bytes([flags]) + b"".join(
        bytes([MARK, step]) if isinstance(step, Event) else step for step in script
    )


def write_seeds(folder: Path) -> None:
    """Each kind of answer, alone and as the second on a connection, and each kind of end."""
    ends = (Event.CLOSED, Event.RESET, Event.TLS_ERROR, Event.TIMEOUT, Event.SLOW)
    for number, parts in enumerate(product(HEADS, FIELDS, BODIES)):
        answer = b"".join(parts)
        end = ends[number % len(ends)]
        again = (Event.NEXT, Event.CONNECTED, Event.FAST, answer)
        halves = (answer[: number % len(answer)], Event.FAST, answer[number % len(answer) :])
        seeds = (encode(number % 8, answer, end, *again), encode(4, *halves, *again, end))
        for order, seed in enumerate(seeds):
            (folder / f"{number}-{order}").write_bytes(seed)


def try_one(data: bytes) -> None:
    methods, keepalive, script = decode(data)
    Exchange(methods, keepalive).run(script)
    pieces = [step for step in script if isinstance(step, bytes) and step]
    if pieces:
        assert reading(methods[0], pieces) == reading(methods[0], [b"".join(pieces)])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seeds, words = Path(folder) / "seeds", Path(folder) / "words"
        seeds.mkdir()
        write_seeds(seeds)
        words.write_text("".join(f'"{word}"\n' for word in WORDS))
        flags = [f"-dict={words}", f"-max_len={MAX_BYTES}", f"-timeout={SLOWEST_S}"]
        if all(argument.startswith("-") for argument in sys.argv[1:]):
            flags.append(str(seeds))
        atheris.Setup([*sys.argv, *flags], try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
