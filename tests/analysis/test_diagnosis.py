"""From a run to what it means, on loads simulated exactly."""

from dataclasses import replace

import pytest

from asyncperf.analysis.diagnosis import diagnose
from asyncperf.analysis.measurement import unloaded_response_s, view_of
from asyncperf.model import Endpoint, GeneratorHealth, Measured
from asyncperf.samples import Samples

from ..builders import BLOCKING, ITEMS, PLAN, alone, load_of, run_of, samples
from ..insights import insight, records
from .closed_load import ClosedLoad, fixed, simulate

SLEEP_S = 1.5


def measured_as(endpoint, places=None, response_s=SLEEP_S, run_time_s=60.0):
    loaded = simulate(ClosedLoad(500, 50, fixed(response_s), places), run_time_s)
    return Measured(endpoint, alone(response_s), loaded)


def diagnosed(*loads, **changes):
    return diagnose(run_of(*loads, **changes))


def only(diagnosis):
    (result,) = diagnosis.endpoints
    return result


@pytest.fixture(scope="module")
def blocking():
    return load_of(measured_as(BLOCKING, places=80))


@pytest.fixture(scope="module")
def waiting():
    return load_of(measured_as(ITEMS))


def test_a_blocking_endpoint_is_limited_by_its_threads(blocking):
    diagnosis = diagnosed(blocking)
    result = only(diagnosis)
    assert result.limiter is not None
    assert (result.limiter.kind, result.limiter.capacity) == ("thread_pool", 80)
    assert result.limiter.hold_s == SLEEP_S
    assert result.limiter.utilization == pytest.approx(1.0, abs=0.01)
    # Little's law: 500 users at 53.3 req/s spend 9.4 s each.
    assert result.limiter.wait_s == pytest.approx(500 / (80 / SLEEP_S) - SLEEP_S, rel=0.01)
    assert result.measured_over_ceiling == pytest.approx(1.0, abs=0.002)
    assert result.next_limiter is not None
    assert result.next_limiter.ceiling_rps == pytest.approx(500 / SLEEP_S)
    assert [finding.code for finding in diagnosis.findings] == ["pool-saturated"]
    assert diagnosis.valid


def open_load(sent_rps, failing=0):
    """A plan of 50 req/s, at which so many came; of every hundred some failed."""
    starts = [number / sent_rps for number in range(int(60 * sent_rps))]
    ok = [number % 100 >= failing for number in range(len(starts))]
    cut_off = [start for start in starts if start >= 59.9]
    done = samples(starts[: -len(cut_off)], 0.1, ok=ok[: -len(cut_off)], cut_off_s=cut_off)
    return load_of(Measured(ITEMS, alone(0.1), done), ramp_end_s=0.0)


@pytest.mark.parametrize(
    ("sent_rps", "failing", "answered"), [(50, 0, 1.0), (53, 0, 1.0), (49, 0, 1.0), (53, 10, 0.9)]
)
def test_of_random_arrivals_what_was_sent_stands_beside_what_was_asked(sent_rps, failing, answered):
    plan = replace(PLAN, model="open", rate_rps=50.0, arrivals="poisson")
    limiter = only(diagnosed(open_load(sent_rps, failing), plan=plan)).limiter
    assert (limiter.kind, limiter.ceiling_rps) == ("rate", 50.0)
    assert limiter.sent_rps == pytest.approx(sent_rps, rel=0.01)
    assert limiter.answered == pytest.approx(answered, rel=0.01)
    assert limiter.answered <= 1.0


def test_a_waiting_endpoint_is_limited_by_its_users(waiting):
    diagnosis = diagnosed(waiting)
    result = only(diagnosis)
    assert result.limiter is not None
    assert result.limiter.kind == "users"
    assert result.limiter.wait_s == pytest.approx(0.0, abs=1e-6)
    assert result.measured_over_ceiling == pytest.approx(1.0, abs=0.002)
    assert result.next_limiter is None
    assert diagnosis.findings == ()


