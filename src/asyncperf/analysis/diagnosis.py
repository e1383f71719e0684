"""From a `Run` to a `Diagnosis`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from asyncperf.analysis.budget import judge, parse_budget
from asyncperf.analysis.findings import evidence_of, find, generator_limit, healthy
from asyncperf.analysis.inside import not_seen
from asyncperf.analysis.limit_search import knees_of
from asyncperf.analysis.measurement import levels_of, of_all_levels
from asyncperf.analysis.repetition import unsteady
from asyncperf.judgement import Budget
from asyncperf.model import Load, Run
from asyncperf.results import Diagnosis, EndpointResult


def diagnose(run: Run, budgets: Sequence[Budget] = ()) -> Diagnosis:
    """Explain a run: the figures of its steady windows, their limits, the findings, and
    whether the budgets were kept."""
    if run.plan.find_limit is not None:
        return _diagnose_search(run, budgets or [parse_budget(t) for t in run.plan.find_limit])
    results = tuple(of_all_levels(run, levels) for levels in levels_of(run).values())
    return replace(_explained(run, results, run.loads), budgets=judge(budgets, results))


def _diagnose_search(run: Run, budgets: Sequence[Budget]) -> Diagnosis:
    """Explain a search for the highest good level. Its budgets are what was searched by, and
    its figures those of the knee; what went wrong with other levels is said there."""
    knees = knees_of(run, budgets)
    shown = {knee.load: knee.kept or knee.not_kept for knee in knees}
    groups = levels_of(run)
    results = tuple(of_all_levels(run, levels, shown[key[0]]) for key, levels in groups.items())
    levels = {(result.load, result.held) for result in results}
    loads = [load for load in run.loads if (load.name, next(iter(load.levels), None)) in levels]
    return replace(_explained(run, results, loads), knees=knees)


def _explained(run: Run, results: tuple[EndpointResult, ...], loads: Iterable[Load]) -> Diagnosis:
    """`loads` are those that the results are of."""
    limits = ((named(load), generator_limit(load.generator)) for load in loads)
    limited = [f"{name}: {why}" for name, why in limits if why is not None]
    evidence = evidence_of(run, results)
    findings = find(evidence)
    left_out = (unsteady(result) for result in results)
    return Diagnosis(
        run=run,
        endpoints=results,
        findings=findings,
        valid=not limited and not any(load.server_gone for load in run.loads),
        warnings=(*limited, *run.warnings, *unseen(run), *(text for text in left_out if text)),
        healthy=healthy(evidence, findings),
    )


def unseen(run: Run) -> list[str]:
    """What the probe was to see and did not; once, where it is so of all loads."""
    made = [load for load in run.loads if load.was_made]
    loads: dict[str, list[str]] = {}
    for load in made:
        for why in not_seen(run, load):
            loads.setdefault(why, []).append(named(load))
    return [
        why if len(names) == len(made) else f"{', '.join(names)}: {why}"
        for why, names in loads.items()
    ]


def named(load: Load) -> str:
    """A load's name, with its number from the second repetition on."""
    return load.name if load.repetition == 1 else f"{load.name}, repetition {load.repetition}"
