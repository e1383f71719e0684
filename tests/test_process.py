"""Children end when they are told to, and say how they ended."""

import os
import signal
import subprocess
import sys

import pytest

from asyncperf.process import ChildProcess, PipedProcess

from .processes import STUBBORN_TREE, is_gone, read_ids, wait_until, wait_until_gone

# Prints what its child prints, until it is killed.
TALKER = """
import os, sys
from pathlib import Path
from asyncperf.process import PipedProcess
child = PipedProcess(["sh", "-c", sys.argv[2]], os.environ, Path(sys.argv[1]))
for line in child.output:
    print(line.decode(), end="", flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Start commands; whatever a test leaves is stopped after it."""
    started = []

    def start(*command, **options):
        options = {"log": tmp_path / "log", "env": os.environ, "grace_s": 0.2} | options
        started.append(ChildProcess(command, **options))
        return started[-1]

    yield start
    for child in started:
        child.stop()


def wait_for_exit(child):
    wait_until(lambda: child.exit_code is not None, "the command")
    return child.exit_code


@pytest.mark.parametrize("code", [0, 1, 3, 137])
def test_exit_code_is_passed_through(start, code):
    child = start("sh", "-c", f"exit {code}")
    assert wait_for_exit(child) == code
    assert child.stop() == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_death_by_a_signal_is_128_and_its_number(start, number):
    assert wait_for_exit(start("sh", "-c", f"kill -{int(number)} $$")) == 128 + number


def test_exit_code_is_none_while_it_runs(start):
    assert start("sleep", "300").exit_code is None


@pytest.mark.parametrize(
    ("command", "why"),
    [("/no/such/command", "No such file or directory"), ("/", "Permission denied")],
)
def test_a_command_that_cannot_be_started_is_127_and_says_so(start, command, why):
    child = start(command)
    assert wait_for_exit(child) == 127
    assert child.output() == f"cannot start {command}: {why}\n"


def test_both_streams_go_to_the_log_whatever_their_encoding(start):
    child = start("sh", "-c", r"echo out; echo err >&2; printf '\377\n'")
    wait_for_exit(child)
    assert child.output() == "out\nerr\n\ufffd\n"


def test_the_log_is_continued_not_overwritten(start, tmp_path):
    (tmp_path / "log").write_text("before\n")
    child = start("echo", "after")
    wait_for_exit(child)
    assert child.output() == "before\nafter\n"


def test_environment_and_directory_are_those_given(start, tmp_path):
    child = start("sh", "-c", "echo $SHOP; pwd", env={"SHOP": "open"}, cwd=tmp_path)
    wait_for_exit(child)
    assert child.output().split() == ["open", str(tmp_path.resolve())]


def test_nothing_is_read_from_the_terminal(start):
    assert wait_for_exit(start("cat")) == 0


def test_stop_asks_politely_first(start):
    child = start(
        *(sys.executable, "-S", "-c"),
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True)\n"
        "time.sleep(300)",
        stop_signal=signal.SIGINT,
        grace_s=20.0,
    )
    wait_until(lambda: "ready" in child.output(), "the command")
    assert child.stop() == 5


def test_stop_can_be_called_again_and_after_the_end(start):
    child = start("true")
    wait_for_exit(child)
    assert child.stop() == 0
    assert child.stop() == 0


def test_a_tree_that_ignores_sigterm_is_gone_after_stop(start):
    child = start("sh", "-c", STUBBORN_TREE)
    tree = read_ids(child.log)
    assert len(tree) == 3
    assert not any(map(is_gone, tree))
    assert child.stop() == 128 + signal.SIGKILL
    wait_until_gone(tree)


def test_workers_that_outlive_their_parent_are_stopped_with_it(start):
    child = start("sh", "-c", "sleep 300 & echo $!; echo ready; exit 3")
    assert wait_for_exit(child) == 3
    wait_until_gone(read_ids(child.log))


def test_leaving_the_block_stops_it(tmp_path):
    log = tmp_path / "log"
    with ChildProcess(["sh", "-c", STUBBORN_TREE], log=log, env=os.environ, grace_s=0.2):
        tree = read_ids(log)
    wait_until_gone(tree)


def test_an_error_in_the_block_stops_it_too(tmp_path):
    child = ChildProcess(["sleep", "300"], log=tmp_path / "log", env=os.environ)
    with pytest.raises(KeyboardInterrupt), child:
        raise KeyboardInterrupt
    assert child.exit_code == 128 + signal.SIGTERM


def test_wait_gives_the_exit_code_or_none_if_it_takes_too_long(start):
    assert start("sh", "-c", "exit 3").wait(30.0) == 3
    assert start("sleep", "300").wait(0.01) is None


def test_one_that_is_talked_to_reads_what_is_written_and_is_read(tmp_path):
    child = PipedProcess(["cat"], os.environ, tmp_path)
    child.write(b"hello\n")
    assert child.output.readline() == b"hello\n"
    child.stop()
    assert child.output.read() == b""
    child.close()


def test_one_that_is_talked_to_and_is_gone_cannot_be_written_to(tmp_path):
    child = PipedProcess(["true"], os.environ, tmp_path)
    assert child.output.read() == b""
    with pytest.raises(BrokenPipeError):
        child.write(b"x" * 1_000_000)
    child.stop()
    child.close()


def test_one_that_is_talked_to_goes_with_its_parent(tmp_path):
    command = [sys.executable, "-c", TALKER, str(tmp_path), STUBBORN_TREE]
    with (tmp_path / "log").open("wb") as log:
        holder = subprocess.Popen(command, stdout=log)
    tree = read_ids(tmp_path / "log")
    assert not any(map(is_gone, tree))
    holder.kill()
    holder.wait()
    wait_until_gone(tree)
