"""The run from start to end, with trials that are not real."""

import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from asyncperf import pipeline
from asyncperf.errors import Interrupted, LoadError, StoreError, TargetError, UsageError
from asyncperf.levels import Level
from asyncperf.load.engine import Workload
from asyncperf.load.native_engine import NativeEngine
from asyncperf.model import Measured
from asyncperf.pipeline import (
    digests,
    find_choice,
    find_subject,
    find_workloads,
    run_experiment,
    short_name,
)
from asyncperf.progress import SilentProgress
from asyncperf.store import RunFolder, load_run
from asyncperf.target import kinds
from asyncperf.target.discover import FoundApp
from asyncperf.target.kinds import Explored
from asyncperf.target.named import Named
from asyncperf.trial import Trial

from .analysis.closed_load import ClosedLoad, fixed, simulate
from .builders import (
    BLOCKING,
    HANDLERS,
    ITEMS,
    OPENAPI,
    alone,
    load_of,
    request,
    settings_of,
)

APP = FoundApp("shop:app", Path(), OPENAPI, HANDLERS)


@dataclass
class Trials:
    """Answers for `run_trial`, in order; exceptions are raised, functions are called."""

    answers: list
    loaded: list[str] = field(default_factory=list)

    def __call__(self, bench, workload, number, watcher, interrupts):
        self.loaded.append(workload.name)
        answer = self.answers[number - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer


def done(**changes):
    return Trial(load_of(), **changes)


@pytest.fixture
def experiment(monkeypatch, tmp_path):
    """Run two endpoints; what came of it, and what was loaded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kinds, "find_app", lambda app, env: APP)

    def experiment(*answers, output=Path("run"), **flags):
        trials = Trials(list(answers))
        monkeypatch.setattr(pipeline, "run_trial", trials)
        settings = settings_of(users="10", **flags)
        outcome = run_experiment(settings, SilentProgress(), output, False)
        return outcome, trials.loaded

    return experiment


def test_endpoints_are_loaded_one_after_another_and_saved(experiment):
    outcome, loaded = experiment(done(), done(warnings=("a worker died",)))
    assert loaded == ["GET /items", "GET /blocking"]
    assert outcome.error is None
    assert outcome.run.status == "complete"
    assert outcome.run.warnings == ("a worker died",)
    saved = load_run(outcome.folder)
    assert (saved.status, len(saved.loads)) == ("complete", 2)
    assert saved.plan.users == 10
    assert saved.target.endpoints == (ITEMS, BLOCKING)
    assert [sent.target for sent in saved.target.sent] == ["/items", "/blocking"]
    assert not (outcome.folder / "scratch").exists()


def test_repetitions_take_turns_and_each_load_says_which_it_is(experiment):
    outcome, loaded = experiment(*(done() for _ in range(6)), repeat="3")
    assert loaded == ["GET /items", "GET /blocking"] * 3
    assert [load.repetition for load in load_run(outcome.folder).loads] == [1, 1, 2, 2, 3, 3]


def test_a_search_keeps_its_levels_and_not_its_probe(experiment):
    found = simulate(ClosedLoad(10, 50, fixed(0.5)), 60)
    level = Trial(load_of(Measured(ITEMS, alone(0.5), found)))
    outcome, loaded = experiment(level, level, level, KeyboardInterrupt(), find_limit=True)
    # The single user, then a level of as many users as there may be, for each endpoint.
    assert loaded == ["GET /items", "GET /items", "GET /blocking", "GET /blocking"]
    assert isinstance(outcome.error, Interrupted)
    saved = load_run(outcome.folder)
    assert saved.plan.find_limit == ()
    assert [load.levels[0].level for load in saved.loads] == [Level(10)]


def test_a_probe_that_fails_is_kept_for_what_it_says(experiment):
    failed = Trial(load_of(trouble="failed for a single user (HTTP 500), so it was not loaded"))
    outcome, loaded = experiment(failed, failed, find_limit=True)
    assert loaded == ["GET /items", "GET /blocking"]
    assert [bool(load.trouble) for load in outcome.run.loads] == [True, True]


def test_an_interrupt_keeps_the_repetitions_that_were_done(experiment):
    outcome, _ = experiment(done(), done(), done(), KeyboardInterrupt(), repeat="2")
    assert isinstance(outcome.error, Interrupted)
    assert [load.repetition for load in load_run(outcome.folder).loads] == [1, 1, 2]


def test_what_was_set_for_the_app_is_kept_as_digests():
    found = digests({"SIZE": "3", "PASSWORD": "secret", "ODD": "\udcff"}, ("SIZE", "ODD", "SIZE"))
    assert found.keys() == {"SIZE", "ODD"}
    assert found["SIZE"] == "4e074085"
    assert found != digests({"SIZE": "4", "ODD": ""}, ("SIZE", "ODD"))


def test_the_default_folder_is_named_after_the_app(experiment):
    outcome, _ = experiment(done(), done(), output=None)
    assert outcome.folder.parent == Path(".asyncperf/runs")
    assert outcome.folder.name.endswith("shop-app")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("shop:app", "shop:app"),
        ("http://127.0.0.1:8001/api", "http://127.0.0.1:8001/api"),
        ("/srv/shop/bin/uvicorn shop:app --log /tmp/x", "uvicorn shop:app --log /tmp/x"),
        ("x" * 100, "x" * 60),
    ],
)
def test_a_run_folder_is_not_named_after_directories(name, short):
    assert short_name(name) == short


def test_trouble_with_one_endpoint_leaves_the_others(experiment):
    outcome, loaded = experiment(
        Trial(load_of(trouble="failed for a single user (HTTP 500), so it was not loaded")), done()
    )
    assert len(loaded) == 2
    assert outcome.error is None
    assert outcome.run.status == "complete"


@pytest.mark.parametrize("error", [Interrupted("interrupted"), TargetError("the server exited")])
def test_what_ends_a_trial_ends_the_run_and_its_load_is_kept(experiment, error):
    outcome, loaded = experiment(done(error=error))
    assert loaded == ["GET /items"]
    assert outcome.error is error
    saved = load_run(outcome.folder)
    assert (saved.status, len(saved.loads)) == ("partial", 1)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (KeyboardInterrupt(), Interrupted),
        (TargetError("the server was not ready after 60 s"), TargetError),
        (LoadError("Locust exited with code 1 before it began"), LoadError),
    ],
)
def test_what_was_measured_before_is_kept(experiment, raised, kind):
    outcome, _ = experiment(done(), raised)
    assert isinstance(outcome.error, kind)
    saved = load_run(outcome.folder)
    assert (saved.status, len(saved.loads)) == ("partial", 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_saving_waits_for_the_save(experiment, monkeypatch, number):
    save = RunFolder.save

    def interrupted(self, run):
        if run.loads and run.status == "running":
            signal.raise_signal(number)
        save(self, run)

    monkeypatch.setattr(RunFolder, "save", interrupted)
    outcome, _ = experiment(done(), KeyboardInterrupt())  # it reaches the second trial
    assert isinstance(outcome.error, Interrupted)
    saved = load_run(outcome.folder)
    assert (saved.status, len(saved.loads)) == ("partial", 1)


def test_ctrl_c_during_the_last_save_is_not_lost(experiment, monkeypatch):
    save = RunFolder.save

    def interrupted(self, run):
        save(self, run)
        if run.status == "complete":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(RunFolder, "save", interrupted)
    outcome, _ = experiment(done(), done())
    assert isinstance(outcome.error, Interrupted)
    assert len(load_run(outcome.folder).loads) == 2


def test_ctrl_c_while_the_app_is_imported_leaves_no_folder(experiment, monkeypatch):
    monkeypatch.setattr(kinds, "find_app", lambda *_: signal.raise_signal(signal.SIGINT))
    with pytest.raises(Interrupted):
        experiment(done(), done())
    assert not Path("run").exists()


def test_a_disk_that_fills_up_ends_the_run(experiment, monkeypatch):
    full = StoreError("cannot write to 'run': No space left on device", "Free a place.")
    save = RunFolder.save

    def fill_up(self, run):
        if run.loads:
            raise full
        save(self, run)

    monkeypatch.setattr(RunFolder, "save", fill_up)
    outcome, loaded = experiment(done(), done())
    assert loaded == ["GET /items"]
    assert outcome.error is full
    assert len(outcome.run.loads) == 1  # measured all the same, and reported


def test_a_full_disk_does_not_hide_what_ended_the_run(experiment, monkeypatch):
    full = StoreError("cannot write to 'run'", "Free a place.")
    save = RunFolder.save

    def fill_up(self, run):
        if run.status == "partial":
            raise full
        save(self, run)

    monkeypatch.setattr(RunFolder, "save", fill_up)
    outcome, _ = experiment(done(), KeyboardInterrupt())
    assert isinstance(outcome.error, Interrupted)


def test_a_run_that_is_there_is_not_overwritten(experiment):
    experiment(done(), done())
    with pytest.raises(StoreError, match="already holds a run"):
        experiment(done(), done())


@pytest.mark.parametrize("last", [done(), LoadError("failed"), KeyboardInterrupt()])
def test_however_a_run_ends_the_engine_is_told(experiment, monkeypatch, last):
    closed = []

    def close(engine):
        closed.append(engine)

    monkeypatch.setattr(NativeEngine, "close", close)
    experiment(done(), last)
    assert len(closed) == 1


# Workloads


def workloads(openapi=OPENAPI, named=(), **flags):
    settings = settings_of(**flags)
    explored = Explored("shop:app", openapi, "has no OpenAPI", HANDLERS)
    return find_workloads(settings, find_choice(settings, explored, named))


def test_endpoints_can_be_chosen():
    assert workloads(include=("/block*",)) == (Workload("GET /blocking", (request(BLOCKING),)),)


def test_a_mix_is_one_load():
    assert workloads(mix=True) == (Workload("mix", (request(ITEMS), request(BLOCKING))),)


def test_requests_of_one_name_are_one_load():
    named = [Named("", "GET", f"/items/{number}", name="any item") for number in (1, 2)]
    [workload] = workloads(named=named)
    assert workload.name == "GET any item"
    assert [each.target for each in workload.requests] == ["/items/1", "/items/2"]


@pytest.mark.parametrize(
    ("openapi", "flags", "says"),
    [
        ({"paths": {}}, {}, "-f locustfile.py"),
        ({"paths": {"/": {"post": {}}}}, {}, "POST /: POST may write: --allow-writes"),
        (None, {}, "--endpoint 'GET /items/1'"),
        (OPENAPI, {"exclude": ("*",)}, "Exclude fewer"),
        (OPENAPI, {"include": ("/nothing",)}, "/items, /blocking"),
    ],
)
def test_nothing_to_load_is_refused(openapi, flags, says):
    with pytest.raises(UsageError) as caught:
        workloads(openapi, **flags)
    assert says in caught.value.hint


def test_user_classes_are_loaded_in_the_order_of_the_locustfile(monkeypatch):
    monkeypatch.setattr(pipeline, "user_classes", lambda file, env: ("Reader", "Buyer"))
    assert workloads(locustfile="shop.py") == (Workload("Reader"), Workload("Buyer"))
    assert workloads(locustfile="shop.py", user_class=("Buyer",)) == (Workload("Buyer"),)
    settings = settings_of(locustfile="shop.py")
    explored = Explored("shop:app", OPENAPI, handlers=HANDLERS)
    assert find_choice(settings, explored, ()).endpoints == (ITEMS, BLOCKING)


def test_a_server_that_is_not_restarted_is_said(experiment, monkeypatch):
    subject = FakeUrl(Explored("http://127.0.0.1:8001", OPENAPI, restarted=False))
    monkeypatch.setattr(pipeline, "find_subject", lambda settings, openapi_path: subject)
    outcome, _ = experiment(done(), done())
    assert "was not restarted between the loads" in outcome.run.warnings[0]
    assert outcome.run.target.workers is None
    assert load_run(outcome.folder).target == outcome.run.target


@dataclass
class FakeUrl:
    explored: Explored

    def explore(self):
        return self.explored


def test_certificates_that_cannot_be_read_are_named_whatever_the_target(tmp_path):
    for name in ("missing.pem", "empty.pem"):
        (tmp_path / "empty.pem").touch()
        settings = settings_of(app="shop:app", ca_file=str(tmp_path / name))
        with pytest.raises(UsageError, match=f"cannot read certificates from .*{name}"):
            find_subject(settings, None)
