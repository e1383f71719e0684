"""Which level comes next, and where the knee is: a truth table, then whole searches on
systems whose knee is known."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.analysis.budget import parse_budget
from asyncperf.analysis.curve import predict
from asyncperf.analysis.knee import (
    MAX_LEVELS,
    WIDTH,
    Search,
    bracket,
    expected_levels,
    judged,
    next_level,
    spoken,
    verdict,
)
from asyncperf.judgement import BudgetResult, Curve, Point
from asyncperf.levels import Level

CLOSED = Search(is_open=False, most=5000, by_budget=False)
OPEN = Search(is_open=True, most=5000.0, by_budget=False)
BY_BUDGET = Search(is_open=False, most=5000, by_budget=True)
POOL = Curve(0.15, 0.0, 80 / 0.15, "thread_pool")
UNKNOWN = Curve(0.15, 0.0, None, None)
BUDGET = parse_budget("p95<500ms")


def point(users: int, rate_rps: float | None, noise: float = 0.0, why: str | None = None) -> Point:
    intervals = {"rate": (rate_rps / (1 + noise), rate_rps * (1 + noise))} if rate_rps else None
    return Point(Level(users), rate_rps, 0.15, 0.15, why=why, intervals=intervals)


def judged_point(users: int, p95_s: float | None, why: str | None = None) -> Point:
    status = "cannot_tell" if p95_s is None else "met" if p95_s < 0.5 else "missed"
    result = BudgetResult(BUDGET, "GET /", status, p95_s, "too few requests" if why else None)
    return Point(Level(users), 100.0, p95_s, p95_s, budgets=(result,))


# Whether a level is kept


@pytest.mark.parametrize(
    ("rates", "kept"),
    [
        # By level: 10, 20, 40, 80, ... users.
        ([100], [None]),  # alone it says nothing
        ([100, 200], [True, None]),
        ([100, 200, 205], [True, False, False]),
        ([100, 105], [False, False]),  # twice the load, no more throughput
        ([100, 200, 150], [True, False, False]),  # too much load makes it worse
        ([100, 200, 400, 420, 410], [True, True, False, False, False]),
    ],
)
def test_throughput_has_stopped_growing_where_no_higher_level_gives_clearly_more(rates, kept):
    points = [point(10 * 2**i, rate) for i, rate in enumerate(rates)]
    assert [p.kept for p in judged(points[::-1], by_budget=False)] == kept


def test_growth_within_the_noise_is_no_growth():
    quiet, noisy = ([point(10, 100, n), point(20, 125, n)] for n in (0.02, 0.2))
    assert judged(quiet, by_budget=False)[0].kept is True
    assert judged(noisy, by_budget=False)[0].kept is False


def test_too_much_noise_cannot_tell():
    first, _ = judged([point(10, 100, 0.6), point(20, 110, 0.6)], by_budget=False)
    assert first.kept is None
    assert "only known to" in (first.why or "")


def test_a_level_close_to_the_one_below_says_nothing_of_itself():
    assert judged([point(100, 100), point(105, 101)], by_budget=False)[1].kept is None


def test_budgets_decide_where_there_are_any():
    points = [judged_point(10, 0.2), judged_point(20, 0.7), judged_point(40, None, "few")]
    found = judged(points, by_budget=True)
    assert [(p.kept, p.why) for p in found] == [
        (True, None),
        (False, None),
        (None, "too few requests"),
    ]


def test_a_level_above_one_that_was_missed_tells_nothing():
    points = judged([judged_point(n, s) for n, s in ((10, 0.1), (20, 0.7), (40, 0.1))], True)
    found = bracket(points)
    assert found.kept is not None
    assert found.not_kept is not None
    assert (found.kept.level, found.not_kept.level) == (Level(10), Level(20))


# The next level


@pytest.mark.parametrize(
    ("search", "points", "curve", "level"),
    [
        # The first: half of where the asymptotes cross, or ten users.
        (CLOSED, [], POOL, Level(40)),
        (OPEN, [], POOL, Level(rate_rps=267.0)),
        (CLOSED, [], UNKNOWN, Level(10)),
        (OPEN, [], UNKNOWN, Level(rate_rps=66.7)),
        (Search(False, 20, False), [], POOL, Level(20)),  # not beyond the most
        # Higher: twice as much, or four times where users still answer as fast as one.
        (CLOSED, [(40, 267)], POOL, Level(80)),
        (CLOSED, [(10, 66)], UNKNOWN, Level(40)),
        (CLOSED, [(10, 66), (40, 150)], UNKNOWN, Level(80)),
        (Search(False, 100, False), [(80, 530)], UNKNOWN, Level(100)),
        (Search(False, 100, False), [(50, 266), (100, 530)], UNKNOWN, None),
        # Lower.
        (CLOSED, [(10, 66), (20, 66)], UNKNOWN, Level(5)),
        (CLOSED, [(1, 66), (2, 66)], UNKNOWN, None),
        # Between: on both sides of nine tenths of the crossing, then the middle.
        (CLOSED, [(40, 267), (80, 533), (160, 533)], POOL, Level(69)),
        (CLOSED, [(40, 267), (69, 460), (80, 533), (160, 533)], POOL, Level(75)),
        (CLOSED, [(40, 267), (69, 460), (75, 500), (160, 533)], POOL, None),
        (CLOSED, [(1, 6.7), (2, 12), (4, 12)], UNKNOWN, None),  # nothing lies between
        # What cannot be told ends the search.
        (CLOSED, [(40, 267), (80, None)], POOL, None),
    ],
)
def test_next_level(search, points, curve, level):
    made = [point(n, rate, why=None if rate else "drifted") for n, rate in points]
    if search.is_open:
        made = []
    assert next_level(search, judged(made, by_budget=False), curve) == level


def test_a_budget_s_own_figures_say_where_to_look():
    """With p95 of 0.3 s at 100 users and 0.9 s at 300, 0.5 s is met at some 167 users."""
    points = judged([judged_point(100, 0.3), judged_point(300, 0.9)], True)
    assert next_level(BY_BUDGET, points, POOL) == Level(160)
    points = judged([judged_point(n, n * 0.003) for n in (100, 160, 300)], True)
    assert next_level(BY_BUDGET, points, POOL) == Level(174)
    points = judged([judged_point(n, n * 0.003) for n in (100, 160, 174, 300)], True)
    assert next_level(BY_BUDGET, points, POOL) is None


# Whole searches


def search_all(
    search: Search, curve: Curve, measure: Callable[[Level], Point]
) -> tuple[list[Point], tuple[Point, ...]]:
    points: list[Point] = []
    while True:
        level = next_level(search, judged(points, search.by_budget), curve)
        if level is None:
            return points, judged(points, search.by_budget)
        assert level not in [p.level for p in points]
        points.append(measure(level))


def ideal(curve: Curve, noise: float = 0.0, seed: int = 0) -> Callable[[Level], Point]:
    """A system on its bounds, its rates off by some noise."""
    random = np.random.default_rng(seed)

    def measure(level: Level) -> Point:
        predicted = predict(curve, level)
        factor = float(np.exp(random.normal(0, noise)))
        mean_s = predicted.mean_s or math.inf
        status = "met" if mean_s < BUDGET.limit else "missed"
        return Point(
            level,
            predicted.rate_rps * factor,
            mean_s,
            mean_s,
            budgets=(BudgetResult(BUDGET, "GET /", status, mean_s),),
        )

    return measure


@given(
    places=st.integers(2, 2000),
    response_s=st.floats(0.002, 5),
    is_known=st.booleans(),
    is_open=st.booleans(),
    noise=st.sampled_from([0.0, 0.01]),
)
def test_the_knee_of_a_pool_is_found(places, response_s, is_known, is_open, noise):
    truth = Curve(response_s, 0.0, places / response_s, "thread_pool")
    known = truth if is_known else Curve(response_s, 0.0, None, None)
    search = Search(is_open, 1e9 if is_open else 100_000, False)
    tried, points = search_all(search, known, ideal(truth, noise))
    status, found, why = verdict(search, points)
    assert (status, why) == ("found", None)
    assert found.kept is not None
    assert found.not_kept is not None
    low, high = found.kept.level.amount, found.not_kept.level.amount
    knee = places / response_s if is_open else places
    assert high <= max((1 + WIDTH) * low * 1.01, low + 1)
    assert 0.8 * knee - 1 <= low <= high <= 1.05 * knee + 1
    assert len(tried) <= (7 if is_known else MAX_LEVELS)


@given(places=st.integers(20, 2000), noise=st.sampled_from([0.0, 0.01]))
def test_the_most_users_that_keep_a_budget_are_found(places, noise):
    truth = Curve(0.15, 0.0, places / 0.15, "thread_pool")
    tried, points = search_all(BY_BUDGET, truth, ideal(truth, noise))
    status, found, _ = verdict(BY_BUDGET, points)
    most = places / 0.15 * 0.5
    if most > BY_BUDGET.most:
        assert status == "at_least"
        return
    assert status == "found"
    assert found.kept is not None
    assert found.not_kept is not None
    assert found.kept.level.amount <= most <= found.not_kept.level.amount
    assert len(tried) <= 8


# What is said in the end


@pytest.mark.parametrize(
    ("search", "points", "status", "kept", "not_kept", "why"),
    [
        (CLOSED, [], "cannot_tell", None, None, "too few levels"),
        (CLOSED, [(40, 267)], "cannot_tell", None, None, "too few levels"),
        (CLOSED, [(40, 267), (80, 500), (160, 533)], "found", 40, 80, None),
        (Search(False, 80, False), [(40, 267), (80, 500)], "at_least", 80, None, None),
        # Interrupted before it was too much.
        (CLOSED, [(40, 267), (80, 500)], "at_least", 80, None, "the search ended"),
        (CLOSED, [(40, 267), (80, 500), (160, None)], "at_least", 80, None, "160 users: drifted"),
        (CLOSED, [(1, 66), (2, 66)], "below", None, 1, None),
        (CLOSED, [(40, None)], "cannot_tell", None, None, "at 40 users: drifted"),
    ],
)
def test_verdict(search, points, status, kept, not_kept, why):
    made = [point(n, rate, why=None if rate else "drifted") for n, rate in points]
    said, found, because = verdict(search, judged(made, by_budget=False))
    assert said == status
    assert (found.kept and found.kept.level.users) == kept
    assert (found.not_kept and found.not_kept.level.users) == not_kept
    assert (because is None) == (why is None)
    assert (why or "") in (because or "")


def test_how_many_levels_are_still_to_come():
    assert expected_levels(()) == 6
    points = judged([point(40, 267), point(160, 533), point(320, 533)], by_budget=False)
    assert expected_levels(points) == 4
    assert expected_levels(judged([point(n, n) for n in (73, 80, 160)], False)) >= 0


def test_a_level_in_words():
    assert spoken(Level(1)) == "1 user"
    assert spoken(Level(5000)) == "5,000 users"
    assert spoken(Level(rate_rps=1234.5)) == "1,234.5 requests a second"
