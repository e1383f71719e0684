"""uvicorn's access log: whether it is written, and how long that takes."""

import logging
import sys
import time

import pytest
from fastapi import FastAPI
from uvicorn import Config

from asyncperf.probe.access_log import AccessLog

SLOW_S = 0.02


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
    assert AccessLog().writes is writes


def test_lines_are_written_as_ever_and_timed(logger):
    Config(FastAPI(), access_log=True)
    slow = Slow()
    logger.handlers = [slow]
    log = AccessLog()
    logger.info("%s %d", "GET /", 200)
    logger.info("%s %d", "GET /", 404)
    here = "test_lines_are_written_as_ever_and_timed"
    assert slow.lines == [("GET / 200", here), ("GET / 404", here)]
    assert log.spent_s >= 2 * SLOW_S


def test_a_log_that_is_off_is_left_alone(logger):
    Config(FastAPI(), access_log=False)
    log = AccessLog()
    logger.info("nothing")
    assert log.spent_s == 0


def test_what_another_server_writes_is_not_known(monkeypatch):
    monkeypatch.delitem(sys.modules, "uvicorn")
    assert AccessLog().writes is None
