"""The response time without load, from the requests of the single user."""

import numpy as np

from asyncperf.samples import Samples


def unloaded_response_s(alone: Samples) -> float | None:
    """The median response time of the single user; the first request, which also pays for
    connecting and for caches, counts only if there is no other."""
    times = alone.latency_s[alone.ok]
    if len(times) == 0:
        return None
    return float(np.median(times[1:] if len(times) > 1 else times))
