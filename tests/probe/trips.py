"""What the tests of trips to threads share: the hooks, a nap, and when a trip began and ended."""

import time
from time import perf_counter

import anyio.to_thread

from asyncperf.probe import threads

# Short beside a test. However busy the machine is, what is recorded lies between what is seen
# around it and within it; that it takes about as long as it should is not asserted.
NAP_S = 0.05
# Durations are of kind f4.
ROUNDING_S = 1e-6


def hooked_threads(recorded, monkeypatch):
    monkeypatch.setattr(anyio.to_thread, "run_sync", anyio.to_thread.run_sync)
    for hook in threads.hooks().values():
        hook(anyio.to_thread)


def nap():
    """When it began and ended."""
    began = perf_counter()
    time.sleep(NAP_S)
    return began, perf_counter()


def begins(trip):
    return trip["asked"] + trip["wait_s"]


def ends(trip):
    return begins(trip) + trip["run_s"]


def elapsed(recorded, coroutine, request, *loop):
    """What the coroutine gives, and how long it took."""
    began = perf_counter()
    found = recorded.run(coroutine, request, *loop)
    return found, perf_counter() - began + ROUNDING_S
