"""How long a thread ran."""

import time

import psutil
import pytest

from asyncperf.probe import clock
from asyncperf.probe.clock import ThreadClock


@pytest.mark.parametrize("known", [True, False])
def test_time_asleep_is_neither_run_nor_waited_for_a_cpu(monkeypatch, known):
    if not known:
        monkeypatch.setattr(clock.os, "open", lambda *_: (_ for _ in ()).throw(OSError()))
    began = time.perf_counter()
    found = ThreadClock()
    before = found.raw()
    time.sleep(0.1)
    ran, waited = found.since(before)
    # On a busy machine it waits for a CPU before its sleep and after it.
    awake_s = time.perf_counter() - began - 0.1
    assert ran >= 0
    assert waited >= 0
    assert ran + waited <= awake_s + 0.01


def test_work_is_run(monkeypatch):
    found = ThreadClock()
    before, began = found.raw(), time.thread_time()
    while time.thread_time() - began < 0.05:
        pass
    assert found.since(before)[0] >= 0.045
    assert found.since(found.raw())[0] < 0.04


def test_its_file_is_given_back():
    descriptors = psutil.Process().num_fds
    before = descriptors()
    found = ThreadClock()
    assert descriptors() > before or not clock.os.path.exists("/proc/thread-self/schedstat")
    found.close()
    found.close()
    assert descriptors() == before
