"""How long a request's tasks run on the loop."""

import asyncio
import gc

import pytest

from asyncperf.probe.request import LONG_S, STEPPING, Request, timed
from asyncperf.probe.tasks import NOT_BEGUN, close_cancelled, watch_tasks


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch):
    monkeypatch.setattr(STEPPING, "long_step", lambda *_: None)


class Clock:
    """It stands still but for what the test lets pass."""

    now = 100.0

    def __call__(self):
        return self.now

    def let_pass(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(STEPPING, "clock", clock := Clock())
    return clock


def run(coroutine, request=None, track=None):
    """Run a coroutine timed; its result."""
    request = request or Request(1)

    async def main():
        return await timed(coroutine, request, track)

    return asyncio.run(main())


async def spin(clock, seconds):
    clock.let_pass(seconds)


def test_time_on_the_loop_counts_and_time_away_does_not(clock):
    async def works():
        clock.let_pass(1)
        asyncio.get_running_loop().call_soon(clock.let_pass, 50)
        await asyncio.sleep(0)
        clock.let_pass(2)
        return "done"

    request = Request(1)
    assert run(works(), request) == "done"
    assert request.steps == 2
    assert request.loop_s == 3


def test_exceptions_pass_in_both_directions():
    async def fails():
        raise KeyError("x")

    async def catches():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return "cleaned up"

    async def cancel():
        request = Request(1)

        async def inner():
            return await timed(catches(), request)

        task = asyncio.create_task(inner())
        await asyncio.sleep(0)
        task.cancel()
        return await task, request.steps

    with pytest.raises(KeyError):
        run(fails())
    assert asyncio.run(cancel()) == ("cleaned up", 3)


def test_the_request_is_known_during_a_step_alone():
    request = Request(1)
    seen = []

    async def looks():
        seen.append(STEPPING.request)
        await asyncio.sleep(0)

    run(looks(), request)
    assert seen == [request]
    assert STEPPING.request is None


def test_the_task_is_known_during_a_step_alone_and_an_eager_one_in_it_is_itself():
    outer, inner = object(), object()
    seen = []

    async def looks():
        seen.append(STEPPING.track)

    async def creates():
        await looks()
        with pytest.raises(StopIteration):
            timed(looks(), Request(1), inner).send(None)
        await looks()
        await asyncio.sleep(0)
        await looks()

    run(creates(), track=outer)
    assert seen == [outer, inner, outer, outer]
    assert STEPPING.track is None


def test_a_step_inside_a_step_is_counted_once(clock):
    outer, inner = Request(1), Request(2)

    async def eager():
        task = timed(spin(clock, 5), inner)
        with pytest.raises(StopIteration):
            task.send(None)

    run(eager(), outer)
    assert inner.steps == 0
    assert outer.loop_s == 5


def test_long_steps_are_told(monkeypatch, clock):
    told = []
    monkeypatch.setattr(STEPPING, "long_step", lambda *step: told.append(step))
    request = Request(1)
    clock.now = 0.0
    run(spin(clock, LONG_S), request)
    run(spin(clock, LONG_S / 2), request)
    assert told == [(request, 0.0, LONG_S)]


def test_what_is_sent_is_noted_and_passed_on():
    request = Request(1)
    passed = []

    async def send(message):
        passed.append(message["type"])

    async def answer():
        noted, request.server_send = request.send, send
        await noted({"type": "http.response.start", "status": 201})
        await noted({"type": "http.response.body", "more_body": True})
        assert request.answered == 0
        await noted({"type": "http.response.body"})

    asyncio.run(answer())
    assert passed == ["http.response.start", "http.response.body", "http.response.body"]
    assert request.status == 201
    assert request.answered > 0
    assert STEPPING.request is None


def test_a_task_that_is_cancelled_before_it_runs_leaves_no_warning():
    async def never():
        pytest.fail("it ran")

    async def cancels():
        task = asyncio.create_task(never())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [coroutine.cr_code for coroutine in NOT_BEGUN] == [never.__code__]

    async def main():
        watch_tasks(asyncio.get_running_loop())
        await timed(cancels(), Request(1))
        gc.collect()
        close_cancelled()

    close_cancelled()  # what other tests have left
    asyncio.run(main())
    gc.collect()
    assert NOT_BEGUN == {}


def test_the_loop_s_own_way_to_create_tasks_is_there_between_the_steps():
    seen = []

    async def creates():
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: seen.append(loop.create_task))
        await asyncio.sleep(0)
        await loop.create_task(asyncio.sleep(0), name="mine")

    async def main():
        loop = asyncio.get_running_loop()
        usual = loop.create_task
        watch_tasks(loop)
        request = Request(1)
        await timed(creates(), request)
        assert seen == [usual]
        assert loop.create_task == usual
        assert request.tasks == 1

    asyncio.run(main())


def test_a_way_to_create_tasks_that_the_app_sets_stays():
    made = []

    def changed(loop):
        usual = loop.create_task

        def create_task(coro, **how):
            made.append(coro.__name__)
            return usual(coro, **how)

        loop.create_task = create_task
        return create_task

    async def changes():
        seen.append(changed(asyncio.get_running_loop()))

    async def creates():
        await asyncio.create_task(asyncio.sleep(0))

    seen = []

    async def main():
        loop = asyncio.get_running_loop()
        watch_tasks(loop)
        for change in (lambda: timed(changes(), Request(1)), changes):  # in a step, and between
            await change()
            request = Request(2)
            await timed(creates(), request)
            assert request.tasks >= 1
            assert loop.create_task is seen[-1]
        # The second calls the first, and so does all that the loop itself creates from now on.
        assert made == ["sleep", "sleep", "sleep"]

    asyncio.run(main())


def test_a_task_factory_is_the_app_s_own_affair():
    made = []

    def theirs(loop, coroutine, **how):
        made.append(coroutine.__name__)
        return asyncio.Task(coroutine, loop=loop, **how)

    async def creates():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(theirs)
        assert loop.get_task_factory() is theirs
        await asyncio.create_task(asyncio.sleep(0))

    async def main():
        watch_tasks(asyncio.get_running_loop())
        request = Request(1)
        await timed(creates(), request)
        assert made == ["sleep"]
        assert request.tasks == 1

    asyncio.run(main())
