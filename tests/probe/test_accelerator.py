"""The probe's parts in C: when they are there, and that they do what those in Python do."""

import asyncio
import gc
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from asyncperf.probe import accelerator, intake, record_format, request, tables
from asyncperf.probe.accelerator import NATIVE, VARIABLE, load
from asyncperf.probe.awaits import span
from asyncperf.probe.boundary import Boundary
from asyncperf.probe.intake import EVERYTHING
from asyncperf.probe.record_format import REQUESTS_FILE, SPANS_FILE, packing
from asyncperf.probe.request import STEPPING, Request
from asyncperf.probe.timeline import NONE, Track
from asyncperf.probe.worker import Worker

# The tests of what has two forms.
MIRRORED = (
    *("running", "request", "awaits", "boundary", "rewritten_programs", "tables", "exclusive"),
    *("alarm", "pulse", "ticks"),
)
FOLDER = Path(__file__).parent

needs_native = pytest.mark.skipif(NATIVE is None, reason="the parts in C are not there")


def test_they_are_left_out_if_asked():
    assert load({VARIABLE: "0"}) is None


def test_what_cannot_be_imported_is_not_there(monkeypatch):
    def broken(*_):
        raise OSError("undefined symbol")

    monkeypatch.setattr(accelerator.importlib, "import_module", broken)
    assert load({}) is None


def test_what_was_built_from_other_sources_is_not_taken(monkeypatch):
    other = types.SimpleNamespace(INTERFACE=accelerator.INTERFACE + 1)
    monkeypatch.setattr(accelerator.importlib, "import_module", lambda *_: other)
    assert load({}) is None


@needs_native
@pytest.mark.skipif(VARIABLE in os.environ, reason="this is a run of the other form")
def test_the_same_tests_pass_in_python():
    files = [str(FOLDER / f"test_{name}.py") for name in MIRRORED]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    env = {**os.environ, VARIABLE: "0"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@needs_native
def test_both_know_the_same_constants():
    for module, name in (
        (request, "LONG_S"),
        (intake, "LATE_S"),
        (intake, "BURST_S"),
        (intake, "TOGETHER"),
        (tables, "BUFFERED"),
        (record_format, "MOST"),
    ):
        assert getattr(NATIVE, name) == getattr(module, name)


@needs_native
def test_a_record_that_is_packed_in_c_is_one_of_the_format(monkeypatch):
    spans, requests = (NATIVE.Rows(packing(fields).size) for fields in (SPANS_FILE, REQUESTS_FILE))
    timeline = NATIVE.Spans(spans, 10, 10)
    taken = NATIVE.Intake(*3 * [float("inf")], {("GET", Intake): 4}, requests, timeline)
    times = iter([10.5, 11.0, 12.0])
    monkeypatch.setattr(STEPPING, "clock", lambda: next(times))
    one = Request(7, 9.0, 10.0, 1)
    one.steps, one.status, one.loop_s, one.spans = 0x12345, 404, 0.25, 3

    async def returns():
        return "it"

    with pytest.raises(StopIteration):
        NATIVE.span(Track(timeline, one, 5, NONE), 258, 515, returns(), False).send(None)
    taken.finish(one, {"endpoint": Intake, "method": "GET"})
    assert (len(spans), len(requests)) == (1, 1)
    assert packing(SPANS_FILE).unpack(spans.take()) == (10.5, 0.5, 7, 5, 3, 3, 258, 515, 0)
    found = packing(REQUESTS_FILE).unpack(requests.take())
    assert found == (9.0, 10.0, 2.0, 2.0, 0.25, 7, 0xFFFF, 4, 404, 1, 0, 0.0)
    assert (len(spans), spans.take()) == (0, b"")


class Intake:
    """An endpoint."""


def test_nothing_is_left_of_requests(tmp_path, clean):
    """Memory, by the blocks that Python has given out."""
    boundary = Boundary(answers, str(tmp_path), lambda folder: Worker(folder, EVERYTHING))

    async def serve(count):
        for number in range(count):
            scope = {"type": "http", "method": "GET", "path": f"/{number % 2}", "headers": []}
            try:
                await boundary(scope, None, send)
            except KeyError:
                assert number % 2

    async def main():
        await serve(1000)
        gc.collect()
        before = sys.getallocatedblocks()
        await serve(10_000)
        boundary.worker.tables.cut()
        gc.collect()
        return sys.getallocatedblocks() - before

    assert asyncio.run(main()) < 1000


async def answers(scope, receive, send):
    await span(STEPPING.track, 1, 1, asyncio.create_task(asyncio.sleep(0)), False)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})
    if scope["path"] == "/1":
        raise KeyError(scope)


async def send(message):
    pass
