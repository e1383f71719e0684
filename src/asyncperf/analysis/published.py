"""The experiment's published tables: 500 users at 50/s for five minutes, 2 workers, 5 s tasks."""

from collections.abc import Sequence

from asyncperf.model import Run
from asyncperf.results import Published

PUBLISHED = {
    "/sync_baseline": Published(1520, 0, 79082, 15026, 119366, 76000, 5.29),
    "/async_independent": Published(9500, 0, 15021, 15002, 15140, 15002, 32.24),
    "/async_dependent": Published(9500, 0, 15020, 15003, 15093, 15003, 32.25),
    "/async_concurrent": Published(29157, 0, 5018, 5001, 5477, 5001, 97.33),
}
# What one request takes alone, from three tasks of 5 s.
UNLOADED_S = {
    "/sync_baseline": 15.0,
    "/async_independent": 15.0,
    "/async_dependent": 15.0,
    "/async_concurrent": 5.0,
}
USERS, WORKERS = 500, 2
TOLERANCE = 0.02


def published_for(run: Run, path: str, unloaded_s: float | None) -> Published | None:
    """The published row for an endpoint, if this run is the same experiment at the same scale.

    Recognised by its paths, users, workers and by the response time that was measured.
    """
    paths: Sequence[str] = [endpoint.path for endpoint in run.target.endpoints]
    same_app = set(PUBLISHED) <= set(paths)
    same_load = (run.plan.users, run.target.workers) == (USERS, WORKERS)
    if not (same_app and same_load and path in PUBLISHED and unloaded_s):
        return None
    expected_s = UNLOADED_S[path]
    return PUBLISHED[path] if abs(unloaded_s / expected_s - 1) < TOLERANCE else None
