"""An open load that asks for more than is answered is told from one that does not."""

import numpy as np
import pytest

from asyncperf.analysis.backlog import answered_rps
from asyncperf.analysis.steady import LoadView


def queue(rate_rps: float, duration_s: float, places: int = 8, stall_s: float = 0.0) -> LoadView:
    """Constant arrivals at a pool whose requests take 0.1 s, `stall_s` at the end stalled."""
    free = [0.0] * places
    starts, ends = [], []
    for number in range(int(rate_rps * duration_s)):
        start_s = number / rate_rps
        place = int(np.argmin(free))
        end_s = max(start_s, free[place]) + 0.1
        if end_s > duration_s - stall_s:
            end_s += stall_s
        free[place] = end_s
        starts.append(start_s)
        ends.append(end_s)
    found = np.array([(s, e) for s, e in zip(starts, ends, strict=True) if e <= duration_s])
    found = found[np.argsort(found[:, 1])]
    return LoadView(found[:, 0], found[:, 1] - found[:, 0], 0.0, duration_s, (0.1,))


@pytest.mark.parametrize("rate_rps", [90.0, 120.0, 800.0])
def test_a_load_beyond_the_ceiling_falls_behind_and_shows_what_is_answered(rate_rps):
    view = queue(rate_rps, 30.0)
    assert answered_rps(view, rate_rps, is_random=False) == pytest.approx(80, rel=0.02)
    assert answered_rps(view, rate_rps, is_random=True) in (None, pytest.approx(80, rel=0.02))


@pytest.mark.parametrize("rate_rps", [10.0, 60.0, 79.0, 80.0])
def test_a_load_within_the_ceiling_does_not(rate_rps):
    assert answered_rps(queue(rate_rps, 30.0), rate_rps, is_random=False) is None


def test_a_stall_just_now_is_not_yet_an_endless_queue():
    assert answered_rps(queue(60.0, 30.0, stall_s=2.0), 60.0, is_random=False) is None


def test_too_short_a_load_cannot_tell():
    assert answered_rps(queue(800.0, 6.0), 800.0, is_random=False) is None


def test_without_a_ramp_s_end_or_a_response_time_nothing_is_said():
    view = queue(800.0, 30.0)
    for changed in ({"ramp_end_s": None}, {"response_s": ()}):
        fields = {name: getattr(view, name) for name in view.__dataclass_fields__} | changed
        assert answered_rps(LoadView(**fields), 800.0, is_random=False) is None
