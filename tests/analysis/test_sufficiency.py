"""When a load may end, and how long it will probably take."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.analysis import sufficiency
from asyncperf.analysis.steady import NotSteady
from asyncperf.analysis.sufficiency import enough, expected_s, view_is_enough
from asyncperf.results import Window

from ..builders import PLAN
from .closed_load import ClosedLoad, drifting, fixed, simulate, until

AMPLE = Window(10.0, 100.0, 5.0, 18)


@pytest.mark.parametrize(
    ("window", "requests", "mean_latency_s", "answer"),
    [
        (AMPLE, 9000, 5.0, True),
        (AMPLE, sufficiency.ENOUGH_REQUESTS, 5.0, True),
        (AMPLE, sufficiency.ENOUGH_REQUESTS - 1, 5.0, False),
        # Three response times: 90 s are enough for 30 s, not for 31 s.
        (AMPLE, 9000, 30.0, True),
        (AMPLE, 9000, 31.0, False),
        (Window(0.0, 100.0, 20.0, 5), 9000, 5.0, True),
        (Window(0.0, 100.0, 25.0, 4), 9000, 5.0, False),
        # However fast the responses are, a stall must not count for too much.
        (Window(0.0, sufficiency.ENOUGH_S + 0.1, 0.1, 50), 9000, 0.01, True),
        (Window(0.0, sufficiency.ENOUGH_S - 0.1, 0.1, 50), 9000, 0.01, False),
        (NotSteady("it drifts"), 9000, 5.0, False),
    ],
)
def test_enough(window, requests, mean_latency_s, answer):
    assert enough(window, requests, mean_latency_s) is answer


def test_a_fixed_run_time_is_the_expected_length():
    assert expected_s(replace(PLAN, run_time_s=300.0), 15.0, 5.33) == 300.0


def test_expected_length_is_bounded_by_the_cap():
    assert expected_s(replace(PLAN, run_time_s=None, max_time_s=60.0), 15.0, 80 / 15) == 60.0


@pytest.mark.parametrize(
    ("response_s", "ceiling_rps", "at_least_s"),
    [
        (0.01, 50_000.0, 10 + sufficiency.ENOUGH_S),  # the ramp and the shortest window
        (15.0, 500 / 15, 10 + 15 + 3 * 15),  # three response times after the ramp's own
        (15.0, 80 / 15, 10 + 4 * 500 / (80 / 15)),  # where requests queue, of those
    ],
)
def test_expected_length_covers_ramp_settling_and_window(response_s, ceiling_rps, at_least_s):
    plan = replace(PLAN, run_time_s=None, max_time_s=10_000.0)
    found = expected_s(plan, response_s, ceiling_rps)
    assert at_least_s <= found < 3 * at_least_s


@pytest.mark.parametrize("places", [None, 80])
def test_a_steady_load_becomes_enough_and_stays_so(places):
    load = ClosedLoad(500, 50, fixed(0.5), places)
    found = simulate(load, 60)
    answers = [
        view_is_enough(replace(until(found, at), ramp_end_s=10.0, response_s=(0.5,)))
        for at in range(5, 60)
    ]
    first = answers.index(True)
    assert all(answers[first:])
    expected = expected_s(replace(PLAN, run_time_s=None), 0.5, (places or 500) / 0.5)
    assert range(5, 60)[first] == pytest.approx(expected, rel=0.5)


def test_a_drifting_load_is_never_enough():
    found = simulate(ClosedLoad(500, 50, drifting(0.5, per_s=0.02)), 60)
    views = [
        replace(until(found, at), ramp_end_s=10.0, response_s=(0.5,)) for at in range(5, 60, 5)
    ]
    assert not any(map(view_is_enough, views))


def test_nothing_recorded_is_not_enough():
    empty = until(simulate(ClosedLoad(1, 1, fixed(100)), 1), 1)
    assert len(empty.start_s) == 0
    assert not view_is_enough(replace(empty, ramp_end_s=1.0))
    assert not view_is_enough(replace(empty, start_s=np.empty(0)))
