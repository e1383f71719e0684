"""The request that the running code belongs to, and what it has cost so far."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from contextvars import Context
from math import inf
from time import perf_counter
from types import CoroutineType, coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .timeline import Track

# A step of so long is a stall of the loop (see `stalls`).
LONG_S = 0.02

# Not the context of whichever request it was.
NO_CONTEXT = Context()

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


class Request:
    """Times are of `perf_counter`, durations in seconds; see `record_format.REQUESTS`."""

    # What every request has is found the faster in slots; what most never change stays the class's.
    __slots__ = (
        "__dict__",
        "answer_loop_s",
        "answered",
        "counted_until",
        "detail",
        "end",
        "gc_s",
        "leaving",
        "left_s",
        "loop_s",
        "number",
        "record",
        "route",
        "sent",
        "spans",
        "start",
        "status",
        "steps",
        "trips",
    )
    tasks = 0
    pool_wait_s = 0.0
    pool_run_s = 0.0
    resume_s = 0.0
    conn_wait_s = 0.0
    lock_wait_s = 0.0
    thread_conn_wait_s = 0.0
    # The wait that counts now.
    waiting: object = None
    # Stays that were asked for in threads, some of which outlast the trip there.
    kept: tuple[Any, ...] = ()

    def __init__(
        self, number: int, sent: float = 0.0, start: float = 0.0, detail: int = 0
    ) -> None:
        self.number = number
        self.sent = sent
        self.start = start
        # 1 if its awaits are recorded, and 1 more for each that is left out.
        self.detail = detail
        self.answered = self.end = 0.0
        self.status = self.route = 0
        self.steps = self.trips = self.spans = 0
        self.loop_s = 0.0
        self.answer_loop_s = 0.0  # of that, until the answer was handed over
        self.gc_s = 0.0
        # Until when waits have been counted.
        self.counted_until = 0.0
        # Whether the answer waits for the loop's turn to end; how long it did; and who is to be
        # told once that is known.
        self.leaving = False
        self.left_s = 0.0
        self.record: Callable[[Request], None] | None = None

    def begin_wait(self, wait: object) -> None:
        """Waits of one request may overlap, for it may have several tasks. What they add to
        its time must fit into it, so one counts at a time: the first that begins, and then
        what others last beyond its end. (That it be the wait of the request's own task would
        miss all of them behind a middleware that runs the app in a task of its own.)"""
        if self.waiting is None:
            self.waiting = wait

    def end_wait(self, wait: object, asked: float, ended: float) -> float | None:
        """From when on that wait counts, None if not at all."""
        if self.waiting is wait:
            self.waiting = None
        elif self.waiting is not None:
            return None
        since = asked if asked > self.counted_until else self.counted_until
        if ended > since:
            self.counted_until = ended
        return since

    def sending(self, send: Callable[[Message], Any]) -> Send:
        """`send`, noting the answer's status and when its end was handed over."""

        def noted(message: Message) -> Any:
            kind = message["type"]
            if kind == "http.response.start":
                self.status = message["status"]
            elif kind == "http.response.body" and not message.get("more_body"):
                self.answered = now = perf_counter()
                self.answer_loop_s = self.loop_s
                if STEPPING.request is self:
                    self.answer_loop_s += now - STEPPING.since
                if STEPPING.next_turn is not None and not self.leaving:
                    self.leaving = True
                    STEPPING.next_turn(self.leave, context=NO_CONTEXT)
                # A server that has the connection's next request already begins it here: in a
                # task that is none of this one's. (Behind a `BaseHTTPMiddleware` a client has its
                # whole answer before the app says that it is at its end.)
                sending = send(message)
                if type(sending) is not CoroutineType:
                    sending = passed_on(sending)
                STEPPING.answering = sending
                return sending
            return send(message)

        return noted

    def leave(self) -> None:
        """The turn of the loop in which the answer was handed over has ended."""
        self.left_s = perf_counter() - self.answered
        self.leaving = False
        if self.record is not None:
            self.record(self)


async def passed_on(sending: Awaitable[None]) -> None:
    await sending


def nothing(*_: Any) -> None:
    """Until there is a worker, nobody wants to know."""


