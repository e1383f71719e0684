"""Where no limiter is known: what of a request takes longer than without load."""

from dataclasses import replace

import pytest

from asyncperf.analysis.limits import Limits, with_growth
from asyncperf.explanation import AwaitPart, Breakdown, Starved
from asyncperf.results import Limiter

NOTE = "20% of the ceiling that the users would allow: ..."
UNKNOWN = Limits(ceiling_rps=100.0, note=NOTE)
FETCH = AwaitPart("/home/me/shop.py", 45, 5, "items", "await client.get(URL)", 0.11, 1.0)
LOOP = Limiter("loop_cpu", 1, 0.001, each=(0.1,))


def parts(await_s=0.0, pool_run_s=0.0, awaits=(FETCH,), starved=0.0):
    found = Breakdown(
        mean_s=0.12,
        loop_wait_s=0.001,
        pool_wait_s=0.0,
        pool_run_s=pool_run_s,
        connection_wait_s=0.0,
        lock_wait_s=0.0,
        await_s=await_s,
        loop_cpu_s=0.001,
        gc_s=0.0,
        other_s=0.0,
        requests=100,
        of_requests=100,
        awaits=awaits,
        notes=(),
        starved=Starved(0.0, starved),
        steps=3.0,
    )
    return found


@pytest.mark.parametrize(
    ("grown", "alone_s", "begins"),
    [
        (
            parts(await_s=0.115),
            0.02,
            "what shop.py:45 (await client.get(URL)) awaits takes 110 ms, where all of a single "
            "user's request takes 20 ms: who answers there has a queue; ",
        ),
        (parts(await_s=0.115, awaits=()), 0.02, "what it awaits takes 115 ms, where all of"),
        # Two of many: neither is it.
        (parts(await_s=0.3), 0.02, "what it awaits takes 300 ms"),
        (parts(await_s=0.115), 0.08, NOTE),  # not so much longer
        (parts(await_s=0.05), 0.02, NOTE),  # not most of the latency
        (parts(pool_run_s=0.11), 0.02, "what it runs on threads takes 110 ms, where all of"),
        (parts(pool_run_s=0.11), 0.08, NOTE),
        (parts(await_s=0.115, starved=0.6), 0.02, NOTE),  # the machine's
        (parts(await_s=0.115), None, NOTE),
        (None, 0.02, NOTE),
    ],
)
def test_what_takes_longer_than_without_load_is_named(grown, alone_s, begins):
    found = with_growth(UNKNOWN, grown, alone_s, (LOOP,))
    assert found.note.startswith(begins)
    assert found.note.endswith(NOTE)


def test_a_loop_that_is_busy_makes_each_await_longer():
    busy = replace(LOOP, each=(0.1, 0.6))
    assert with_growth(UNKNOWN, parts(await_s=0.115), 0.02, (busy,)).note == NOTE


def test_where_the_limiter_is_known_there_is_nothing_to_add():
    known = replace(UNKNOWN, limiter=LOOP)
    assert with_growth(known, parts(await_s=0.115), 0.02, (LOOP,)) is known
