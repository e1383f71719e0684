"""Which loads a run makes: in turns, or level by level until the knee is known."""

from dataclasses import replace

import pytest

from asyncperf.analysis.budget import parse_budget
from asyncperf.analysis.diagnosis import diagnose
from asyncperf.levels import Level
from asyncperf.load.engine import Workload
from asyncperf.model import GeneratorHealth, Load, Measured, Run
from asyncperf.samples import Samples
from asyncperf.search import Step, Steps, fixed_steps, plan_at, search_steps

from .analysis.closed_load import ClosedLoad, fixed, simulate
from .builders import BLOCKING, ITEMS, PLAN, alone, load_of, request, run_of, samples

SERVICE_S = 0.5
PLACES = 80
BOTH = (
    Workload("GET /items", (request(ITEMS),)),
    Workload("GET /blocking", (request(BLOCKING),)),
)
SEARCH = replace(PLAN, find_limit=(), users=5000, run_time_s=None)


def measured(step: Step, places: int | None = PLACES) -> Load:
    """What a pool of 80 places would make of that step, in half a minute."""
    [sent] = step.workload.requests
    users = step.plan.users
    ramp_s = users / step.plan.spawn_rate
    found = Samples.none()
    if not step.is_probe:
        load = ClosedLoad(users, step.plan.spawn_rate, fixed(SERVICE_S), places)
        found = simulate(load, ramp_s + 30)
    made = load_of(
        Measured(sent.endpoint, alone(SERVICE_S), found),
        name=step.workload.name,
        duration_s=ramp_s + 30,
        ramp_end_s=ramp_s,
    )
    return step.of(made)


def follow(steps: Steps, measure=measured) -> list[tuple[Step, Load]]:
    """All steps, with what came of each."""
    done = []
    try:
        step = next(steps)
        while True:
            load = measure(step)
            done.append((step, load))
            step = steps.send(load)
    except StopIteration:
        return done


def searched(run: Run, workloads=BOTH[1:], measure=measured, budgets=()) -> Run:
    found = tuple(parse_budget(text) for text in budgets)
    done = follow(search_steps(run, workloads, found), measure)
    plan = replace(run.plan, find_limit=tuple(budgets))
    return replace(run, plan=plan, loads=tuple(load for step, load in done if not step.is_probe))


def test_repetitions_take_turns():
    steps = [step for step, _ in follow(fixed_steps(PLAN, BOTH, 2), lambda step: load_of())]
    assert [(step.workload.name, step.repetition, step.place) for step in steps] == [
        ("GET /items", 1, "1/4"),
        ("GET /blocking", 1, "2/4"),
        ("GET /items", 2, "3/4"),
        ("GET /blocking", 2, "4/4"),
    ]


def test_a_search_begins_with_the_single_user_and_half_of_the_crossing():
    (probe, _), (first, load), (second, _), *_ = follow(
        search_steps(run_of(plan=SEARCH), BOTH[1:], ())
    )
    assert (probe.is_probe, probe.plan.users, probe.plan.run_time_s) == (True, 1, 0.01)
    assert (first.level, second.level) == (Level(40), Level(80))
    assert first.plan.users == 40
    assert load.levels[0].level == Level(40)
    assert second.place.startswith("1/1, level 2 of about 6, about 1 min to go")


def test_the_knee_of_a_pool_is_found_and_headlined():
    diagnosis = diagnose(searched(run_of(plan=SEARCH)))
    [knee], [result] = diagnosis.knees, diagnosis.endpoints
    assert (knee.status, knee.why, knee.limited_by) == ("found", None, None)
    assert knee.kept is not None
    assert knee.not_kept is not None
    assert 66 <= (knee.kept.users or 0) < (knee.not_kept.users or 0) <= 76
    assert [point.level.users for point in knee.points] == [40, 69, 75, 80, 160]
    assert knee.curve is not None
    assert (knee.curve.ceiling_rps, knee.curve.ceiling_from) == (160.0, "thread_pool")
    for point in knee.points:
        assert point.predicted is not None
        assert point.rate_rps == pytest.approx(point.predicted.rate_rps, rel=0.01)
        assert point.mean_s == pytest.approx(point.predicted.mean_s, rel=0.03)
        assert point.intervals is not None
    assert result.held is not None
    assert result.held.level == knee.kept
    assert len(result.levels) == 5
    assert diagnosis.budgets == ()


