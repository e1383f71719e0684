"""A load process of the native engine:

    python -m asyncperf.load.native_worker FOLDER NUMBER

It reads its orders from the folder and appends records and events there, see `orders`.
Process 0 first sends the single user's requests, then writes down when the ramp begins,
for itself and for the others. SIGTERM ends the load: what is in flight is recorded as cut
off. Imports neither NumPy nor the rest of asyncperf, so that it starts fast and small.
"""

import asyncio
import dataclasses
import gc
import json
import os
import random
import signal
import socket
import ssl
import sys
import time
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import uvloop

from asyncperf.load.connection import Client, Prepared, Site
from asyncperf.load.crowd import Awaited, Crowd, Ended, most_users
from asyncperf.load.http1 import request_bytes
from asyncperf.load.orders import Files, Orders
from asyncperf.load.outcomes import SUCCEEDED, Outcome
from asyncperf.load.record_format import LOADED, RecordWriter
from asyncperf.load.schedule import (
    arrivals_s,
    picking,
    share,
    source_address,
    spans,
)
from asyncperf.load.wheel import Wheel, best_alarm
from asyncperf.probe.clock import ThreadClock
from asyncperf.probe.record_format import SENT_DIGITS, SENT_HEADER

HEARTBEAT_S = 0.05
HEARTBEATS_PER_RECORD = 5
WAIT_S = 0.01
# Between the single user and the ramp: enough for every process to have read of it, and
# to have made its users.
NOTICE_S = 0.1
# A full collection would stop all users; what exists when the ramp begins, stays.
GC_THRESHOLDS = (100_000, 50, 50)


