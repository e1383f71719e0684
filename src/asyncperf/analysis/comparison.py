"""Two runs compared: better, worse, no difference shown, or cannot tell.

Every figure is compared as the ratio new / base, on a logarithmic scale, where twice and
half are equally far from 1. Its interval is Student's t times the bootstrap standard errors
of both runs, with the degrees of freedom of Welch (1947, Biometrika 34, 28).

A change is named if the whole interval lies beyond the smallest effect worth naming. If the
whole interval lies within it, no difference is shown (an equivalence test; Schuirmann, 1987,
J. Pharmacokinetics and Biopharmaceutics 15, 657). Everything between is "cannot tell".
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from asyncperf.analysis.findings import generator_limit
from asyncperf.analysis.incomparable import differences
from asyncperf.analysis.measurement import Key, Measurement, measurements, result_of
from asyncperf.analysis.resampling import (
    CONFIDENCE,
    PERCENTS,
    Blocks,
    Uncertainty,
    blocks_of,
    half_width,
    least_requests,
    response_share,
    tied,
    uncertainties,
)
from asyncperf.judgement import (
    Change,
    ChangeVerdict,
    ComparedMetric,
    Comparison,
    EndpointComparison,
    Side,
)
from asyncperf.model import Run
from asyncperf.results import EndpointResult, Window

METRICS: tuple[ComparedMetric, ...] = get_args(ComparedMetric)
# Run-to-run noise on a quiet machine is one or two percent; a smaller change takes many
# repetitions to show, and is seldom worth a decision.
AT_LEAST = 0.03
# More than this many times the data is no advice any more.
OUT_OF_REACH = 100.0
# Halving the range so often finds it to half a percent.
STEPS = 10

Uncertainties = Mapping[str, Uncertainty | None]


@dataclass(frozen=True, eq=False)
class Measure:
    """One endpoint in one run: its result, and how uncertain its figures are; `why` says
    why it cannot be compared."""

    result: EndpointResult
    uncertain: Uncertainties
    repetitions: int
    why: str | None = None


def compare(
    base: Run, new: Run, random: np.random.Generator, at_least: float = AT_LEAST
) -> Comparison:
    """Each endpoint that both runs measured, matched by method and path."""
    of_base, of_new = measurements(base), measurements(new)
    pairs = matched(tuple(of_base), tuple(of_new))
    endpoints = tuple(
        compared(measure(base, of_base[a], random), measure(new, of_new[b], random), at_least)
        for a, b in pairs
    )
    return Comparison(
        base=side(base),
        new=side(new),
        endpoints=endpoints,
        only_in_base=labels(of_base.keys() - {a for a, _ in pairs}),
        only_in_new=labels(of_new.keys() - {b for _, b in pairs}),
        warnings=(*differences(base, new), *noise_left_out(base, new)),
        at_least=at_least,
        confidence=CONFIDENCE,
    )


def matched(base: Sequence[Key], new: Sequence[Key]) -> list[tuple[Key, Key]]:
    """The keys that mean the same endpoint, in the order of `base`.

    The load's name is asked only where one run has the endpoint in several loads: an engine
    may name its loads as it likes.
    """
    pairs = []
    for key in base:
        same = [other for other in new if other[1:] == key[1:]]
        rivals = [other for other in base if other[1:] == key[1:]]
        if key in same:
            pairs.append((key, key))
        elif len(same) == len(rivals) == 1:
            pairs.append((key, same[0]))
    return pairs


def labels(keys: Iterable[Key]) -> tuple[str, ...]:
    return tuple(sorted({f"{method} {path}" for _, method, path in keys}))


def side(run: Run) -> Side:
    return Side(
        app=run.target.app,
        started_at=run.started_at,
        workers=run.target.workers,
        users=run.plan.users,
        engine=run.plan.engine,
        repetitions=repetitions(run),
    )


def repetitions(run: Run) -> int:
    return max((load.repetition for load in run.loads), default=0)


def noise_left_out(base: Run, new: Run) -> list[str]:
    """What the intervals do not hold."""
    single = [name for name, run in (("BASE", base), ("NEW", new)) if repetitions(run) < 2]
    if not single:
        return []
    return [
        f"{' and '.join(single)} measured once: how much runs differ from one another is not in "
        "the intervals, and can exceed them; run with --repeat 5"
    ]


def measure(run: Run, group: Sequence[Measurement], random: np.random.Generator) -> Measure:
    result = result_of(run, group)
    if run.plan.find_limit is not None:
        return Measure(result, {}, 1, "it is a search for a limit, and held no level for long")
    windows = [(m.measured.samples, m.window) for m in group]
    cut = [blocks_of(found, w) for found, w in windows if isinstance(w, Window)]
    blocks = [some for some in cut if some is not None]
    why = unfit(result, blocks)
    if why is not None or result.steady is None or result.steady.latency is None:
        return Measure(result, {}, len(blocks), why)
    share = response_share(run, group[0].load, result.steady.latency.mean_s)
    return Measure(result, tied(uncertainties(blocks, random), share), len(blocks), why)


def unfit(result: EndpointResult, blocks: Sequence[Blocks]) -> str | None:
    """Why an endpoint of a run cannot be compared, None if it can."""
    if (limited := generator_limit(result.generator)) is not None:
        return limited
    if result.trouble is not None:
        return result.trouble
    if result.steady is None:
        return result.no_window_why or "there is no steady window"
    if result.steady.latency is None:
        return "no request succeeded in the steady window"
    return None if blocks else "the steady window is too short to measure its noise"


def compared(base: Measure, new: Measure, at_least: float) -> EndpointComparison:
    changes = tuple(change(metric, base, new, at_least) for metric in METRICS)
    endpoint = new.result.endpoint
    return EndpointComparison(
        method=endpoint.method,
        path=endpoint.path,
        verdict=summed_up([change.verdict for change in changes]),
        changes=changes,
        base_requests=base.result.steady.requests if base.result.steady else 0,
        new_requests=new.result.steady.requests if new.result.steady else 0,
        base_repetitions=base.repetitions,
        new_repetitions=new.repetitions,
    )


def summed_up(verdicts: Sequence[ChangeVerdict]) -> ChangeVerdict:
    """An endpoint is worse if anything of it is; and no difference is only shown if none
    of its figures leaves the question open."""
    order: tuple[ChangeVerdict, ...] = ("worse", "better", "cannot_tell", "no_difference_shown")
    return next(verdict for verdict in order if verdict in verdicts)


def change(metric: ComparedMetric, base: Measure, new: Measure, at_least: float) -> Change:
    before, after = value(metric, base.result), value(metric, new.result)
    why = why_unknown(metric, base, new)
    a, b = base.uncertain.get(metric), new.uncertain.get(metric)
    if why is not None or not before or not after or a is None or b is None:
        ratio = after / before if before and after else None
        why = why or "there are too few requests"
        return Change(metric, before, after, ratio, None, None, "cannot_tell", why)
    estimate, noise = math.log(after / before), difference(a, b)
    reach = half_width(noise)
    verdict, why = decide(estimate, reach, at_least, metric == "rate")
    low, high = math.exp(estimate - reach), math.exp(estimate + reach)
    more = more_data(estimate, noise, at_least) if verdict == "cannot_tell" else None
    return Change(metric, before, after, after / before, low, high, verdict, why, more)


def value(metric: ComparedMetric, result: EndpointResult) -> float | None:
    if result.steady is None:
        return None
    if metric == "rate":
        return result.steady.rate_rps
    if result.steady.latency is None:
        return None
    if metric == "mean":
        return result.steady.latency.mean_s
    return result.steady.latency.percentiles_s.get(PERCENTS[metric])


def why_unknown(metric: ComparedMetric, base: Measure, new: Measure) -> str | None:
    """Why a figure cannot be compared, None if it can."""
    for name, measured in (("BASE", base), ("NEW", new)):
        if measured.why is not None:
            return f"{name}: {measured.why}"
        if measured.uncertain.get(metric) is None:
            if metric in PERCENTS:
                return f"{name}: an interval of {metric} takes {least_requests(metric):,} requests"
            return f"{name}: there are too few requests"
    return None


def difference(a: Uncertainty, b: Uncertainty) -> Uncertainty:
    """Of a difference of two figures, with the degrees of freedom of Welch (1947)."""
    error = math.hypot(a.error, b.error)
    if error == 0:
        return Uncertainty(0.0, a.freedom + b.freedom)
    # Shares first: the fourth power of a small error is no number any more.
    of_a, of_b = (a.error / error) ** 2, (b.error / error) ** 2
    return Uncertainty(error, 1 / (of_a**2 / a.freedom + of_b**2 / b.freedom))


def decide(
    estimate: float, reach: float, at_least: float, higher_is_better: bool
) -> tuple[ChangeVerdict, str | None]:
    """The verdict on a change with an interval of `reach` to each side, both logarithms, and
    why it cannot be told."""
    margin = math.log1p(at_least)
    is_better = (estimate > 0) == higher_is_better
    if abs(estimate) - reach > margin:
        return ("better" if is_better else "worse"), None
    if abs(estimate) + reach <= margin:
        return "no_difference_shown", None
    if abs(estimate) > reach:
        direction = "higher" if estimate > 0 else "lower"
        return "cannot_tell", f"{direction}, but perhaps by less than {100 * at_least:g} %"
    return "cannot_tell", "too noisy"


def more_data(estimate: float, noise: Uncertainty, at_least: float) -> float | None:
    """How many times the data would narrow the interval to one side of the margin, were the
    estimate right; None beyond `OUT_OF_REACH`.

    The error falls with the square root of the data, and Student's t with its freedom.
    """
    to_settle = abs(math.log1p(at_least) - abs(estimate))

    def settles(times: float) -> bool:
        less = Uncertainty(noise.error / math.sqrt(times), noise.freedom * times)
        return half_width(less) <= to_settle

    if not settles(OUT_OF_REACH):
        return None
    low, high = 1.0, OUT_OF_REACH
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if settles(middle) else (middle, high)
    return high
