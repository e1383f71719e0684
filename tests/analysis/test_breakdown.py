"""Where a request's time goes: parts that are known, and that add up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.analysis.breakdown import MIN_REQUESTS, breakdown, outermost
from asyncperf.analysis.seen import seen_alone, seen_under_load
from asyncperf.explanation import Starved
from asyncperf.insight import Site
from asyncperf.probe.record_format import CANCELLED
from asyncperf.probe_files import NOTHING
from asyncperf.results import Window

from ..builders import ITEMS
from ..insights import answered, insight, records, requests, site, trips, uses

WINDOW = Window(0.0, 100.0, 1.0, 100)
SENT = np.arange(50) * 0.5


def broken_down(rows, found=None, back_s=0.0, **parts):
    found = answered(rows, back_s) if found is None else found
    inside = insight(requests=rows, **parts)
    seen = seen_under_load(inside, ITEMS, found, WINDOW, open_load=False)
    return breakdown(inside, seen, float(found.latency_s.mean()))


def total(found):
    parts = (found.pool_wait_s, found.pool_run_s, found.connection_wait_s, found.lock_wait_s)
    parts += (found.await_s, found.loop_cpu_s, found.gc_s, found.other_s)
    return sum(parts) + (found.loop_wait_s or 0.0)


def test_each_part_is_what_it_was():
    rows = requests(
        SENT,
        before_s=0.010,
        inside_s=1.0,
        after_s=0.001,
        loop_s=0.020,
        gc_s=0.005,
        pool_wait_s=0.2,
        pool_run_s=0.3,
        resume_s=0.03,
        conn_wait_s=0.07,
        lock_wait_s=0.04,
    )
    found = broken_down(rows, back_s=0.002)
    assert found.loop_wait_s == pytest.approx(0.010 + 0.03)
    assert found.pool_wait_s == pytest.approx(0.2)
    assert found.pool_run_s == pytest.approx(0.3)
    assert found.loop_cpu_s == pytest.approx(0.015)
    assert found.gc_s == pytest.approx(0.005)
    assert found.connection_wait_s == pytest.approx(0.07)
    assert found.lock_wait_s == pytest.approx(0.04)
    assert found.await_s == pytest.approx(1.0 - 0.02 - 0.2 - 0.3 - 0.03 - 0.07 - 0.04)
    assert found.other_s == pytest.approx(0.002)
    assert found.mean_s == pytest.approx(1.012)
    assert (found.requests, found.of_requests, found.notes) == (50, 50, ())


@given(
    before=st.floats(0, 1),
    inside=st.floats(1e-4, 1),
    after=st.floats(0, 0.5),
    loop=st.floats(0, 2),
    pool=st.floats(0, 2),
    waits=st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0, 2)),
    back=st.floats(0, 1),
)
def test_the_parts_always_add_up_and_none_but_other_is_negative(
    before, inside, after, loop, pool, waits, back
):
    """Whatever a background task adds to a request's own figures."""
    rows = requests(
        SENT, before_s=before, inside_s=inside, after_s=after, loop_s=loop, pool_run_s=pool
    )
    rows["conn_wait_s"], rows["lock_wait_s"], rows["thread_conn_wait_s"] = waits
    found = broken_down(rows, back_s=back)
    assert total(found) == pytest.approx(found.mean_s, rel=1e-9)
    assert found.other_s == pytest.approx(back, abs=1e-6)
    assert min(found.await_s, found.loop_cpu_s, found.pool_run_s, found.loop_wait_s) >= 0
    assert min(found.connection_wait_s, found.lock_wait_s) >= 0


