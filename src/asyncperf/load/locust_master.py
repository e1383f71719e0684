"""The master of a distributed load, inside Locust: writes down what the workers send.

A file for each worker, beside its own:

    ["waiting", connected, expected]     in the master's: workers have still to come
    ["begun", epoch]                     all are there; the single user starts
    ["ramp", epoch]                      in each: the ramp begins. ["end", epoch] in the master's
    ["worker", name]                     in a worker's: whose it is
    ["gap", batches]                     batches that it sent did not arrive
    ["refused", records]                 what it sent was not a record
    ["lost", users]                      it is gone, and had so many users
    ["p", sent, answered, received]      a message to the master and back

and the records of `locust_listener`, by the worker's clock. For `locust_listener` alone:
whatever imports this has become a Locust process.
"""

import json
import logging
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import RLock
from locust.runners import STATE_MISSING, MasterRunner

from asyncperf.load.worker_messages import (
    ALONE,
    BATCH,
    OVER,
    PING,
    PONG,
    RAMP,
    READY,
    STOP,
    read_batch,
    worker_name,
)

POLL_S = 0.05
# Killing a few thousand users takes a worker about a second, and sending what they did.
LAST_BATCH_S = 8.0
# A worker that waits for the next load is there within a second or two. One that the last load's
# master turned away asks again after five (Locust's CONNECT_TIMEOUT).
FAREWELL_S = 12.0
# With these a worker of Locust's joins, and with this it leaves.
JOINING = ("client_ready", "locustfile")
LEAVING = "quit"


class WorkerFile:
    """One worker: its records, and how it stands."""

    def __init__(self, path: str, name: str) -> None:
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115
        self._batches = 0
        self.users = 0
        self.done = False
        self.lost = False
        self.write("worker", name)

    def write(self, *record: object) -> None:
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def lose(self) -> None:
        self.lost = True
        self.write("lost", self.users)

    def add(self, data: object) -> None:
        batch = read_batch(data)
        if batch is None:
            self.write("refused", 1)
            return
        if batch.number > self._batches:
            self.write("gap", batch.number - self._batches)
        self._batches = batch.number + 1
        if batch.refused:
            self.write("refused", batch.refused)
        self._file.writelines(json.dumps(record) + "\n" for record in batch.records)
        self._file.flush()
        self.done = self.done or batch.last