class Stepping:
    """The request whose step runs on the loop now, and `since` when, for what happens meanwhile
    (a garbage collection) to find; its task, if it is recorded in detail (`track`; in an eager
    task that of the task); and what last told a server that an answer is at its end; how
    to be called once the loop's turn is over, if it sends only then (`next_turn`); who is to be
    told of a step of `LONG_S` or more, and from `next_sign` on that another begins; and how the
    loop gets a factory for the tasks that the step creates (`enter`, `leave`), so that other tasks
    cost nothing."""

    __slots__ = (
        "answering",
        "enter",
        "leave",
        "long_step",
        "next_sign",
        "next_turn",
        "request",
        "sign",
        "since",
        "track",
    )

    def __init__(self) -> None:
        self.request: Request | None = None
        self.track: Track | None = None
        self.since = 0.0
        self.answering: CoroutineType[Any, Any, Any] | None = None
        self.long_step: Callable[[Request, float, float], None] = nothing
        self.sign: Callable[[float], None] = nothing
        self.next_sign = inf
        self.next_turn: Callable[..., object] | None = None
        self.enter: Callable[[], None] = nothing
        self.leave: Callable[[], None] = nothing

    def use(self, factories: TaskFactories) -> None:
        self.enter, self.leave = factories.enter, factories.leave


class TaskFactories:
    """Changes the loop's task factory to ours for the length of a step. `ours` makes it from
    the one that the loop has, which is the app's own to change at any time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ours: Callable[[Any], Any]) -> None:
        self._get: Callable[[], Any] = loop.get_task_factory
        self._set: Callable[[Any], None] = loop.set_task_factory
        self._make = ours
        self._theirs: Any = None
        self._ours = ours(None)

    def enter(self) -> None:
        theirs = self._get()
        if theirs is not self._theirs:
            self._theirs, self._ours = theirs, self._make(theirs)
        self._set(self._ours)

    def leave(self) -> None:
        if self._get() is self._ours:  # else the step has set another, which is to stay
            self._set(self._theirs)


class PlainTaskFactories(TaskFactories):
    """The same for asyncio's own loops, whose methods do no more than this: in Python, four
    calls of them for each step."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ours: Callable[[Any], Any]) -> None:
        super().__init__(loop, ours)
        self._loop: Any = loop

    def enter(self) -> None:
        loop = self._loop
        theirs = loop._task_factory
        if theirs is not self._theirs:
            self._theirs, self._ours = theirs, self._make(theirs)
        loop._task_factory = self._ours

    def leave(self) -> None:
        loop = self._loop
        if loop._task_factory is self._ours:
            loop._task_factory = self._theirs


def factories_of(loop: asyncio.AbstractEventLoop, ours: Callable[[Any], Any]) -> TaskFactories:
    kind = type(loop)
    plain = (
        getattr(kind, "set_task_factory", None) is asyncio.BaseEventLoop.set_task_factory
        and getattr(kind, "get_task_factory", None) is asyncio.BaseEventLoop.get_task_factory
        and "_task_factory" in vars(loop)
    )
    return (PlainTaskFactories if plain else TaskFactories)(loop, ours)


# One event loop serves a worker's requests.
STEPPING = Stepping()


@coroutine
def timed(
    running: Coroutine[Any, Any, Any], request: Request, track: Track | None = None
) -> Generator[Any, Any, Any]:
    """Run a coroutine and add up how long it ran: a step is from one suspension to the next, and
    nothing else runs on the loop meanwhile."""
    stepping = STEPPING
    value: Any = None
    error: BaseException | None = None
    while True:
        # Else it is a task that began eagerly, inside another's step.
        counts = stepping.request is None
        around = stepping.track
        stepping.track = track
        if counts:
            stepping.request = request
            stepping.enter()
            stepping.since = since = perf_counter()
            if since >= stepping.next_sign:
                stepping.sign(since)
        try:
            given = running.send(value) if error is None else running.throw(error)
        except StopIteration as stop:
            return stop.value
        finally:
            stepping.track = around
            if counts:
                now = perf_counter()
                stepping.request = None
                stepping.leave()
                request.loop_s += now - since
                request.steps += 1
                if now - since >= LONG_S:
                    stepping.long_step(request, since, now)
        # Outside of `except`, or the coroutine's next errors would have this one as context.
        try:
            value, error = (yield given), None
        except GeneratorExit:
            running.close()
            raise
        except BaseException as thrown:
            thrown.__traceback__ = thrown.__traceback__ and thrown.__traceback__.tb_next
            error = thrown
        given = None  # nor is what it waited for kept alive