def test_a_background_task_on_a_thread_waits_for_its_connection_alone():
    """The endpoint runs 0.3 s on a thread, 0.1 s of it in wait for a connection; the task after the
    answer waits for another one."""
    rows = requests(SENT, inside_s=0.5, after_s=2.0, pool_run_s=1.3, thread_conn_wait_s=0.9)
    numbers = np.arange(50)
    runs = [(0.1, 0.3), (0.6, 1.0)]
    found = broken_down(
        rows,
        trips=np.concatenate([trips(SENT + at, 0.0, run, request=numbers) for at, run in runs]),
        uses=np.concatenate(
            [
                uses(SENT + at, wait_s, 0.1, request=numbers, on_thread=1)
                for at, wait_s in ((0.1, 0.1), (0.6, 0.8))
            ]
        ),
    )
    assert found.pool_run_s == pytest.approx(0.2)
    assert found.connection_wait_s == pytest.approx(0.1)


def test_a_run_of_before_does_not_know_who_waited_on_a_thread():
    rows = requests(SENT, inside_s=0.5, pool_run_s=0.3, thread_conn_wait_s=0.1)
    held = uses(SENT, 0.1, 0.1, request=np.arange(50))
    known = [name for name in held.dtype.names if name != "on_thread"]
    found = broken_down(rows, uses=held[known])
    assert found.connection_wait_s == pytest.approx(0.1)


@pytest.mark.parametrize(("late_s", "loop_cpu_s"), [(0.03, 0.02), (0.0, 0.05)])
def test_what_a_background_task_computes_is_none_of_the_answers_own(late_s, loop_cpu_s):
    """It awaits something as well, so the time after the answer says nothing of it."""
    rows = requests(SENT, inside_s=0.1, after_s=0.5)
    rows["loop_s"], rows["late_loop_s"] = 0.05, late_s
    assert broken_down(rows).loop_cpu_s == pytest.approx(loop_cpu_s)


def test_a_run_of_before_does_not_know_the_steps_after_its_answers():
    rows = requests(SENT, inside_s=0.1, loop_s=0.05)
    known = [name for name in rows.dtype.names if name != "late_loop_s"]
    assert broken_down(rows[known]).loop_cpu_s == pytest.approx(0.05)


@pytest.mark.parametrize(("left_s", "other_s"), [(0.0, 0.03), (0.02, 0.01), (0.5, 0.0)])
def test_an_answer_that_waits_for_the_loops_turn_to_end_waits_for_the_loop(left_s, other_s):
    """uvloop sends at the end of its turn; what it took beyond the arrival is none of it."""
    found = broken_down(requests(SENT, before_s=0.01, inside_s=0.1, left_s=left_s), back_s=0.03)
    assert found.other_s == pytest.approx(other_s, abs=1e-6)
    assert found.loop_wait_s == pytest.approx(0.01 + 0.03 - other_s)


def test_nothing_counts_that_comes_after_the_whole_answer_has_arrived():
    """Behind a middleware an app says that it is at its end when the client has long gone on."""
    rows = requests(SENT, inside_s=0.1, loop_s=0.01, lock_wait_s=0.05)
    found = broken_down(rows, back_s=-0.02)
    assert found.mean_s == pytest.approx(0.08)
    assert found.other_s == pytest.approx(0.0, abs=1e-9)
    assert found.await_s == pytest.approx(0.08 - 0.01 - 0.05)


def test_shares_of_some_requests_are_taken_of_the_mean_of_all():
    """The recorded ones may be slower than the others: here all were, by half."""
    rows = requests(SENT, inside_s=0.1, loop_s=0.02)
    inside = insight(requests=rows)
    seen = seen_under_load(inside, ITEMS, answered(rows), WINDOW, open_load=False)
    found = breakdown(inside, seen, 0.2)
    assert (found.loop_cpu_s, found.await_s) == pytest.approx((0.04, 0.16))
    assert found.other_s == pytest.approx(0.0, abs=1e-9)


def test_who_had_no_cpu_is_said():
    rows = requests(SENT, inside_s=0.1)
    found, inside = answered(rows, 0.02), insight(requests=rows)
    seen = seen_under_load(inside, ITEMS, found, WINDOW, open_load=False)
    way_back, loop = breakdown(inside, seen, 0.12, Starved(generator=0.3, loop=0.5)).notes
    assert "which 30% of the time was ready and had no CPU" in way_back
    assert loop.startswith("50% of the time the event loop was ready and had no CPU")
    [only] = breakdown(inside, seen, 0.12, Starved(generator=0.01, loop=0.01)).notes
    assert "CPU" not in only


