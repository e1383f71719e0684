"""Diagnoses of searches, built by hand."""

from dataclasses import replace

from asyncperf.judgement import Budget, BudgetResult, Curve, Knee, Point, Predicted
from asyncperf.levels import Held, Level
from asyncperf.results import Diagnosis

from .builder import experiment

P95 = Budget("p95<25s", "p95", "<", 25.0, "s")


POOL = Curve(15.0, 0.0, 80 / 15, "thread_pool")


def point(
    users: int, rate_rps: float, mean_s: float, kept: bool, p95_s: float | None = None
) -> Point:
    judged = ()
    if p95_s is not None:
        judged = (BudgetResult(P95, "GET /sync_baseline", "met" if kept else "missed", p95_s),)
    around = {"rate": (0.98 * rate_rps, 1.02 * rate_rps), "p95": (1.1 * mean_s, 1.3 * mean_s)}
    return Point(
        level=Level(users),
        rate_rps=rate_rps,
        mean_s=mean_s,
        p95_s=1.2 * mean_s,
        kept=kept,
        intervals=around,
        budgets=judged,
        predicted=Predicted(min(users / 15, 80 / 15), max(15.0, users * 15 / 80)),
    )


def searched(*knees: Knee) -> Diagnosis:
    """A search on the first endpoint."""
    whole = experiment(findings=False, published=False)
    held = Held(Level(69), 0.0, 1.4, 300.0)
    result = replace(whole.endpoints[0], held=held)
    plan = replace(whole.run.plan, find_limit=(), users=5000, run_time_s=None)
    [load, *_] = whole.run.loads
    run = replace(whole.run, plan=plan, loads=(replace(load, levels=(held,)),))
    return replace(whole, run=run, endpoints=(replace(result, levels=(result,)),), knees=knees)


def found_knee() -> Diagnosis:
    points = (
        point(40, 2.66, 15.01, True),
        point(69, 4.58, 15.02, True),
        point(75, 4.95, 15.1, False),
        point(80, 5.3, 15.1, False),
        point(160, 5.33, 30.0, False),
    )
    drawn = [40.0 * 4 ** (i / 50) for i in range(51)]
    return searched(
        Knee(
            load="GET /sync_baseline",
            criterion=(),
            status="found",
            kept=Level(69),
            not_kept=Level(75),
            points=points,
            curve=POOL,
            predicted=tuple(
                (n, Predicted(min(n / 15, 80 / 15), max(15.0, n * 15 / 80))) for n in drawn
            ),
            limited_by="thread_pool",
        )
    )


def budget_knees() -> Diagnosis:
    """Found within the noise, not reached, missed from the first, and not to be told."""
    kept, missed = point(120, 5.3, 22.0, True, 24.1), point(130, 5.3, 24.4, False, 26.0)
    why = "the load generator began 227 of 2,683 requests more than 10 ms late"
    one = Knee("GET /sync_baseline", ("p95<25s",), "found", Level(120), Level(130), (kept, missed))
    at_least = replace(one, status="at_least", not_kept=None, points=(kept,))
    below = replace(one, status="below", kept=None, points=(missed,))
    untold = Point(Level(rate_rps=264.0), None, None, None, why=why)
    cannot = replace(one, status="cannot_tell", kept=None, not_kept=None, points=(untold,), why=why)
    cut = replace(at_least, why=f"at 240 users: {why}")
    return searched(one, at_least, below, cannot, cut)
