"""uvicorn's access log: whether it is written, and how long that takes."""

import logging
import sys
import time

import pytest
from fastapi import FastAPI
from uvicorn import Config

from asyncperf.probe import access_log as module
from asyncperf.probe.access_log import TIMED_OF, AccessLog
from asyncperf.probe.clock import ThreadClock

SLOW_S = 0.02
EARLIER_DELAY_S = 3.0


@pytest.fixture
def logger(monkeypatch):
    found = logging.getLogger("uvicorn.access")
    for name in ("handlers", "propagate", "level", "makeRecord", "handle"):
        monkeypatch.setattr(found, name, getattr(found, name))
    return found


class Slow(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        time.sleep(SLOW_S)
        self.lines.append((record.getMessage(), record.funcName))


@pytest.mark.parametrize("writes", [True, False])
def test_as_uvicorn_was_told(logger, writes):
    Config(FastAPI(), access_log=writes)
    assert AccessLog(ThreadClock()).writes is writes


def test_lines_are_written_as_ever(logger):
    Config(FastAPI(), access_log=True)
    slow = Slow()
    logger.handlers = [slow]
    AccessLog(ThreadClock())
    logger.info("%s %d", "GET /", 200)
    logger.info("%s %d", "GET /", 404)
    here = "test_lines_are_written_as_ever"
    assert slow.lines == [("GET / 200", here), ("GET / 404", here)]


class Delayed:
    """A clock by which so much of each line was a wait for a CPU."""

    def __init__(self, each_s):
        self.each_s = each_s
        self.delay_s = EARLIER_DELAY_S

    def read(self):
        now, self.delay_s = self.delay_s, self.delay_s + self.each_s
        return 0.0, now


def test_one_line_of_several_is_timed_for_all(logger):
    Config(FastAPI(), access_log=True)
    logger.handlers = [Slow()]
    log = AccessLog(Delayed(0.0))
    logger.info("one")
    timed_s = log.spent_s
    assert timed_s >= TIMED_OF * SLOW_S
    for _ in range(TIMED_OF - 1):
        logger.info("of the others")
    assert log.spent_s == timed_s
    logger.info("the next one")
    assert log.spent_s >= timed_s + TIMED_OF * SLOW_S


def test_waits_for_a_cpu_are_not_the_log_s(logger, monkeypatch):
    Config(FastAPI(), access_log=True)
    logger.handlers = [Slow()]
    times = iter([10.0, 10.02])
    monkeypatch.setattr(module, "perf_counter", lambda: next(times))
    log = AccessLog(Delayed(0.015))
    logger.info("timed")
    assert log.spent_s == pytest.approx(TIMED_OF * (0.02 - 0.015))


def test_a_line_is_timed_where_waits_for_a_cpu_are_not_known(logger):
    Config(FastAPI(), access_log=True)
    logger.handlers = [Slow()]
    clock = ThreadClock()
    clock.read = lambda: (0.0, float("nan"))
    log = AccessLog(clock)
    logger.info("timed")
    assert log.spent_s >= TIMED_OF * SLOW_S


def test_a_log_that_is_off_is_left_alone(logger):
    Config(FastAPI(), access_log=False)
    log = AccessLog(ThreadClock())
    logger.info("nothing")
    assert log.spent_s == 0


def test_what_another_server_writes_is_not_known(monkeypatch):
    monkeypatch.delitem(sys.modules, "uvicorn")
    assert AccessLog(ThreadClock()).writes is None
