"""Which loads a run makes, in which order: a fixed list, or a search that goes by what the
loads before have shown."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from asyncperf.analysis.knee import expected_levels, next_level
from asyncperf.analysis.limit_search import curve_of, points_of, search_of
from asyncperf.judgement import Budget
from asyncperf.levels import SEARCH_RAMP_S, Held, Level
from asyncperf.load.engine import Workload
from asyncperf.model import Load, LoadPlan, Run

# The single user's requests come before every load; a load of only these ends at once.
ALONE_RUN_TIME_S = 0.01


@dataclass(frozen=True)
class Step:
    """One load to make. `place` says where in the run it stands, `level` what is held if that
    is not the plan's. A probe only asks how long the single user takes; it is not kept unless
    it shows trouble."""

    workload: Workload
    plan: LoadPlan
    place: str
    repetition: int = 1
    level: Level | None = None
    is_probe: bool = False

    def of(self, load: Load) -> Load:
        """The load with what this step knows of it."""
        if self.level is not None:
            ends_s = min(load.duration_s, self.plan.run_time_s or load.duration_s)
            held = Held(self.level, 0.0, load.ramp_end_s, ends_s)
            load = replace(load, levels=(held,))
        return replace(load, repetition=self.repetition)


# Gives steps, and is sent what came of each.
Steps = Generator[Step, Load, None]


def fixed_steps(plan: LoadPlan, workloads: Sequence[Workload], repeat: int) -> Steps:
    """Each workload `repeat` times: A B C, A B C, ..., so that a machine that slows down
    meanwhile slows all of them, and shows as spread."""
    of = len(workloads) * repeat
    turns = ((turn, workload) for turn in range(1, repeat + 1) for workload in workloads)
    for number, (repetition, workload) in enumerate(turns, start=1):
        yield Step(workload, plan, f"{number}/{of}", repetition)


def search_steps(run: Run, workloads: Sequence[Workload], budgets: Sequence[Budget]) -> Steps:
    """For one workload after another: the single user, then levels until the knee is known."""
    for number, workload in enumerate(workloads, start=1):
        yield from _search(run, workload, budgets, f"{number}/{len(workloads)}")


def _search(run: Run, workload: Workload, budgets: Sequence[Budget], place: str) -> Steps:
    alone = yield Step(workload, probe(run.plan), place, is_probe=True)
    loads: list[Load] = []
    began = time.monotonic()
    while not any(load.trouble for load in (alone, *loads)):
        points = points_of(run, loads, budgets)
        curve = curve_of(run, [alone, *loads], points)
        if curve is None:
            return
        level = next_level(search_of(run, budgets), points, curve)
        if level is None:
            return
        left = expected_levels(points)
        where = f"{place}, level {len(loads) + 1} of about {len(loads) + left}"
        if loads:
            each_s = (time.monotonic() - began) / len(loads)
            where += f", {minutes(left * each_s)} to go"
        load = yield Step(workload, plan_at(run.plan, level), where, level=level)
        loads.append(load)


def probe(plan: LoadPlan) -> LoadPlan:
    """A plan for the single user alone."""
    alone = replace(plan, model="closed", users=1, rate_rps=None)
    return replace(alone, run_time_s=ALONE_RUN_TIME_S)


def plan_at(plan: LoadPlan, level: Level) -> LoadPlan:
    """The plan for one level: many users start faster, so that a search comes to its end."""
    fast_enough = (level.users or 0) / SEARCH_RAMP_S
    return replace(plan.at(level), spawn_rate=max(plan.spawn_rate, fast_enough))


def minutes(time_s: float) -> str:
    return f"about {max(1, round(time_s / 60))} min"
