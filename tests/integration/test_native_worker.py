"""A load process, in this process: whatever the server does, the books balance."""

import asyncio
import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncperf.levels import Level, Stage
from asyncperf.load.engine import Recording
from asyncperf.load.native_engine import orders_for
from asyncperf.load.native_ledger import NativeLedger
from asyncperf.load.native_worker import Worker
from asyncperf.load.orders import Files
from asyncperf.load.outcomes import Outcome
from asyncperf.load.schedule import spans
from asyncperf.model import Endpoint, LoadPlan, Request

from .conftest import wait_until
from .hostile import BEHAVIOURS, EXPECTED, HUGE, Hostile

ENDPOINT = Endpoint("GET", "/ok")
ALONE = 10
# Not a hundred megabytes again and again.
SCRIPTED = sorted(BEHAVIOURS.keys() - {"/huge"})


def run_worker(
    url: str, until: Callable[[], bool] | None = None, **changes: object
) -> tuple[Recording, int]:
    """A whole load in this process: what it recorded, and how many requests it began. It
    takes its run time, or ends when `until` is true."""
    fields: dict[str, object] = {"engine": "native", "users": 6, "spawn_rate": 600.0}
    fields |= {"run_time_s": 0.15, "max_time_s": 9.0, "timeout_s": 9.0} | changes
    plan = LoadPlan(**fields)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder))
        orders_for([Request(ENDPOINT, ENDPOINT.path)], plan, url, 1).save(files.orders)

        async def run() -> None:
            worker = Worker(files.folder, 0, asyncio.get_running_loop())
            running = asyncio.ensure_future(worker.run())
            while until is not None and not (running.done() or until()):
                await asyncio.sleep(0.01)
            if until is not None:
                worker.stop()
            await running
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


def test_every_behaviour_is_expected_something_of() -> None:
    assert EXPECTED.keys() == BEHAVIOURS.keys()


@pytest.mark.parametrize("keepalive", [True, False], ids=["keepalive", "no-keepalive"])
@pytest.mark.parametrize("path", EXPECTED)
def test_each_request_ends_in_one_outcome(path: str, keepalive: bool) -> None:
    users = 2 if path == "/huge" else 8
    # What never ends comes to its timeout; all else has time enough on a busy machine.
    never_ends = EXPECTED[path] == {Outcome.RESPONSE_TIMEOUT}
    # Hundreds of requests of the behaviours that take no time.
    soonest = time.monotonic() + 0.3
    with Hostile(alone=ALONE, script=[path]) as server:
        recording, begun = run_worker(
            server.url,
            lambda: server.requests >= ALONE + 3 * users and time.monotonic() > soonest,
            keepalive=keepalive,
            users=users,
            response_timeout_s=0.1 if never_ends else 5.0,
            run_time_s=None,
        )
        wait_until(lambda: server.open_connections == 0, "every connection to be let go of")
    [alone] = recording.unloaded.values()
    [samples] = recording.loaded.values()
    assert begun == len(alone) + len(samples) + len(samples.cut_off_s)
    assert len(samples) - samples.ok.sum() == sum(samples.errors.values())
    assert len(samples) >= users
    assert samples.outcome is not None
    assert set(samples.outcome.tolist()) <= EXPECTED[path]
    if path == "/huge":
        assert set(samples.received_bytes.tolist()) == {HUGE}


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
    with Hostile(alone=ALONE, script=script) as server:
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
    # On a busy machine the single user may come to its timeout, and that is the end.
    assert len(alone) == ALONE or not alone.ok.all()
    assert loaded.late_s is not None
    assert (loaded.late_s >= 0).all()
    assert (loaded.latency_s >= 0).all()
    assert descriptors() <= before


def stages(*levels: Level, hold_s: float = 0.2) -> dict[str, object]:
    found = tuple(Stage(level, hold_s) for level in levels)
    most = max(level.users or 1 for level in levels)
    end_s = spans(found, 600.0)[-1].ends_s
    return {"stages": found, "users": most, "run_time_s": end_s}


@settings(max_examples=6, deadline=None)
@given(
    script=st.lists(st.sampled_from(SCRIPTED), min_size=1, max_size=6),
    think_time_s=st.sampled_from([0.0, 0.01]),
    levels=st.lists(st.integers(1, 9).map(Level), min_size=2, max_size=3),
)
def test_users_who_leave_balance_the_books_as_well(
    script: list[str], think_time_s: float, levels: list[Level]
) -> None:
    with Hostile(alone=10, script=script) as server:
        recording, begun = run_worker(
            server.url, think_time_s=think_time_s, response_timeout_s=0.05, **stages(*levels)
        )
        wait_until(lambda: server.open_connections == 0, "every connection to be let go of")
    parts = [*recording.unloaded.values(), *recording.loaded.values()]
    assert begun == sum(len(part) + len(part.cut_off_s) for part in parts)
    # A busy machine may not reach one of them in its fifth of a second.
    assert [held.level for held in recording.levels] == levels


def test_users_who_are_too_many_end_their_request_and_send_no_other() -> None:
    """An answer takes a tenth of a stage: most who leave are in a request just then."""
    with Hostile(alone=10, script=["/slow_bytes"]) as server:
        recording, _ = run_worker(server.url, **stages(Level(8), Level(2), Level(5), hold_s=0.8))
    many, few, _ = recording.levels
    [samples] = recording.loaded.values()
    assert samples.ok.all()
    assert many.reached_s is not None
    assert few.reached_s is not None
    assert few.reached_s > few.begins_s + 6 / 600.0  # the last of them left later than asked
    for held, users in ((many, 8), (few, 2)):
        assert held.reached_s is not None
        since_s = np.maximum(samples.start_s, held.reached_s)
        inside_s = (np.minimum(samples.end_s, held.ends_s) - since_s).clip(min=0).sum()
        assert users - 1 < inside_s / (held.ends_s - held.reached_s) <= users + 1e-6


def test_an_open_load_changes_its_rate() -> None:
    with Hostile(alone=10, script=["/ok"]) as server:
        recording, _ = run_worker(
            server.url,
            model="open",
            rate_rps=400.0,
            **stages(Level(rate_rps=100.0), Level(rate_rps=400.0)),
        )
    [samples] = recording.loaded.values()
    due_s = np.array([*samples.start_s, *samples.cut_off_s])
    assert (due_s < 0.199).sum() == 20
    assert ((due_s >= 0.199) & (due_s < 0.399)).sum() == 80
    for held in recording.levels:
        assert held.reached_s is not None
        assert held.begins_s <= held.reached_s  # how much later depends on the machine


def test_arrivals_are_never_left_out() -> None:
    """Nothing is answered, and still every request that was due is sent."""
    with Hostile(alone=ALONE, script=["/hang"]) as server:
        recording, _ = run_worker(
            server.url, model="open", rate_rps=200.0, run_time_s=0.5, response_timeout_s=None
        )
    [samples] = recording.loaded.values()
    due_s = [*samples.start_s, *samples.cut_off_s]
    assert sum(at < 0.499 for at in due_s) == 100
