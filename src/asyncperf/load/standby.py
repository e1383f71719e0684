"""`asyncperf worker`: one Locust worker after another, for as long as a run has loads.

Each load has a master of its own, which ends its workers with it. Here the next worker is
started at once, and waits for the next master, until one says that the run is over.
"""

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from asyncperf.errors import LoadError
from asyncperf.interrupts import Interrupts
from asyncperf.load.locust_engine import (
    LOG_LINES_SHOWN,
    STOP_GRACE_S,
    check_installed,
    clean_environment,
)
from asyncperf.load.worker_messages import OVER_CODE
from asyncperf.process import ChildProcess, last_lines

POLL_S = 1.0
# A worker that fails within this time never got as far as a load ...
SHORT_S = 20.0
# ... and one that has done so this often will not, whoever asks.
FAILURES = 3


def worker_command(host: str, port: int) -> tuple[str, ...]:
    """A Locust worker that has the master send what to run; failed requests are the
    app's, and no failure of its own."""
    return (
        *(sys.executable, "-m", "locust", "--worker", "-f", "-", "--exit-code-on-error", "0"),
        *("--master-host", host, "--master-port", str(port)),
    )


def serve_loads(host: str, port: int, env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Work for the masters at that address until one says that the run is over.

    A worker that dies is replaced. Raises `LoadError` if it cannot even start, and
    KeyboardInterrupt when told to end.
    """
    check_installed()
    say(f"waiting for the loads of a run at {host}:{port}; Ctrl-C ends")
    failures = 0
    with Interrupts() as interrupts, tempfile.TemporaryDirectory(prefix="asyncperf-") as home:
        while True:
            started = time.monotonic()
            folder = Path(tempfile.mkdtemp(dir=home))
            with (
                # Locust keeps what the master sends in the directory for temporary files,
                # by its name: two workers of one machine would overwrite each other's.
                ChildProcess(
                    worker_command(host, port),
                    log=folder / "locust.log",
                    env=clean_environment(env, folder) | {"TMPDIR": str(folder)},
                    cwd=folder,
                    stop_signal=signal.SIGINT,
                    grace_s=STOP_GRACE_S,
                ) as process,
                interrupts.allowed(),
            ):
                while (code := process.wait(POLL_S)) is None:
                    pass
            if code == OVER_CODE:
                say("the run is over")
                return
            if code == 0:
                failures = 0
                say("the load has ended; waiting for the next")
                continue
            failures = failures + 1 if time.monotonic() - started < SHORT_S else 1
            if failures == FAILURES:
                raise LoadError(
                    f"the worker failed {FAILURES} times (code {code})",
                    last_lines(process.output(), LOG_LINES_SHOWN),
                )
            say(f"the worker ended with code {code}; starting another")
