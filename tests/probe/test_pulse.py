"""What most ticks of requests do, and which have more to do."""

import threading
import time
from collections import deque
from types import SimpleNamespace

import pytest

from asyncperf.probe import clock
from asyncperf.probe.alarm import alarm
from asyncperf.probe.clock import ThreadClock, seconds
from asyncperf.probe.pulse import Mark, Pulse
from asyncperf.probe.request import STEPPING
from asyncperf.probe.tables import BUFFERED

TICK_S, WITHIN_S = 0.01, 0.013


class Beating:
    """A pulse, with all that it goes by in reach, and what it told."""

    def __init__(self):
        self.garbage = SimpleNamespace(on_loop_s=0.5)
        self.clock = ThreadClock()
        self.mark = Mark(self.clock, self.garbage)
        self.timer = alarm(1.0).timer
        self.rows, self.looks, self.steps = [], deque(), []
        self.told, self.failures = [], []
        seen = (self.looks, self.steps)
        self.pulse = Pulse(TICK_S, WITHIN_S, self.mark, self.timer, (self.rows,), seen)
        self.pulse.otherwise, self.pulse.failed = self.told.append, self.failures.append
        self.pulse.more_at = 200.0


@pytest.fixture
def beating(monkeypatch):
    monkeypatch.setattr(STEPPING, "next_sign", 0.0)
    return Beating()


def test_a_tick_takes_the_mark_and_puts_the_watchdog_off(beating):
    beating.pulse(100.0)
    beating.pulse(100.02)
    assert beating.told == beating.failures == []
    assert beating.pulse.count == 2
    assert beating.mark.at == 100.02
    assert beating.timer.due == 100.02 + WITHIN_S
    assert STEPPING.next_sign == 100.02 + TICK_S


@pytest.mark.parametrize("known", [True, False])
def test_the_mark_is_what_was_used_until_then(monkeypatch, known):
    if not known:
        monkeypatch.setattr(clock.os, "open", lambda *_: (_ for _ in ()).throw(OSError()))
    beating = Beating()
    before = seconds(beating.clock.raw())[0], time.process_time()
    until = time.thread_time() + 0.02
    while time.thread_time() < until:
        pass
    beating.garbage.on_loop_s = 0.75
    beating.mark.take(100.0)
    after = seconds(beating.clock.raw())[0], time.process_time()
    ran_s = seconds(beating.mark.reading)[0]
    assert before[0] + 0.015 <= ran_s <= after[0]
    assert before[1] + 0.015 <= beating.mark.process_cpu_s <= after[1]
    assert beating.mark.collected_s == 0.75


def test_there_is_more_to_do_when_it_is_time_for_that(beating):
    beating.pulse(200.0)
    assert beating.told == [200.0]
    assert beating.mark.at == 0.0  # which that takes, once it has looked back
    assert STEPPING.next_sign == 200.0 + TICK_S


@pytest.mark.parametrize("name", ["looks", "steps"])
def test_there_is_more_to_do_once_something_was_seen(beating, name):
    getattr(beating, name).append("it")
    beating.pulse(100.0)
    getattr(beating, name).clear()
    beating.pulse(101.0)
    assert beating.told == [100.0]
    assert beating.pulse.count == 2


def test_there_is_more_to_do_where_rows_are_many(beating):
    beating.rows += (BUFFERED - 1) * ["row"]
    beating.pulse(100.0)
    assert beating.told == []
    beating.rows.append("row")
    beating.pulse(101.0)
    assert beating.told == [101.0]


def test_ticks_of_another_thread_are_none(beating):
    thread = threading.Thread(target=beating.pulse, args=(200.0,))
    thread.start()
    thread.join()
    assert (beating.pulse.count, beating.told, STEPPING.next_sign) == (0, [], 0.0)


def test_a_failure_is_told_and_none_of_the_request_s(beating):
    def breaks(now):
        raise ValueError(now)

    beating.pulse.otherwise = breaks
    beating.pulse(200.0)
    [failure] = beating.failures
    assert failure.args == (200.0,)


def test_what_a_signal_raises_goes_on(beating):
    def interrupted(now):
        raise KeyboardInterrupt

    beating.pulse.otherwise = interrupted
    with pytest.raises(KeyboardInterrupt):
        beating.pulse(200.0)
    assert beating.failures == []
