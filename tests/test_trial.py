"""One trial, with a server, a load generator and a clock that are not real."""

import signal
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from asyncperf import trial
from asyncperf.analysis.sufficiency import expected_s
from asyncperf.errors import Interrupted, TargetError
from asyncperf.interrupts import Interrupts
from asyncperf.load.engine import Recording, Workload
from asyncperf.load.outcomes import Outcome
from asyncperf.model import Endpoint, GeneratorHealth, SentRequest
from asyncperf.samples import Samples
from asyncperf.trial import Bench, run_trial

from .analysis.closed_load import ClosedLoad, fixed, simulate, until
from .builders import HEALTHY, ITEMS, PLAN, alone, request, run_of, samples

KEY = ("GET", "/items")
WORKLOAD = Workload("GET /items", (request(ITEMS),))
STARTED_AT = 1_795_000_000.0
LOAD = simulate(ClosedLoad(500, 50, fixed(0.5)), 120)


@dataclass
class FakeClock:
    now: float = STARTED_AT

    def sleep(self, seconds):
        self.now += seconds

    def monotonic(self):
        return self.now

    def thread_time(self):
        """Looking at the load costs no CPU."""
        return 0.0

    time = monotonic


@dataclass
class FakeServer:
    """Serves nothing; `dies_at` on the clock, or has lost so many workers."""

    clock: FakeClock
    url: str = "http://127.0.0.1:8001"
    dies_after_s: float = float("inf")
    workers_lost: int = 0
    notes: None = None

    def troubles(self):
        return (f"{self.workers_lost} of the server's workers died",) if self.workers_lost else ()

    log: list = field(default_factory=list)

    def start(self, log):
        self.log.append(log.name)
        return self

    def check(self, when):
        if self.clock.now - STARTED_AT > self.dies_after_s:
            raise TargetError("the server exited (code 3)")

    def __enter__(self):
        self.log.append("started")
        return self

    def __exit__(self, *_):
        self.log.append("stopped")


@dataclass
class FakeSession:
    """A load as `LOAD` tells it, from `alone_s` on the clock; both an engine and a session."""

    clock: FakeClock
    alone_s: float = 1.0
    unloaded: Samples = field(default_factory=lambda: alone(0.5, 3))
    ends_after_s: float = float("inf")
    name: str = "fake"
    mishaps: dict = field(default_factory=dict)
    stopped: bool = False

    def start(self, workload, plan, url):
        self.started_with = (workload, plan, url)
        return self

    @property
    def elapsed_s(self):
        return self.clock.now - STARTED_AT

    @property
    def ended(self):
        return self.elapsed_s >= self.ends_after_s

    def read(self):
        for after_s, mishap in self.mishaps.items():
            if self.elapsed_s >= after_s:
                raise mishap
        return self.recording()

    def recording(self):
        if self.elapsed_s < self.alone_s:
            unloaded = {KEY: self.unloaded} if len(self.unloaded) else {}
            return Recording(unloaded, {}, None, None, self.elapsed_s, GeneratorHealth(None, None))
        at = min(self.elapsed_s, self.ends_after_s) - self.alone_s
        seen = until(LOAD, at)
        return Recording(
            unloaded={KEY: self.unloaded},
            loaded={KEY: samples(seen.start_s, seen.latency_s, cut_off_s=[at] * 3)},
            ramp_started_at=STARTED_AT + self.alone_s,
            ramp_end_s=10.0 if at >= 10 else None,
            duration_s=at,
            generator=HEALTHY,
        )

    def stop(self):
        self.stopped = True
        return self.recording()


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(trial, "time", clock)
    return clock


@pytest.fixture
def try_out(clock, monkeypatch, tmp_path):
    """Run a trial: what came of it, and who watched."""

    def try_out(session=None, server=None, workload=WORKLOAD, watcher=None, **plan):
        server = server or FakeServer(clock)
        bench = Bench(
            subject=server,
            target=run_of().target,
            plan=replace(PLAN, **({"run_time_s": None} | plan)),
            engine=session or FakeSession(clock),
            logs=tmp_path,
        )
        with Interrupts() as interrupts:
            return run_trial(bench, workload, 3, watcher or (lambda *_: None), interrupts)

    return try_out


def test_a_load_is_stopped_once_it_holds_enough(try_out, clock):
    session = FakeSession(clock)
    done = try_out(session)
    assert done.error is None
    assert done.warnings == ()
    assert done.load.trouble is None
    assert 10 < done.load.duration_s < 60
    assert session.stopped
    (measured,) = done.load.measured
    assert measured.endpoint is ITEMS  # with its handler
    assert len(measured.unloaded) == 3
    assert len(measured.samples.cut_off_s) == 3
    assert done.load.started_at == STARTED_AT + 1.0


