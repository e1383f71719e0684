"""What the loop itself calls that is no Python function, by the handle or by the system."""

import asyncio
import functools
import hashlib
import json
import os
import sys
import threading
import time
from threading import get_ident
from time import perf_counter

import pytest
import uvloop

from asyncperf.probe.record_format import UNNAMED
from asyncperf.probe.watchdog import Watchdog
from asyncperf.probe.without_frames import builtins_of, handles_builtin, name_of

NEW_LOOP = {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}
SYSTEM_TELLS = os.access(f"/proc/self/task/{threading.get_native_id()}/syscall", os.R_OK)


class Callable:
    def __call__(self):
        """In Python."""


class Asked(Callable):
    __name__ = "nobody is to ask it"

    @property
    def __self__(self):
        raise AssertionError(self.__name__)


def function():
    """In Python."""


@pytest.mark.parametrize(
    ("callback", "name"),
    [
        (time.sleep, "time.sleep"),
        (functools.partial(functools.partial(time.sleep), 1), "time.sleep"),
        (hashlib.sha256, "_hashlib.openssl_sha256"),
        ([].append, "list.append"),
        (bytes, "bytes"),
        (threading.Lock().acquire, "lock.acquire"),
        (function, None),
        (functools.partial(function), None),
        (Callable(), None),
        (Asked(), None),
        (json.JSONDecoder, None),
        (json.JSONDecoder().decode, None),
    ],
)
def test_the_name_of_what_has_no_frame(callback, name):
    assert name_of(callback) == name


def test_a_step_of_a_coroutine_has_a_frame():
    found = []

    async def main():
        loop, usual = asyncio.get_running_loop(), asyncio.get_running_loop().call_soon

        def call_soon(callback, *args, **options):
            found.append(name_of(callback))
            return usual(callback, *args, **options)

        loop.call_soon = call_soon
        await asyncio.create_task(asyncio.sleep(0))

    asyncio.run(main())
    assert found
    assert set(found) == {None}


def test_a_frame_that_runs_no_handle_says_nothing():
    assert handles_builtin(sys._getframe()) is None


def looks_at(loop, callback, *args):
    """What a watchdog sees of a loop that calls this."""
    found = []

    async def main():
        watchdog = Watchdog(get_ident(), lambda _: None, builtins_of(loop))
        loop.call_soon(lambda: watchdog.learn_base(sys._getframe(1)))
        await asyncio.sleep(0)
        loop.call_soon(callback, *args)
        watchdog.expect(perf_counter(), 0.0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        watchdog.expect(perf_counter(), 1000)
        found.extend(watchdog.looks)

    loop.run_until_complete(main())
    loop.close()
    return found


@pytest.mark.parametrize("debug", [False, True])
def test_asyncios_handle_tells_what_runs_and_in_debug_mode_who_had_it_called(debug, monkeypatch):
    monkeypatch.setattr("asyncperf.probe.without_frames.is_users", lambda file: file == __file__)
    loop = NEW_LOOP["asyncio"]()
    loop.set_debug(debug)
    seen = [look.builtin for look in looks_at(loop, time.sleep, 0.1) if look.builtin]
    assert {builtin.name for builtin in seen} == {"time.sleep"}
    assert len({builtin.call for builtin in seen}) == 1
    places = {builtin.place and builtin.place[2] for builtin in seen}
    assert places == ({"main"} if debug else {None})


@pytest.mark.skipif(not SYSTEM_TELLS, reason="the system does not say what a thread waits in")
def test_of_uvloops_the_system_tells_that_it_waits():
    seen = [look for look in looks_at(NEW_LOOP["uvloop"](), time.sleep, 0.1) if look.builtin]
    assert len(seen) > 1
    assert {look.builtin.name for look in seen} == {UNNAMED}
    assert len({look.call for look in seen}) == 1
    assert all(look.stack == () for look in seen)


@pytest.mark.parametrize("kind", NEW_LOOP)
def test_neither_a_loop_that_waits_nor_one_that_wants_pythons_lock_is_in_a_builtin(kind):
    found, over = [], threading.Event()

    def computes():
        while not over.is_set():
            sum(range(1000))

    async def main():
        loop = asyncio.get_running_loop()
        watchdog = Watchdog(get_ident(), lambda _: None, builtins_of(loop))
        loop.call_soon(lambda: watchdog.learn_base(sys._getframe(1)))
        await asyncio.sleep(0)
        watchdog.expect(perf_counter(), 0.0)
        await asyncio.sleep(0.05)
        threads = [threading.Thread(target=computes) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            await asyncio.sleep(0.002)
        over.set()
        for thread in threads:
            thread.join()
        watchdog.expect(perf_counter(), 1000)
        found.extend(look.builtin for look in watchdog.looks)

    with asyncio.Runner(loop_factory=NEW_LOOP[kind]) as runner:
        runner.run(main())
    assert [builtin for builtin in found if builtin] == []


def test_a_system_that_does_not_tell_is_not_asked_again(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    loop = NEW_LOOP["uvloop"]()
    assert builtins_of(loop)(sys._getframe()) is None
    loop.close()
