"""A worker of a distributed load, inside Locust: sends the master what it records.

For `locust_listener` alone: whatever imports this has become a Locust process.
"""

import functools
import os
import signal
import socket
import time
from collections.abc import Mapping
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import RLock
from locust import argument_parser
from locust.exception import RPCSendError
from locust.runners import WorkerRunner

from asyncperf.load.worker_messages import (
    ALONE,
    BATCH,
    MOST_RECORDS,
    OVER,
    OVER_CODE,
    PING,
    PONG,
    RAMP,
    READY,
    STOP,
)

PING_S = 1.0
# So many at the start: with the first alone, a busy moment would be taken for the way.
FIRST_PINGS = 10
# A master that is not heard for so long is gone, and no load may go on without one; Locust
# itself would load on for a minute.
MASTER_SILENT_S = 10.0
ANSWER_S = 1.0
# A few thousand users need about a second to end.
USERS_END_S = 5.0


class Worker:
    """The way to the master: `records` wait here until they are sent, in batches."""

    def __init__(self, runner: WorkerRunner, load: Mapping[str, Any]) -> None:
        self._runner = runner
        self._same_clock: bool = load["same_clock"]
        self.records: list[tuple[object, ...]] = []
        self._batches = 0
        self._sending = RLock()
        self._ramp = Event()
        self._answered = Event()
        self._heard_at = time.monotonic()
        runner.register_message(PONG, self._on_pong)
        runner.register_message(RAMP, self._on_ramp)
        runner.register_message(STOP, self._on_stop, concurrent=True)
        runner.register_message(OVER, self._on_over, concurrent=True)
        gevent.signal_handler(signal.SIGINT, self._interrupted)
        # Locust makes its command line's parser anew for each option of each message that
        # starts users: measured here, every user stood still for 70 to 100 ms of a second.
        argument_parser.default_args_dict = functools.cache(argument_parser.default_args_dict)
        gevent.spawn(self._keep_in_touch)

    def end_alone(self, failed: bool) -> None:
        """Tell that the single user is done, and hold it until the ramp begins."""
        self.send()
        self._runner.send_message(ALONE, {"failed": failed})
        self._ramp.wait()

    @property
    def ramping(self) -> bool:
        return bool(self._ramp.is_set())

    def send(self, last: bool = False) -> None:
        """Send what has gathered. Without a network it stays for the next time."""
        with self._sending:
            while True:
                chunk = self.records[:MOST_RECORDS]
                rest = len(self.records) > len(chunk)
                batch = {"number": self._batches, "records": chunk, "last": last and not rest}
                try:
                    self._runner.send_message(BATCH, batch)
                except RPCSendError:
                    return
                self._batches += 1
                del self.records[: len(chunk)]
                if not rest:
                    return

    def _keep_in_touch(self) -> None:
        """Compare the clocks, say that all is ready, and go on comparing."""
        pings = 0
        while pings < FIRST_PINGS and not self._master_is_gone():
            self._answered.clear()
            self._ping()
            pings += self._answered.wait(ANSWER_S)
        self._runner.send_message(READY, {"host": socket.gethostname(), "pid": os.getpid()})
        while not self._master_is_gone():
            gevent.sleep(PING_S)
            self._ping()
        self._runner.quit()

    def _master_is_gone(self) -> bool:
        return time.monotonic() - self._heard_at > MASTER_SILENT_S

    def _ping(self) -> None:
        try:
            self._runner.send_message(PING, {"sent": time.time()})
        except RPCSendError:
            pass  # then no answer comes, which is noticed

    def _on_pong(self, msg: Any, **_: object) -> None:
        received = time.time()
        self._heard_at = time.monotonic()
        if not self._same_clock:
            self.records.append(("p", msg.data["sent"], msg.data["answered"], received))
        self._answered.set()

    def _on_ramp(self, **_: object) -> None:
        self._ramp.set()

    def _on_stop(self, **_: object) -> None:
        self._runner.stop()
        # Locust does not wait for them, and the last thing each does is to write down what
        # it had in flight.
        self._runner.user_greenlets.join(timeout=USERS_END_S)
        self.send(last=True)

    def _on_over(self, **_: object) -> None:
        self._runner.environment.process_exit_code = OVER_CODE
        self._runner.quit()

    def _interrupted(self) -> None:
        """In a greenlet of its own: a KeyboardInterrupt would end whichever is running."""
        self._on_stop()
        self._runner.quit()
