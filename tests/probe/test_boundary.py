"""Requests as the probe sees them, in a process of its own loop."""

import asyncio
import functools
import time

import numpy as np
import pytest

from asyncperf.probe.boundary import Boundary
from asyncperf.probe.intake import BURST_S, TOGETHER, Rates, take_sent
from asyncperf.probe.loop_watch import LoopWatch
from asyncperf.probe.notes import read_notes
from asyncperf.probe.record_format import NO_REQUEST
from asyncperf.probe.request import STEPPING
from asyncperf.probe.ticks import IDLE_TICK_S, TICK_VARIES
from asyncperf.probe.worker import Worker
from asyncperf.probe_files import read_insight

SLEEP_S = 0.05
# Longer than a busy machine takes the CPU away for, as a rule.
WORK_S = 0.03


pytestmark = pytest.mark.usefixtures("clean")


def serve(folder, app, requests):
    """Call an app behind the boundary once a scope; what each call raised, or None."""
    boundary = Boundary(app, str(folder), Worker)

    async def main():
        raised = []
        for scope in requests:
            try:
                await boundary(scope, None, send)
            except ValueError as error:
                raised.append(error)
            else:
                raised.append(None)
        if boundary.worker is not None:
            boundary.worker.close()
        return raised

    async def send(message):
        pass

    return asyncio.run(main())


def scope(**changes):
    return {"type": "http", "method": "GET", "path": "/items", "headers": []} | changes


async def app(scope, receive, send):
    assert STEPPING.request is not None
    await asyncio.gather(asyncio.sleep(SLEEP_S), asyncio.create_task(child()))
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})


async def child():
    time.sleep(0.003)
    await asyncio.sleep(SLEEP_S)


def test_a_request_is_recorded_with_what_its_tasks_did(tmp_path):
    serve(tmp_path, app, [scope(), scope()])
    insight = read_insight(tmp_path, time.time())
    first, second = insight.requests
    assert (first["number"], second["number"]) == (0, 1)
    assert first["status"] == 200
    assert 0.003 <= first["loop_s"] < first["end"] - first["start"] - SLEEP_S / 2
    assert first["steps"] >= 4  # its own two, and two of the child's
    assert first["start"] < first["answered"] <= first["end"]
    assert insight.missing == ()
    assert STEPPING.request is None


def test_steps_after_the_answer_are_told_apart(tmp_path):
    """A background task: from the answer on in the same step, and then in steps of its own."""

    async def works_on(scope, receive, send):
        compute(WORK_S)
        await app(scope, receive, send)
        if scope["path"] == "/late":
            compute(WORK_S)
            await asyncio.sleep(SLEEP_S)
            compute(WORK_S)

    def compute(s):
        until = time.perf_counter() + s
        while time.perf_counter() < until:
            pass

    serve(tmp_path, works_on, [scope(path="/late"), scope()])
    late, plain = read_insight(tmp_path, time.time()).requests
    assert 2 * WORK_S <= late["late_loop_s"] <= late["loop_s"] - WORK_S - 0.003
    assert plain["late_loop_s"] < WORK_S <= plain["loop_s"]


def test_where_more_come_than_are_recorded_eight_in_a_row_are(tmp_path):
    """And then none, until there is room for as many."""
    boundary = Boundary(quick, str(tmp_path), functools.partial(Worker, rates=Rates(20.0)))
    unused = round(BURST_S * 20.0)

    async def main():
        until = time.perf_counter() + 1.3
        while time.perf_counter() < until:
            await boundary(scope(), None, None)
            await asyncio.sleep(0)
        boundary.worker.close()

    asyncio.run(main())
    recorded = read_insight(tmp_path, time.time()).requests
    numbers = recorded["number"][unused:]
    gaps_s = np.diff(recorded["start"][unused:])
    assert 2 * TOGETHER <= len(numbers) <= 4 * TOGETHER
    assert np.mean(gaps_s < 0.5 / 20.0) > 0.75


async def quick(scope, receive, send):
    pass


def test_a_request_that_the_server_begins_as_another_ends_is_its_own(tmp_path):
    """The second waits in the connection already when the first is told to be at its end."""
    boundary = Boundary(app, str(tmp_path), Worker)
    begun = []

    async def main():
        async def send(message):
            if message["type"] == "http.response.body" and not begun:
                begun.append(asyncio.create_task(boundary(scope(), None, send)))

        await boundary(scope(), None, send)
        await begun[0]
        boundary.worker.close()

    asyncio.run(main())
    first, second = read_insight(tmp_path, time.time()).requests
    for request in (first, second):
        assert request["steps"] >= 3  # its own, and its child's two
        assert 0.003 <= request["loop_s"] < SLEEP_S


def test_an_exception_is_the_apps_own_and_the_request_is_recorded(tmp_path):
    async def fails(scope, receive, send):
        raise ValueError("no stock")

    [error] = serve(tmp_path, fails, [scope()])
    assert str(error) == "no stock"
    [request] = read_insight(tmp_path, time.time()).requests
    assert request["status"] == 0