def test_whole_run_and_steady_state_stand_side_by_side(waiting):
    result = only(diagnosed(waiting))
    assert result.steady is not None
    assert result.whole.requests == len(waiting.measured[0].samples)
    assert result.steady.requests < result.whole.requests
    assert result.whole.rate_rps < result.steady.rate_rps  # the ramp counts
    assert result.in_flight_at_end == 500
    assert sum(result.histogram.counts) == result.steady.requests


@pytest.mark.parametrize(
    ("rate_share", "explained"),
    [(1.0, True), (0.92, True), (0.88, False), (0.5, False)],
)
def test_a_rate_below_the_ceiling_is_not_explained(rate_share, explained):
    slower = simulate(ClosedLoad(500, 50, fixed(SLEEP_S / rate_share)), 60)
    result = only(diagnosed(load_of(Measured(ITEMS, alone(SLEEP_S), slower))))
    assert (result.limiter is not None) is explained
    assert result.ceiling_rps == pytest.approx(500 / SLEEP_S)
    if not explained:
        assert f"{rate_share:.0%} of the ceiling" in result.limiter_note


def test_an_unknown_handler_has_the_ceiling_of_its_users(waiting):
    unknown = replace(waiting.measured[0], endpoint=Endpoint("GET", "/mounted"))
    result = only(diagnosed(load_of(unknown)))
    assert result.limiter is not None
    assert result.limiter.kind == "users"


