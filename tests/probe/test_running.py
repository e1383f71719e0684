"""What the app can tell from something that is run by the probe: nothing."""

import asyncio
import gc
import time
import traceback

import pytest

from asyncperf.probe.awaits import span
from asyncperf.probe.record_format import CONNECTIONS, LOCK
from asyncperf.probe.request import (
    LONG_S,
    MOST_BESIDE,
    STEPPING,
    Request,
    count_rest,
    timed,
)
from asyncperf.probe.threads import Trip, count
from asyncperf.probe.uses import Limited, Use

from .detail import Detail


def in_time(awaitable, detail):
    return timed(awaitable, detail.request, detail.track)


def in_span(awaitable, detail):
    return span(detail.track, 0, 0, awaitable, False)


@pytest.fixture(params=[in_time, in_span])
def ran(request):
    """Something is run, in a coroutine of the app's own."""

    def run(awaitable, detail=None):
        async def awaits():
            return await request.param(awaitable, detail or Detail())

        return awaits()

    return run


class Waits:
    """What asyncio's loop would be told."""

    def __await__(self):
        return (yield self)


async def returns(value):
    return value


def result(coroutine):
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    return stop.value.value


@pytest.mark.parametrize("value", [None, 1, (1, 2), StopIteration(3), KeyError("x")])
def test_what_is_returned_is_returned(ran, value):
    assert result(ran(returns(value))) is value


def test_what_is_sent_and_what_is_waited_for_pass(ran):
    waits = Waits()

    async def twice():
        return await waits, await waits

    running = ran(twice())
    assert running.send(None) is waits
    assert running.send("one") is waits
    with pytest.raises(StopIteration) as stop:
        running.send("two")
    assert stop.value.value == ("one", "two")


def test_an_error_is_the_app_s_own_without_the_probe_s_frames(ran):
    async def fails():
        await Waits()
        raise ValueError("no stock")

    running = ran(fails())
    running.send(None)
    with pytest.raises(ValueError, match="no stock") as failed:
        running.send(None)
    names = [frame.name for frame in traceback.extract_tb(failed.value.__traceback__)]
    assert names[-1] == "fails"
    assert failed.value.__context__ is None


def test_the_context_of_an_error_is_what_was_handled_then(ran):
    async def fails():
        raise ValueError("no stock")

    async def handles():
        try:
            raise KeyError("first")
        except KeyError:
            await ran(fails())

    with pytest.raises(ValueError, match="no stock") as failed:
        handles().send(None)
    assert isinstance(failed.value.__context__, KeyError)


def test_an_error_that_is_thrown_in_may_be_caught(ran):
    async def catches():
        try:
            await Waits()
        except KeyError as error:
            return error, await Waits()

    running, error = ran(catches()), KeyError("thrown")
    running.send(None)
    assert isinstance(running.throw(error), Waits)
    with pytest.raises(StopIteration) as stop:
        running.send("sent")
    assert stop.value.value == (error, "sent")


def test_what_cannot_be_thrown_into_or_closed_is_left_where_it_is(ran):
    class Plain:
        def __await__(self):
            return iter([1, 2])

    async def waits():
        await Plain()

    for end in (lambda running: running.throw(KeyError), lambda running: running.close()):
        running = ran(waits())
        assert running.send(None) == 1
        try:
            end(running)
        except KeyError:
            pass
        with pytest.raises(RuntimeError, match="reuse"):
            running.send(None)


def test_what_is_closed_may_clean_up(ran):
    cleaned = []

    async def cleans_up():
        try:
            await Waits()
        finally:
            cleaned.append(True)

    running = ran(cleans_up())
    running.send(None)
    running.close()
    assert cleaned == [True]
    running.close()


def test_what_refuses_to_be_closed_is_told(ran):
    async def refuses():
        try:
            await Waits()
        except GeneratorExit:
            await Waits()

    running = ran(refuses())
    running.send(None)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        running.close()


def test_what_is_dropped_is_closed(ran):
    cleaned = []

    async def cleans_up():
        try:
            await Waits()
        finally:
            cleaned.append(True)

    detail = Detail()
    running = ran(cleans_up(), detail)
    running.send(None)
    knot = [running]
    knot.append(knot)
    del running, knot
    gc.collect()
    assert cleaned == [True]
    assert STEPPING.request is None
    assert [found.outcome for found in detail.spans] in ([], ["cancelled"])


def test_a_coroutine_cannot_be_awaited_twice_at_once():
    async def waits():
        await Waits()

    coroutine = waits()
    first = in_await(in_span(coroutine, Detail()))
    first.send(None)
    with pytest.raises(RuntimeError, match="being awaited already"):
        in_await(in_span(coroutine, Detail())).send(None)
    first.close()


def test_what_is_not_awaitable_is_refused_as_python_does():
    with pytest.raises(TypeError, match="can't be used in 'await' expression"):
        in_await(in_span(3, Detail())).send(None)


async def in_await(awaitable):
    return await awaitable


