"""Mean value analysis against textbook tables, exact fractions and a simulator."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncperf.analysis.mva import Queue, curve, per_worker


def test_jain_1991_table_34_1():
    """Jain, "The Art of Computer Systems Performance Analysis", example 34.2: a timesharing
    system of a CPU and two disks, with terminals that think 4 s."""
    found = curve([Queue(0.125 * 16), Queue(0.3 * 10), Queue(0.2 * 5)], 4.0, 20)
    table = {1: (6.000, 0.100), 2: (7.400, 0.175), 3: (9.088, 0.229), 4: (11.051, 0.266)}
    table |= {5: (13.256, 0.290), 17: (47.045, 0.333), 19: (53.022, 0.333), 20: (56.016, 0.333)}
    for users, (response_s, rate_rps) in table.items():
        assert found.turn_s[users] - 4.0 == pytest.approx(response_s, abs=6e-4)
        assert found.rate_rps[users] == pytest.approx(rate_rps, abs=6e-4)


def test_menasce_2004_database_server():
    """Menascé, Almeida and Dowdy, "Performance by Design", chapter 12: two customers at a CPU, a
    fast and a slow disk; the chances of all states have the denominator 115."""
    found = curve([Queue(10), Queue(7.5), Queue(15)], 0.0, 2)
    # The CPU is busy in all states but (0, 2, 0), (0, 1, 1) and (0, 0, 2).
    busy = (16 + 12 + 24) / 115
    assert found.rate_rps[2] * 10 == pytest.approx(busy, rel=1e-9)


@pytest.mark.parametrize(
    ("servers", "customers", "think"), [(2, 5, 3), (3, 10, 2), (40, 60, 1), (40, 500, 1)]
)
def test_machine_repair(servers, customers, think):
    """A queue of several servers before which the customers think: the machine repair model
    (Kleinrock, "Queueing Systems I", 1975, section 3.8), in exact fractions."""
    chances = [Fraction(1)]
    for n in range(1, customers + 1):
        arriving, leaving = Fraction(customers - n + 1, think), min(n, servers)
        chances.append(chances[-1] * arriving / leaving)
    rate = sum(min(n, servers) * p for n, p in enumerate(chances)) / sum(chances)
    found = curve([Queue(1.0, servers)], think, customers)
    assert found.rate_rps[customers] == pytest.approx(float(rate), rel=1e-12)


def exact_rate(queues, delay_s, customers):
    """X(n) = G(n - 1) / G(n), the constants summed over all states, in exact fractions."""

    def constant(n):
        total = Fraction(0)
        for state in product(range(n + 1), repeat=len(queues)):
            rest = n - sum(state)
            if rest < 0:
                continue
            weight = Fraction(delay_s) ** rest / math.factorial(rest)
            for at, (demand, servers) in zip(state, queues, strict=True):
                for j in range(1, at + 1):
                    weight *= Fraction(demand) / min(j, servers)
            total += weight
        return total

    return constant(customers - 1) / constant(customers)


@pytest.mark.parametrize(
    "queues",
    [
        [(2, 1), (3, 2)],
        [(2, 2), (3, 3)],
        [(1, 1), (4, 3), (2, 2)],
        [(5, 2), (4, 2), (3, 4)],
    ],
)
@pytest.mark.parametrize("delay_s", [0, 1, 7])
def test_several_queues_of_several_servers(queues, delay_s):
    found = curve([Queue(d, m) for d, m in queues], delay_s, 8)
    for customers in (1, 2, 3, 5, 8):
        exact = float(exact_rate(queues, delay_s, customers))
        assert found.rate_rps[customers] == pytest.approx(exact, rel=1e-12)


def test_ten_thousand_customers_end_at_the_ceiling_and_never_beyond():
    """Where the textbook's recursion turns into noise."""
    found = curve([Queue(0.0005), Queue(0.05, 40), Queue(0.01, 10)], 1.0, 10_000)
    rates = found.rate_rps[1:]
    assert (np.diff(rates) > -1e-9).all()
    assert rates[-1] == pytest.approx(800.0, rel=1e-6)
    assert rates.max() <= 800.0 * (1 + 1e-9)


@settings(max_examples=50, deadline=None)
@given(
    demands=st.lists(st.tuples(st.floats(1e-4, 1.0), st.integers(1, 12)), min_size=1, max_size=3),
    delay_s=st.floats(0.0, 2.0),
    customers=st.integers(1, 60),
)
def test_the_curve_keeps_its_bounds(demands, delay_s, customers):
    """Asymptotic bounds (Lazowska et al., 1984, section 5.2): X <= min(n / R0, m / d)."""
    found = curve([Queue(d, m) for d, m in demands], delay_s, customers)
    n = np.arange(customers + 1)
    alone_s = delay_s + sum(d for d, _ in demands)
    ceiling = min(m / d for d, m in demands)
    assert (found.rate_rps <= np.minimum(n / alone_s, ceiling) * (1 + 1e-9)).all()
    assert (np.diff(found.rate_rps) >= -1e-9 * found.rate_rps[-1]).all()


def test_users_are_divided_among_the_workers():
    one = curve([Queue(0.1)], 1.0, 8).rate_rps
    assert per_worker([Queue(0.1)], 1.0, 15, 2) == pytest.approx(one[7] + one[8])
    assert per_worker([Queue(0.1)], 1.0, 1, 4) == pytest.approx(one[1])


@pytest.mark.parametrize(
    ("queues", "delay_s", "customers"),
    [
        ([Queue(0.1), Queue(0.3, 4)], 0.5, 12),
        ([Queue(0.02), Queue(0.5, 8), Queue(0.2, 3)], 0.4, 20),
    ],
)
def test_a_simulation_agrees(queues, delay_s, customers):
    """Within the simulation's own noise, which is below a percent."""
    rates = [simulated(queues, delay_s, customers, seed) for seed in range(3)]
    found = curve(queues, delay_s, customers).rate_rps[customers]
    assert np.mean(rates) == pytest.approx(found, rel=0.015)


def simulated(queues, delay_s, customers, seed, turns=15_000):
    """Turns per second of a network simulated by ciw: the customers arrive at once, and go
    round from the delay through the queues and back."""
    import ciw

    class AtOnce(ciw.dists.Distribution):
        """ciw copies it for each simulation, which its own Sequential bears until Python 3.13."""

        waiting = customers

        def sample(self, t=None, ind=None):
            self.waiting -= 1
            return 1e-6 if self.waiting >= 0 else math.inf

    places = [Queue(delay_s, customers), *queues]
    k = len(places)
    to_next = [[float(j == (i + 1) % k) for j in range(k)] for i in range(k)]
    network = ciw.create_network(
        arrival_distributions=[AtOnce(), *[None] * (k - 1)],
        service_distributions=[ciw.dists.Exponential(1 / place.demand_s) for place in places],
        number_of_servers=[place.servers for place in places],
        routing=to_next,
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(turns * delay_s / customers)
    ended = [r.exit_date for r in simulation.get_all_records() if r.node == 1]
    from_s, to_s = max(ended) * 0.1, max(ended)
    return sum(from_s < at for at in ended) / (to_s - from_s)
