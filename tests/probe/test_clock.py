"""How long a thread ran."""

import time

import pytest

from asyncperf.probe import clock
from asyncperf.probe.clock import ThreadClock


@pytest.mark.parametrize("known", [True, False])
def test_time_asleep_is_neither_run_nor_waited_for_a_cpu(monkeypatch, known):
    if not known:
        monkeypatch.setattr(clock.os, "open", lambda *_: (_ for _ in ()).throw(OSError()))
    found = ThreadClock()
    time.sleep(0.1)
    ran, waited = found.since_mark()
    assert 0 <= ran < 0.05
    assert 0 <= waited < 0.1


def test_work_is_run(monkeypatch):
    found = ThreadClock()
    began = time.thread_time()
    while time.thread_time() - began < 0.05:
        pass
    assert found.since_mark()[0] >= 0.045
    found.mark(found.read())
    assert found.since_mark()[0] < 0.04
