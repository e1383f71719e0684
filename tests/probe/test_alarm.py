"""What wakes the watchdog, and what does not."""

import sys
import threading
import time
from time import perf_counter

import pytest

from asyncperf.probe.alarm import Alarm, Sleep, Timer, next_ring

AGAIN_S = 0.02
KINDS = [Sleep]
if sys.platform == "linux":
    KINDS.append(Timer)


@pytest.fixture(params=KINDS)
def rings(request):
    """An alarm, and when it rang as (asked, at)."""
    timer, found = request.param(AGAIN_S), []
    alarm = Alarm(AGAIN_S, timer)

    def wait():
        for _ in range(3):
            found.append((alarm.wait(), perf_counter()))

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    yield timer, found
    timer.put_off(perf_counter(), 0.001)  # it ends
    thread.join()


def until(condition):
    while not condition():
        time.sleep(0.005)


def test_it_rings_when_it_was_to_and_again_until_it_is_put_off(rings):
    timer, found = rings
    now = perf_counter()
    timer.put_off(now, 0.03)
    until(lambda: len(found) == 3)
    asked = [due for due, _ in found]
    assert asked[0] == now + 0.03
    assert all(due <= at for due, at in found)
    steps = [(due - asked[0]) / AGAIN_S for due in asked]
    assert steps == pytest.approx([round(step) for step in steps])
    assert steps[0] < steps[1] < steps[2]


def test_it_is_silent_while_it_is_put_off(rings):
    timer, found = rings
    for _ in range(20):
        timer.put_off(perf_counter(), 30)
        time.sleep(0.002)
    assert found == []


@pytest.mark.parametrize(
    ("rang", "rings"),
    [
        (0.0, 5.0),  # not yet
        (5.0, 7.0),
        (5.9, 7.0),
        (11.5, 13.0),  # it came late, and leaves out what it has missed
    ],
)
def test_the_next_ring(rang, rings):
    assert next_ring(5.0, rang, 2.0) == rings
