"""Calls at points in time, on a clock that the test turns."""

import asyncio
from collections.abc import Callable
from functools import partial
from time import perf_counter

import pytest
import uvloop

from asyncperf.load.wheel import Alarm, LoopAlarm, TimerfdAlarm, Wheel, best_alarm


class FakeAlarm:
    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call
        self.delays_s: list[float] = []

    def set(self, delay_s: float) -> None:
        self.delays_s.append(delay_s)

    def close(self) -> None:
        pass


class Turned:
    """A wheel, its clock and its alarm."""

    def __init__(self) -> None:
        self.now = 0.0
        self.called: list[tuple[str, float]] = []
        self.wheel = Wheel(self._make_alarm, lambda: self.now)

    def _make_alarm(self, call: Callable[[], object]) -> Alarm:
        self.alarm = FakeAlarm(call)
        return self.alarm

    def at(self, due: float, name: str) -> None:
        self.wheel.at(due, lambda due: self.called.append((name, due)))

    def turn_to(self, now: float) -> None:
        self.now = now
        self.alarm.call()


@pytest.fixture
def turned() -> Turned:
    return Turned()


def test_calls_come_in_order_of_time_then_of_entry(turned: Turned) -> None:
    for due, name in ((3.0, "c"), (1.0, "a"), (3.0, "d"), (2.0, "b"), (9.0, "z")):
        turned.at(due, name)
    turned.turn_to(3.0)
    assert turned.called == [("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 3.0)]


def test_alarm_is_set_for_the_earliest(turned: Turned) -> None:
    turned.at(5.0, "late")
    turned.at(7.0, "later")
    turned.at(2.0, "soon")
    assert turned.alarm.delays_s == [5.0, 2.0]
    turned.turn_to(2.5)
    assert turned.alarm.delays_s == [5.0, 2.0, 2.5]


def test_an_alarm_that_comes_early_is_set_again(turned: Turned) -> None:
    turned.at(5.0, "a")
    turned.turn_to(4.9)
    assert turned.called == []
    assert turned.alarm.delays_s[-1] == pytest.approx(0.1)


def test_what_a_call_adds_waits_for_the_next_turn(turned: Turned) -> None:
    def again(due: float) -> None:
        turned.called.append(("again", due))
        turned.wheel.at(due, again)

    turned.wheel.at(1.0, again)
    turned.turn_to(1.0)
    assert turned.called == [("again", 1.0)]
    assert turned.alarm.delays_s[-1] > 0


def test_drift_is_the_worst_delay(turned: Turned) -> None:
    turned.at(1.0, "a")
    turned.at(1.25, "b")
    turned.turn_to(1.5)
    assert turned.wheel.max_drift_s == 0.5


@pytest.mark.parametrize("kind", [TimerfdAlarm, LoopAlarm, best_alarm])
def test_real_alarms(kind: Callable[..., Alarm]) -> None:
    called: list[float] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        wheel = Wheel(partial(kind, loop))
        over = asyncio.Event()
        began = perf_counter()
        for due in (began + 0.02, began + 0.0105, began - 1.0):
            wheel.at(due, lambda due: called.append(perf_counter() - due))
        wheel.at(began + 0.03, lambda _: over.set())
        await over.wait()
        wheel.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    assert len(called) == 3
    assert min(called) >= 0
