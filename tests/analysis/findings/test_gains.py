"""What a cause costs, by the laws: bounds with it and without it."""

import pytest

from asyncperf.analysis.findings.gains import Offered, Place, Turn, cost

USERS = Offered(500, 0.0, None)


def turn(response_s=15.0, offered=USERS, **demands_s):
    return Turn(offered, response_s, {name: Place(1, s) for name, s in demands_s.items()})


@pytest.mark.parametrize(
    ("of", "bound"),
    [
        (turn(), 500 / 15),
        (turn(loop=0.1), 10),
        (turn(loop=0.1, threads=0.2), 5),
        (turn(loop=0.0), 500 / 15),
        (turn(offered=Offered(500, 5.0, None)), 25),
        (turn(offered=Offered(500, 0.0, 20.0)), 20),
        (turn(response_s=None), None),
        (turn(response_s=None, offered=Offered(500, 0.0, 20.0)), 20),
    ],
)
def test_bounds(of, bound):
    assert of.most_rps == (bound and pytest.approx(bound))


def test_the_awaits_of_the_experiment():
    found = cost(turn(), turn().without(response_s=10.0), 10.0, 33.3, 15.0)
    assert found.rate_rps == pytest.approx(99.9)
    assert found.ms_per_request == pytest.approx(10_000)


def test_what_is_no_bound_costs_no_rate_and_its_own_time():
    now = turn(loop=0.0001)
    found = cost(now, now.without(loop=0.00005), 0.00005, 33.3, 15.0)
    assert (found.rps, found.ms_per_request) == (0.0, pytest.approx(0.05))


def test_think_time_is_no_latency():
    now = turn(response_s=1.0, offered=Offered(100, 9.0, None), loop=0.2)  # 5 req/s: R = 11 s
    found = cost(now, now.without(loop=0.1), 0.1, 5.0, 11.0)
    assert found.rate_rps == pytest.approx(10)
    assert found.ms_per_request == pytest.approx(10_000)  # 100 / 10 - 9 = 1 s is left


def test_a_fixed_rate_of_arrivals_gains_no_throughput():
    now = turn(offered=Offered(1, 0.0, 20.0))
    assert cost(now, now.without(response_s=10.0), 10.0, 20.0, 15.0).rps == 0


def test_without_figures_only_its_own_time_is_known():
    assert cost(turn(), turn(), 0.5, None, None).rps is None
