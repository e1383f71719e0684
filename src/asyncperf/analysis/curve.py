"""Rate and latency against load, as arithmetic predicts them: the asymptotic bounds.

Lazowska, Zahorjan, Graham and Sevcik, "Quantitative System Performance", 1984, section 5.2,
with N users, response time R without load, think time Z and a ceiling c / s:

    X(N) <= min(N / (R + Z), c / s)        R(N) >= max(R, N / X - Z)

The asymptotes cross at N* = c / s x (R + Z): with fewer users the users are the limit, with
more the ceiling is. Every real curve lies within them, and touches them where nothing varies.
"""

from asyncperf.judgement import Curve, Predicted
from asyncperf.levels import Level

# Enough for a curve to look smooth at any width of a terminal.
SAMPLES = 101


def predict(curve: Curve, level: Level) -> Predicted:
    """The most throughput and the least mean latency that a level can have."""
    return _at(curve, level.amount, level.rate_rps is not None)


def _at(curve: Curve, amount: float, is_open: bool) -> Predicted:
    offered_rps = amount if is_open else amount / (curve.response_s + curve.think_s)
    ceiling_rps = curve.ceiling_rps
    if ceiling_rps is None or offered_rps <= ceiling_rps:
        return Predicted(offered_rps, curve.response_s)
    if is_open:  # what arrives is more than what leaves
        return Predicted(ceiling_rps, None)
    return Predicted(ceiling_rps, amount / ceiling_rps - curve.think_s)


def sampled(curve: Curve, low: Level, high: Level) -> tuple[tuple[float, Predicted], ...]:
    """The curve at loads from one level to the other, each the same factor from the last."""
    factor = (high.amount / low.amount) ** (1 / (SAMPLES - 1))
    amounts = [low.amount * factor**i for i in range(SAMPLES)]
    is_open = low.rate_rps is not None
    return tuple((amount, _at(curve, amount, is_open)) for amount in amounts)


def crossing(curve: Curve, is_open: bool) -> float | None:
    """The load at which the asymptotes cross, in users or in requests a second."""
    if curve.ceiling_rps is None or is_open:
        return curve.ceiling_rps
    return curve.ceiling_rps * (curve.response_s + curve.think_s)