def test_failures_are_named_where_they_keep_the_rate_below_the_ceiling(waiting):
    found = waiting.measured[0].samples
    half_failed = found.ok.copy()
    half_failed[::2] = False
    failing = replace(found, ok=half_failed, errors={"HTTP 500": len(found) // 2})
    result = only(diagnosed(load_of(replace(waiting.measured[0], samples=failing))))
    assert result.limiter is None
    assert "requests failed" in result.limiter_note
    assert result.steady.rate_rps == pytest.approx(250 / SLEEP_S, rel=0.01)
    assert result.errors == {"HTTP 500": len(found) // 2}


def test_where_every_request_failed_there_is_no_rate_to_explain(waiting):
    found = waiting.measured[0].samples
    failing = replace(found, ok=found.ok & False)
    result = only(diagnosed(load_of(replace(waiting.measured[0], samples=failing))))
    assert result.limiter is None
    assert result.limiter_note == "no request succeeded in the steady state"
    assert result.histogram is None


def test_redirects_are_counted_as_answers_and_by_themselves(waiting):
    """304 says that nothing has changed, and sends nobody anywhere."""
    measured = waiting.measured[0]
    status = measured.samples.status.copy()
    status[:7] = [301, 302, 303, 307, 308, 304, 200]
    some = replace(measured, samples=replace(measured.samples, status=status))
    result = only(diagnosed(load_of(some)))
    assert result.redirects == 5
    assert only(diagnosed(load_of(some), load_of(some, repetition=2))).redirects == 10
    assert only(diagnosed(waiting)).redirects == 0
    assert result.whole == only(diagnosed(waiting)).whole


def test_a_load_without_a_steady_part_says_why():
    result = only(diagnosed(load_of(measured_as(ITEMS, run_time_s=60.0), ramp_end_s=None)))
    assert result.steady is None
    assert result.window is None
    assert result.no_window_why == "the load ended before all users had started"
    assert result.limiter is None
    assert result.ceiling_rps is not None


def test_a_busy_generator_makes_the_run_invalid(waiting):
    busy = GeneratorHealth(cpu=0.97, max_drift_s=0.5)
    diagnosis = diagnosed(
        replace(waiting, generator=busy), replace(waiting, name="again"), warnings=("one more",)
    )
    assert not diagnosis.valid
    first, second = diagnosis.endpoints
    assert first.limiter is None
    assert "load generator" in first.limiter_note
    assert second.limiter is not None
    assert diagnosis.warnings[0].startswith("GET /items: the load generator used 97% of a core")
    assert diagnosis.warnings[1:] == ("one more",)


def test_endpoints_that_share_their_users_have_no_limiter(waiting):
    """A user class that requests two endpoints: neither has 500 users."""
    pair = load_of(waiting.measured[0], replace(waiting.measured[0], endpoint=BLOCKING))
    results = diagnosed(replace(pair, name="ShopUser")).endpoints
    assert [result.endpoint for result in results] == [ITEMS, BLOCKING]
    assert [result.load for result in results] == ["ShopUser", "ShopUser"]
    assert all(result.limiter is None for result in results)
    assert all("2 endpoints share the users of ShopUser" in r.limiter_note for r in results)


def test_endpoints_of_one_load_share_its_window(waiting):
    whole = waiting.measured[0].samples
    half = samples(whole.start_s[::2], whole.latency_s[::2])
    pair = load_of(waiting.measured[0], Measured(BLOCKING, Samples.none(), half))
    first, second = diagnosed(pair).endpoints
    assert first.window is not None
    assert first.window == second.window


def test_an_endpoint_that_was_never_reached_is_reported_with_its_trouble():
    nothing = Measured(ITEMS, Samples.none(), Samples.none())
    result = only(diagnosed(load_of(nothing, trouble="failed for a single user")))
    assert (result.whole.requests, result.loaded) == (0, False)
    assert result.trouble == "failed for a single user"
    assert result.unloaded_s is None
    assert result.limiter_note == "its response time without load was not measured"


def test_a_run_without_loads_has_no_endpoints():
    diagnosis = diagnosed()
    assert (diagnosis.endpoints, diagnosis.findings, diagnosis.valid) == ((), (), True)


@pytest.mark.parametrize(
    ("times", "ok", "response_s"),
    [
        ([3.0, 1.0, 1.2, 1.1], True, 1.1),  # the first pays for the connection
        ([3.0], True, 3.0),
        ([], True, None),
        ([3.0, 1.0], False, None),
        ([9.0, 3.0, 1.0, 1.2], [False, True, True, True], 1.1),  # the first that succeeded
    ],
)
def test_unloaded_response_time(times, ok, response_s):
    found = unloaded_response_s(samples(range(len(times)), times, ok=ok))
    assert found == (None if response_s is None else pytest.approx(response_s))


def test_a_view_is_in_order_of_completion_over_all_endpoints():
    slow = Measured(ITEMS, alone(2.0), samples([0.0, 4.0], 2.0))
    fast = Measured(BLOCKING, Samples.none(), samples([0.0, 1.0, 4.5], 0.5))
    view = view_of([slow, fast], 1.0, 10.0)
    assert (view.start_s + view.latency_s).tolist() == [0.5, 1.5, 2.0, 5.0, 6.0]
    assert view.response_s == (2.0,)


def test_a_view_of_nothing_is_empty():
    assert len(view_of([], None, 0.0).start_s) == 0


@pytest.mark.parametrize(
    ("machine_cpu", "says"),
    [
        (0.97, "the machine's CPUs were 97% busy"),
        (0.5, "a look from outside cannot name"),
        (None, "a look from outside cannot name"),
    ],
)
def test_what_holds_a_rate_back_is_the_machine_only_where_that_was_busy(machine_cpu, says):
    slow = Measured(ITEMS, alone(SLEEP_S / 2), simulate(ClosedLoad(500, 50, fixed(SLEEP_S)), 60))
    result = only(diagnosed(load_of(slow, machine_cpu=machine_cpu)))
    assert result.limiter is None
    assert says in result.limiter_note


@pytest.mark.parametrize(
    ("seen", "says"),
    [(2, None), (3, "1 worker was started anew"), (6, "4 workers were started anew meanwhile")],
)
def test_workers_that_took_others_places_are_told(seen, says):
    slow = Measured(ITEMS, alone(SLEEP_S / 2), simulate(ClosedLoad(500, 50, fixed(SLEEP_S)), 60))
    result = only(diagnosed(load_of(slow, insight=insight(seen))))
    assert result.limiter is None
    assert (says or "look from outside cannot name") in result.limiter_note
    assert ("started anew" in result.limiter_note) == bool(says)


def test_a_thread_pool_that_its_own_rate_refutes_is_not_the_limiter():
    """A `def` handler behind an awaiting dependency holds its thread for half the time."""
    load = simulate(ClosedLoad(60, 60, fixed(0.5)), 30)
    run = run_of(load_of(Measured(BLOCKING, alone(0.5), load), ramp_end_s=1.0, duration_s=30.0))
    run = replace(
        run,
        plan=replace(run.plan, users=60, spawn_rate=60.0),
        target=replace(run.target, workers=1),
    )
    diagnosis = diagnose(run)
    assert only(diagnosis).limiter.kind == "users"
    assert diagnosis.findings == ()


@pytest.mark.parametrize(
    ("alone_s", "kind"),
    [(SLEEP_S * 1.07, "users"), (SLEEP_S * 1.2, None)],
)
def test_a_single_user_that_was_disturbed_does_not_hide_who_the_limit_is(alone_s, kind):
    measured = Measured(ITEMS, alone(alone_s), simulate(ClosedLoad(500, 50, fixed(SLEEP_S)), 60))
    result = only(diagnosed(load_of(measured)))
    assert (result.limiter and result.limiter.kind) == kind
    if kind is None:
        assert result.limiter_note == "it was faster under load than with a single user"
        return
    assert result.ceiling_rps == pytest.approx(result.steady.rate_rps)


def test_users_that_were_elsewhere_are_not_blamed_on_the_app():
    """Half of a second between answers belongs to the user, or to the generator."""
    thinking = simulate(ClosedLoad(500, 50, fixed(SLEEP_S + 0.5)), 60)
    measured = Measured(
        ITEMS, alone(SLEEP_S), replace(thinking, latency_s=thinking.latency_s - 0.5)
    )
    result = only(diagnosed(load_of(measured)))
    assert "only 374 of 500 users were waiting for the app" in result.limiter_note
    assert "look from outside" not in result.limiter_note


def test_of_few_users_a_part_is_not_rounded_to_all_and_the_rest_is_still_asked_for():
    """A twelfth of the time belongs to the user; but in the rest the app takes nine times as
    long as it did for one user."""
    busy = simulate(ClosedLoad(5, 50, fixed(0.1)), 60)
    measured = Measured(ITEMS, alone(0.01), replace(busy, latency_s=0.92 * busy.latency_s))
    plan = replace(run_of().plan, users=5)
    note = only(diagnosed(load_of(measured, ramp_end_s=0.1), plan=plan)).limiter_note
    assert note.startswith("10% of the ceiling")
    assert "only 4.6 of 5 users were waiting for the app" in note
    assert "which a look from outside cannot name" in note


def test_what_is_answered_after_the_run_time_was_in_flight_at_its_end(waiting):
    run = run_of(waiting)
    cut = diagnose(replace(run, plan=replace(run.plan, run_time_s=50.0)))
    whole, short = only(diagnose(run)), only(cut)
    assert short.in_flight_at_end == 500
    assert short.whole.requests < whole.whole.requests
    assert short.whole.rate_rps == pytest.approx(short.whole.requests / 50, rel=0.04)


def test_what_the_probe_did_not_see_is_said():
    plan = replace(PLAN, probed=True)
    ticks = {"complete": records("ticks", 2, at=[0.0, 60.0]), "cut": records("ticks", 1, at=57.0)}

    def warnings(*loads, **changes):
        return diagnosed(*loads, plan=plan, **changes).warnings

    whole = insight(ticks=ticks["complete"])
    failed = replace(whole, missing=("the probe failed",))
    others = Measured(BLOCKING, alone(0.1), samples([1.0, 2.0]))
    assert warnings(load_of(insight=whole)) == ()
    assert warnings(load_of(insight=failed), load_of(others, insight=failed)) == (
        "the probe failed",
    )
    assert warnings(load_of(insight=failed), load_of(others, insight=whole)) == (
        "GET /items: the probe failed",
    )
    (early,) = warnings(load_of(insight=insight(ticks=ticks["cut"])))
    assert "end before the load does" in early
    assert warnings(load_of(insight=insight(ticks=ticks["cut"]), server_gone=True)) == ()
    (nothing,) = warnings(load_of())
    assert "the probe recorded nothing" in nothing
    assert diagnosed(load_of(), plan=PLAN).warnings == ()
