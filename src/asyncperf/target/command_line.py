"""What a server's command line tells: where it will listen, and with how many workers.

Pure. Knows the options that uvicorn, granian, hypercorn, gunicorn and `fastapi run` share;
another server's command is read by the same options, and what it does not say is None.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

SERVERS = ("uvicorn", "granian", "hypercorn", "gunicorn", "fastapi", "daphne")
BIND = ("--bind", "-b")
HOST = ("--host",)
# `-p` is a port to some and a file for the process id to others: only a number counts.
PORT = ("--port", "-p")
WORKERS = ("--workers", "-w")
CERTIFICATE = ("--ssl-certfile", "--ssl-certificate", "--certfile")
SHORT = re.compile(r"(-[a-z])=?(.+)")
ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\[\]:/]*):(?P<port>\d+)")
MAX_PORT = 65535


@dataclass(frozen=True)
class CommandLine:
    """A command as it was read; None for what it does not say."""

    server: str | None
    host: str | None
    port: int | None
    workers: int | None
    access_log: bool | None
    tls: bool


def read_command(command: Sequence[str]) -> CommandLine:
    options = list(options_of(command))
    host = next((value for name, value in options if name in HOST), None)
    port = next((int(v) for n, v in options if n in PORT and is_port(v)), None)
    for name, value in options:
        match = ADDRESS.fullmatch(value) if name in BIND else None
        if match and is_port(match["port"]):
            host, port = match["host"].strip("[]") or host, int(match["port"])
            break
    workers = (int(value) for name, value in options if name in WORKERS and value.isdecimal())
    names = [PurePath(token).name for token in command]
    return CommandLine(
        server=next((name for name in names if name in SERVERS), None),
        host=host,
        port=port,
        workers=next((count for count in workers if count > 0), None),
        access_log=False if "--no-access-log" in command else None,
        tls=any(name in CERTIFICATE for name, _ in options),
    )


def options_of(command: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each option with its value: `--port 80`, `--port=80`, `-w 4`, `-w4`."""
    for token, following in zip(command, (*command[1:], ""), strict=True):
        if token.startswith("--"):
            name, separator, value = token.partition("=")
            yield name, value if separator else following
        elif match := SHORT.fullmatch(token):
            yield match[1], match[2]
        elif token.startswith("-"):
            yield token, following


def is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) <= MAX_PORT