def test_the_most_users_that_keep_a_budget_are_found():
    """R = N / 160: a p95 of 1 s is that of 160 users."""
    run = searched(run_of(plan=SEARCH), budgets=("p95<1s",))
    [knee] = diagnose(run).knees
    assert knee.status == "found"
    assert knee.criterion == ("p95<1s",)
    assert knee.kept is not None
    assert knee.not_kept is not None
    assert 140 < (knee.kept.users or 0) < (knee.not_kept.users or 0) < 185
    assert knee.limited_by == "thread_pool"
    # Judged again by another limit, from the same loads.
    [knee] = diagnose(run, [parse_budget("p95<0.6s")]).knees
    assert knee.kept is not None
    assert (knee.kept.users or 0) <= 96


def test_without_a_known_limit_the_most_that_was_measured_is_the_ceiling():
    """An `async def` that only eighty requests get through at a time."""
    run = searched(run_of(plan=SEARCH), BOTH[:1])
    [knee] = diagnose(run).knees
    assert knee.status == "found"
    assert knee.not_kept is not None
    assert 66 <= (knee.not_kept.users or 0) <= 84
    assert knee.curve is not None
    assert knee.curve.ceiling_from == "measured"
    assert knee.curve.ceiling_rps == pytest.approx(160, rel=0.01)


def test_a_load_that_nothing_limits_is_at_least_the_most_that_was_to_be_tried():
    plan = replace(SEARCH, users=100)
    [knee] = diagnose(searched(run_of(plan=plan), BOTH[:1], unlimited)).knees
    assert (knee.status, knee.kept, knee.why) == ("at_least", Level(100), None)
    assert knee.curve is not None
    assert knee.curve.ceiling_rps is None


def unlimited(step: Step) -> Load:
    return measured(step, places=None)


def test_where_the_generator_became_the_limit_the_knee_is_not_known_beyond_it():
    def breathless(step: Step) -> Load:
        load = unlimited(step)
        busy = GeneratorHealth(cpu=1.0, max_drift_s=1.0)
        return replace(load, generator=busy) if step.plan.users > 100 else load

    run = searched(run_of(plan=SEARCH), BOTH[:1], breathless)
    diagnosis = diagnose(run)
    [knee] = diagnosis.knees
    assert (knee.status, knee.kept) == ("at_least", Level(40))
    assert "160 users: the load generator used 100% of a core" in (knee.why or "")
    assert diagnosis.valid  # the figures that are shown are those of 40 users


def test_a_single_user_who_fails_ends_that_search_and_the_next_begins():
    def broken(step: Step) -> Load:
        load = measured(step)
        failing = step.workload.name == "GET /items"
        return replace(load, trouble="failed for a single user") if failing else load

    done = follow(search_steps(run_of(plan=SEARCH), BOTH, ()), broken)
    assert [step.is_probe for step, _ in done[:2]] == [True, True]
    assert done[2][0].place.startswith("2/2, level 1")


def test_an_interrupted_search_says_what_it_knows():
    run = searched(run_of(plan=SEARCH))
    [knee] = diagnose(replace(run, loads=run.loads[:2], status="partial")).knees
    assert (knee.status, knee.kept) == ("at_least", Level(80))
    assert "the search ended before" in (knee.why or "")


def test_an_open_load_that_falls_behind_is_too_much():
    """120 requests a second arrive, 80 are answered."""
    n = 80 * 30
    late = samples([i / 120 for i in range(n)], [i / 80 + 0.1 - i / 120 for i in range(n)])
    plan = replace(SEARCH, model="open", rate_rps=1000.0)
    load = load_of(Measured(ITEMS, alone(0.1), late), duration_s=30.0, ramp_end_s=0.0)
    step = Step(BOTH[0], plan, "1/1", level=Level(rate_rps=120.0))
    run = run_of(step.of(load), plan=plan)
    [knee] = diagnose(run, [parse_budget("p95<1s")]).knees
    assert (knee.status, knee.not_kept) == ("below", Level(rate_rps=120.0))
    assert knee.points[0].rate_rps == pytest.approx(80, rel=0.02)


def test_many_users_start_faster():
    assert plan_at(SEARCH, Level(100)).spawn_rate == 50
    assert plan_at(SEARCH, Level(5000)).spawn_rate == 500
    assert plan_at(replace(SEARCH, rate_rps=9.0), Level(rate_rps=5.0)).rate_rps == 5.0
