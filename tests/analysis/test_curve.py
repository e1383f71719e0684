"""The bounds: what arithmetic predicts of rate and latency at a level."""

import pytest

from asyncperf.analysis.curve import crossing, predict, sampled
from asyncperf.judgement import Curve, Predicted
from asyncperf.levels import Level

POOL = Curve(response_s=0.15, think_s=0.0, ceiling_rps=80 / 0.15, ceiling_from="thread_pool")
THINKING = Curve(response_s=0.5, think_s=1.5, ceiling_rps=10.0, ceiling_from="thread_pool")
UNLIMITED = Curve(response_s=0.5, think_s=0.0, ceiling_rps=None, ceiling_from=None)


@pytest.mark.parametrize(
    ("curve", "level", "rate_rps", "mean_s"),
    [
        (POOL, Level(1), 1 / 0.15, 0.15),
        (POOL, Level(80), 80 / 0.15, 0.15),
        (POOL, Level(160), 80 / 0.15, 0.3),
        (POOL, Level(rate_rps=100), 100, 0.15),
        (POOL, Level(rate_rps=600), 80 / 0.15, None),
        (THINKING, Level(10), 5, 0.5),
        (THINKING, Level(40), 10, 2.5),
        (UNLIMITED, Level(1000), 2000, 0.5),
    ],
)
def test_bounds_of_rate_and_latency(curve, level, rate_rps, mean_s):
    assert predict(curve, level) == Predicted(
        pytest.approx(rate_rps), mean_s if mean_s is None else pytest.approx(mean_s)
    )


def test_the_asymptotes_cross_where_the_ceiling_takes_over_from_the_users():
    assert crossing(POOL, is_open=False) == pytest.approx(80)
    assert crossing(POOL, is_open=True) == pytest.approx(80 / 0.15)
    assert crossing(THINKING, is_open=False) == pytest.approx(20)
    assert crossing(UNLIMITED, is_open=False) is None


def test_samples_go_from_the_lowest_to_the_highest_level():
    found = sampled(POOL, Level(10), Level(1000))
    assert [found[i][0] for i in (0, 50, 100)] == pytest.approx([10, 100, 1000])
    assert all(p == predict(POOL, Level(rate_rps=None, users=a)) for a, p in found[:1])
