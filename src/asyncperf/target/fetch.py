"""One HTTP request to the server under test: does it answer, and with what?"""

import http.client
import ssl
from dataclasses import dataclass

from asyncperf.errors import TargetError, UsageError
from asyncperf.target.address import Address

OPENAPI_PATH = "/openapi.json"
# FastAPI's own documents stay below a few megabytes, even of large apps.
MAX_BYTES = 50 * 2**20


@dataclass(frozen=True)
class Access:
    """How a server is asked: with these headers as well, trusting `ca_file` as well, and at
    which path below the app's base for its OpenAPI document."""

    timeout_s: float
    headers: tuple[tuple[str, str], ...] = ()
    ca_file: str | None = None
    openapi_path: str = OPENAPI_PATH


@dataclass(frozen=True)
class Answer:
    """`server` is what the server calls itself, None if it does not say."""

    status: int
    server: str | None
    body: bytes


def get(address: Address, path: str, access: Access, method: str = "GET") -> Answer:
    """Raises OSError or http.client.HTTPException if no answer comes."""
    timeout_s = access.timeout_s
    connection: http.client.HTTPConnection
    if address.scheme == "https":
        connection = http.client.HTTPSConnection(
            *(address.host, address.port),
            timeout=timeout_s,
            context=trusting(access.ca_file),
        )
    else:
        connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    try:
        connection.request(method, path, headers={"User-Agent": "asyncperf"} | dict(access.headers))
        response = connection.getresponse()
        return Answer(response.status, response.getheader("Server"), response.read(MAX_BYTES))
    finally:
        connection.close()


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """A context that checks certificates. Raises `UsageError` for a file that holds none."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(
                f"cannot read certificates from {ca_file!r}: {why}",
                "--ca-file takes a file of certificates in PEM form.",
            ) from None
    return context


def reach(address: Address, access: Access) -> Answer:
    """The answer to a request for the app's OpenAPI, whatever it is. Raises `TargetError`."""
    try:
        return get(address, address.base + access.openapi_path, access)
    except ssl.SSLCertVerificationError as error:
        raise TargetError(
            f"the certificate of {address.origin} is not trusted: {error.verify_message}",
            "If it is right all the same, name the authority that signed it: --ca-file ca.pem",
        ) from None
    except ssl.SSLError as error:
        raise TargetError(
            f"{address.origin} does not speak TLS as it should: {error.reason or error}",
            "Is it http:// rather than https://?",
        ) from None
    except TimeoutError:
        raise TargetError(
            f"{address.origin} did not answer within {access.timeout_s:g} s",
            "Check that the server is up; --timeout allows it longer.",
        ) from None
    except OSError as error:
        raise TargetError(
            f"nothing answers at {address.origin}: {error.strerror or error}",
            "Start the server first, or have it started: asyncperf run -- COMMAND ...",
        ) from None
    except http.client.HTTPException as error:
        raise TargetError(
            f"what answers at {address.origin} is no HTTP server: {error or type(error).__name__}",
            "Check the port, and whether it is https:// rather than http://.",
        ) from None
