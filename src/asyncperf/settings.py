"""The settings by name: how each is read, what it is by default, and what it is called where.

A new setting takes its place here, in `config.Settings`, and among the `flags`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from asyncperf.load.distribution import LOOPBACK, MASTER_PORT
from asyncperf.values import (
    MAX_PORT,
    MAX_REPEAT,
    MAX_WORKERS,
    USERS,
    ThinkTime,
    budgets,
    duration,
    headers,
    host,
    one_of,
    path,
    rate,
    stages,
    text,
    texts,
    think_time,
    whole_number,
    yes_or_no,
)

ENVIRONMENT_PREFIX = "ASYNCPERF_"

ENGINES = ("native", "locust")
ARRIVALS = ("constant", "poisson")
GC = ("default", "tuned")
FAIL_ON = ("error", "warning", "never")


@dataclass(frozen=True)
class Setting:
    """How one setting is read, and what it is when nobody says."""

    parse: Callable[[object], Any]
    default: object


SETTINGS: Mapping[str, Setting] = {
    "app": Setting(text, None),
    "users": Setting(USERS, 500),
    "spawn_rate": Setting(rate, 50.0),
    "run_time": Setting(duration, None),
    "max_time": Setting(duration, 600.0),
    "timeout": Setting(duration, 60.0),
    "workers": Setting(whole_number(1, MAX_WORKERS), 2),
    "port": Setting(whole_number(1, MAX_PORT), None),
    "include": Setting(texts, ()),
    "exclude": Setting(texts, ()),
    "locustfile": Setting(path, None),
    "user_class": Setting(texts, ()),
    "engine": Setting(one_of(ENGINES), None),
    "load_processes": Setting(whole_number(1, MAX_WORKERS), None),
    "processes": Setting(whole_number(1, MAX_WORKERS), None),
    "expect_workers": Setting(whole_number(1, MAX_WORKERS), None),
    "expect_workers_max_wait": Setting(duration, 60.0),
    "master_bind_host": Setting(host, LOOPBACK),
    "master_bind_port": Setting(whole_number(1, MAX_PORT), MASTER_PORT),
    "think_time": Setting(think_time, ThinkTime(0.0, "fixed")),
    "rate": Setting(rate, None),
    "arrivals": Setting(one_of(ARRIVALS), "constant"),
    "stages": Setting(stages, ()),
    "find_limit": Setting(yes_or_no, False),
    "keepalive": Setting(yes_or_no, True),
    "header": Setting(headers, ()),
    "connect_timeout": Setting(duration, 30.0),
    "response_timeout": Setting(duration, None),
    "ca_file": Setting(path, None),
    "openapi": Setting(text, None),
    "endpoint": Setting(texts, ()),
    "requests": Setting(path, None),
    "allow_writes": Setting(yes_or_no, False),
    "allow_remote": Setting(yes_or_no, False),
    "mix": Setting(yes_or_no, False),
    "gc": Setting(one_of(GC), "default"),
    "probe": Setting(yes_or_no, True),
    "fail_on": Setting(one_of(FAIL_ON), "never"),
    "repeat": Setting(whole_number(1, MAX_REPEAT), 1),
    "budget": Setting(budgets, ()),
}


def field_name(name: str) -> str:
    return f"{name}_s" if SETTINGS[name].parse is duration else name


def in_pyproject(name: str) -> str:
    return f"[tool.asyncperf] {name}"


def in_environment(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.upper()


def as_flag(name: str) -> str:
    return "APP" if name == "app" else "--" + name.replace("_", "-")
