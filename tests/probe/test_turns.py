"""When the loop's present turn began, seen from another thread."""

import asyncio
import sys
import threading
import time
from threading import get_ident

import pytest
import uvloop

from asyncperf.probe.turns import turns_of

# libuv counts milliseconds, and may count them by a clock that ticks each of them.
EXACT_S = {"asyncio": 0.001, "uvloop": 0.003}
NEW_LOOP = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.mark.parametrize("kind", NEW_LOOP)
def test_a_callbacks_turn_is_known_while_it_runs(kind):
    loop = NEW_LOOP[kind]()
    turns, thread, found, times = turns_of(loop), get_ident(), [], []
    began, seen = threading.Event(), threading.Event()

    def see():
        began.wait()
        callback = sys._current_frames()[thread]
        while callback.f_code.co_name != "blocks":
            callback = callback.f_back
        found.append(turns(callback.f_back))
        seen.set()

    def blocks():
        times.append(time.perf_counter())
        time.sleep(0.02)
        began.set()
        seen.wait()
        times.append(time.perf_counter())
        loop.stop()

    looker = threading.Thread(target=see)
    looker.start()
    before = time.perf_counter()
    loop.call_later(0.01, blocks)
    loop.run_forever()
    looker.join()
    loop.close()
    [turn] = found
    entered, left = times
    assert before + 0.01 - EXACT_S[kind] <= turn.began <= entered < left - 0.02
    assert turn.before in (0, None)


def test_a_loop_that_does_not_tell_has_no_turns():
    class Loop(asyncio.SelectorEventLoop):
        pass

    Loop.__module__ = "uvloop.future"
    loop = Loop()
    assert turns_of(loop)(sys._getframe()) is None
    loop.close()


def test_outside_of_a_turn_there_is_none():
    loop = asyncio.new_event_loop()
    assert turns_of(loop)(sys._getframe()) is None
    assert turns_of(loop)(None) is None
    loop.close()
