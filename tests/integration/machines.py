"""Other machines, as good as real: network namespaces of this one."""

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Site:
    """Where the master and the app are reached, and what to type before a worker's command."""

    host: str
    clients: tuple[str, str]
    before: tuple[tuple[str, ...], tuple[str, ...]]


# A namespace, and this machine's end of the wire to it.
WIRES = (("asyncperf-east", "aperf1"), ("asyncperf-west", "aperf2"))


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def lay_wires() -> None:
    for number, (name, wire) in enumerate(WIRES, start=1):
        here, there = f"10.213.{number}.1", f"10.213.{number}.2"
        ip("netns", "add", name)
        ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("address", "add", f"{here}/24", "dev", wire)
        ip("link", "set", wire, "up")
        ip("-n", name, "address", "add", f"{there}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "route", "add", "default", "via", here)


def remove_wires() -> None:
    """A namespace takes its wire along, but not at once: the wire goes first."""
    for name, wire in WIRES:
        for command in (("link", "delete", wire), ("netns", "delete", name)):
            subprocess.run(["ip", *command], capture_output=True, check=False)


@contextmanager
def turn() -> Iterator[None]:
    """Namespaces are the machine's: of several test runs on it one has them at a time."""
    with (Path(tempfile.gettempdir()) / "asyncperf-namespaces.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def other_machines() -> Iterator[Site]:
    """Two, as far as the network can tell, each on a wire of its own to this one. Raises OSError
    where that cannot be."""
    if shutil.which("ip") is None:
        raise OSError("the command ip (iproute2) is not installed")
    with turn():
        remove_wires()  # of a test that was killed
        try:
            lay_wires()
            east, west = (("ip", "netns", "exec", name) for name, _ in WIRES)
            yield Site("10.213.1.1", ("10.213.1.2", "10.213.2.2"), (east, west))
        finally:
            remove_wires()
