"""The request that the running code belongs to, and what it has cost so far."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from contextvars import Context
from math import inf
from time import perf_counter
from types import CoroutineType, coroutine
from typing import TYPE_CHECKING, Any

from .accelerator import NATIVE

if TYPE_CHECKING:
    from .timeline import Track

# A step of so long is a stall of the loop (see `stalls`).
LONG_S = 0.02

# So many waits are kept for a request whose other wait may be for nobody.
MOST_BESIDE = 1000

# Not the context of whichever request it was.
NO_CONTEXT = Context()

Message = MutableMapping[str, Any]


class Request:
    """Times are of `perf_counter`, durations in seconds; see `record_format.REQUESTS`."""

    # What every request has is found the faster in slots; what most never change stays the class's.
    __slots__ = (
        "__dict__",
        "answer_loop_s",
        "answered",
        "counted_until",
        "detail",
        "gc_s",
        "leaving",
        "left_s",
        "loop_s",
        "number",
        "row",
        "sent",
        "server_send",
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

    def __init__(self, number: int, sent: float = 0.0, start: float = 0.0, detail: int = 0) -> None:
        self.number = number
        self.sent = sent
        self.start = start
        # 1 if its awaits are recorded, and 1 more for each that is left out.
        self.detail = detail
        self.answered = 0.0
        self.status = 0
        self.steps = self.trips = self.spans = 0
        self.loop_s = 0.0
        self.answer_loop_s = 0.0  # of that, until the answer was handed over
        self.gc_s = 0.0
        # Until when waits have been counted; 0 if there were none.
        self.counted_until = 0.0
        # What the app sends its answer by, where `send` is not between.
        self.server_send: Callable[[Message], Any] = nothing
        # Whether the answer waits for the loop's turn to end; how long it did; and the rest of the
        # record, which waits for that.
        self.leaving = False
        self.left_s = 0.0
        self.row: tuple[float, ...] | None = None

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

    def send(self, message: Message) -> Any:
        """The server's `send`, with a note of the answer's status and of when its end was handed
        over."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
        elif kind == "http.response.body" and not message.get("more_body"):
            stepping = STEPPING
            self.answered = now = stepping.clock()
            in_step_s = now - stepping.since if stepping.request is self else 0.0
            self.answer_loop_s = self.loop_s + in_step_s
            if stepping.next_turn is not None and not self.leaving:
                self.leaving = True
                if not stepping.leaving:
                    stepping.next_turn(stepping.left, context=NO_CONTEXT)
                stepping.leaving.append(self)
            # A server that has the connection's next request already begins it here: in a task
            # that is none of this one's. (Behind a `BaseHTTPMiddleware` a client has its whole
            # answer before the app says that it is at its end.)
            sending = self.server_send(message)
            if type(sending) is not CoroutineType:
                sending = passed_on(sending)
            stepping.answering = sending
            return sending
        return self.server_send(message)


def count_beside(request: Request, count: Callable[[], None]) -> None:
    """A wait is over while another one of its request counts. It is counted after all, at the
    request's end, if that one still waits then: nobody waited for it."""
    other: Any = request.waiting
    if len(other.beside) < MOST_BESIDE:
        other.beside = (*other.beside, count)
        request.counted_until = request.counted_until or -inf  # there was a wait


def count_rest(request: Request) -> None:
    """At its end."""
    other: Any = request.waiting
    if other is not None:
        request.waiting = None
        for count in other.beside:
            count()


async def passed_on(sending: Awaitable[None]) -> None:
    await sending


def nothing(*_: Any) -> None:
    """Until there is a worker, nobody wants to know."""


class Stepping:
    """What the loop is at, for what happens meanwhile to find. `request` is the one whose step
    runs now, `since` when; `track` is its task, if it is recorded in detail; `answering` is what
    last told a server that an answer is at its end. `next_turn` is how to be called once the
    loop's turn is over, if it sends only then; `leaving` are the requests whose answers are sent
    so, and `left` is told that they were.
    `long_step` is told of a step of `LONG_S` or more, and `sign`, from `next_sign` on, that
    another begins.

    During a step the loop's `create_task` is another, for the tasks that the request creates: so
    others cost nothing. `attributes` are the loop's own; `follows(usual)` makes that other one.
    `clock` is who tells the time."""

    __slots__ = (
        "answering",
        "attributes",
        "clock",
        "create_task",
        "follow",
        "follows",
        "leaving",
        "left",
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
        self.next_turn: Callable[..., object] | None = None
        self.leaving: list[Request] = []
        self.left: Callable[[], None] = nothing
        self.long_step: Callable[[Request, float, float], None] = nothing
        self.sign: Callable[[float], None] = nothing
        self.next_sign = inf
        self.clock: Callable[[], float] = perf_counter
        self.attributes: dict[str, Any] = {"create_task": None}
        self.follows: Callable[[Any], Any] = nothing
        # The loop's, which the app may change at any time, and ours that was made of it.
        self.create_task: Any = None
        self.follow: Any = None


@coroutine
def timed(
    running: Coroutine[Any, Any, Any], request: Request, track: Track | None = None
) -> Generator[Any, Any, Any]:
    """Run a coroutine and add up how long it ran: a step is from one suspension to the next, and
    nothing else runs on the loop meanwhile."""
    stepping = STEPPING
    attributes, clock = stepping.attributes, stepping.clock
    value: Any = None
    error: BaseException | None = None
    while True:
        # Else it is a task that began eagerly, inside another's step.
        counts = stepping.request is None
        around = stepping.track
        stepping.track = track
        if counts:
            stepping.request = request
            create_task = attributes["create_task"]
            if create_task is not stepping.create_task:
                stepping.create_task, stepping.follow = create_task, stepping.follows(create_task)
            attributes["create_task"] = stepping.follow
            stepping.since = since = clock()
            if since >= stepping.next_sign:
                stepping.sign(since)
        try:
            given = running.send(value) if error is None else running.throw(error)
        except StopIteration as stop:
            return stop.value
        finally:
            stepping.track = around
            if counts:
                now = clock()
                stepping.request = None
                if attributes["create_task"] is stepping.follow:  # else the app's new one stays
                    attributes["create_task"] = stepping.create_task
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


if NATIVE is not None and not TYPE_CHECKING:
    Request, Stepping, timed = NATIVE.Request, NATIVE.Stepping, NATIVE.timed
    NATIVE.lend(passed_on=passed_on)

# One event loop serves a worker's requests.
STEPPING: Stepping = Stepping() if NATIVE is None else NATIVE.STEPPING
