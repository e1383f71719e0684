"""Which workers a server has, and whether any is left; no server is started."""

from unittest.mock import Mock

import psutil
import pytest

from asyncperf.probe import notes
from asyncperf.target import workers
from asyncperf.target.workers import RESTART_S, START_S, Workers

PARENT, FIRST, SECOND, THIRD = 10, 11, 12, 13
NOW = 1000.0


class Machine:
    """Processes that run, when they were started, and a clock."""

    def __init__(self):
        self.started = {FIRST: NOW - 9, SECOND: NOW - 9}
        self.now = NOW

    def time(self):
        return self.now

    def children(self, recursive):
        return [Mock(create_time=lambda at=at: at) for at in self.started.values()]


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    monkeypatch.setattr(workers, "time", machine)
    monkeypatch.setattr(workers, "is_running", lambda pid: pid in machine.started)
    monkeypatch.setattr(psutil, "Process", lambda pid: machine)
    return machine


@pytest.fixture
def note(tmp_path, monkeypatch):
    def note(pid, what):
        monkeypatch.setattr(notes.os, "getpid", lambda: pid)
        notes.note(str(tmp_path), what)

    return note


@pytest.fixture
def served(machine, note, tmp_path):
    served = Workers(tmp_path, PARENT)
    note(PARENT, "not-rewritten")
    for pid in (FIRST, SECOND):
        note(pid, "worker")
        note(pid, "lifespan")
    return served


def test_they_are_known_by_what_they_note(served, note):
    assert served.known() == {FIRST, SECOND}
    note(THIRD, "site")
    assert served.known() == {FIRST, SECOND}
    note(THIRD, "worker")
    assert served.known() == {FIRST, SECOND, THIRD}


def test_all_have_ended_once_none_takes_their_place(served, machine):
    assert served.ended() == 0
    del machine.started[FIRST]
    assert served.ended() == 0
    machine.started.clear()
    machine.now += RESTART_S - 0.1
    assert served.ended() == 0
    machine.now += 0.2
    assert served.ended() == 2


def test_one_that_is_being_started_is_waited_for(served, machine):
    served.ended()
    machine.started = {THIRD: NOW + 0.5}
    machine.now += RESTART_S + 1
    assert served.ended() == 0
    machine.now += START_S
    assert served.ended() == 2


def test_where_nothing_was_noted_nothing_is_known(machine, tmp_path):
    machine.started.clear()
    unknown = Workers(tmp_path, PARENT)
    machine.now += START_S + 1
    assert unknown.ended() == 0
    assert not unknown.all_gone()


def test_who_died_and_who_was_replaced(served, machine, note):
    assert (served.died(), served.replaced(2)) == (0, 0)
    note(FIRST, "closed")
    machine.started = {SECOND: NOW - 9, THIRD: NOW}
    note(THIRD, "lifespan")
    assert (served.died(), served.replaced(2)) == (0, 1)
    del machine.started[SECOND]
    assert (served.died(), served.replaced(2)) == (1, 1)
    assert served.replaced(None) == 0  # one more may be one that was late
