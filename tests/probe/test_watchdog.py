"""What the watchdog sees of a loop that does not say in time that it is there."""

import asyncio
import sys
import time
from threading import get_ident
from time import perf_counter

import pytest

from asyncperf.probe.watchdog import Watchdog

uvloop = pytest.importorskip("uvloop")


@pytest.mark.parametrize("factory", [asyncio.SelectorEventLoop, uvloop.new_event_loop])
def test_a_loop_that_waits_is_at_nothing_and_one_that_is_blocked_is_not(factory):
    async def main():
        loop = asyncio.get_running_loop()
        watchdog = Watchdog(get_ident(), lambda _: None, lambda _: None)
        loop.call_soon(lambda: watchdog.learn_base(sys._getframe(1)))
        await asyncio.sleep(0)
        began = perf_counter()
        watchdog.expect(began, 0.0)
        while not watchdog.quiet_at:
            await asyncio.sleep(0.05)
        for look in watchdog.looks:  # it may have come while the loop was awake
            assert look.stack[-1][0].co_name != "select"
        watchdog.looks.clear()
        watchdog.expect(perf_counter(), 0.0)
        while not watchdog.looks:
            time.sleep(0.05)
        watchdog.expect(perf_counter(), 1000)
        assert any(code is main.__code__ for look in watchdog.looks for code, *_ in look.stack)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
