"""Watching process trees from the outside."""

import time
from pathlib import Path

import psutil

# Nothing is asserted about time: this only ends a test that would wait for ever.
PATIENCE_S = 30.0

# Prints the ids of a shell and of its two sleepers; none of the three heeds SIGTERM.
STUBBORN_TREE = """
trap '' TERM
echo $$
sleep 300 & echo $!
sleep 300 & echo $!
echo ready
while true; do wait; sleep 1; done
"""


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def read_ids(log: Path) -> list[psutil.Process]:
    """The processes that the tree's log names, once all are there."""
    wait_until(lambda: log.exists() and "ready" in log.read_text(), "the tree")
    return [psutil.Process(int(line)) for line in log.read_text().split() if line != "ready"]


def is_gone(process: psutil.Process) -> bool:
    """Ended; a zombie has, whoever should reap it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(processes: list[psutil.Process]) -> None:
    for process in processes:
        wait_until(lambda: is_gone(process), f"the end of {process}")  # noqa: B023
