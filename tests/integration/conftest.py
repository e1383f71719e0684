"""Real servers under a real load, driven as a user drives them: by the command line."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).parent / "apps"
# Generous: it only bounds a test that is about to fail.
PATIENCE_S = 90.0
MARK = "ASYNCPERF_TEST_MARK"
# Measures on a machine that others use as well: a run that they disturbed is repeated. For what
# is measured alone: a rate, a latency, a share of time, a balance, a finding that goes by them.
# What holds however slow the machine is (an interrupt, a process left behind, a request that
# is accounted for) must hold the first time. Where others had the machine in the last run as well,
# nothing was measured: it is skipped, and says so.
RERUNS = 4
measures = pytest.mark.flaky(reruns=RERUNS)
# Of the CPU time of the whole machine. What nobody waits for of ours, and the kernel's own, are
# counted as others'; they stay far below.
TOO_BUSY = 0.25


# What is ignored here is ignored by what is started here, and tests interrupt it. A job in a
# script's background ignores the first, `nohup` the second.
for ignored in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.SIG_DFL)


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass(frozen=True)
class Running:
    """An asyncperf process in a directory of its own; its children carry its mark."""

    process: subprocess.Popen[str]
    directory: Path
    mark: str

    def finish(self, patience_s: float = PATIENCE_S) -> Finished:
        out, err = self.process.communicate(timeout=patience_s)
        return Finished(self.process.returncode, out, err)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> Finished:
        self.process.send_signal(number)
        return self.finish()

    def family(self) -> list[psutil.Process]:
        """Every living process that was started for this run, however it was started."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def recorded(self, word: str) -> bool:
        """Whether the load generator has written a record of that kind, in the run folder
        `run`."""
        files = (self.directory / "run" / "scratch").glob("*/*.jsonl")
        return any(f'["{word}"' in file.read_text() for file in files)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return (
                process.environ().get(MARK) == self.mark
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (psutil.Error, OSError):
            return False


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.05)


def answers(url: str, server: subprocess.Popen[Any]) -> bool:
    """Whether a server, which must be running, answers at its URL."""
    assert server.poll() is None
    try:
        urllib.request.urlopen(url).close()
    except OSError:
        return False
    return True


@contextmanager
def starter(directory: Path) -> Iterator[Callable[..., Running]]:
    """Start `asyncperf ARGS` in the directory; at the end none of its processes may be left."""
    started: list[Running] = []

    def start(
        *args: object,
        env: dict[str, str] | None = None,
        cwd: Path = directory,
        before: Sequence[str] = (),
    ) -> Running:
        mark = uuid.uuid4().hex
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ASYNCPERF_")}
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "asyncperf", *map(str, args)],
            cwd=cwd,
            env=inherited | {MARK: mark} | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running = Running(process, directory, mark)
        started.append(running)
        return running

    try:
        yield start
    finally:
        for running in started:
            if running.process.poll() is None:
                running.process.kill()
                running.process.communicate()
            wait_until(lambda r=running: not r.family(), f"{running.family()} to be gone")


class Others:
    """How much of the machine's CPU time went to processes that are not the tests'."""

    def __init__(self) -> None:
        self._since = self._now()

    def share(self) -> float:
        busy_s, total_s, own_s = (
            now - then for now, then in zip(self._now(), self._since, strict=True)
        )
        return (busy_s - own_s) / total_s if total_s > 0 else 0.0

    @staticmethod
    def _now() -> tuple[float, float, float]:
        times = psutil.cpu_times()
        total_s = sum(times)
        idle_s = times.idle + getattr(times, "iowait", 0.0)
        return total_s - idle_s, total_s, sum(os.times()[:4])


OTHERS = pytest.StashKey[Others]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # Of the module too: some measure in its fixture.
    for node in (item, item.getparent(pytest.Module)):
        if node is not None:
            node.stash.setdefault(OTHERS, Others())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    last = getattr(item, "execution_count", 0) > RERUNS
    if report.failed and last and item.get_closest_marker("flaky"):
        nodes = (item, item.getparent(pytest.Module))
        busy = max(node.stash[OTHERS].share() for node in nodes if node is not None)
        if busy > TOO_BUSY:
            report.outcome = "skipped"
            why = f"not measured: others had {busy:.0%} of the machine's CPU time"
            report.longrepr = (str(item.path), item.location[1] or 0, why)
    return report


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start `asyncperf ARGS` in the test's directory."""
    with starter(tmp_path) as start:
        yield start


@pytest.fixture
def asyncperf(start: Callable[..., Running]) -> Callable[..., Finished]:
    """Run `asyncperf ARGS` to its end."""

    def run(*args: object, patience_s: float = PATIENCE_S, **how: Any) -> Finished:
        return start(*args, **how).finish(patience_s)

    return run


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """Where the app `counting` says what it answered."""
    return tmp_path / "served.json"