def test_a_step_of_an_iterator_returns_by_its_own_error():
    async def ends():
        raise StopAsyncIteration

    detail = Detail()
    with pytest.raises((StopAsyncIteration, RuntimeError)):
        in_await(span(detail.track, 0, 0, Ends(), True)).send(None)
    assert [found.outcome for found in detail.spans] == ["returned"]


class Ends:
    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        raise StopAsyncIteration


def test_a_task_of_asyncio_s_runs_it_and_cancels_it(ran):
    async def sleeps():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            raise

    async def main():
        task = asyncio.create_task(ran(sleeps()))
        await asyncio.sleep(0)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task

    asyncio.run(main())


def test_who_follows_what_waits_for_what_comes_through():
    waits = Waits()

    async def inner():
        await waits

    coroutine = inner()
    running = in_await(in_span(coroutine, Detail()))
    running.send(None)
    chain, at = [], running
    while at is not None:
        chain.append(getattr(at, "cr_frame", None))
        at = getattr(at, "cr_await", None)
    assert coroutine.cr_frame in chain
    running.close()


def test_nothing_is_kept_of_what_is_over(ran):
    class Thing:
        alive = 0

        def __init__(self):
            Thing.alive += 1

        def __del__(self):
            Thing.alive -= 1

    async def passes(thing):
        await asyncio.sleep(0)
        return thing

    async def fails(thing):
        raise ValueError(thing)

    async def main():
        await ran(passes(Thing()))
        with pytest.raises(ValueError, match="Thing"):
            await ran(fails(Thing()))

    asyncio.run(main())
    gc.collect()
    assert Thing.alive == 0


def test_a_request_s_wait_counts_once():
    request = Request(1)
    request.begin_wait("first")
    request.begin_wait("second")
    assert request.end_wait("second", 1.0, 2.0) is None
    assert request.end_wait("first", 1.0, 3.0) == 1.0
    request.begin_wait("third")
    assert request.end_wait("third", 2.0, 4.0) == 3.0
    assert request.counted_until == 4.0


def test_a_wait_that_is_not_over_with_its_request_hides_no_other():
    """A task that nobody awaits waits for a lock, and the request itself for a thread and for a
    connection meanwhile."""
    request = Request(1)
    forgotten = Use(request, None, Limited(LOCK, "a lock", 1, None, 1), None)
    connection = Use(request, None, Limited(CONNECTIONS, "a pool", 1, None, 1), None)
    request.begin_wait(forgotten)
    trip = Trip(len, request)
    trip.asked, connection.asked = 1.0, 4.0
    count(trip, 2.0, 3.0, 3.5)
    connection._waited(4.5)
    assert (request.pool_wait_s, request.pool_run_s, request.conn_wait_s) == (0.0, 0.0, 0.0)
    assert request.counted_until  # so that its waits are recorded
    count_rest(request)
    assert (request.pool_wait_s, request.pool_run_s, request.resume_s) == (1.0, 1.0, 0.5)
    assert (request.conn_wait_s, request.lock_wait_s) == (0.5, 0.0)


def test_what_was_over_beside_a_wait_that_ends_is_a_part_of_that():
    request = Request(1)
    first, second = (
        Use(request, None, Limited(LOCK, "a lock", 1, None, number), None) for number in (1, 2)
    )
    for use in (first, second):
        request.begin_wait(use)
        use.asked = 1.0
    second._waited(2.0)
    first._waited(3.0)
    count_rest(request)
    assert request.lock_wait_s == 2.0


def test_a_request_without_an_end_keeps_so_many_waits_and_no_more():
    request = Request(1)
    forgotten = Use(request, None, Limited(LOCK, "a lock", 1, None, 1), None)
    request.begin_wait(forgotten)
    for _ in range(MOST_BESIDE + 1):
        count(Trip(len, request), 2.0, 3.0, 3.5)
    assert len(forgotten.beside) == MOST_BESIDE


@pytest.mark.parametrize(("answered", "waited_s"), [(0.0, 3.0), (5.0, 3.0), (2.0, 1.0), (0.5, 0.0)])
@pytest.mark.parametrize("kind", [CONNECTIONS, LOCK])
def test_a_wait_counts_until_the_answer_alone(kind, answered, waited_s):
    """A background task waits as well, and nobody for it."""
    request = Request(1)
    request.answered = answered
    use = Use(request, None, Limited(kind, "a pool", 1, None, 1), None)
    use.asked = 1.0
    request.begin_wait(use)
    use._waited(4.0)
    waits_s = (request.conn_wait_s, request.lock_wait_s)
    assert waits_s == ((waited_s, 0.0) if kind == CONNECTIONS else (0.0, waited_s))


def test_a_signal_that_ends_the_process_is_raised_though_the_probe_was_at_work(monkeypatch):
    def ends(*_):
        raise SystemExit(3)

    monkeypatch.setattr(STEPPING, "long_step", ends)

    async def computes():
        time.sleep(LONG_S)

    with pytest.raises(SystemExit):
        timed(computes(), Request(1)).send(None)
    assert STEPPING.request is None
