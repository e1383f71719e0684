"""How Locust is started and read. Only what no load is needed for; the rest is integration."""

import json
import os
import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from asyncperf.errors import LoadError, UsageError
from asyncperf.load import locust_engine
from asyncperf.load.distribution import Distribution
from asyncperf.load.engine import Workload
from asyncperf.load.locust_engine import (
    LocustEngine,
    LocustSession,
    check_installed,
    choose_user_classes,
    clean_environment,
    user_classes,
)

from ..builders import BLOCKING, ITEMS, PLAN, request

EPOCH = 1_795_000_000.0
APP_URL = "http://127.0.0.1:8001"
HERE = Distribution(3, local=True)
ELSEWHERE = Distribution(2, local=False, host="192.168.0.10", port=6000)
ENDPOINT = Workload("GET /items", (request(ITEMS),))


@dataclass
class FakeProcess:
    """A child that runs until it is stopped, and has printed so much."""

    exit_code: int | None = None
    printed: str = ""
    stops: int = 0
    options: dict = field(default_factory=dict)

    def stop(self):
        self.stops += 1
        self.exit_code = 0 if self.exit_code is None else self.exit_code
        return self.exit_code

    def output(self):
        return self.printed


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Start a workload: the command that would have been run, and its options."""

    def started(
        workload=ENDPOINT, locustfile=None, env=None, distribution=None, url=APP_URL, **plan
    ):
        child = FakeProcess()

        def process(command, **options):
            child.options = {"command": command, **options}
            return child

        monkeypatch.setattr(locust_engine, "ChildProcess", process)
        engine = LocustEngine(tmp_path, env or {}, locustfile, distribution)
        engine.start(workload, replace(PLAN, **plan), url)
        return child.options

    return started


def test_an_endpoint_is_requested_by_our_own_user(started):
    options = started(run_time_s=None)
    command = options["command"]
    user, listener = command[command.index("-f") + 1].split(",")
    assert Path(user).name == "locust_user.py"
    assert Path(listener).name == "locust_listener.py"
    assert command[command.index("-H") + 1] == "http://127.0.0.1:8001"
    assert command[-1] == "EndpointUser"
    load = json.loads(options["env"]["ASYNCPERF_LOAD"])
    [message] = load["requests"]
    assert (message["method"], message["target"]) == ("GET", "/items")
    assert (message["headers"], message["body"], message["weight"]) == ({}, "", 1.0)
    assert load["alone_requests"] == 10
    assert (load["users"], load["spawn_rate"], load["run_time_s"]) == (500, 50.0, None)


def test_a_user_class_comes_from_its_locustfile(started):
    options = started(Workload("ShopUser"), locustfile=Path("shop.py"))
    command = options["command"]
    user, _ = command[command.index("-f") + 1].split(",")
    assert Path(user) == Path("shop.py").resolve()
    assert command[-1] == "ShopUser"
    assert json.loads(options["env"]["ASYNCPERF_LOAD"])["requests"] == []


def test_a_mix_goes_to_our_user_with_everything_it_sends(started):
    sent = request(BLOCKING, target="/b?x=1", headers=(("X-A", "own"),), body=b"\0\xff", weight=3)
    mix = Workload("mix", (request(ITEMS), sent))
    options = started(mix, headers=(("x-a", "shared"), ("X-B", "b")))
    load = json.loads(options["env"]["ASYNCPERF_LOAD"])
    assert load["requests"][1] == {
        "method": "GET",
        "target": "/b?x=1",
        "name": "/blocking",
        "headers": {"X-B": "b", "X-A": "own"},
        "body": "AP8=",
        "weight": 3,
    }
    assert load["alone_requests"] == 20


def test_one_user_goes_first_and_the_listener_starts_the_rest(started):
    command = started()["command"]
    assert command[command.index("-u") + 1] == "1"


def test_locust_runs_in_an_empty_folder_with_no_settings_of_its_own(started, tmp_path):
    """locust.conf, pyproject.toml, ~/.locust.conf and LOCUST_* may not change a measurement."""
    env = {"LOCUST_USERS": "3", "HOME": "/home/me", "PATH": "/bin"}
    options = started(env=env)
    assert options["cwd"].parent == tmp_path.resolve()
    assert list(options["cwd"].iterdir()) == []
    assert options["env"]["HOME"] == str(options["cwd"])
    assert options["env"]["PATH"] == "/bin"
    assert not any(name.startswith("LOCUST_") for name in options["env"])


def test_locust_is_stopped_as_by_ctrl_c(started):
    """At SIGTERM it would not print its tables, nor tell of requests cut off."""
    assert started()["stop_signal"] == signal.SIGINT


def test_each_load_has_a_folder_of_its_own(started):
    assert started()["cwd"] != started()["cwd"]


def test_clean_environment_leaves_the_given_one_as_it_is(tmp_path):
    env = {"LOCUST_HOST": "x", "SHOP": "open"}
    assert clean_environment(env, tmp_path) == {"SHOP": "open", "HOME": str(tmp_path)}
    assert env == {"LOCUST_HOST": "x", "SHOP": "open"}


# Sessions


def record(folder, number, *records):
    with (folder / f"record-{number}.jsonl").open("a") as file:
        file.writelines(json.dumps(entry) + "\n" for entry in records)


def a_request(at):
    return ["r", EPOCH + at, 0.1, "GET", "/items", 200, 34, None]


def test_a_session_reads_what_is_new_from_all_processes(tmp_path):
    session = LocustSession(FakeProcess(), tmp_path, PLAN)
    assert session.read().loaded == {}
    record(tmp_path, 1, ["ramp", EPOCH], a_request(1))
    assert len(session.read().loaded["GET", "/items"]) == 1
    record(tmp_path, 1, a_request(2))
    record(tmp_path, 2, ["ramp", EPOCH], a_request(3))
    assert len(session.read().loaded["GET", "/items"]) == 3


def test_stop_reads_what_was_written_at_the_end(tmp_path):
    class LastWords(FakeProcess):
        def stop(self):
            record(tmp_path, 1, ["c", EPOCH + 5, "GET", "/items"])
            return super().stop()

    process = LastWords()
    session = LocustSession(process, tmp_path, PLAN)
    record(tmp_path, 1, ["ramp", EPOCH], a_request(1))
    session.read()
    assert not session.ended
    found = session.stop().loaded["GET", "/items"]
    assert found.cut_off_s == pytest.approx([5.0])
    assert session.ended


def test_stopped_before_its_first_record_it_has_recorded_nothing(tmp_path):
    """Reading would say that Locust failed; stopping must not hide why it was stopped."""
    session = LocustSession(FakeProcess(exit_code=130), tmp_path, PLAN)
    assert session.stop().loaded == {}


def test_locust_that_exits_before_it_began_shows_its_last_lines(tmp_path):
    printed = "".join(f"line {number}\n" for number in range(100)) + "ImportError: no\n"
    session = LocustSession(FakeProcess(exit_code=1, printed=printed), tmp_path, PLAN)
    with pytest.raises(LoadError, match="Locust exited with code 1 before it began") as caught:
        session.read()
    assert caught.value.hint.endswith("  ImportError: no")
    assert "line 99" in caught.value.hint
    assert "line 9\n" not in caught.value.hint


# Distributed


def values(command, *flags):
    return [command[command.index(flag) + 1] for flag in flags]


def test_processes_are_locusts_own_and_listen_on_loopback_alone(started):
    options = started(distribution=HERE)
    command = options["command"]
    assert values(command, "--processes", "--master-host", "--master-bind-host") == [
        *("3", "127.0.0.1", "127.0.0.1")
    ]
    bound, sought = values(command, "--master-bind-port", "--master-port")
    assert bound == sought
    load = json.loads(options["env"]["ASYNCPERF_LOAD"])
    assert (load["workers"], load["same_clock"], load["over"]) == (3, True, False)


def test_a_master_listens_where_it_is_told_and_sends_the_orders_first(started):
    options = started(distribution=ELSEWHERE, url="http://192.168.0.10:8001")
    command = options["command"]
    assert "--master" in command
    assert values(
        command, "--expect-workers", "--master-bind-host", "--master-bind-port", "-H"
    ) == ["2", "192.168.0.10", "6000", "http://192.168.0.10:8001"]
    orders, user, listener = command[command.index("-f") + 1].split(",")
    assert (Path(user).name, Path(listener).name) == ("locust_user.py", "locust_listener.py")
    before = os.environ.get("ASYNCPERF_LOAD")
    assert before is None
    try:
        exec(Path(orders).read_text())
        sent = json.loads(os.environ["ASYNCPERF_LOAD"])
    finally:
        del os.environ["ASYNCPERF_LOAD"]
    own = json.loads(options["env"]["ASYNCPERF_LOAD"])
    # A place on this machine is nobody else's business.
    assert own.pop("record") == str(options["cwd"] / "record")
    assert sent == own
    assert sent["same_clock"] is False


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001", "http://localhost", "http://[::1]:80"])
def test_others_cannot_load_what_is_on_loopback(started, url):
    with pytest.raises(UsageError, match="workers on other machines cannot reach") as caught:
        started(distribution=ELSEWHERE, url=url)
    assert "--allow-remote" in caught.value.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_workers_that_are_all_here_can(started, host):
    started(distribution=replace(ELSEWHERE, host=host))


def test_workers_elsewhere_are_told_when_the_run_is_over(monkeypatch, tmp_path):
    started = []

    class Quick(FakeProcess):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.stop()

        def wait(self, timeout_s):
            return 0

    def process(command, **options):
        orders = json.loads(options["env"]["ASYNCPERF_LOAD"])
        started.append((orders["over"], orders["workers"]))
        return Quick()

    monkeypatch.setattr(locust_engine, "ChildProcess", process)
    for distribution in (None, HERE, ELSEWHERE):
        LocustEngine(tmp_path, {}, None, distribution).close()
    assert started == []
    engine = LocustEngine(tmp_path, {}, None, ELSEWHERE)
    engine.start(ENDPOINT, PLAN, "http://192.168.0.10:8001")
    engine.close()
    assert started == [(False, 2)]  # nobody came
    [folder] = tmp_path.iterdir()
    (folder / "record-worker-0000.jsonl").touch()
    engine.close()
    assert started == [(False, 2), (True, 1)]


def test_workers_that_do_not_come_are_counted_and_their_command_is_said(tmp_path):
    process = FakeProcess()
    session = LocustSession(process, tmp_path, PLAN, ELSEWHERE)
    record(tmp_path, "master", ["waiting", 1, 2])
    assert session.read().waiting == (
        "1 of 2 workers connected: asyncperf worker --master-host 192.168.0.10 --master-port 6000"
    )
    process.exit_code = 1
    with pytest.raises(LoadError, match="1 of 2 workers connected within 60 s") as caught:
        session.read()
    assert "asyncperf worker --master-host 192.168.0.10 --master-port 6000" in caught.value.hint
    assert caught.value.exit_code == 4
    assert session.stop().loaded == {}


def test_processes_of_this_machine_that_do_not_come_are_not_waited_for_elsewhere(tmp_path):
    session = LocustSession(FakeProcess(exit_code=1), tmp_path, PLAN, HERE)
    record(tmp_path, "master", ["waiting", 2, 3])
    with pytest.raises(LoadError, match="2 of 3 workers") as caught:
        session.read()
    assert "asyncperf worker" not in caught.value.hint


# User classes


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [((), ("Reader", "Buyer")), (("Buyer",), ("Buyer",)), (("Buyer", "Reader"),) * 2],
)
def test_user_classes_are_chosen_in_the_order_asked_for(wanted, chosen):
    assert choose_user_classes(("Reader", "Buyer"), wanted) == chosen


def test_an_unknown_user_class_is_named_beside_the_known_ones():
    with pytest.raises(UsageError, match="no user class 'Seller'") as caught:
        choose_user_classes(("Reader", "Buyer"), ("Buyer", "Seller"))
    assert caught.value.hint == "It has: Reader, Buyer"


def test_a_locustfile_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"no locustfile at 'no/such\.py'"):
        user_classes(Path("no/such.py"), {})


def test_user_classes_are_those_of_the_file_in_its_order():
    """The experiment's own, as listed by a real Locust in a process of its own."""
    locustfile = Path(__file__).parents[2] / "locustfile.py"
    assert user_classes(locustfile, os.environ) == (
        "SyncBaselineUser",
        "AsyncIndependentUser",
        "AsyncDependentUser",
        "AsyncConcurrentUser",
    )


def test_a_locustfile_that_does_not_import_shows_why(tmp_path):
    file = tmp_path / "shop.py"
    file.write_text("import no_such_module_anywhere")
    with pytest.raises(UsageError, match="cannot load") as caught:
        user_classes(file, os.environ)
    assert "no_such_module_anywhere" in caught.value.hint


def test_locust_missing_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(locust_engine, "find_spec", lambda name: None)
    with pytest.raises(LoadError, match="Locust is not installed") as caught:
        check_installed()
    assert caught.value.hint == f"Install it: {sys.executable} -m pip install locust"
