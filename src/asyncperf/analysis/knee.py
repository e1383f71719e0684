"""How much load is too much: which level to try next, and what the levels so far say.

Pure decisions on the points that were measured. A level is *kept* if it keeps the budgets; or
without budgets, if a higher level gave clearly more throughput, so that it had not stopped
growing there. Between the highest level that is kept and the lowest above it that is not
lies the knee.

"Clearly more" is by more than `STOPPED` leaves, and by more than the noise of both rates:
their intervals, as `resampling` makes them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from asyncperf.analysis.capacity import EXPLAINED
from asyncperf.analysis.curve import crossing
from asyncperf.judgement import Budget, Curve, KneeStatus, Point
from asyncperf.levels import Level

# Throughput that has come this close to the most there is has stopped growing: as close as a
# limiter's ceiling must be to explain a rate, and for the same reasons.
STOPPED = EXPLAINED
# Noise beyond this hides a knee as well as its absence.
TOO_NOISY = 0.5
# The search is over when the levels on both sides of the knee differ by no more than this.
WIDTH = 0.10
# Halving a factor of 4 down to 10 % takes 4 levels, after as many to grow to the knee.
MAX_LEVELS = 14
# While requests are answered as fast as a single user's, the knee is far; else it is near.
FAR, NEAR = 4.0, 2.0
# Where no limit is known beforehand the first level is small: ten users.
FIRST_USERS = 10
# Two levels on both sides of a guess are this much of that apart, to leave room for rounding.
ROUNDED = 0.9
# A guess this close to a level that was tried would tell nothing new.
APART = 1.02
# An open load's least level, as a share of the first.
LEAST = 1 / 64


@dataclass(frozen=True)
class Search:
    """What is looked for: up to `most` users, or requests a second if `is_open`."""

    is_open: bool
    most: float
    by_budget: bool

    def level(self, amount: float) -> Level:
        if self.is_open:
            return Level(rate_rps=float(f"{min(amount, self.most):.3g}"))
        return Level(users=max(1, min(round(amount), int(self.most))))


@dataclass(frozen=True)
class Bracket:
    """The points on both sides of the knee, None where there is none yet; `unknown` is the
    lowest level above `kept` of which nothing can be told."""

    kept: Point | None
    not_kept: Point | None
    unknown: Point | None


def judged(points: Sequence[Point], by_budget: bool) -> tuple[Point, ...]:
    """The points from the lowest level to the highest, each with whether it is kept."""
    ordered = sorted(points, key=lambda point: point.level.amount)
    if by_budget:
        return tuple(_by_budgets(point) for point in ordered)
    return tuple(_by_growth(point, ordered) for point in ordered)


def _by_budgets(point: Point) -> Point:
    if point.kept is not None or point.why is not None:
        return point
    told = {budget.status for budget in point.budgets}
    if "missed" in told:
        return replace(point, kept=False)
    untold = next((b.why for b in point.budgets if b.status == "cannot_tell"), None)
    return replace(point, kept=None if untold else True, why=untold)


def _by_growth(point: Point, points: Sequence[Point]) -> Point:
    if not _is_known(point):
        return point
    others = [other for other in points if _is_known(other)]
    higher = [other for other in others if _amount(other) > _amount(point)]
    # The highest level tells of itself by having gained nothing over a lower one.
    lower = [other for other in others if STOPPED * _amount(point) > _amount(other)]
    best = max(higher or lower, key=_rate, default=None)
    if best is None:
        return point
    grew = _grew(point, best) if higher else _grew(best, point)
    if not grew and _noise(point, best) > TOO_NOISY:
        return replace(point, why=f"its rate is only known to {_noise(point, best):.0%}")
    if higher:
        return replace(point, kept=grew)
    return point if grew else replace(point, kept=False)


def _is_known(point: Point) -> bool:
    return point.rate_rps is not None and point.why is None


def _rate(point: Point) -> float:
    return point.rate_rps or 0.0


def _grew(before: Point, after: Point) -> bool:
    """Whether the rate is clearly higher at the second of two levels."""
    least = max(1 / STOPPED, 1 + _noise(before, after))
    return _rate(after) > least * _rate(before)


def _noise(a: Point, b: Point) -> float:
    """Half of the interval of the ratio of two rates."""
    halves = []
    for point in (a, b):
        interval = (point.intervals or {}).get("rate")
        if interval is not None and interval[0] > 0:
            halves.append(math.log(interval[1] / interval[0]) / 2)
    return math.expm1(math.hypot(*halves))


def bracket(points: Sequence[Point]) -> Bracket:
    """Where the knee is, of points that have been judged. A level above one that was not kept
    tells nothing, even if by chance it was kept."""
    not_kept = min((p for p in points if p.kept is False), key=_amount, default=None)
    below = [p for p in points if not_kept is None or _amount(p) < _amount(not_kept)]
    kept = max((p for p in below if p.kept), key=_amount, default=None)
    above = [p for p in below if kept is None or _amount(p) > _amount(kept)]
    unknown = min((p for p in above if p.why is not None), key=_amount, default=None)
    return Bracket(kept, not_kept, unknown)


def _amount(point: Point) -> float:
    return point.level.amount


def next_level(
    search: Search, points: Sequence[Point], curve: Curve, budgets: Sequence[Budget] = ()
) -> Level | None:
    """The next level to try, None when the knee is known well enough, or cannot be.

    `points` have been judged. First one level below the crossing of the asymptotes; then
    higher levels until one is not kept, or lower ones until one is; then between the two,
    where the asymptotes or the budget's own figures say that the knee is, else in the middle
    of the two on a logarithmic scale.
    """
    found = bracket(points)
    if len(points) >= MAX_LEVELS or found.unknown is not None:
        return None
    if not points:
        return search.level(first_amount(search, curve))
    if found.not_kept is None:
        return _higher(search, points[-1], curve)
    if found.kept is None:
        return _lower(search, points, curve)
    return _between(search, found.kept, found.not_kept, points, curve)


def first_amount(search: Search, curve: Curve) -> float:
    """Half of the load at which the asymptotes cross; where that is not known, what ten
    users are, or ask for."""
    crosses = crossing(curve, search.is_open)
    if crosses is not None:
        return crosses / 2
    return FIRST_USERS / (curve.response_s + curve.think_s) if search.is_open else FIRST_USERS


def _higher(search: Search, top: Point, curve: Curve) -> Level | None:
    factor = FAR if _is_as_alone(top, curve) and crossing(curve, search.is_open) is None else NEAR
    level = search.level(top.level.amount * factor)
    return level if level.amount > top.level.amount else None


def _is_as_alone(point: Point, curve: Curve) -> bool:
    """Whether a level has as much throughput as its users, or its arrivals, can have."""
    unlimited = point.level.rate_rps or point.level.amount / (curve.response_s + curve.think_s)
    return (point.rate_rps or 0.0) >= EXPLAINED * unlimited


def _lower(search: Search, points: Sequence[Point], curve: Curve) -> Level | None:
    low = points[0].level.amount
    least = LEAST * first_amount(search, curve) if search.is_open else 1.0
    level = search.level(low / NEAR)
    return level if least <= level.amount < low else None


def _between(
    search: Search, kept: Point, not_kept: Point, points: Sequence[Point], curve: Curve
) -> Level | None:
    low, high = kept.level.amount, not_kept.level.amount
    if high <= (1 + WIDTH) * low or (not search.is_open and high - low <= 1):
        return None
    middle = math.sqrt(low * high)
    knee = budget_knee(kept, not_kept) if search.by_budget else growth_knee(search, points, curve)
    if knee is None:
        return search.level(middle)
    # A level on each side of the guess, so that two of them settle it if it is right.
    aside = math.sqrt(1 + ROUNDED * WIDTH)
    for guess in (knee / aside, knee * aside):
        level = search.level(guess)
        if APART * low < level.amount < high / APART:
            return level
    return search.level(middle)


def growth_knee(search: Search, points: Sequence[Point], curve: Curve) -> float:
    """Where the rate would be as close to the most that was measured as to have stopped
    growing, if it grew with the load until then."""
    most_rps = max(point.rate_rps or 0.0 for point in points)
    measured = replace(curve, ceiling_rps=most_rps, ceiling_from="measured")
    return STOPPED * (crossing(measured, search.is_open) or most_rps)


def budget_knee(kept: Point, not_kept: Point) -> float | None:
    """Where the first budget meets its limit, if its figure were a power of the load in
    between; None where one of the two figures is not known."""
    found = []
    for below, above in zip(kept.budgets, not_kept.budgets, strict=False):
        a, b, limit = below.actual, above.actual, below.budget.limit
        if above.status != "missed" or not a or not b or not a < limit < b:
            continue
        share = math.log(limit / a) / math.log(b / a)
        low, high = kept.level.amount, not_kept.level.amount
        found.append(low * (high / low) ** share)
    return min(found, default=None)


def verdict(search: Search, points: Sequence[Point]) -> tuple[KneeStatus, Bracket, str | None]:
    """What the points say of the knee: the status, where it lies, and why not more exactly."""
    found = bracket(points)
    if found.kept and found.not_kept is None:
        # Nothing is known beyond the highest level of which anything is; up to it, load was
        # not too much.
        found = replace(found, kept=max(filter(_is_known, points), key=_amount))
    why = f"at {spoken(found.unknown.level)}: {found.unknown.why}" if found.unknown else None
    if found.kept and found.not_kept:
        return "found", found, why
    if found.kept:
        reached = _amount(found.kept) >= search.level(search.most).amount
        if why is None and not reached:
            why = "the search ended before a level that was too much"
        return "at_least", replace(found, not_kept=None), why
    if found.not_kept and not found.unknown:
        return "below", found, None
    return "cannot_tell", found, why or "too few levels were measured"


def expected_levels(points: Sequence[Point]) -> int:
    """How many more levels it will probably take, to say how long the rest will."""
    found = bracket(points)
    if found.kept and found.not_kept:
        ratio = found.not_kept.level.amount / found.kept.level.amount
        halvings = math.log(ratio) / math.log(1 + WIDTH)
        return min(MAX_LEVELS - len(points), max(0, math.ceil(math.log2(max(halvings, 1.0)))))
    return max(1, TYPICAL_LEVELS - len(points))


# From arithmetic's first level to a knee known to 10 %, on the experiment's endpoints.
TYPICAL_LEVELS = 6


def spoken(level: Level) -> str:
    """`80 users`, `200 requests a second`."""
    if level.rate_rps is not None:
        return f"{level.rate_rps:,g} requests a second"
    return f"{level.users:,} user{'' if level.users == 1 else 's'}"
