"""A load in stages: each stage's own window, figures, limiter and ceiling."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.analysis.comparison import compare
from asyncperf.analysis.diagnosis import diagnose
from asyncperf.levels import Level, Stage
from asyncperf.model import LoadPlan, Measured, Run

from ..builders import BLOCKING, PLAN, alone, load_of, run_of
from .closed_load import fixed, simulate_stages


def staged(*stages: tuple[int, float], service_s: float = 0.5, repeat: int = 1) -> Run:
    """A pool of 80 places under these numbers of users, each held for so long."""
    plan_of = tuple(Stage(Level(users), hold_s) for users, hold_s in stages)
    found, held = simulate_stages(plan_of, 100, fixed(service_s), places=80)
    plan: LoadPlan = replace(
        PLAN,
        stages=plan_of,
        spawn_rate=100.0,
        users=max(users for users, _ in stages),
        run_time_s=held[-1].ends_s,
    )
    loads = [
        load_of(
            Measured(BLOCKING, alone(service_s), found),
            duration_s=held[-1].ends_s,
            ramp_end_s=held[0].reached_s,
            levels=held,
            repetition=number,
        )
        for number in range(1, repeat + 1)
    ]
    return run_of(*loads, plan=plan)


def test_each_stage_has_its_own_figures_limiter_and_ceiling() -> None:
    [result] = diagnose(staged((40, 20), (240, 20), (20, 20))).endpoints
    rates = [level.steady.rate_rps for level in result.levels if level.steady]
    assert rates == pytest.approx([80, 160, 40], rel=0.005)
    means = [x.steady.latency.mean_s for x in result.levels if x.steady and x.steady.latency]
    assert means == pytest.approx([0.5, 1.5, 0.5], rel=0.01)
    assert [x.limiter.kind for x in result.levels if x.limiter] == ["users", "thread_pool", "users"]
    assert [x.ceiling_rps for x in result.levels] == pytest.approx([80, 160, 40])
    for level in result.levels:
        assert level.held is not None
        assert level.window is not None
        assert level.window.start_s >= (level.held.reached_s or 0.0)
        assert level.window.end_s == level.held.ends_s


def test_the_headline_is_the_last_stage_s_and_the_whole_load_is_all_of_them() -> None:
    [result] = diagnose(staged((40, 20), (240, 20))).endpoints
    last = result.levels[-1]
    assert (result.steady, result.limiter, result.window) == (
        last.steady,
        last.limiter,
        last.window,
    )
    assert result.whole.requests == sum(level.whole.requests for level in result.levels)
    assert result.whole.requests > last.whole.requests
    assert result.in_flight_at_end == 240


def test_a_queue_of_the_stage_before_is_in_no_figure_of_the_next() -> None:
    """240 users wait three turns long; who is too many leaves after that."""
    [result] = diagnose(staged((240, 20), (40, 20))).endpoints
    held, window = result.levels[1].held, result.levels[1].window
    assert held is not None
    assert window is not None
    assert window.start_s > held.begins_s + 2.0  # 200 leave in 2 s, and have a request to end
    assert result.steady is not None
    assert result.steady.latency is not None
    assert result.steady.latency.max_s == pytest.approx(0.5)


def test_a_stage_that_is_too_short_cannot_tell_and_the_others_can() -> None:
    [result] = diagnose(staged((40, 20), (200, 0.5), (40, 20))).endpoints
    assert [level.steady is None for level in result.levels] == [False, True, False]
    assert "hold it for longer (--stages)" in (result.levels[1].no_window_why or "")
    assert "-t" not in (result.levels[1].no_window_why or "")


def test_a_stage_whose_level_was_not_reached_says_so() -> None:
    run = staged((40, 20), (80, 20))
    [load] = run.loads
    never = (load.levels[0], replace(load.levels[1], reached_s=None))
    [result] = diagnose(replace(run, loads=(replace(load, levels=never),))).endpoints
    why = result.levels[1].no_window_why or ""
    assert why == "its level was not reached before it was over; hold it for longer (--stages)"
    assert result.levels[0].steady is not None


def test_repetitions_are_pooled_stage_by_stage() -> None:
    [result] = diagnose(staged((40, 20), (240, 20), repeat=2)).endpoints
    assert [len(level.repetitions) for level in result.levels] == [2, 2]
    assert [x.steady.rate_rps for x in result.levels if x.steady] == pytest.approx([80, 160], 0.005)
    assert result.whole.requests == 2 * result.repetitions[0].whole.requests or (
        result.whole.requests > result.levels[-1].whole.requests
    )


def test_runs_are_compared_by_their_last_stage() -> None:
    base, new = staged((40, 20), (240, 20)), staged((20, 20), (240, 20))
    comparison = compare(base, new, np.random.default_rng(0))
    [endpoint] = comparison.endpoints
    assert endpoint.changes[0].base == pytest.approx(160, rel=0.005)
    assert any("stages" in warning for warning in comparison.warnings)
