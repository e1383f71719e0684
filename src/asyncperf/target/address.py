"""Where a server is, and whose machine that is."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from asyncperf.errors import TargetError, UsageError

LOOPBACK = "127.0.0.1"
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Address:
    """A server's place. `base` is the path below which the app is, "" for the root."""

    scheme: str
    host: str
    port: int
    base: str = ""

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        return self.origin + self.base


def read_url(text: str) -> Address:
    """The address that a URL names. Raises `UsageError`."""
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise UsageError(f"{text!r} is no URL: {error}", "Write http://127.0.0.1:8000") from None
    if url.scheme not in DEFAULT_PORTS:
        raise UsageError(
            f"{text!r} is no http or https URL", "Such a server is named http://127.0.0.1:8000"
        )
    if not host or port == 0 or not text.isprintable() or " " in text:
        raise UsageError(f"{text!r} names no server", "Write http://127.0.0.1:8000")
    if url.username is not None:
        raise UsageError(
            f"the URL of {host} holds credentials, which would be saved with the run",
            "Send them as a header: -H 'Authorization: ...'",
        )
    if url.query or url.fragment:
        raise UsageError(
            f"{text!r} is more than a server's address",
            "Name what to request apart: --endpoint 'GET /search?q=tea'",
        )
    return Address(
        url.scheme, dialled(host), port or DEFAULT_PORTS[url.scheme], url.path.rstrip("/")
    )


def dialled(host: str | None) -> str:
    """Where to connect to a server that listens on `host`: one that listens on every
    address, or says nothing, is reached on loopback."""
    if not host or host == "0.0.0.0":
        return LOOPBACK
    return "::1" if host == "::" else host


def check_local(host: str, allow_remote: bool) -> None:
    """Raise `UsageError` for a host beyond loopback that nobody allowed, `TargetError` for
    one that has no address."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise TargetError(f"the host {host!r} has no address: {why}", "Check its name.") from None
    addresses = {str(entry[4][0]).partition("%")[0] for entry in found}
    beyond = sorted(each for each in addresses if not ipaddress.ip_address(each).is_loopback)
    if beyond and not allow_remote:
        where = "" if host in beyond else f" ({beyond[0]})"
        raise UsageError(
            f"the host {host}{where} is not this machine's loopback",
            "A load can harm whoever runs it. If it is yours to load, say so: --allow-remote",
        )