def test_other_scopes_pass_as_they_are(tmp_path):
    async def plain(scope, receive, send):
        assert STEPPING.request.number == NO_REQUEST

    serve(tmp_path, plain, [{"type": "websocket"}, {"type": "lifespan"}])
    assert len(read_insight(tmp_path, time.time()).requests) == 0


def test_a_probe_that_fails_leaves_the_app_alone(tmp_path):
    called = []

    async def plain(scope, receive, send):
        called.append(scope["path"])

    def broken(folder):
        raise RuntimeError("no worker")

    boundary = Boundary(plain, str(tmp_path), broken)

    async def main():
        for _ in range(2):
            await boundary(scope(), None, None)

    asyncio.run(main())
    assert called == ["/items", "/items"]
    [note] = read_notes(tmp_path)
    assert note["note"] == "failed"


@pytest.mark.parametrize(
    ("part", "method"),
    [(Worker, "_first"), (Worker, "_route"), (Worker, "_add_waits"), (LoopWatch, "long_step")],
)
def test_a_worker_that_fails_in_mid_run_leaves_the_app_alone(tmp_path, monkeypatch, part, method):
    called = []

    async def plain(scope, receive, send):
        called.append(scope["path"])
        await send({"type": "http.response.body"})
        time.sleep(0.03)

    def fails(*_):
        raise RuntimeError("no more")

    monkeypatch.setattr(part, method, fails)
    serve(tmp_path, plain, [scope(), scope()])
    assert called == ["/items", "/items"]
    insight = read_insight(tmp_path, time.time())
    assert insight.missing == (
        "the probe failed in a worker, and did not see all of it: RuntimeError('no more')",
    )


def test_a_request_of_a_server_that_says_less_is_the_app_s_own(tmp_path):
    called = []

    async def plain(scope, receive, send):
        called.append(scope["path"])

    bare = {"type": "http", "path": "/items"}
    serve(tmp_path, plain, [bare, scope()])
    assert called == ["/items", "/items"]
    insight = read_insight(tmp_path, time.time())
    assert insight.missing == (
        "the probe failed in a worker, and did not see all of it: KeyError('headers')",
    )


def test_a_tick_that_fails_is_told_and_leaves_the_loop_alone(tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("no more")

    monkeypatch.setattr(Worker, "_look_around", fails)
    troubles = []

    async def plain(scope, receive, send):
        asyncio.get_running_loop().set_exception_handler(lambda *found: troubles.append(found))
        await asyncio.sleep(0.03)

    serve(tmp_path, plain, [scope(), scope()])
    assert troubles == []
    assert "RuntimeError('no more')" in read_insight(tmp_path, time.time()).missing[0]


def awake(folder, app, *pauses_s):
    """Call an app behind the boundary after each pause; what was seen, and when each began."""
    boundary, began = Boundary(app, str(folder), Worker), []

    async def send(message):
        pass

    async def main():
        for pause_s in pauses_s:
            await asyncio.sleep(pause_s)
            began.append(time.perf_counter())
            await boundary(scope(), None, send)
        boundary.worker.close()

    asyncio.run(main())
    return read_insight(folder, time.time() - time.perf_counter()), began


def test_an_idle_loop_ticks_rarely_and_a_busy_one_s_ticks_are_recorded_too(tmp_path):
    async def quick(scope, receive, send):
        pass

    insight, began = awake(tmp_path, quick, *[0.004] * 100, 0.8)
    ticks = insight.ticks["at"]
    assert len(ticks[ticks < began[-2]]) >= 3
    rest = ticks[(ticks > began[-2]) & (ticks < began[-1])]
    assert 3 <= len(rest) <= (began[-1] - began[-2]) / (TICK_VARIES[0] * IDLE_TICK_S) + 3


def test_a_stall_right_after_a_rest_has_its_line(tmp_path):
    async def blocks(scope, receive, send):
        time.sleep(0.2)  # time enough for who looks to get a CPU

    insight, _ = awake(tmp_path, blocks, 0.0, 0.2, 0.3)
    # Of the first one no look was taken: the loop had not come to its first tick yet.
    rested = insight.stalls[insight.stalls["request"] > 0]
    frames = [insight.stacks[row["stack"]].frames for row in rested]
    assert any(stack and stack[-1].function.endswith("blocks") for stack in frames)


@pytest.mark.parametrize(
    ("headers", "sent", "left"),
    [
        ([], None, []),
        ([(b"host", b"x")], None, [(b"host", b"x")]),
        ([(b"host", b"x"), (b"x-asyncperf-sent", b"1500000000")], 1.5, [(b"host", b"x")]),
        ([(b"x-asyncperf-sent", b"soon")], None, []),
    ],
)
def test_the_engines_stamp_is_taken_out(headers, sent, left):
    found = {"headers": headers}
    value = take_sent(found)
    assert value == sent if sent is not None else value != value
    assert found["headers"] == left


def test_ctrl_c_while_the_probe_is_at_work_reaches_the_app(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    async def goes_on(scope, receive, send):
        await asyncio.sleep(SLEEP_S)

    monkeypatch.setattr(Worker, "_first", interrupted)
    with pytest.raises(KeyboardInterrupt):
        serve(tmp_path, goes_on, [scope(), scope()])