@pytest.mark.parametrize(
    ("steps", "inside_s", "said"), [(42, 0.1, True), (42, 0.01, False), (4, 0.1, False)]
)
def test_turns_that_middleware_waits_for_are_no_awaits_of_the_apps(steps, inside_s, said):
    rows = requests(SENT, before_s=0.1, inside_s=inside_s, steps=steps)
    notes = " ".join(broken_down(rows).notes)
    assert ("none of the app's own" in notes) == said
    assert ("through 42 steps on the event loop" in notes) == said


def test_a_threads_wait_for_a_connection_is_no_work_of_the_thread():
    rows = requests(SENT, inside_s=0.5, pool_run_s=0.4, thread_conn_wait_s=0.3)
    found = broken_down(rows)
    assert found.connection_wait_s == pytest.approx(0.3)
    assert found.pool_run_s == pytest.approx(0.1)
    assert found.await_s == pytest.approx(0.1)


def test_what_is_outside_the_app_is_said_when_it_matters():
    rows = requests(SENT, inside_s=0.1)
    assert broken_down(rows, back_s=0.001).notes == ()
    (note,) = broken_down(rows, back_s=0.02).notes
    assert note.startswith("16.7% is neither in the app nor before it")


def test_without_the_engines_start_the_wait_for_the_loop_is_not_known():
    rows = requests(SENT, before_s=0.01, inside_s=0.1)
    found = answered(rows)
    rows["sent"] = np.nan
    result = broken_down(rows, found)
    assert result.loop_wait_s is None
    assert result.other_s == pytest.approx(0.01)
    assert total(result) == pytest.approx(0.11)
    assert "does not say when it began" in result.notes[0]


def test_too_few_requests_have_no_breakdown():
    assert broken_down(requests(SENT[: MIN_REQUESTS - 1], inside_s=0.1)) is None
    assert broken_down(requests(SENT[:MIN_REQUESTS], inside_s=0.1)) is not None


def test_only_answers_within_the_window_count():
    rows = requests([*SENT, 99.95, -0.2], inside_s=0.1)
    assert broken_down(rows).requests == 50


def test_requests_of_another_endpoint_are_not_these():
    ours, others = requests(SENT, inside_s=0.1), requests(SENT + 0.2, inside_s=5.0)
    found = broken_down(np.concatenate([ours, others]), answered(ours))
    assert (found.requests, found.await_s) == (50, pytest.approx(0.1))


def test_a_wave_of_which_only_the_first_were_recorded_is_weighed():
    """A wave of ten every two seconds, each answered after the one before it; of half of
    the waves all are recorded, of the others the first two."""
    place = np.tile(np.arange(10), 50)
    rows = requests(np.repeat(np.arange(50) * 2.0, 10) + place * 1e-4, inside_s=0.1, before_s=0.0)
    rows["start"] += 0.1 * place
    rows["answered"] += 0.1 * place
    rows["end"] = rows["answered"]
    everything = answered(rows)
    recorded = rows[(np.repeat(np.arange(50), 10) % 2 == 0) | (place < 2)]
    found = broken_down(recorded, everything)
    assert (found.requests, found.of_requests) == (300, 500)
    assert float(np.mean(recorded["start"] - recorded["sent"])) < 0.4
    assert found.loop_wait_s == pytest.approx(0.45, rel=0.01)
    assert found.other_s == pytest.approx(0.0, abs=0.005)