@pytest.mark.parametrize("after_s", [0.5, 5.0])
def test_trouble_that_the_generator_reports_ends_the_load(try_out, clock, after_s):
    class Troubled(FakeSession):
        def recording(self):
            found = super().recording()
            if self.elapsed_s < after_s:
                return found
            return replace(found, trouble="a worker was lost", warnings=("and warned of",))

    session = Troubled(clock)
    done = try_out(session)
    assert done.load.trouble == "a worker was lost"
    assert done.warnings == (f"{WORKLOAD.name}: and warned of",)
    assert done.error is None  # the next load may do better
    assert session.stopped
    assert session.elapsed_s < after_s + 2


def test_trouble_that_shows_when_the_load_is_stopped_counts_too(try_out, clock):
    class Troubled(FakeSession):
        def stop(self):
            return replace(super().stop(), trouble="a worker was lost")

    assert try_out(Troubled(clock)).load.trouble == "a worker was lost"


def test_a_load_that_does_not_settle_ends_at_the_cap(try_out):
    assert try_out(max_time_s=12.0).load.duration_s == pytest.approx(12.0, abs=0.6)


@pytest.mark.parametrize(("ends_after_s", "trouble"), [(31.0, None), (20.0, "after 19 s")])
def test_a_fixed_run_time_is_left_to_the_generator(try_out, clock, ends_after_s, trouble):
    done = try_out(FakeSession(clock, ends_after_s=ends_after_s), run_time_s=30.0)
    assert (done.load.trouble or "").endswith(trouble or "")
    assert (done.load.trouble is None) is (trouble is None)
    assert done.error is None


def test_a_generator_that_is_stuck_is_stopped_after_a_fixed_run_time(try_out, clock):
    session = FakeSession(clock)
    done = try_out(session, run_time_s=20.0)
    assert session.stopped
    assert 20 < done.load.duration_s < 60


def test_the_server_is_stopped_after_the_generator(try_out, clock):
    server = FakeServer(clock)
    try_out(server=server)
    assert server.log == ["server-003.log", "started", "stopped"]


def test_watchers_hear_of_the_user_alone_then_of_the_load(try_out):
    heard = []
    try_out(watcher=lambda recording, expected_s: heard.append((recording, expected_s)))
    alone_first = [expected_s is None for _, expected_s in heard]
    assert alone_first == sorted(alone_first, reverse=True)
    assert alone_first[0]
    assert heard[-1][1] > heard[-1][0].ramp_end_s


ORDERS = Endpoint("POST", "/orders")


@pytest.mark.parametrize(
    ("weights", "requests", "response_s"),
    [((3.0, 1.0), (1, 1), 4.5), ((1.0, 3.0), (1, 1), 7.5), ((), (1, 1), 6.0), ((), (3, 1), 4.5)],
)
def test_a_mix_takes_as_long_as_its_mean(tmp_path, weights, requests, response_s):
    """Endpoints of 3 s and 9 s in their shares; without weights in the single user's."""
    endpoints = (ITEMS, ORDERS)
    sent = tuple(
        SentRequest(each.method, each.path, each.path, (), 0, weight)
        for each, weight in zip(endpoints, weights, strict=False)
    )
    target = replace(run_of().target, sent=sent)
    plan = replace(PLAN, run_time_s=None)
    bench = Bench(FakeServer(FakeClock()), target, plan, FakeSession(FakeClock()), tmp_path)
    unloaded = {
        (each.method, each.path): alone(time_s, 10 * count)
        for each, time_s, count in zip(endpoints, (3.0, 9.0), requests, strict=True)
    }
    recording = Recording(unloaded, {}, STARTED_AT, None, 1.0, HEALTHY)
    expected = expected_s(plan, response_s, 500 / response_s)
    assert trial.expected_length_s(bench, recording) == pytest.approx(expected)
    never_asked = replace(recording, loaded={("GET", "/never"): samples([1.0])})
    assert trial.expected_length_s(bench, never_asked) == pytest.approx(expected)


# The single user


def test_an_endpoint_that_fails_for_one_user_is_not_loaded(try_out, clock):
    broken = samples([0.0], 0.01, ok=False, errors={"HTTP 500": 1})
    done = try_out(FakeSession(clock, alone_s=1e9, unloaded=broken, ends_after_s=1.0))
    assert done.error is None  # the other endpoints may be in order
    assert done.load.trouble == "failed for a single user (HTTP 500), so it was not loaded"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("HTTP 401", "; credentials go with -H 'Authorization: ...'"),
        ("HTTP 403", "; credentials go with -H 'Authorization: ...'"),
        ("HTTP 422", "; the app refuses its parameters or its body as they were sent"),
        ("HTTP 500", ""),
    ],
)
def test_a_status_that_tells_what_is_missing_is_explained(try_out, clock, error, advice):
    broken = samples([0.0], 0.01, ok=False, errors={error: 1})
    done = try_out(FakeSession(clock, alone_s=1e9, unloaded=broken, ends_after_s=1.0))
    assert done.load.trouble == f"failed for a single user ({error}), so it was not loaded{advice}"


def test_an_endpoint_that_does_not_answer_one_user_is_not_loaded(try_out, clock):
    hung = FakeSession(clock, alone_s=1e9, unloaded=Samples.none())
    done = try_out(hung, timeout_s=7.0)
    assert "no answer within 7 s (--timeout)" in done.load.trouble
    assert clock.now - STARTED_AT < 10
    assert [measured.endpoint for measured in done.load.measured] == [ITEMS]
    assert done.load.ramp_end_s is None


