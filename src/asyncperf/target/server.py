"""Server processes: started, waited for, watched, and stopped with their whole tree."""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from asyncperf.errors import TargetError
from asyncperf.probe.notes import read_notes
from asyncperf.probe.orders import ProbeOrders
from asyncperf.process import ChildProcess, last_lines
from asyncperf.target.address import LOOPBACK, Address
from asyncperf.target.fetch import OPENAPI_PATH, Access, get
from asyncperf.target.workers import Workers

START_TIMEOUT_S = 60.0
POLL_S = 0.05
# Threads that still sleep after so long are killed.
STOP_GRACE_S = 2.0
# A worker that had to be killed is dead a moment before the kernel takes its port back.
PORT_FREED_S = 5.0
LOG_LINES_SHOWN = 20

# What a server prints once a worker is up: uvicorn, for an app without lifespan, granian,
# hypercorn, gunicorn. The one that a server does not know counts nothing.
WORKER_READY = (
    "Application startup complete.",
    "protocol appears unsupported.",
    "Started worker-",
    "Running on http",
    "ASGI server listening on",
)
# A server that prints none of these, because it is silent or another: once it answers,
# this is enough.
SILENT_WORKERS_S = 5.0
WORKER_DIED = "Child process ["
SLOW_WORKERS = (
    "Its workers died again and again. uvicorn ends those that take more than 5 s to import the "
    "app: --timeout-worker-healthcheck 60 gives them longer, --workers 1 needs none.\n"
)

# A method and a target.
Probe = tuple[str, str]
# To the server as such (RFC 9110, section 9.3.7): the app does not see it. Not every server
# knows it.
UVICORN: Probe = ("OPTIONS", "*")
ANY_SERVER: Probe = ("GET", OPENAPI_PATH)


def free_port(host: str = LOOPBACK) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int, host: str = LOOPBACK) -> None:
    """Raise `TargetError` if the port is taken."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the server will: a port in TIME_WAIT is free, one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise TargetError(
                f"port {port} on {host} cannot be used: {error.strerror}",
                "Stop what listens there, name another with --port, or leave --port out.",
            ) from None


@dataclass(frozen=True)
class Probed:
    """What a probe in the server's workers has to do: tune the garbage collector, record."""

    tune_gc: bool = False
    record: bool = False


NOT_PROBED = Probed()


class ServerProcess:
    """A command that serves at `address`, from construction to `stop`, all workers ready.

    `workers` is None where the command does not say how many it starts; `probe` is the
    request whose answer, whatever it is, shows that the server is up. What the probe in its
    workers writes down stands in the folder `notes`. Raises `TargetError` when the port is
    taken, the command exits, or nothing answers within `START_TIMEOUT_S`. Whatever it prints
    goes to `log`.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        address: Address,
        workers: int | None,
        log: Path,
        env: Mapping[str, str],
        probe: Probe = ANY_SERVER,
        probed: Probed = NOT_PROBED,
    ) -> None:
        check_port(address.port, address.host)
        self.notes: Path | None = None
        self._probed = probed
        if probed != NOT_PROBED:
            self.notes = log.with_suffix(".probe")
            self.notes.mkdir(parents=True, exist_ok=True)
            orders = ProbeOrders(str(self.notes.resolve()), probed.tune_gc, probed.record)
            env = orders.environment(env)
        self._address = address
        self._workers = workers
        self._probe = probe
        self._process = ChildProcess(command, log=log, env=env, grace_s=STOP_GRACE_S)
        self._seen = None if self.notes is None else Workers(self.notes, self._process.pid)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self) -> None:
        started = time.monotonic()
        answered: float | None = None
        while True:
            self._check_exit("before it was ready")
            now = time.monotonic()
            if answered is None and self._answers():
                answered = now
            if answered is not None:
                output = self._process.output()
                ready = sum(output.count(line) for line in WORKER_READY)
                if ready >= (self._workers or 1) or now - answered > SILENT_WORKERS_S:
                    return
            elif now - started > START_TIMEOUT_S:
                raise TargetError(
                    f"the server did not answer at {self._address.origin} within "
                    f"{START_TIMEOUT_S:.0f} s",
                    (SLOW_WORKERS if self._deaths() else "") + self._last_words(),
                )
            time.sleep(POLL_S)

    def _answers(self) -> bool:
        method, path = self._probe
        try:
            get(self._address, path, Access(START_TIMEOUT_S), method)
        except ssl.SSLCertVerificationError:
            return True  # it is up; whether it can be trusted is another question
        except (OSError, http.client.HTTPException):
            return False
        return True

    @property
    def url(self) -> str:
        return self._address.origin

    def check(self, when: str) -> None:
        """Raise `TargetError` if the server has exited, or all its workers have and none is
        started anew; `when` says at which time that was."""
        self._check_exit(when)
        ended = 0 if self._seen is None else self._seen.ended()
        if ended:
            workers = f"all {ended} workers" if ended > 1 else "the only worker"
            raise TargetError(f"{workers} of the server ended {when}", self._last_words())

    def _check_exit(self, when: str) -> None:
        code = self._process.exit_code
        if code is not None:
            raise TargetError(f"the server exited {when} (code {code})", self._last_words())

    def troubles(self) -> tuple[str, ...]:
        """What a reader must know of how it served so far, a sentence each."""
        return tuple(text for text in (self._deaths(), self._untuned()) if text is not None)

    def _deaths(self) -> str | None:
        # uvicorn says so; of any server a worker is known to have been killed that the probe was
        # in, and that is gone in mid-lifespan.
        lost = self._process.output().count(WORKER_DIED)
        anew = 0
        if self._seen is not None:
            lost = max(lost, self._seen.died())
            anew = self._seen.replaced(self._workers)
        others = "1 worker was" if anew == 1 else f"{anew} workers were"
        if not lost:
            return f"{others} started in the place of others that had ended" if anew else None
        told = f"{lost} of the server's workers died"
        if anew:
            told += f"; {others} started instead"
        if self._seen is not None and self._seen.all_gone():
            told += "; at the end none was left"
        return told

    def _untuned(self) -> str | None:
        """Why the collector is not tuned everywhere as it should be, None if it is."""
        if self.notes is None or not self._probed.tune_gc:
            return None
        notes = list(read_notes(self.notes))
        tuned = len({note["pid"] for note in notes if note["note"] == "gc-tuned"})
        if tuned >= (self._workers or 1):
            return None
        of = "the" if self._workers is None else f"{self._workers}"
        why = next((note["error"] for note in notes if note["note"] == "not-hooked"), None)
        reason = f" ({why})" if why else ""
        return f"the garbage collector was tuned in {tuned} of {of} workers{reason}"

    def stop(self) -> None:
        """Safe to call again. The next server finds the port free."""
        self._process.stop()
        deadline = time.monotonic() + PORT_FREED_S
        while not self._is_free() and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def _is_free(self) -> bool:
        try:
            check_port(self._address.port, self._address.host)
        except TargetError:
            return False
        return True

    def _last_words(self) -> str:
        output = self._process.output()
        return last_lines(output, LOG_LINES_SHOWN) if output else "It printed nothing."

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
