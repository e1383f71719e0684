"""Figures for people: four significant digits, at most three decimals.

Times are given in seconds and printed in ms below a second. Unknown (None, NaN,
infinite) is printed as `-`.
"""

import math
from collections.abc import Sequence
from typing import TypeGuard

UNKNOWN = "-"
# Keeps a figure and its unit on one line; layout.py turns it into a space.
TIE = "\u00a0"


def known(value: float | None) -> TypeGuard[float]:
    """True for a finite figure."""
    return value is not None and math.isfinite(value)


def number(value: float | None) -> str:
    if not known(value):
        return UNKNOWN
    if value < 0:
        return "-" + number(-value)
    if value == 0:
        return "0"
    if value < 0.0005:
        return "<0.001"
    if value >= 1e12:
        return f"{value:.3g}"
    return f"{value:,.{_decimals(value)}f}"


def _decimals(value: float) -> int:
    for limit, decimals in ((9.9995, 3), (99.995, 2), (999.95, 1)):
        if value < limit:
            return decimals
    return 0


def count(value: int) -> str:
    return f"{value:,}" if abs(value) < 10**12 else f"{value:.3g}"


def seconds(value_s: float | None) -> str:
    """A time in seconds, as ms below one second."""
    if not known(value_s):
        return UNKNOWN
    if value_s == 0:
        return f"0{TIE}s"
    if abs(value_s) < 0.99995:
        return number(value_s * 1000) + TIE + "ms"
    return number(value_s) + TIE + "s"


def percent(share: float | None, decimals: int = 1) -> str:
    if not known(share):
        return UNKNOWN
    value = 100 * share
    figure = f"{value:,.{decimals}f}" if abs(value) < 1e6 else number(value)
    return figure + TIE + "%"


def plural(value: int, noun: str) -> str:
    return f"{count(value)}{TIE}{noun}{'' if value == 1 else 's'}"


def span(low: str, high: str) -> str:
    """`1 to 2`, or `1` where both are printed alike."""
    return low if low == high else f"{low} to {high}"


def in_words(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
