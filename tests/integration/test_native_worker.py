"""A load process, in this process: whatever the server does, the books balance."""

import asyncio
import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncperf.load.engine import Recording
from asyncperf.load.native_engine import orders_for
from asyncperf.load.native_ledger import NativeLedger
from asyncperf.load.native_worker import Worker
from asyncperf.load.orders import Files
from asyncperf.model import Endpoint, LoadPlan, Request

from .conftest import wait_until
from .hostile import BEHAVIOURS, Hostile

ENDPOINT = Endpoint("GET", "/ok")
# What takes a while or a hundred megabytes by itself is in test_native_engine.
SCRIPTED = sorted(BEHAVIOURS.keys() - {"/huge"})


def run_worker(url: str, **changes: object) -> tuple[Recording, int]:
    """A whole load in this process: what it recorded, and how many requests it began."""
    fields: dict[str, object] = {"engine": "native", "users": 6, "spawn_rate": 600.0}
    fields |= {"run_time_s": 0.15, "max_time_s": 9.0, "timeout_s": 9.0} | changes
    plan = LoadPlan(**fields)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder))
        orders_for([Request(ENDPOINT, ENDPOINT.path)], plan, url, 1).save(files.orders)

        async def run() -> None:
            await Worker(files.folder, 0, asyncio.get_running_loop()).run()
            # What was let go of is closed in the loop's next turns.
            await asyncio.sleep(0.01)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())
        ledger = NativeLedger(files, 1, [("GET", "/ok")], open_load=plan.model == "open")
        ledger.update()
        return ledger.recording(plan), ledger.begun


def descriptors() -> int:
    return psutil.Process().num_fds()


@pytest.fixture(autouse=True)
def _process_as_it_was() -> Iterator[None]:
    """The worker sets the collector for itself; give the tests theirs back."""
    # uvloop keeps a pipe from its first loop on.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.sleep(0))
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@settings(max_examples=15, deadline=None)
@given(
    script=st.lists(st.sampled_from(SCRIPTED), min_size=1, max_size=6),
    keepalive=st.booleans(),
    rate_rps=st.none() | st.sampled_from([50.0, 400.0]),
    think_time_s=st.sampled_from([0.0, 0.01]),
)
def test_sent_is_succeeded_and_failed_and_in_flight(
    script: list[str], keepalive: bool, rate_rps: float | None, think_time_s: float
) -> None:
    before = descriptors()
    with Hostile(alone=10, script=script) as server:
        recording, begun = run_worker(
            server.url,
            model="closed" if rate_rps is None else "open",
            rate_rps=rate_rps,
            think_time_s=think_time_s,
            keepalive=keepalive,
            response_timeout_s=0.05,
        )
        wait_until(lambda: server.open_connections == 0, "every connection to be let go of")
    [alone] = recording.unloaded.values()
    [loaded] = recording.loaded.values()
    succeeded = alone.ok.sum() + loaded.ok.sum()
    failed = sum(alone.errors.values()) + sum(loaded.errors.values())
    in_flight = len(alone.cut_off_s) + len(loaded.cut_off_s)
    assert begun == succeeded + failed + in_flight
    assert len(alone) == 10
    assert loaded.late_s is not None
    assert (loaded.late_s >= 0).all()
    assert (loaded.latency_s >= 0).all()
    assert descriptors() <= before


def test_arrivals_are_never_left_out() -> None:
    """Nothing is answered, and still every request that was due is sent."""
    with Hostile(alone=10, script=["/hang"]) as server:
        recording, _ = run_worker(
            server.url, model="open", rate_rps=200.0, run_time_s=0.5, response_timeout_s=None
        )
    [samples] = recording.loaded.values()
    assert len(samples) + len(samples.cut_off_s) == pytest.approx(100, abs=1)
