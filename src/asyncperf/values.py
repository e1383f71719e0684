"""What a setting's text means: parsers from what a person wrote to a value.

Each raises ValueError that says what would be accepted, to follow the setting's name.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asyncperf.analysis.budget import parse_budget
from asyncperf.judgement import Budget
from asyncperf.levels import Level, Stage

# Bounds beyond which a value is a slip of the finger, not a measurement.
MAX_USERS = 1_000_000
MAX_RATE = 1_000_000.0
MAX_TIME_S = 7 * 86400.0
MAX_WORKERS = 1024
MAX_PORT = 65535
MAX_REPEAT = 1000

# What RFC 9110 allows in a field's name.
HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "": 1.0}


@dataclass(frozen=True)
class ThinkTime:
    """How long a user waits between an answer and the next request."""

    mean_s: float
    kind: Literal["fixed", "exponential"]


def whole_number(low: int, high: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d+", str(value)):
            raise ValueError(f"must be a whole number from {low:,} to {high:,}")
        number = int(str(value))
        if not low <= number <= high:
            raise ValueError(f"must be a whole number from {low:,} to {high:,}")
        return number

    return parse


# How many users there can be.
USERS = whole_number(1, MAX_USERS)


def rate(value: object) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        number = math.nan
    if not 0 < number <= MAX_RATE:
        raise ValueError(f"must be a number above 0, at most {MAX_RATE:,.0f}")
    return number


def duration(value: object) -> float:
    """Seconds, from `300`, `90s`, `5m`, `1h30m` or `500ms`."""
    text = str(value).strip().lower()
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s|)", text)
    if isinstance(value, bool) or not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError("must be a time such as 90, 90s, 5m or 1h30m")
    seconds = sum(float(number) * UNITS_S[unit] for number, unit in parts)
    if not 0 < seconds <= MAX_TIME_S:
        raise ValueError("must be a time above 0, at most 7 days")
    return seconds


def texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ValueError("must be a text or a list of texts")


def budgets(value: object) -> tuple[Budget, ...]:
    return tuple(map(parse_budget, texts(value)))


def text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    return value


def host(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9._:%*-]+", value):
        raise ValueError("must be an address or a name such as 192.168.0.10")
    return value


def path(value: object) -> Path:
    return Path(text(value))


def think_time(value: object) -> ThinkTime:
    """`2s`, or `exponential:2s` for random times of that mean."""
    kind, separator, length = str(value).rpartition(":")
    if (separator and kind != "exponential") or isinstance(value, bool):
        raise ValueError("must be a time such as 2s, or exponential:2s")
    return ThinkTime(duration(length), "exponential" if kind else "fixed")


def stages(value: object) -> tuple[Stage, ...]:
    """Levels with their times: `100:10s,500:30s` for users, `50/s:10s,200/s:30s` for rates."""
    says = "must be levels with times such as 100:10s,500:30s, or for rates 50/s:10s,200/s:1m"
    parts = value.split(",") if isinstance(value, str) else texts(value)
    found = []
    for part in parts:
        amount, separator, hold = part.strip().rpartition(":")
        users, slash, unit = amount.partition("/")
        try:
            if not separator or (slash and unit != "s"):
                raise ValueError
            level = Level(rate_rps=rate(users)) if slash else Level(users=USERS(users))
            found.append(Stage(level, duration(hold)))
        except ValueError:
            raise ValueError(says) from None
    if len({stage.level.rate_rps is None for stage in found}) > 1:
        raise ValueError("must be all of users (100:10s) or all of rates (50/s:10s)")
    return tuple(found)


def yes_or_no(value: object) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    answer = words.get(str(value).lower())
    if answer is None:
        raise ValueError("must be true or false")
    return answer


def headers(value: object) -> tuple[tuple[str, str], ...]:
    """Header lines, such as `Authorization: Bearer x`."""
    fields = []
    for line in texts(value):
        name, colon, content = line.partition(":")
        if not colon or not re.fullmatch(HEADER_NAME, name) or set(content) & set("\r\n\0"):
            raise ValueError("must be a header such as 'Accept: text/html'")
        fields.append((name, content.strip()))
    return tuple(fields)


def one_of(choices: Sequence[str]) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return parse
