"""Runs inside Locust: records every request exactly, and lets one user go first.

Locust's own figures come from response times rounded to about two digits, and lose the
requests in flight at the end. This second locustfile listens to the raw events and
appends a JSON array per line to RECORD-PID.jsonl:

    ["ramp", epoch]                                      the ramp begins
    ["ramped", epoch]                                    the last user has started
    ["r", start, latency_s, method, name, status, bytes, error]     a request ended
    ["end", epoch]                                       the load is over
    ["c", start, method, name]                           cut off in flight at the end
    ["h", epoch, cpu_s, drift_s]                         the generator's own health

One user works alone first, so that the response time without load is measured by the
same client; then the ramp begins, unless that user met a failure.

In a distributed load the workers send these records to the master (`locust_worker`),
which writes them down and decides on the ramp and the end (`locust_master`). The
process is Locust's: of asyncperf it imports only what is made for that.
"""

import functools
import gc
import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any, TextIO

import gevent
from gevent import GreenletExit
from locust import events
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from asyncperf.load.locust_master import Master
from asyncperf.load.locust_worker import Worker

HEARTBEAT_S = 0.05
HEARTBEATS_PER_RECORD = 5
ERROR_LENGTH = 300
GC_THRESHOLDS = (100_000, 50, 50)

LOAD = json.loads(os.environ["ASYNCPERF_LOAD"])
RECORD: str | None = LOAD.get("record")  # None on another machine
USERS: int = LOAD["users"]
SPAWN_RATE: float = LOAD["spawn_rate"]
RUN_TIME_S: float | None = LOAD["run_time_s"]  # None: until told to stop
# The single user is done after so many requests, or after so long if it has made a few.
ALONE_REQUESTS: int = LOAD["alone_requests"]
ALONE_MIN_REQUESTS: int = LOAD["alone_min_requests"]
ALONE_S: float = LOAD["alone_s"]


class Recorder:
    """One process's records: in a file opened after Locust has forked, or on their way
    to the master."""

    def __init__(self) -> None:
        self.file: TextIO | None = None
        self.master: Master | None = None
        self.worker: Worker | None = None
        self.runner: Any = None
        self.started = 0.0
        self.completed = 0
        self.failed = 0
        self.alone = True

    def open(self, runner: Any) -> None:
        self.runner = runner
        if isinstance(runner, MasterRunner):
            self.master = Master(runner, LOAD)
        elif isinstance(runner, WorkerRunner):
            self.worker = Worker(runner, LOAD)
        else:
            self.file = open(f"{RECORD}-{os.getpid()}.jsonl", "a", encoding="utf-8")  # noqa: SIM115

    def write(self, *record: object) -> None:
        if self.worker is not None:
            self.worker.records.append(record)
        elif self.master is not None:
            self.master.write(*record)
        elif self.file is not None:
            self.file.write(json.dumps(record) + "\n")

    def flush(self) -> None:
        if self.worker is not None:
            self.worker.send()
        elif self.file is not None:
            self.file.flush()


recorder = Recorder()


def record_cut_off(session_class: Any) -> None:
    """Have the session write down a request that the end of the load interrupts.

    Locust kills its users' greenlets; no event tells of the request that dies with one.
    """
    original: Callable[..., Any] = session_class.request

    @functools.wraps(original)
    def request(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        start = time.time()
        try:
            return original(self, method, url, *args, **kwargs)
        except GreenletExit:
            recorder.write("c", start, method, kwargs.get("name") or self.request_name or url)
            raise

    session_class.request = request


record_cut_off(HttpSession)
record_cut_off(FastHttpSession)


@events.request.add_listener
def on_request(
    request_type: str,
    name: str,
    response_time: float,
    response_length: int,
    response: Any,
    exception: BaseException | None,
    start_time: float,
    **_: object,
) -> None:
    status = getattr(response, "status_code", None) or 0
    error = None
    if exception is not None:
        recorder.failed += 1
        error = f"HTTP {status}" if status >= 400 else f"{type(exception).__name__}: {exception}"
        error = error[:ERROR_LENGTH]
    recorder.completed += 1
    recorder.write(
        "r",
        start_time,
        response_time / 1000,
        request_type,
        name,
        status,
        response_length or 0,
        error,
    )
    if recorder.alone and alone_long_enough(time.perf_counter() - recorder.started):
        recorder.alone = False
        if recorder.worker is not None:
            recorder.worker.end_alone(bool(recorder.failed))
        elif recorder.failed:
            # The parent reads what failed; 500 users would only fail faster.
            gevent.spawn(recorder.runner.quit)
        else:
            begin_ramp(recorder.runner)


def alone_long_enough(elapsed_s: float) -> bool:
    if recorder.worker is not None and recorder.worker.ramping:
        return False
    if recorder.failed or recorder.completed >= ALONE_REQUESTS:
        return True
    return recorder.completed >= ALONE_MIN_REQUESTS and elapsed_s >= ALONE_S


def begin_ramp(runner: Any) -> None:
    """Start the other users, before the single one can send its next request: its first
    under load is then the ramp's first."""
    keep_what_exists()
    recorder.write("ramp", time.time())
    gevent.spawn(runner.start, USERS, SPAWN_RATE)
    gevent.get_hub().loop.update_now()  # its clock stood still meanwhile
    if RUN_TIME_S is not None:
        gevent.spawn_later(RUN_TIME_S, runner.quit)


def keep_what_exists() -> None:
    """A full collection of Locust's own objects stops every user for some 80 ms, and the
    burst that follows comes round with every response time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


@events.init.add_listener
def on_init(environment: Environment, **_: object) -> None:
    recorder.open(environment.runner)
    if recorder.master is not None:
        if LOAD["over"]:
            recorder.master.say_farewell()
        recorder.master.wait_for_workers()
    if recorder.file is None:
        keep_what_exists()
    else:
        # In a greenlet of its own: a KeyboardInterrupt would end whichever is running, and is
        # lost in a callback.
        gevent.signal_handler(signal.SIGINT, recorder.runner.quit)
    gevent.spawn(heartbeat)


@events.test_start.add_listener
def on_test_start(**_: object) -> None:
    recorder.started = time.perf_counter()


@events.spawning_complete.add_listener
def on_spawning_complete(user_count: int, **_: object) -> None:
    """Of the ramp, not of the single user. The master speaks for its workers."""
    ramping = recorder.master.ramping if recorder.master is not None else not recorder.alone
    if ramping and recorder.worker is None:
        recorder.write("ramped", time.time())


@events.test_stopping.add_listener
def on_test_stopping(**_: object) -> None:
    """Before the users are stopped, which takes a moment in which some are still answered."""
    if recorder.file is not None:
        recorder.write("end", time.time())


@events.quit.add_listener
def on_quit(**_: object) -> None:
    recorder.flush()


def heartbeat() -> None:
    """Note how late the scheduler wakes and the CPU that this process has used."""
    while True:
        drift_s = 0.0
        for _ in range(HEARTBEATS_PER_RECORD):
            due = time.perf_counter() + HEARTBEAT_S
            gevent.sleep(HEARTBEAT_S)
            drift_s = max(drift_s, time.perf_counter() - due)
        recorder.write("h", time.time(), time.process_time(), drift_s)
        recorder.flush()
