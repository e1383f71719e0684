"""The load, and the generator that made it, as plain dicts for the JSON result."""

from asyncperf.levels import Stage
from asyncperf.model import GeneratorHealth, Load, Run
from asyncperf.report.document import Json, finite
from asyncperf.results import Diagnosis


def load_json(diagnosis: Diagnosis) -> Json:
    run, plan = diagnosis.run, diagnosis.run.plan
    engine, _, engine_version = plan.engine.partition(" ")
    return {
        "engine": engine,
        "engine_version": engine_version or None,
        "model": plan.model,
        "users": plan.users,
        "spawn_rate": finite(plan.spawn_rate),
        "rate_rps": finite(plan.rate_rps),
        "stages": [_stage(stage) for stage in plan.stages],
        "find_limit": plan.find_limit is not None,
        "run_time_s": finite(plan.run_time_s),
        "timeout_s": finite(plan.timeout_s),
        "duration_s": finite(sum(load.duration_s for load in run.loads)),
        "generator": _worst(run),
        "valid": diagnosis.valid,
        "warnings": list(dict.fromkeys((*run.warnings, *diagnosis.warnings))),
        "loads": [_one_load(load) for load in run.loads],
    }


def _stage(stage: Stage) -> Json:
    level = stage.level
    return {
        "users": level.users,
        "arrivals_rps": finite(level.rate_rps),
        "hold_s": finite(stage.hold_s),
    }


def _one_load(load: Load) -> Json:
    return {
        "name": load.name,
        "started_at": finite(load.started_at),
        "duration_s": finite(load.duration_s),
        "ramp_end_s": finite(load.ramp_end_s),
        "repetition": load.repetition,
        "generator": generator_json(load.generator),
        "machine_cpu": finite(load.machine_cpu),
        "trouble": load.trouble,
    }


def _worst(run: Run) -> Json:
    """The most that the generator went through in any of the loads."""
    loads = [generator_json(load.generator) for load in run.loads]

    def most(key: str) -> float | None:
        return max((load[key] for load in loads if load[key] is not None), default=None)

    return {key: most(key) for key in generator_json(GeneratorHealth(None, None))}


def generator_json(health: GeneratorHealth) -> Json:
    return {
        "cpu": finite(health.cpu),
        "cpu_wait": finite(health.cpu_wait),
        "max_drift_s": finite(health.max_drift_s),
        "processes": health.processes,
        "busiest_cpu": finite(max(health.cpu_each, default=None)),
        "starts": health.starts,
        "late_starts": health.late_starts,
        "exhausted": sum(health.exhausted.values()),
        "users_lost": health.users_lost,
    }
