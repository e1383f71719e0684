"""How long a thread ran."""

import time

import pytest

from asyncperf.probe import clock
from asyncperf.probe.clock import ThreadClock


@pytest.mark.parametrize("known", [True, False])
def test_time_asleep_is_neither_run_nor_waited_for_a_cpu(monkeypatch, known):
    if not known:
        monkeypatch.setattr(clock.os, "open", lambda *_: (_ for _ in ()).throw(OSError()))
    began = time.perf_counter()
    found = ThreadClock()
    time.sleep(0.1)
    ran, waited = found.since_mark()
    # On a busy machine it waits for a CPU before its sleep and after it.
    awake_s = time.perf_counter() - began - 0.1
    assert ran >= 0
    assert waited >= 0
    assert ran + waited <= awake_s + 0.01


def test_work_is_run(monkeypatch):
    found = ThreadClock()
    began = time.thread_time()
    while time.thread_time() - began < 0.05:
        pass
    assert found.since_mark()[0] >= 0.045
    found.mark()
    assert found.since_mark()[0] < 0.04
