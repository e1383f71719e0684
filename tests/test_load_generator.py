"""Which load generator the settings ask for, and in how many processes."""

import pytest

from asyncperf.load.distribution import Distribution
from asyncperf.load_generator import crowded, find_distribution, load_processes

from .builders import settings_of


@pytest.mark.parametrize(
    ("flags", "distribution"),
    [
        ({}, None),
        ({"processes": "3"}, Distribution(3, local=True)),
        ({"expect_workers": "2"}, Distribution(2, local=False)),
        (
            {
                **{"expect_workers": "2", "expect_workers_max_wait": "5s"},
                **{"master_bind_host": "10.0.0.1", "master_bind_port": "6000"},
            },
            Distribution(2, local=False, host="10.0.0.1", port=6000, max_wait_s=5.0),
        ),
    ],
)
def test_how_a_load_is_spread(flags, distribution):
    settings = settings_of(engine="locust", **flags)
    assert find_distribution(settings) == distribution
    assert load_processes(settings, 2) == (distribution.workers if distribution else 1)


@pytest.mark.parametrize(("processes", "said"), [(None, False), ("2", False), ("3", True)])
def test_more_processes_than_cpus_are_a_warning(processes, said):
    flags = {"processes": processes} if processes else {}
    warning = crowded(settings_of(engine="locust", **flags), cpus=2)
    assert (warning is not None) is said
