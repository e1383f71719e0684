"""What the command line cannot easily be brought to: the rest is in test_cli."""

from dataclasses import replace

import pytest

from asyncperf import errors, exit_codes
from asyncperf.analysis.diagnosis import diagnose
from asyncperf.judgement import Knee
from asyncperf.levels import Level
from asyncperf.model import Measured

from .analysis.closed_load import ClosedLoad, fixed, simulate
from .builders import ITEMS, alone, load_of, run_of


@pytest.mark.parametrize(
    ("status", "why", "code"),
    [
        ("found", None, errors.OK),
        ("below", None, errors.OK),
        ("at_least", None, errors.OK),  # the most that was to be tried
        ("at_least", "at 80 users: the load generator was the limit", errors.LOAD),
        ("cannot_tell", "too few levels were measured", errors.LOAD),
    ],
)
def test_exit_code_of_a_search_says_whether_there_is_an_answer(status, why, code):
    load = load_of(Measured(ITEMS, alone(1.5), simulate(ClosedLoad(500, 50, fixed(1.5)), 60)))
    knee = Knee("GET /items", ("p95<1s",), status, Level(9), None, (), why=why)
    diagnosis = replace(diagnose(run_of(load)), knees=(knee,))
    assert exit_codes.of_run(diagnosis, "never") == code


def steady(**changes):
    samples = simulate(ClosedLoad(500, 50, fixed(1.5)), 60)
    return load_of(Measured(ITEMS, alone(1.5), samples), **changes)


@pytest.mark.parametrize(("gone", "code"), [(False, errors.OK), (True, errors.TARGET)])
def test_a_server_that_was_gone_at_the_end_is_one_that_died(gone, code):
    diagnosis = diagnose(run_of(steady(server_gone=gone)))
    assert diagnosis.valid is not gone
    assert exit_codes.of_run(diagnosis, "never") == code


def test_a_steady_state_without_a_success_cannot_be_judged():
    diagnosis = diagnose(run_of(steady()))
    (result,) = diagnosis.endpoints
    failed = replace(result, steady=replace(result.steady, latency=None))
    assert exit_codes.of_run(replace(diagnosis, endpoints=(failed,)), "never") == errors.LOAD