def test_awaits_are_of_the_detailed_requests_own_task():
    rows = requests(SENT, inside_s=1.0, detail=np.arange(50) % 2)
    # Of the requests with an odd number: two goes at line 12, and in one of them another await
    # and another task.
    odd = np.flatnonzero(np.arange(50) % 2)
    spans = [
        records("spans", 25, request=odd, span=0, parent=0, site=1, start=SENT[odd]),
        records("spans", 25, request=odd, span=1, parent=1, site=1, start=SENT[odd] + 0.6),
        records("spans", 25, request=odd, span=2, parent=1, site=2, start=SENT[odd]),
        records("spans", 25, request=odd, span=3, parent=3, site=2, task=1, start=SENT[odd]),
    ]
    for table, length in zip(spans, (0.6, 0.2, 0.1, 0.4), strict=True):
        table["end"] = table["start"] + length
    sites = (site(0), site(12, "fetch()"), site(20, "other()"))
    (part,) = broken_down(rows, spans=np.concatenate(spans), sites=sites).awaits
    assert (part.line, part.text) == (12, "fetch()")
    assert part.mean_s == pytest.approx(0.8)
    assert part.times == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("awaits", "expected"),
    [
        # A stream, and beside it what listens for a client that leaves: given up at the end, or
        # told then that the answer is over.
        ([(1, 0.0, 0.9, CANCELLED), (2, 0.1, 0.4, 0), (2, 0.4, 0.8, 0)], {1: 0.2, 2: 0.7}),
        ([(1, 0.0, 1.1, 0), (2, 0.1, 0.4, 0), (2, 0.4, 0.8, 0)], {1: 0.3, 2: 0.7}),
        ([(1, 0.0, 0.9, 0), (2, 0.1, 0.4, 0), (2, 0.5, 1.0, 0)], {1: 0.9, 2: 0.1}),
        ([(1, 0.0, 0.6, CANCELLED), (2, 0.2, 0.9, CANCELLED)], {1: 0.6, 2: 0.3}),
        ([(1, 0.0, 0.4, 0), (2, 0.4, 0.6, CANCELLED), (2, 0.7, 0.9, 0)], {1: 0.4, 2: 0.4}),
    ],
)
def test_awaits_beside_each_other_count_once(awaits, expected):
    """As in tasks that a library makes for a response, each of which goes on with the request."""
    rows = requests(SENT, inside_s=1.0, detail=1)
    spans = [
        records("spans", 50, request=range(50), span=n, parent=n, site=place, outcome=outcome)
        for n, (place, _, _, outcome) in enumerate(awaits)
    ]
    for table, (_, since, until, _) in zip(spans, awaits, strict=True):
        table["start"], table["end"] = SENT + since, SENT + until
    sites = (site(0), site(1, "receive()"), site(2, "sleep()"))
    found = broken_down(rows, spans=np.concatenate(spans), sites=sites)
    assert {part.line: part.mean_s for part in found.awaits} == pytest.approx(expected)
    assert sum(part.mean_s for part in found.awaits) <= found.await_s


def test_an_open_loads_requests_are_found_by_when_they_really_began():
    rows = requests(SENT, inside_s=0.1)
    found = answered(rows)
    late = np.full(50, 0.03)
    found = replace(
        found, start_s=found.start_s - late, latency_s=found.latency_s + late, late_s=late
    )
    inside = insight(requests=rows)
    assert len(seen_under_load(inside, ITEMS, found, WINDOW, open_load=True)) == 50
    assert len(seen_under_load(inside, ITEMS, found, WINDOW, open_load=False)) == 0


def test_the_single_users_requests_come_in_order():
    rows = requests(np.arange(4) - 10.0, inside_s=[0.9, 0.1, 0.2, 0.3])
    seen = seen_alone(insight(requests=rows[::-1]), ITEMS, answered(rows))
    assert seen.latency_s == pytest.approx([0.9, 0.1, 0.2, 0.3])