class Master:
    """Conducts the load: waits for the workers, lets one user go first, ramps up, ends."""

    def __init__(self, runner: MasterRunner, load: Mapping[str, Any]) -> None:
        self._runner = runner
        self._load = load
        self._own = WorkerFile(f"{load['record']}-master.jsonl", "the master")
        self._workers: dict[str, WorkerFile] = {}
        self._begun = False
        self._interrupted = False
        self._told_over = 0
        self._alone_over = Event()
        self._alone_failed = False
        self._ending = RLock()
        self._ended = False
        self.ramping = False
        self._guard_messages()
        runner.register_message(PING, self._on_ping)
        runner.register_message(READY, self._on_ready)
        runner.register_message(BATCH, self._on_batch)
        runner.register_message(ALONE, self._on_alone)
        gevent.signal_handler(signal.SIGINT, self._interrupt)

    def write(self, *record: object) -> None:
        self._own.write(*record)

    def wait_for_workers(self) -> None:
        """Return when all are there, the clocks compared. Locust then starts the single
        user; nobody joins any more, which would move users about in the middle of a load."""
        expected: int = self._load["workers"]
        deadline = time.monotonic() + self._load["max_wait_s"]
        said = None
        while (connected := self._connected()) < expected:
            if connected != said:
                self.write("waiting", connected, expected)
                said = connected
            if self._interrupted or time.monotonic() > deadline:
                self._leave()
            gevent.sleep(POLL_S)
        self._begun = True
        self.write("begun", time.time())
        gevent.spawn(self._conduct)
        gevent.spawn(self._watch)

    def say_farewell(self) -> None:
        """Tell the workers that come for another load that there is none."""
        deadline = time.monotonic() + FAREWELL_S
        while self._told_over < self._load["workers"] and time.monotonic() < deadline:
            gevent.sleep(POLL_S)
        self._leave()

    def end(self) -> None:
        """Have every worker stop its users and send the last of its records."""
        with self._ending:
            if self._ended:
                return
            self._ended = True
            self.write("end", time.time())
            self._runner.send_message(STOP)
            deadline = time.monotonic() + LAST_BATCH_S
            while self._unfinished() and time.monotonic() < deadline:
                gevent.sleep(POLL_S)
            for worker in self._unfinished():
                worker.lose()

    def _unfinished(self) -> list[WorkerFile]:
        return [each for each in self._workers.values() if not each.done and not each.lost]

    def _connected(self) -> int:
        return sum(not self._is_gone(worker_id) for worker_id in self._workers)

    def _is_gone(self, worker_id: str) -> bool:
        """It said good-bye, or Locust has had no heartbeat of it for some four seconds."""
        client = self._runner.clients.get(worker_id)
        return client is None or client.state == STATE_MISSING

    def _leave(self) -> None:
        self._runner.quit()
        sys.exit(1)

    def _finish(self) -> None:
        self.end()
        self._runner.quit()

    def _interrupt(self) -> None:
        """In a greenlet of its own: a KeyboardInterrupt would end whichever is running."""
        self._interrupted = True
        if self._begun:
            self._finish()

    def _conduct(self) -> None:
        self._alone_over.wait()
        if self._alone_failed:
            # The parent reads what failed; 500 users would only fail faster.
            self._finish()
            return
        while not self._runner.spawning_completed:
            gevent.sleep(POLL_S)
        self.ramping = True
        at = time.time()
        # The single user waits for the ramp, so no record of the load is older than this.
        for file in (self._own, *self._workers.values()):
            file.write("ramp", at)
        self._runner.send_message(RAMP)
        if self._load["run_time_s"] is not None:
            gevent.spawn_later(self._load["run_time_s"], self._finish)
        self._runner.start(self._load["users"], self._load["spawn_rate"])

    def _watch(self) -> None:
        """Write down which worker is gone, and how many users it had."""
        while True:
            for worker_id, worker in self._workers.items():
                if worker.lost or (worker.done and self._ended):
                    continue
                if self._is_gone(worker_id):
                    worker.lose()
                else:
                    worker.users = self._runner.clients[worker_id].user_count
            gevent.sleep(POLL_S)

    def _on_ping(self, msg: Any, **_: object) -> None:
        answer = {"sent": msg.data["sent"], "answered": time.time()}
        self._runner.send_message(PONG, answer, client_id=msg.node_id)

    def _on_ready(self, msg: Any, **_: object) -> None:
        if self._load["over"]:
            self._runner.send_message(OVER, client_id=msg.node_id)
            self._told_over += 1
        elif msg.node_id not in self._workers and not self._begun:
            path = f"{self._load['record']}-worker-{len(self._workers):04}.jsonl"
            self._workers[msg.node_id] = WorkerFile(path, worker_name(msg.data))

    def _on_batch(self, msg: Any, **_: object) -> None:
        worker = self._workers.get(msg.node_id)
        if worker is not None and not worker.lost:
            worker.add(msg.data)

    def _on_alone(self, msg: Any, **_: object) -> None:
        if msg.node_id in self._workers:
            self._alone_failed = bool(msg.data["failed"])
            self._alone_over.set()

    def _guard_messages(self) -> None:
        """Have Locust ignore newcomers during a load, and survive what it cannot read. Before
        a load it must outlive its only worker, which it would leave with: others will come."""
        handle = self._runner.handle_message

        def guarded(client_id: str, msg: Any) -> None:
            newcomer = client_id not in self._workers
            if msg.node_id != client_id or (self._begun and newcomer and msg.type in JOINING):
                return
            if msg.type == LEAVING and not self._begun:
                self._runner.clients.pop(client_id, None)
                return
            try:
                handle(client_id, msg)
            except Exception as error:
                logging.warning("ignored a message that cannot be read: %r", error)

        self._runner.handle_message = guarded  # type: ignore[method-assign]
