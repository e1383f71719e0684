"""Figures inside the sentences of a finding."""

from collections.abc import Mapping


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def spoken(time_s: float) -> str:
    if 0 < time_s < 0.0001:
        return f"{time_s * 1e6:.3g} us"
    return f"{time_s:.2f} s" if time_s >= 1 else f"{time_s * 1000:.3g} ms"


def times(count: float) -> str:
    return "once" if f"{count:.3g}" == "1" else f"{count:.3g} times"


def rate(rate_rps: float, unit: str = " req/s") -> str:
    return f"{rate_rps:,.3g}{unit}" if rate_rps < 1000 else f"{rate_rps:,.0f}{unit}"


def share(part: float) -> str:
    return f"{part:.0%}" if part >= 0.01 else f"{part:.1%}"


def in_words(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def damage_said(suffers: Mapping[str, float]) -> str:
    """Collateral damage, the worst first."""
    worst = sorted(suffers.items(), key=lambda item: -item[1])
    named = [f"{label} waits {spoken(time_s)} a request for it" for label, time_s in worst[:3]]
    if len(worst) > len(named):
        named.append(f"{len(worst) - len(named)} more endpoints wait as well")
    return f" {'; '.join(named)}." if named else ""
