"""A load of the app that counts its own requests, and what was recorded of it."""

import json
import re
from pathlib import Path

from asyncperf.analysis.statistics import until
from asyncperf.model import Load

from .conftest import APPS, Running, wait_until

APP = APPS / "counting.py"
USERS = 20
LOAD = ("--engine", "locust", "-u", USERS, "-r", 40)


def answered(served: Path, path: str) -> int:
    """How many requests the app itself has counted."""
    counts = json.loads(served.read_text())
    return sum(count for key, count in counts.items() if key.startswith(f"{path} "))


def recorded(loads: list[Load], path: str) -> tuple[int, int]:
    """How many requests were recorded as answered, and as cut off at the end."""
    found = [
        samples
        for load in loads
        for measured in load.measured
        if measured.endpoint.path == path
        for samples in (measured.unloaded, measured.samples)
    ]
    return sum(map(len, found)), sum(len(samples.cut_off_s) for samples in found)


def in_flight_at_end(load: Load) -> int:
    """Those cut off, and those answered while the users were being stopped."""
    return sum(len(until(each.samples, load.duration_s).cut_off_s) for each in load.measured)


def starts_within(load: Load) -> bool:
    """Whether all requests of a load began in it, by whatever clocks they were timed."""
    starts = [start for each in load.measured for start in each.samples.start_s]
    alone = [start for each in load.measured for start in each.unloaded.start_s]
    return -10 < min(alone) <= max(alone) < 0.1 and -0.1 < min(starts) <= max(starts) < 10


def worker_ids(running: Running) -> list[int]:
    """The load's worker processes, once the ramp is over."""
    wait_until(lambda: running.recorded("ramped"), "the end of the ramp")
    files = (running.directory / "run" / "scratch").glob("*/record-worker-*.jsonl")
    names = [json.loads(file.read_text().splitlines()[0])[1] for file in files]
    return [int(re.findall(r"process (\d+)", name)[0]) for name in names]
