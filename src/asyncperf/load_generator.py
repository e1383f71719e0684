"""The load generator that the settings ask for: its engine, and in how many processes it runs."""

import math
import resource
from pathlib import Path

import psutil

from asyncperf.config import Settings
from asyncperf.load.distribution import Distribution
from asyncperf.load.engine import LoadEngine
from asyncperf.load.locust_engine import LocustEngine
from asyncperf.load.native_engine import NativeEngine
from asyncperf.load.schedule import default_processes
from asyncperf.machine import SPARE_DESCRIPTORS

# What a process may be taken to have where the system sets no limit.
MANY_DESCRIPTORS = 1_000_000


def engine_for(settings: Settings, scratch: Path) -> LoadEngine:
    if settings.engine == "locust":
        return LocustEngine(
            scratch, settings.load_env, settings.locustfile, find_distribution(settings)
        )
    return NativeEngine(scratch, settings.load_env)


def find_distribution(settings: Settings) -> Distribution | None:
    """How Locust's load is spread; None for one process."""
    if settings.processes is not None:
        return Distribution(settings.processes, local=True)
    if settings.expect_workers is None:
        return None
    return Distribution(
        settings.expect_workers,
        local=False,
        host=settings.master_bind_host,
        port=settings.master_bind_port,
        max_wait_s=settings.expect_workers_max_wait_s,
    )


def crowded(settings: Settings, cpus: int) -> str | None:
    """A warning where more load processes share this machine than it has CPUs."""
    if settings.processes is None or settings.processes <= cpus:
        return None
    return (
        f"{settings.processes} Locust processes (--processes) share {cpus} CPUs with each other "
        "and with whatever else runs here: they wait for a CPU, and their latencies hold that wait"
    )


def load_processes(settings: Settings, workers: int | None) -> int:
    """How many processes make the load. Of unknown workers one is assumed."""
    if settings.engine == "locust":
        return settings.processes or settings.expect_workers or 1
    if settings.load_processes is not None:
        return settings.load_processes
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = MANY_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    return default_processes(
        settings.users,
        workers or 1,
        psutil.cpu_count() or 1,
        max(1, descriptors - SPARE_DESCRIPTORS),
    )


def most_connections(settings: Settings, processes: int, workers: int | None) -> int:
    """How many connections one process has at most, on the load's side or the server's."""
    return math.ceil(settings.users / min(processes, workers or 1))
