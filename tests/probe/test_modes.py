"""Debug modes, as a worker sees them."""

import asyncio

from fastapi import FastAPI

from asyncperf.probe.modes import debug_modes


def test_debug_modes():
    loop = asyncio.new_event_loop()
    assert debug_modes(loop, {}) == []
    assert debug_modes(loop, {"app": FastAPI()}) == []
    assert debug_modes(loop, {"app": FastAPI(debug=True)}) == ["fastapi"]
    loop.set_debug(True)
    assert debug_modes(loop, {"app": object()}) == ["asyncio"]
    loop.close()
