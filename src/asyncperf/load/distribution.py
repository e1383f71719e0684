"""How a Locust load is spread over processes, on this machine or on others."""

import ipaddress
import socket
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
# Locust's own.
MASTER_PORT = 5557
# A master that listens on all of its addresses names none of them.
ANY_ADDRESS = ("*", "0.0.0.0", "::")


@dataclass(frozen=True)
class Distribution:
    """`workers` processes that Locust forks here (`local`), or that `asyncperf worker`
    starts wherever the master at `host` and `port` can be reached from."""

    workers: int
    local: bool
    host: str = LOOPBACK
    port: int = MASTER_PORT
    max_wait_s: float = 60.0

    @property
    def on_this_machine(self) -> bool:
        """Whether all workers are: nothing else reaches a loopback address."""
        return self.local or is_loopback(self.host)

    def flags(self) -> tuple[str, ...]:
        """What Locust is told."""
        if self.local:
            port = str(free_port())
            return (
                *("--processes", str(self.workers)),
                *("--master-host", self.host, "--master-port", port),
                *("--master-bind-host", self.host, "--master-bind-port", port),
            )
        return (
            *("--master", "--expect-workers", str(self.workers)),
            *("--master-bind-host", self.host, "--master-bind-port", str(self.port)),
        )

    @property
    def worker_command(self) -> str:
        """What to type where a worker shall run."""
        host = "THIS-MACHINE" if self.host in ANY_ADDRESS else self.host
        port = "" if self.port == MASTER_PORT else f" --master-port {self.port}"
        return f"asyncperf worker --master-host {host}{port}"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
