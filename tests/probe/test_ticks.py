"""When a loop says that it is there, by a clock of the test's own."""

from types import SimpleNamespace

import pytest

from asyncperf.probe import ticks as module
from asyncperf.probe.alarm import alarm
from asyncperf.probe.clock import ThreadClock
from asyncperf.probe.pulse import Mark, Pulse
from asyncperf.probe.request import STEPPING
from asyncperf.probe.ticks import IDLE_TICK_S, TICK_S, TICK_VARIES, Ticks

LONGEST_S, LONGEST_REST_S = TICK_S * TICK_VARIES[1], IDLE_TICK_S * TICK_VARIES[1]


class Loop:
    """A loop that does nothing but what it was asked to call, and the watchdog beside it."""

    base = frozenset({"known"})

    def __init__(self):
        self.now = 100.0
        self.timers = []
        self.set = 0
        self.shown = []
        self.idle = False
        self.looks = []

    def call_soon(self, function, context):
        self.call_later(0.0, function, context)

    def call_later(self, delay_s, function, context):
        timer = SimpleNamespace(at=self.now + delay_s, function=function)
        timer.cancel = lambda: self.timers.remove(timer)
        self.timers.append(timer)
        self.set += 1
        return timer

    def expect(self, now, within_s):
        self.shown.append(now)

    def look(self, now, late_s, by_timer):
        self.looks.append((now, late_s, by_timer))
        return self.idle

    def run(self, seconds, requests_apart_s=0.0):
        """Requests begin at even intervals, as long as that is."""
        until = self.now + seconds
        request_at = self.now + requests_apart_s if requests_apart_s else until + 1.0
        while True:
            timer = min(self.timers, key=lambda timer: timer.at)
            self.now = max(self.now, min(timer.at, request_at))
            if self.now > until:
                self.now = until
                return
            if request_at < timer.at:
                request_at += requests_apart_s
                if self.now >= STEPPING.next_sign:
                    STEPPING.sign(self.now)
            else:
                self.timers.remove(timer)
                timer.function()

    def longest_silence_s(self):
        return max(b - a for a, b in zip(self.shown, [*self.shown[1:], self.now], strict=True))


@pytest.fixture
def loop(monkeypatch):
    for name in ("sign", "next_sign"):
        monkeypatch.setattr(STEPPING, name, getattr(STEPPING, name))
    made = Loop()
    monkeypatch.setattr(module, "perf_counter", lambda: made.now)
    failed = []
    mark = Mark(ThreadClock(), SimpleNamespace(on_loop_s=0.0))
    pulse = Pulse(TICK_S, 1.0, mark, alarm(1.0).timer, (), ())  # which has more to do each time
    Ticks(made, made, pulse, made.look, failed.append)
    yield made
    assert failed == []


def test_without_requests_a_timer_ticks(loop):
    loop.run(1.0)
    assert 80 <= len(loop.shown) <= 168
    assert loop.longest_silence_s() < LONGEST_S + 1e-9
    assert all(by_timer for *_, by_timer in loop.looks)


def test_a_loop_with_nothing_to_do_ticks_rarely(loop):
    loop.idle = True
    loop.run(1.0)
    assert 19 <= len(loop.shown) <= 35
    assert loop.longest_silence_s() < LONGEST_REST_S + 1e-9


def test_a_request_wakes_it(loop):
    loop.idle = True
    loop.run(0.3)
    loop.run(0.002, requests_apart_s=0.001)
    began = loop.now - 0.001
    assert loop.shown[-1] == pytest.approx(began)
    loop.run(0.02)
    assert loop.longest_silence_s() < LONGEST_REST_S + 1e-9
    assert loop.shown[-1] - began < LONGEST_S + 1e-9


@pytest.mark.parametrize("idle", [False, True])
def test_a_loop_that_requests_keep_awake_needs_few_timers(loop, idle):
    loop.idle = idle
    loop.run(1.0, requests_apart_s=0.001)
    assert 80 <= len(loop.shown) <= 168
    assert loop.set < len(loop.shown) / 3
    assert loop.longest_silence_s() < LONGEST_S + 1e-9


def test_requests_that_come_too_rarely_leave_it_to_the_timer(loop):
    loop.run(1.0, requests_apart_s=0.04)
    assert len(loop.shown) > 40
    assert loop.longest_silence_s() < 0.035


def test_how_late_it_is_is_told(loop):
    loop.run(0.5, requests_apart_s=0.001)
    loop.now += 0.1  # one thing after another
    STEPPING.sign(loop.now)
    _, late_s, by_timer = loop.looks[-1]
    assert 0.1 - LONGEST_REST_S <= late_s <= 0.1
    assert not by_timer
