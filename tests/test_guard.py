"""However asyncperf dies, what it started dies with it."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from asyncperf.guard import signal_group
from asyncperf.process import GUARD

from .processes import STUBBORN_TREE, is_gone, read_ids, wait_until_gone

PARENT = """
import os, signal, sys, time
from pathlib import Path
from asyncperf.process import ChildProcess
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has tests ignore it
tree = ["sh", "-c", sys.argv[1]]
child = ChildProcess(tree, log=Path(sys.argv[2]), env=os.environ, grace_s=0.2)
time.sleep(300)
"""


@pytest.fixture
def parent(tmp_path):
    """A process that holds a stubborn tree, and that tree."""
    log = tmp_path / "log"
    holder = subprocess.Popen([sys.executable, "-c", PARENT, STUBBORN_TREE, str(log)])
    try:
        yield holder, read_ids(log)
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_tree_goes_when_its_parent_is_killed(parent, number):
    holder, tree = parent
    assert not any(map(is_gone, tree))
    (guard,) = psutil.Process(holder.pid).children()
    os.kill(holder.pid, number)
    assert holder.wait() == -number
    wait_until_gone([*tree, guard])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_guard_outlives_signals_meant_for_others(parent, number):
    holder, tree = parent
    (guard,) = psutil.Process(holder.pid).children()
    guard.send_signal(number)
    assert not any(map(is_gone, [*tree, guard]))
    holder.kill()
    wait_until_gone([*tree, guard])


def test_the_command_heeds_signals_that_the_guard_ignores():
    """Ignored signals would be inherited, and a server could not be stopped politely."""
    command = ["sh", "-c", "kill -TERM $$; exit 9"]
    with subprocess.Popen(
        [sys.executable, "-I", "-S", GUARD, "15", "1", *command], stdin=subprocess.PIPE
    ) as guard:
        assert guard.wait() == 128 + signal.SIGTERM


def test_the_guard_needs_the_standard_library_alone():
    """Isolated and without site-packages, as it is started."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", GUARD, "15", "1", "/no/such/command"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 127
    assert done.stderr == "cannot start /no/such/command: No such file or directory\n"


def test_a_group_that_is_gone_is_no_error():
    child = subprocess.Popen(["true"], process_group=0)
    child.wait()
    signal_group(child.pid, signal.SIGKILL)
