"""When a worker's collector is tuned: once, after its start-up."""

import asyncio
import gc

import pytest

from asyncperf.probe.collector import THRESHOLDS, TunedCollector
from asyncperf.probe.notes import read_notes


@pytest.fixture
def collector(monkeypatch):
    """What is asked of the collector, which itself is left alone."""
    asked = []
    monkeypatch.setattr(gc, "collect", lambda: asked.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: asked.append("freeze"))
    monkeypatch.setattr(gc, "set_threshold", lambda *values: asked.append(values))
    return asked


TUNED = ["collect", "freeze", THRESHOLDS]


def call(app, kind, *messages):
    """Call an app in a scope of that kind; the messages that it sent."""
    sent = []

    async def send(message):
        sent.append(message["type"])

    async def receive():
        return {"type": f"{kind}.startup"}

    asyncio.run(app({"type": kind}, receive, send))
    return sent


def app_that_sends(*types):
    async def app(scope, receive, send):
        for kind in types:
            await send({"type": kind})

    return app


def test_it_is_tuned_when_the_start_up_is_complete(collector, tmp_path):
    app = TunedCollector(app_that_sends("lifespan.startup.complete"), str(tmp_path))
    assert call(app, "lifespan") == ["lifespan.startup.complete"]
    assert collector == TUNED
    call(app, "http")
    assert collector == TUNED  # once
    [note] = read_notes(tmp_path)
    assert note["note"] == "gc-tuned"


def test_a_start_up_that_fails_tunes_nothing(collector, tmp_path):
    app = TunedCollector(app_that_sends("lifespan.startup.failed"), str(tmp_path))
    call(app, "lifespan")
    assert collector == []


def test_without_a_lifespan_the_first_request_tunes(collector, tmp_path):
    app = TunedCollector(app_that_sends("http.response.start"), str(tmp_path))
    assert call(app, "http") == ["http.response.start"]
    assert collector == TUNED


def test_a_folder_that_is_gone_does_not_stop_the_app(collector, tmp_path):
    app = TunedCollector(app_that_sends("http.response.start"), str(tmp_path / "gone"))
    assert call(app, "http") == ["http.response.start"]
    assert collector == TUNED