class Worker:
    """One process's part in a load."""

    def __init__(self, folder: Path, process: int, loop: asyncio.AbstractEventLoop) -> None:
        self.files = Files(folder)
        self.orders = Orders.load(self.files.orders)
        self.process = process
        self.loop = loop
        self.wheel = Wheel(partial(best_alarm, loop))
        self.stopping = asyncio.Event()
        self._failure: BaseException | None = None
        loop.set_exception_handler(self._on_exception)
        self.writer = RecordWriter(partial(self.files.records, process))
        self._rng = random.Random(f"{self.orders.seed}/{process}")
        self.requests = prepare(self.orders)
        self.site = make_site(self.orders, loop, self.writer, self._note, self.requests[0])
        if len(self.requests) > 1:
            weights = [message.weight for message in self.orders.messages]
            rng = random.Random(f"{self.orders.seed}/{process}/mix")
            mix = picking(self.requests, weights, rng)
            self.site = dataclasses.replace(self.site, pick=mix)
        self._noted: set[Outcome] = set()
        self.clients: list[Client] = []
        self.idle: list[Client] = []
        self._awaited = Awaited(partial(self._event, "reached"))
        self._beats = 0
        self._clock = ThreadClock()
        # Last, because it says that this process is ready.
        self._events = self.files.events(process).open("a", encoding="utf-8")
        self._event("begun", perf_counter())
        self._beat(perf_counter())

    async def run(self) -> None:
        """The whole load, until its time is up, `stop` is called, or a user alone fails."""
        try:
            ramp_at = await self._ramp_time()
            if ramp_at is not None:
                self._begin_load(ramp_at)
                await self.stopping.wait()
        finally:
            self._finish()
        if self._failure is not None:
            raise self._failure

    def stop(self, _: float = 0.0) -> None:
        self.stopping.set()

    # The single user, and how the others learn that it is done.

    async def _ramp_time(self) -> float | None:
        if self.process == 0:
            await self._wait_for_others()
            if not await self._alone() or self.stopping.is_set():
                replace(self.files.ramp, "null")
                return None
            at = perf_counter() + NOTICE_S
            self._event("ramp", at, time.time() + at - perf_counter())
            replace(self.files.ramp, json.dumps(at))
        while not self.files.ramp.exists():
            if self.stopping.is_set():
                return None
            await asyncio.sleep(WAIT_S)
        ramp_at: float | None = json.loads(self.files.ramp.read_text())
        return ramp_at

    async def _wait_for_others(self) -> None:
        others = [self.files.events(number) for number in range(1, self.orders.processes)]
        while not self.stopping.is_set() and not all(file.stat().st_size for file in others):
            await asyncio.sleep(WAIT_S)

    async def _alone(self) -> bool:
        """One user's requests, each for a while; whether all of them succeeded."""
        for request in self.requests:
            if not await self._alone_with(request):
                return False
        return True

    async def _alone_with(self, request: Prepared) -> bool:
        """That request, one after another; whether all of them succeeded."""
        orders = self.orders
        began = perf_counter()
        over = asyncio.Event()
        done: list[Outcome] = []

        def ended(client: Client, now: float, outcome: Outcome) -> None:
            done.append(outcome)
            enough = len(done) >= orders.alone_requests or (
                len(done) >= orders.alone_min_requests and now - began >= orders.alone_s
            )
            if enough or outcome not in SUCCEEDED or self.stopping.is_set():
                over.set()
            else:
                client.begin(now, now)

        site = dataclasses.replace(self.site, request=request, pick=None)
        user = Client(site, ended, self._source(0))
        self.clients.append(user)
        user.begin(began, began)
        await first_of(over, self.stopping)
        if self.stopping.is_set():
            return False
        user.close()
        return SUCCEEDED.issuperset(done)

    # The load.

    def _begin_load(self, ramp_at: float) -> None:
        self.writer.phase = LOADED
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self.wheel.max_drift_s = 0.0
        if self.orders.stages[0].level.rate_rps is None:
            users = Crowd(self.orders, self.wheel, self.stopping.is_set, self._rng, self._awaited)
            mine = share(most_users(self.orders.stages), self.process, self.orders.processes)
            self.clients += users.begin(ramp_at, mine, self._user)
        else:
            self._begin_open(ramp_at)
        for stage, span in enumerate(spans(self.orders.stages, self.orders.spawn_rate)):
            # After the stage's own users in the wheel, which have started by then.
            self.wheel.at(ramp_at + span.reached_s, self._awaited.expect(stage))
        if self.orders.run_time_s is not None:
            self.wheel.at(ramp_at + self.orders.run_time_s, self.stop)

    def _begin_open(self, ramp_at: float) -> None:
        orders = self.orders
        arrivals = arrivals_s(
            orders.arrivals, orders.stages, self.process, orders.processes, self._rng
        )
        due = (ramp_at + arrival_s for arrival_s in arrivals)

        def arrive(intended: float) -> None:
            """Send all that is due, each on an idle connection or else on another one.
            None is left out, however late it has become."""
            now = perf_counter()
            while intended <= now and not self.stopping.is_set():
                client = self.idle.pop() if self.idle else self._another()
                client.begin(intended, perf_counter())
                intended = next(due)
            self.wheel.at(intended, arrive)

        self.wheel.at(next(due), arrive)

    def _user(self, number: int, ended: Ended) -> Client:
        return Client(self.site, ended, self._source(number))

    def _another(self) -> Client:
        number = self.process + len(self.clients) * self.orders.processes
        client = Client(self.site, self._idle_again, self._source(number))
        self.clients.append(client)
        return client

    def _idle_again(self, client: Client, now: float, outcome: Outcome) -> None:
        # The last one used goes first: so no more connections stay warm than are needed.
        self.idle.append(client)

    def _source(self, number: int) -> str | None:
        """Where a client connects from; other loopback addresses exist on Linux alone."""
        if sys.platform != "linux" or self.site.family != socket.AF_INET:
            return None
        return source_address(number, self.site.address[0])

    # The process itself.

    def _beat(self, due: float) -> None:
        """Look after timeouts; every few beats write down how this process is."""
        self._check_timeouts()
        self._beats += 1
        if self._beats % HEARTBEATS_PER_RECORD == 0:
            now = perf_counter()
            self.writer.flush()
            _, cpu_wait_s = self._clock.read()
            self._event("h", now, time.process_time(), self.wheel.max_drift_s, cpu_wait_s)
            self.wheel.max_drift_s = 0.0
        self.wheel.at(max(due, perf_counter() - HEARTBEAT_S) + HEARTBEAT_S, self._beat)

    def _check_timeouts(self) -> None:
        limit_s = self.orders.response_timeout_s
        if limit_s is None:
            return
        now = perf_counter()
        for client in self.clients:
            since = client.waits_since()
            if since is not None and now - since >= limit_s:
                client.give_up(Outcome.RESPONSE_TIMEOUT, now)

    def _finish(self) -> None:
        """Record what is in flight as cut off, and let go of every connection."""
        self.stopping.set()
        now = perf_counter()
        for client in self.clients:
            if client.busy:
                client.give_up(Outcome.CUT_OFF, now)
            client.close()
        self.wheel.close()
        self.writer.flush()
        self._event("end", now, sum(client.begun for client in self.clients))
        self._events.close()
        self.writer.close()
        self._clock.close()

    def _note(self, outcome: Outcome, detail: str) -> None:
        if detail and outcome not in self._noted:
            self._noted.add(outcome)
            self._event("detail", outcome, detail)

    def _event(self, *event: object) -> None:
        self._events.write(json.dumps(event) + "\n")
        self._events.flush()

    def _on_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A fault of ours must not pass for a result: end, loudly."""
        error = context.get("exception")
        if isinstance(error, OSError):
            return  # a connection's own trouble, which its client was told of
        loop.default_exception_handler(context)
        self._failure = error or RuntimeError(context["message"])
        self.stopping.set()


async def first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def prepare(orders: Orders) -> tuple[Prepared, ...]:
    """The requests as bytes. Raises ValueError for one that cannot be sent."""
    host = urlsplit(orders.url).netloc.rpartition("@")[2]
    stamp = "0" * SENT_DIGITS
    stamped = f"{SENT_HEADER}: {stamp}".encode("ascii")
    prepared = []
    for number, message in enumerate(orders.messages):
        headers = (*message.headers, (SENT_HEADER, stamp)) if orders.stamped else message.headers
        payload = request_bytes(
            *(message.method, message.target, host),
            headers=headers,
            body=message.body,
            keepalive=orders.keepalive,
        )
        tail = b""
        if orders.stamped:
            before, _, tail = payload.partition(stamped)
            payload = before + stamped[:-SENT_DIGITS]
        prepared.append(Prepared(number, message.method, payload, tail))
    return tuple(prepared)


def make_site(
    orders: Orders,
    loop: asyncio.AbstractEventLoop,
    writer: RecordWriter,
    note: Any,
    request: Prepared,
) -> Site:
    """Raises OSError where the host has no address."""
    url = urlsplit(orders.url)
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    family, address = find_address(host, port, orders.connect_timeout_s)
    return Site(
        loop=loop,
        writer=writer,
        note=note,
        family=family,
        address=address,
        tls=ssl.create_default_context(cafile=orders.ca_file) if url.scheme == "https" else None,
        tls_name=host if url.scheme == "https" else None,
        request=request,
        pick=None,
        keepalive=orders.keepalive,
        connect_timeout_s=orders.connect_timeout_s,
    )


def find_address(
    host: str, port: int, timeout_s: float
) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """The host's first address that takes a connection, or its first if none does."""
    found = [
        (family, (str(address[0]), port))
        for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ]
    for _, address in found if len(found) > 1 else ():
        try:
            socket.create_connection(address, timeout_s).close()
        except OSError:
            continue
        return next(entry for entry in found if entry[1] == address)
    return found[0]


def replace(file: Path, text: str) -> None:
    """Write a file so that whoever reads it finds all of it or nothing."""
    new = file.with_suffix(".new")
    new.write_text(text)
    os.replace(new, file)


def main(folder: str, process: str) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        worker = Worker(Path(folder), int(process), loop)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


if __name__ == "__main__":
    main(*sys.argv[1:])
