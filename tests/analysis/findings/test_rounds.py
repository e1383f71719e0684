"""Awaits in loops: the probe's times and trips joined with what the source says of them."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.analysis.findings import healthy
from asyncperf.analysis.findings.gains import Cost
from asyncperf.insight import Resource
from asyncperf.sites import Independence, Verdicts

from ...builders import PLAN
from .awaited import PROVED, SHARED, UNTOLD, rounds, seen, users, using
from .seen import FILE, codes, evidence, found

BOUNDED = replace(PROVED, remedy="bounded-overlap")
BATCH = Independence("unsafe", "all iterations use one session, `db`", "batch", FILE, 3)
FIRST = Independence("dependent", "line 5 may end the loop before the rest", "batch", FILE, 5)
CARRIED = Independence("dependent", "`a` passes from one iteration to the next", "none", FILE, 3)


@pytest.mark.parametrize(
    ("said", "count", "length_s", "expected"),
    [
        (BOUNDED, 5, 0.1, ["sequential-loop"]),
        (BOUNDED, 3, 0.1, ["sequential-loop"]),
        (BOUNDED, 2, 0.1, []),  # a pair is no loop
        (BOUNDED, 5, 0.01, []),  # saves 40 ms of a second
        (BATCH, 5, 0.1, ["sequential-loop"]),
        (SHARED, 5, 0.1, []),
        (CARRIED, 5, 0.1, []),
    ],
)
def test_sequential_loop(said, count, length_s, expected):
    insight = seen(length_s, rounds=count)
    assert codes(insight, users(1.0), verdicts=rounds(said)) == expected


def test_a_loop_without_a_verdict_is_told_and_nothing_claimed():
    (finding,) = found(seen(0.1, rounds=5), users(1.0), verdicts=Verdicts())
    assert "cannot tell from source whether independent" in finding.message
    assert finding.advice.startswith("If they are, ask for all of it at once")
    assert (finding.severity, finding.evidence["rounds"]) == ("info", 5)


def test_rounds_that_have_to_stay_in_order_are_said_to():
    every = evidence(seen(0.1, rounds=5), users(1.0), verdicts=rounds(CARRIED))
    (line,) = healthy(every, ())
    assert (line.code, line.message) == (
        "sequential-loop",
        "items: its rounds stay in order (shop.py:3): `a` passes from one iteration to the next",
    )


def over_one_session(held_s=0.09, sessions=1):
    """Five rounds of 0.1 s, each of which waits for so long for a session; in turns for several."""
    uses = [(20.005 + 0.1 * i, i % sessions, 0) for i in range(5)]
    return using(seen(0.1, rounds=5), *uses, held_s=held_s)


@pytest.mark.parametrize(
    ("said", "sessions", "advice", "by"),
    [
        (BOUNDED, 1, "Ask in one trip: ", "probe"),
        (BOUNDED, 5, "Ask for all of it at once if the other side can", "source"),
        (BATCH, 1, "Ask in one trip: ", "probe"),
        (BATCH, 5, "Ask in one trip: ", "source"),
        (FIRST, 1, "Ask before the loop, in one trip: ", "source"),
    ],
)
def test_rounds_over_one_session_are_better_one_trip(said, sessions, advice, by):
    insight = over_one_session(sessions=sessions)
    (finding,) = found(insight, users(1.0), verdicts=rounds(said))
    assert finding.advice.startswith(advice)
    assert (finding.severity, finding.independence.by) == ("warning", by)


def test_it_is_said_how_many_trips_a_request_makes_and_how_long_each_takes():
    (finding,) = found(over_one_session(), users(1.0), verdicts=rounds(BATCH))
    assert finding.message == (
        "A request makes 5 trips to the database one after another, 100 ms each: 500 ms. "
        "One as long as the longest of them takes 100 ms; at 500 users 500 -> 833 req/s. "
        "What the others compute is saved too, and not counted."
    )
    assert finding.advice == (
        "Ask in one trip: a query with `IN` or a join, eager loading (`selectinload`); for writes "
        "`executemany`, or one `flush` after the loop. "
        "They cannot overlap: all iterations use one session, `db` (shop.py:3)."
    )
    assert (finding.fix_kind, finding.evidence["trips"]) == ("batch", 5)


def test_a_round_that_asks_twice_makes_two_trips():
    uses = [(20.005 + 0.05 * i, 1, 0) for i in range(10)]
    insight = using(seen(0.1, rounds=5), *uses, held_s=0.04)
    (finding,) = found(insight, users(1.0), verdicts=rounds(BATCH))
    assert "makes 10 trips to the database one after another, 50 ms each: 500 ms" in finding.message


@pytest.mark.parametrize("said", [SHARED, UNTOLD])
def test_where_rounds_may_need_each_other_one_trip_is_no_more_than_a_hint(said):
    (finding,) = found(over_one_session(), users(1.0), verdicts=rounds(said))
    assert finding.advice.startswith("If no round needs what another one left, ask in one trip: ")
    assert (finding.severity, finding.fix_kind) == ("info", "batch")
    every = evidence(over_one_session(), users(1.0), verdicts=rounds(said))
    assert healthy(every, ()) == ()


def test_rounds_that_need_each_other_are_in_order_and_their_trips_are_counted():
    every = evidence(over_one_session(), users(1.0), verdicts=rounds(CARRIED))
    assert codes(over_one_session(), users(1.0), verdicts=rounds(CARRIED)) == []
    (line,) = healthy(every, ())
    assert line.message.endswith(
        "`a` passes from one iteration to the next; "
        "a request makes 5 trips to the database one after another, 100 ms each"
    )


@pytest.mark.parametrize("held_s", [0.04, np.nan])
@pytest.mark.parametrize("said", [SHARED, BOUNDED])
def test_rounds_that_spend_their_time_elsewhere_are_no_trips(said, held_s):
    """They call a service, say, and look something up on the way."""
    insight = over_one_session(held_s)
    assert codes(insight, users(1.0), verdicts=rounds(said)) == []
    (line,) = healthy(evidence(insight, users(1.0), verdicts=rounds(said)), ())
    assert "its rounds stay in order" in line.message
    assert "trips" not in line.message


def test_rounds_that_take_turns_at_one_lock_make_no_trips():
    lock = Resource("lock", "Lock()", 1, None)
    uses = [(20.005 + 0.1 * i, 1, 0) for i in range(5)]
    insight = using(seen(0.1, rounds=5), *uses, resource=lock, held_s=0.09)
    assert codes(insight, users(1.0), verdicts=rounds(SHARED)) == []


@pytest.mark.parametrize(
    ("count", "rate_rps", "expected"),
    [
        (500, 833.2, "; at 500 users 500 -> 833 req/s"),
        (1, 833.2, "; at 1 user 500 -> 833 req/s"),
        (500, 500.3, ""),  # 500 -> 500 says nothing
        (500, 500.0, ""),
    ],
)
def test_a_gain_is_told_as_far_as_a_digit_shows_it(count, rate_rps, expected):
    plan = replace(PLAN, users=count)
    (each,) = evidence(over_one_session(), users(1.0), plan=plan)
    assert each.change(Cost(1.0, rate_rps - 500, rate_rps)) == expected
