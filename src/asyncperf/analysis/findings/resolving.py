"""Dependencies as requests resolved them: which for which, in which order, for how long."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from asyncperf.analysis.findings.inside import Inside
from asyncperf.insight import Insight, Records, Site
from asyncperf.probe.places import is_users

# Where FastAPI awaits them, and itself for what each depends on.
SOLVER = ("fastapi/dependencies/utils.py", "solve_dependencies")
# What it awaits for one that yields.
GENERATOR = "solve_generator("
NO_PARENT = -1

# A function among those that were resolved side by side, and which of its calls there it is.
Unit = tuple[int, int]
# A worker, a request, one of its tasks, and the await within which others stand.
Around = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Call:
    """A dependency of one request: its span, the number of its function, and what was resolved
    for it before. One that `yields` is FastAPI's to enter and to leave."""

    span: np.void
    callee: int
    yields: bool
    below: tuple[Call, ...]

    @property
    def own_s(self) -> float:
        return float(self.span["end"] - self.span["start"])


@dataclass(frozen=True, eq=False)
class Level:
    """What was resolved side by side: for the endpoint, or for the dependency that `of` is the
    number of; the calls of each request."""

    of: int | None
    runs: Sequence[dict[Unit, Call]]


def levels(inside: Inside, spans: Records) -> list[Level]:
    """From the endpoint's own dependencies downwards."""
    runs: dict[tuple[Unit, ...], list[dict[Unit, Call]]] = defaultdict(list)
    for calls in _resolved(inside, spans):
        _gather(runs, (), calls)
    return [Level(path[-1][0] if path else None, found) for path, found in sorted(runs.items())]


def _gather(
    runs: dict[tuple[Unit, ...], list[dict[Unit, Call]]],
    path: tuple[Unit, ...],
    calls: Iterable[Call],
) -> None:
    counts: Counter[int] = Counter()
    run = {}
    for call in calls:
        unit = (call.callee, counts[call.callee])
        counts[call.callee] += 1
        run[unit] = call
        if call.below:
            _gather(runs, (*path, unit), call.below)
    if run:
        runs[path].append(run)


def _resolved(inside: Inside, spans: Records) -> Iterator[tuple[Call, ...]]:
    """The endpoint's own dependencies, for each request."""
    sites = inside.insight.sites
    chosen = spans[np.isin(spans["site"], _solving(inside.insight))]
    within: dict[Around, list[np.void]] = defaultdict(list)
    deeper: set[Around] = set()
    for span in chosen[np.argsort(chosen["start"], kind="stable")]:
        parent = NO_PARENT if span["parent"] == span["span"] else int(span["parent"])
        within[_around(span, parent)].append(span)
        if _is_solver(inside.site(int(span["callee"]))):
            deeper.add(_around(span, int(span["span"])))

    def calls(around: Around) -> Iterator[Call]:
        below: tuple[Call, ...] = ()
        for span in within.get(around, ()):
            callee = inside.site(int(span["callee"]))
            if _is_solver(callee):
                below = tuple(calls(_around(span, int(span["span"]))))
                continue
            if callee is not None and is_users(callee.file):
                yields = GENERATOR in (sites[span["site"]].text or "")
                yield Call(span, int(span["callee"]), yields, below)
            below = ()

    for around in [around for around in within if around not in deeper]:
        yield tuple(calls(around))


def _around(span: np.void, parent: int) -> Around:
    return int(span["worker"]), int(span["request"]), int(span["task"]), parent


def _is_solver(site: Site | None) -> bool:
    file, function = SOLVER
    return site is not None and site.function == function and site.file.endswith(file)


def _solving(insight: Insight) -> list[int]:
    """The awaits by which FastAPI resolves dependencies."""
    return [
        number
        for number, site in enumerate(insight.sites)
        if site.text is not None and _is_solver(site)
    ]


def resolved_by(insight: Insight, spans: Records) -> set[Site]:
    """The user's functions that FastAPI awaited as dependencies."""
    called = np.unique(spans["callee"][np.isin(spans["site"], _solving(insight))])
    sites = [insight.sites[number] for number in called if number < len(insight.sites)]
    return {site for site in sites if is_users(site.file)}