def test_a_slow_endpoint_has_the_timeout_for_each_answer(try_out, clock):
    class Slow(FakeSession):
        def recording(self):
            answered = int(self.elapsed_s // 6)
            self.unloaded = samples([0.0] * answered, 6.0)
            return super().recording()

    done = try_out(Slow(clock, alone_s=20.0), timeout_s=7.0)
    assert done.load.trouble is None


def test_a_generator_that_exits_before_the_load_says_so(try_out, clock):
    done = try_out(FakeSession(clock, alone_s=1e9, ends_after_s=1.0))
    assert done.load.trouble == "the load generator exited before the load began"


# What ends the run


def test_ctrl_c_keeps_what_was_recorded(try_out, clock):
    done = try_out(FakeSession(clock, mishaps={15.0: KeyboardInterrupt()}))
    assert isinstance(done.error, Interrupted)
    assert done.load.trouble == "interrupted"
    assert len(done.load.measured[0].samples) > 0


def test_ctrl_c_keeps_what_befell_the_workers_before(try_out, clock):
    server = FakeServer(clock, workers_lost=2)
    done = try_out(FakeSession(clock, mishaps={15.0: KeyboardInterrupt()}), server=server)
    assert done.warnings == ("GET /items: 2 of the server's workers died",)


def test_ctrl_c_does_not_cut_the_reading_of_records_in_two(try_out, clock):
    read = []

    class Reading(FakeSession):
        def read(self):
            if self.elapsed_s > 12.0:
                signal.raise_signal(signal.SIGINT)
            read.append(self.elapsed_s)
            return super().read()

    done = try_out(Reading(clock))
    assert isinstance(done.error, Interrupted)
    assert read[-1] > 12.0


def test_a_server_that_dies_under_load_ends_the_run(try_out, clock):
    done = try_out(server=FakeServer(clock, dies_after_s=12.0, workers_lost=2))
    assert isinstance(done.error, TargetError)
    assert done.load.trouble == "the server exited (code 3); its last answer came after 11.5 s"
    assert done.load.server_gone
    assert done.warnings == ()  # the server's own message says more
    assert len(done.load.measured[0].samples) > 0


class Forsaken(FakeSession):
    """From 5 s on its connections are refused."""

    def recording(self):
        found = super().recording()
        every_s = np.arange(5.0, found.duration_s, 0.1)
        answered = until(LOAD, min(found.duration_s, 5.0))
        start_s = np.append(answered.start_s, every_s)
        refused = np.arange(len(start_s)) >= len(answered.start_s)
        gone = replace(
            samples(start_s, np.append(answered.latency_s, np.zeros(len(every_s)))),
            ok=~refused,
            status=np.where(refused, 0, 200).astype(np.int32),
            outcome=np.where(refused, Outcome.REFUSED, Outcome.OK).astype(np.uint8),
        )
        return replace(found, loaded={KEY: gone}) if found.ramp_started_at else found


def test_a_server_that_nobody_watches_is_known_to_be_gone_by_its_refusals(try_out, clock):
    done = try_out(Forsaken(clock))
    assert done.error is None
    assert done.load.server_gone
    assert done.load.trouble.startswith("nobody answered any more from ")
    assert clock.now - STARTED_AT < 20.0  # it is not waited for


def test_ctrl_c_while_the_server_starts_is_left_to_the_caller(try_out, clock):
    class Slow(FakeServer):
        def start(self, log):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        try_out(server=Slow(clock))


def test_workers_that_died_are_a_warning(try_out, clock):
    done = try_out(server=FakeServer(clock, workers_lost=2))
    assert done.warnings == ("GET /items: 2 of the server's workers died",)
    assert done.error is None


# Endpoints


def test_a_user_class_brings_endpoints_known_and_unknown(try_out, clock):
    class Shop(FakeSession):
        def recording(self):
            found = super().recording()
            if found.loaded:
                found.loaded["POST", "/orders"] = samples([1.0], 0.1)
            return found

    done = try_out(Shop(clock), workload=Workload("ShopUser"))
    assert done.load.name == "ShopUser"
    known, unknown = done.load.measured
    assert known.endpoint is ITEMS
    assert unknown.endpoint == Endpoint("POST", "/orders")
    assert len(unknown.unloaded) == 0


def test_a_user_class_without_a_request_has_no_endpoint(try_out, clock):
    idle = FakeSession(clock, alone_s=1e9, unloaded=Samples.none())
    done = try_out(idle, workload=Workload("IdleUser"), timeout_s=2.0)
    assert done.load.measured == ()
    assert np.isfinite(done.load.duration_s)


def test_the_machine_is_watched_only_once_the_ramp_has_ended():
    cpu = trial.MachineCpu()
    assert cpu.busy() is None
    cpu.ramp_ended()
    while (busy := cpu.busy()) is None:
        pass  # the kernel counts in ticks of 10 ms
    assert 0 <= busy <= 1
