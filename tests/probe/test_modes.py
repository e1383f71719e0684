"""Debug modes, as a worker sees them."""

import asyncio
import logging
import sys

import pytest
from fastapi import FastAPI
from uvicorn import Config

from asyncperf.probe.modes import debug_modes, writes_access_log


def test_debug_modes():
    loop = asyncio.new_event_loop()
    assert debug_modes(loop, {}) == []
    assert debug_modes(loop, {"app": FastAPI()}) == []
    assert debug_modes(loop, {"app": FastAPI(debug=True)}) == ["fastapi"]
    loop.set_debug(True)
    assert debug_modes(loop, {"app": object()}) == ["asyncio"]
    loop.close()


@pytest.mark.parametrize("writes", [True, False])
def test_access_log(monkeypatch, writes):
    logger = logging.getLogger("uvicorn.access")
    for name in ("handlers", "propagate", "level"):
        monkeypatch.setattr(logger, name, getattr(logger, name))
    Config(FastAPI(), access_log=writes)
    assert writes_access_log() is writes


def test_what_another_server_logs_is_not_known(monkeypatch):
    monkeypatch.delitem(sys.modules, "uvicorn")
    assert writes_access_log() is None
