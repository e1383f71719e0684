"""When users start, think and requests arrive; who loads, and from where."""

import random
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.levels import Level, Stage
from asyncperf.load.schedule import (
    CONNECTIONS_PER_SOURCE,
    Span,
    Turn,
    arrivals_s,
    default_processes,
    picking,
    share,
    source_address,
    spans,
    thinking,
    turns,
)


def users(*levels: int, hold_s: float | None = 10.0) -> tuple[Stage, ...]:
    return tuple(Stage(Level(level), hold_s) for level in levels)


def rates(*levels: float, hold_s: float | None = 10.0) -> tuple[Stage, ...]:
    return tuple(Stage(Level(rate_rps=level), hold_s) for level in levels)


@given(users=st.integers(0, 1000), processes=st.integers(1, 9))
def test_each_user_belongs_to_one_process(users: int, processes: int) -> None:
    shares = [share(users, process, processes) for process in range(processes)]
    assert sorted(user for part in shares for user in part) == list(range(users))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_users_start_evenly_spread() -> None:
    starts = [next(turns(users(500), 50, user)).start_s for user in (0, 1, 499)]
    assert starts == [0, 0.02, 9.98]


def test_a_stage_begins_where_the_last_one_ends_and_its_time_counts_from_its_level() -> None:
    assert spans(users(100, 300, 200), 50) == (
        Span(0, 2, 12),
        Span(12, 16, 26),
        Span(26, 28, 38),
    )
    assert spans(rates(50, 5), 50) == (Span(0, 0, 10), Span(10, 10, 20))
    assert spans(users(100, hold_s=None), 50) == (Span(0, 2, None),)


def test_the_last_to_come_is_the_first_to_leave() -> None:
    stages = users(2, 4, 1, 3)
    # Levels are reached at 2, 14, 27 and 39 s.
    everyone = [list(turns(stages, 1, user)) for user in range(5)]
    assert everyone == [
        [Turn(0)],
        [Turn(1, 26, 2), Turn(37)],
        [Turn(12, 25, 2), Turn(38)],
        [Turn(13, 24, 2)],
        [],
    ]


@given(
    levels=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    spawn_rate=st.floats(0.5, 500),
    processes=st.integers(1, 4),
)
def test_in_the_middle_of_a_stage_there_are_as_many_users_as_its_level(
    levels: list[int], spawn_rate: float, processes: int
) -> None:
    stages = users(*levels)
    everyone = [
        turn
        for process in range(processes)
        for user in share(max(levels), process, processes)
        for turn in turns(stages, spawn_rate, user)
    ]
    for level, span in zip(levels, spans(stages, spawn_rate), strict=True):
        at = span.reached_s + 5
        there = [t for t in everyone if t.start_s <= at and (t.leave_s is None or t.leave_s > at)]
        assert len(there) == level


def test_arrivals_change_their_rate_at_once() -> None:
    rng = random.Random(0)
    stages = rates(2, 8, 4, hold_s=3.0)
    parts = [islice(arrivals_s("constant", stages, process, 3, rng), 20) for process in range(3)]
    found = sorted(at for part in parts for at in part)
    assert found[:6] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert found[6:30] == [3 + n / 8 for n in range(24)]
    assert found[30:60] == [6 + n / 4 for n in range(30)]  # the last rate goes on


def test_poisson_arrivals_have_each_stage_s_rate() -> None:
    stages = rates(200, 1000, hold_s=10.0)
    found = [
        at
        for process in range(2)
        for at in islice(arrivals_s("poisson", stages, process, 2, random.Random(process)), 10_000)
    ]
    assert sum(at < 10 for at in found) == pytest.approx(2000, rel=0.1)
    assert sum(10 <= at < 15 for at in found) == pytest.approx(5000, rel=0.07)


def test_constant_arrivals_of_all_processes_are_the_whole() -> None:
    rng = random.Random(0)
    parts = [islice(arrivals_s("constant", rates(8), process, 3, rng), 4) for process in range(3)]
    assert sorted(at for part in parts for at in part) == [n / 8 for n in range(12)]


def test_poisson_arrivals_have_the_rate_and_the_spread() -> None:
    gaps: list[float] = []
    for process in range(2):
        rng = random.Random(process)
        times = list(islice(arrivals_s("poisson", rates(100), process, 2, rng), 20_000))
        gaps += [after - before for before, after in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert mean == pytest.approx(2 / 100, rel=0.03)
    assert variance == pytest.approx(mean**2, rel=0.05)


def test_think_times() -> None:
    assert {thinking("fixed", 0.5, random.Random(1))() for _ in range(9)} == {0.5}
    think = thinking("exponential", 0.5, random.Random(1))
    drawn = [think() for _ in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.5, rel=0.03)
    assert sum(time > 0.5 for time in drawn) / len(drawn) == pytest.approx(0.368, abs=0.02)


@pytest.mark.parametrize(
    ("users", "workers", "cpus", "descriptors", "processes"),
    [
        (500, 2, 2, 19_900, 1),
        (500, 8, 64, 19_900, 2),
        (500, 60, 64, 19_900, 4),
        (500, 64, 64, 19_900, 1),
        (40_000, 2, 2, 19_900, 3),
        (1, 1, 1, 19_900, 1),
    ],
)
def test_default_processes(
    users: int, workers: int, cpus: int, descriptors: int, processes: int
) -> None:
    assert default_processes(users, workers, cpus, descriptors) == processes


def test_no_source_address_is_given_more_connections_than_it_has_ports() -> None:
    chosen = [source_address(user, "127.0.0.1") for user in range(12_000)]
    counts = {source: chosen.count(source) for source in set(chosen)}
    assert counts == {
        None: CONNECTIONS_PER_SOURCE,
        "127.0.0.2": CONNECTIONS_PER_SOURCE,
        "127.0.0.3": 2_000,
    }


@pytest.mark.parametrize("destination", ["10.0.0.1", "::1", "93.184.216.34"])
def test_other_destinations_are_reached_from_the_systems_choice(destination: str) -> None:
    assert source_address(90_000, destination) is None


def test_requests_are_picked_by_their_weights_the_same_way_each_time():
    def picked():
        pick = picking("abc", [6, 3, 1], random.Random("0/0/mix"))
        return [pick() for _ in range(10_000)]

    drawn = picked()
    assert drawn == picked()
    shares = [drawn.count(choice) / len(drawn) for choice in "abc"]
    assert shares == pytest.approx([0.6, 0.3, 0.1], abs=0.02)


def test_the_last_choice_is_never_overshot():
    class Most(random.Random):
        def random(self):
            return 1.0

    assert picking("ab", [0.1, 0.2], Most())() == "b"
