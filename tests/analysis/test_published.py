"""The published row stands beside a run of the same experiment, and only there."""

from dataclasses import replace

import pytest

from asyncperf.analysis.published import PUBLISHED, published_for
from asyncperf.model import Endpoint

from ..builders import PLAN, run_of

EXPERIMENT = tuple(Endpoint("GET", path) for path in PUBLISHED)


def experiment(users=500, workers=2, endpoints=EXPERIMENT):
    run = run_of(plan=replace(PLAN, users=users))
    return replace(run, target=replace(run.target, workers=workers, endpoints=endpoints))


@pytest.mark.parametrize(
    ("path", "unloaded_s", "rate_rps"),
    [
        ("/sync_baseline", 15.004, 5.29),
        ("/async_independent", 15.006, 32.24),
        ("/async_dependent", 14.8, 32.25),
        ("/async_concurrent", 5.002, 97.33),
        ("/async_concurrent", 5.2, None),
        ("/async_concurrent", 0.5, None),
        ("/async_concurrent", 15.0, None),
        ("/sync_baseline", 1.5, None),
        ("/sync_baseline", None, None),
        ("/sync_baseline", 0.0, None),
        ("/other", 15.0, None),
    ],
)
def test_recognised_by_the_response_time(path, unloaded_s, rate_rps):
    found = published_for(experiment(), path, unloaded_s)
    assert (found.rate_rps if found else None) == rate_rps


@pytest.mark.parametrize(
    "run",
    [
        experiment(users=499),
        experiment(workers=1),
        experiment(endpoints=EXPERIMENT[:3]),
        experiment(endpoints=()),
    ],
    ids=["other users", "other workers", "an endpoint less", "no endpoints"],
)
def test_another_experiment_is_not_compared(run):
    assert published_for(run, "/sync_baseline", 15.0) is None


def test_an_endpoint_more_does_no_harm():
    run = experiment(endpoints=(*EXPERIMENT, Endpoint("GET", "/health")))
    assert published_for(run, "/sync_baseline", 15.0) is PUBLISHED["/sync_baseline"]