def test_an_await_of_the_users_is_named_and_not_the_librarys_around_it():
    """FastAPI awaits the endpoint, which awaits a helper, which awaits something."""
    library = Site("/venv/lib/python3.11/site-packages/fastapi/routing.py", 1, 1, "app", "x")
    sites = (library, site(7, "helper()"), site(9, "inner()"))
    spans = records(
        "spans", 4, span=[0, 1, 2, 3], parent=[0, 0, 1, 3], site=[0, 1, 2, NOTHING], end=1.0
    )
    assert outermost(insight(spans=spans, sites=sites)).tolist() == [False, True, False, False]


def test_without_spans_nothing_is_outermost():
    assert len(outermost(insight())) == 0


def test_an_await_around_the_rest_of_the_app_gives_way_to_those_in_it():
    """A middleware awaits the app, which goes on in a task of its own."""
    library = Site("/venv/lib/python3.11/site-packages/fastapi/routing.py", 1, 1, "app", "x")
    sites = (site(0), site(7, "call_next()"), library, site(9, "fetch()"), site(12, "beside()"))
    spans = records(
        "spans",
        5,
        span=range(5),
        parent=[0, 0, 1, 2, 4],
        site=[1, 0, 2, 3, 4],
        task=[0, 1, 1, 1, 2],
        end=1.0,
    )
    found = outermost(insight(spans=spans, sites=sites))
    assert found.tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("behind_a_middleware", [False, True])
def test_what_a_response_streams_from_a_task_of_the_librarys_is_awaited_by_the_request(
    behind_a_middleware,
):
    """Starlette sends a StreamingResponse in a task of its own, which iterates the user's
    generator. Tasks that an endpoint sets out on, and the user's own, go on beside."""
    venv = "/venv/lib/python3.11/site-packages"
    endpoint = Site(f"{venv}/fastapi/routing.py", 1, 1, "app", "x")
    wrap = Site(f"{venv}/starlette/responses.py", 9, None, "wrap", None)
    child = Site("shop.py", 30, None, "child", None)
    sites = (site(0), site(7, "self.app()"), endpoint, wrap, child, site(9, "sleep()"))
    spans = records(
        "spans",
        8,
        # the middleware; the endpoint; the response's task and the await of its generator;
        # the user's task and one of a library's, from within the endpoint, with an await each
        span=range(8),
        parent=[0, 0, 0, 2, 0, 4, 1, 6],
        site=[1, 2, NOTHING, 5, NOTHING, 5, NOTHING, 5],
        callee=[3, 0, 3, 5, 4, 5, 3, 5],
        task=[0, 0, 1, 1, 2, 2, 3, 3],
        end=1.0,
    )
    if not behind_a_middleware:
        spans = spans[1:]
        spans["parent"] = np.where(spans["parent"] == 0, spans["span"], spans["parent"])
    found = outermost(insight(spans=spans, sites=sites))
    assert spans["span"][found].tolist() == [3]


def test_what_comes_after_the_answer_takes_no_part_of_the_latency():
    """A background task awaits something, and sends another thing to a thread."""
    rows = requests(SENT, inside_s=0.5, after_s=2.0, pool_run_s=0.9, pool_wait_s=0.3, detail=1)
    numbers = np.arange(50)
    trips = [
        records("trips", 50, request=numbers, asked=SENT + at, wait_s=wait, run_s=run)
        for at, wait, run in ((0.0, 0.1, 0.3), (0.6, 0.2, 0.6))
    ]
    spans = [
        records("spans", 50, request=numbers, span=n, parent=n, site=n + 1, start=SENT + at)
        for n, at in enumerate((0.4, 0.5))
    ]
    for table in spans:
        table["end"] = table["start"] + 1.0
    sites = (site(0), site(9, "begun()"), site(12, "later()"))
    parts = {"spans": np.concatenate(spans), "trips": np.concatenate(trips), "sites": sites}
    found = broken_down(rows, **parts)
    assert found.pool_run_s == pytest.approx(0.3)
    assert found.pool_wait_s == pytest.approx(0.1)
    assert found.await_s == pytest.approx(0.1)
    assert [(part.line, part.mean_s) for part in found.awaits] == [(9, pytest.approx(0.1))]
