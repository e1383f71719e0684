"""Worker after worker, until a master says that the run is over."""

from dataclasses import dataclass

import pytest

from asyncperf.errors import LoadError
from asyncperf.load import standby
from asyncperf.load.standby import FAILURES, SHORT_S, serve_loads
from asyncperf.load.worker_messages import OVER_CODE


@dataclass
class FakeClock:
    now: float = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def serve(monkeypatch):
    """Have workers end with these codes, after so long each: what is said, what was started."""

    def serve(*codes, each_s=1.0):
        clock, said, started = FakeClock(), [], []
        remaining = iter(codes)

        class Process:
            def __init__(self, command, **options):
                started.append((command, options))

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

            def wait(self, timeout_s):
                clock.now += each_s
                code = next(remaining)
                if isinstance(code, type):
                    raise code
                return code

            def output(self):
                return "ImportError: no\n"

        monkeypatch.setattr(standby, "ChildProcess", Process)
        monkeypatch.setattr(standby, "time", clock)
        try:
            serve_loads("10.0.0.1", 5557, {"PATH": "/bin", "LOCUST_HOST": "x"}, said.append)
        except LoadError as error:
            return said, started, error
        return said, started, None

    return serve


def test_a_worker_serves_load_after_load_until_the_run_is_over(serve):
    said, started, error = serve(0, 0, OVER_CODE)
    assert error is None
    assert len(started) == 3
    assert said == [
        "waiting for the loads of a run at 10.0.0.1:5557; Ctrl-C ends",
        *["the load has ended; waiting for the next"] * 2,
        "the run is over",
    ]


def test_each_worker_has_the_masters_files_sent_to_a_folder_of_its_own(serve):
    _, started, _ = serve(0, OVER_CODE)
    command, options = started[0]
    assert command[command.index("-f") + 1] == "-"
    assert command[command.index("--master-host") + 1] == "10.0.0.1"
    assert options["env"]["TMPDIR"] == options["env"]["HOME"] == str(options["cwd"])
    assert "LOCUST_HOST" not in options["env"]
    assert options["cwd"] != started[1][1]["cwd"]


def test_a_worker_that_was_killed_is_replaced(serve):
    said, started, _ = serve(137, 0, 137, 137, OVER_CODE)
    assert len(started) == 5
    assert said.count("the worker ended with code 137; starting another") == 3


def test_one_that_cannot_start_is_not_tried_for_ever(serve):
    _, started, error = serve(*[1] * 10)
    assert len(started) == FAILURES
    assert "ImportError" in error.hint


def test_one_that_lasts_is_tried_for_ever(serve):
    """Locust gives up on a master after five minutes; a run may begin later than that."""
    _, started, error = serve(*[1] * 10, OVER_CODE, each_s=SHORT_S + 1)
    assert (len(started), error) == (11, None)


def test_ctrl_c_ends_it(serve):
    with pytest.raises(KeyboardInterrupt):
        serve(0, KeyboardInterrupt)
