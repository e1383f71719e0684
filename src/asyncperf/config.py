"""Settings: defaults < [tool.asyncperf] in pyproject.toml < environment < flags.

Every source goes through the same parsers, so a bad value is refused with the same
message wherever it was written, and the message says where.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from asyncperf.analysis.budget import BudgetError
from asyncperf.analysis.comparison import AT_LEAST
from asyncperf.combinations import (
    check_distribution,
    check_load,
    check_target,
    settle_arrivals,
    settle_search,
    settle_stages,
)
from asyncperf.errors import UsageError
from asyncperf.judgement import Budget
from asyncperf.levels import Stage
from asyncperf.load.distribution import MASTER_PORT
from asyncperf.pyproject import ENV, PYPROJECT, SCAN, TABLES, by_name, ours, read_pyproject
from asyncperf.settings import SETTINGS, as_flag, field_name, in_environment, in_pyproject
from asyncperf.values import MAX_PORT, ThinkTime, host, whole_number

COMPARE_FAIL_ON = ("worse", "cannot-tell", "never")


@dataclass(frozen=True)
class Settings:
    """What `asyncperf run` was asked to do; times in seconds.

    `env` is the app's whole environment, `env_names` what of it was set for this project;
    `load_env` is that of the load's processes, which is our own.
    """

    app: str | None
    users: int
    spawn_rate: float
    run_time_s: float | None
    max_time_s: float
    timeout_s: float
    workers: int
    port: int | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    locustfile: Path | None
    user_class: tuple[str, ...]
    engine: str
    load_processes: int | None
    processes: int | None
    expect_workers: int | None
    expect_workers_max_wait_s: float
    master_bind_host: str
    master_bind_port: int
    think_time: ThinkTime
    rate: float | None
    stages: tuple[Stage, ...]
    find_limit: bool
    arrivals: Literal["constant", "poisson"]
    keepalive: bool
    header: tuple[tuple[str, str], ...]
    connect_timeout_s: float
    response_timeout_s: float | None
    ca_file: Path | None
    openapi: str | None
    endpoint: tuple[str, ...]
    requests: Path | None
    allow_writes: bool
    allow_remote: bool
    mix: bool
    gc: Literal["default", "tuned"]
    probe: bool
    fail_on: str
    repeat: int
    budget: tuple[Budget, ...]
    env: Mapping[str, str]
    load_env: Mapping[str, str]
    env_names: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class CompareSettings:
    """What `asyncperf compare` was asked to do; `at_least` is a share, 0.03 for 3 %."""

    at_least: float
    fail_on: str


def compare_settings(at_least: str | None, fail_on: str | None) -> CompareSettings:
    """From the flags alone. Raises `UsageError`."""
    if fail_on is not None and fail_on not in COMPARE_FAIL_ON:
        raise UsageError(f"--fail-on must be one of {', '.join(COMPARE_FAIL_ON)}, not {fail_on!r}")
    share = AT_LEAST if at_least is None else percentage(at_least)
    return CompareSettings(share, fail_on or "never")


def percentage(value: str) -> float:
    """A share from `3%`; the sign is asked for, because 0.03 and 3 could both be meant."""
    figure = re.fullmatch(r"(\d{1,2}(?:\.\d+)?)\s*%", value.strip(), re.ASCII)
    if figure is None:
        raise UsageError(f"--at-least must be a percentage below 100, such as 3%, not {value!r}")
    return float(figure[1]) / 100


def load_settings(
    flags: Mapping[str, object],
    set_env: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    pyproject: Path = PYPROJECT,
    command: Sequence[str] = (),
) -> Settings:
    """Merge all sources. `flags` holds only what was given; `set_env` are `KEY=VALUE`,
    `command` is what stood after `--`.

    Raises `UsageError` naming the value, where it stands, and what would be accepted.
    """
    table = by_name(read_pyproject(pyproject), (*SETTINGS, *TABLES), ours(pyproject))
    env_table = table.pop(ENV, {})
    table.pop(SCAN, None)  # of another command
    sources: tuple[tuple[Mapping[str, object], Callable[[str], str]], ...] = (
        (table, in_pyproject),
        (from_environment(environment), in_environment),
        (flags, as_flag),
    )
    values: dict[str, Any] = {name: setting.default for name, setting in SETTINGS.items()}
    ranks: dict[str, int] = {}
    for rank, (source, where) in enumerate(sources):
        for name, value in source.items():
            values[name] = parsed(name, value, where(name))
            ranks[name] = rank
    settle_stages(values, ranks)
    settle_arrivals(values, ranks, flags)
    if values["find_limit"]:
        settle_search(values, ranks)
    check_load(values)
    check_distribution(values)
    check_target(values, flags, command)
    return Settings(
        command=tuple(command),
        **{field_name(name): value for name, value in values.items()},
        env=target_environment(env_table, environment, set_env),
        load_env=environment,
        env_names=(*env_table, *(pair.partition("=")[0] for pair in set_env)),
    )


def master_address(master_host: str, master_port: str | None) -> tuple[str, int]:
    """Where `asyncperf worker` finds its master. Raises `UsageError`."""
    try:
        address = host(master_host)
    except ValueError as error:
        raise UsageError(f"--master-host {error}, not {master_host!r}") from None
    if master_port is None:
        return address, MASTER_PORT
    try:
        return address, whole_number(1, MAX_PORT)(master_port)
    except ValueError as error:
        raise UsageError(f"--master-port {error}, not {master_port!r}") from None


def parsed(name: str, value: object, where: str) -> Any:
    try:
        return SETTINGS[name].parse(value)
    except BudgetError as error:
        raise UsageError(f"{where}: {error}") from None
    except ValueError as error:
        raise UsageError(f"{where} {error}, not {value!r}") from None


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Settings such as `ASYNCPERF_USERS`; an empty variable says nothing."""
    values = ((name, environment.get(in_environment(name))) for name in SETTINGS)
    return {name: value for name, value in values if value}


def target_environment(
    table: object, environment: Mapping[str, str], set_env: Sequence[str]
) -> dict[str, str]:
    """What the app runs with: pyproject's `env` table, the environment over it, and `--env`."""
    if not isinstance(table, dict) or not all(
        isinstance(value, str | int | float) and not isinstance(value, bool)
        for value in table.values()
    ):
        raise UsageError(f"[tool.asyncperf.env] must map names to texts or numbers, not {table!r}")
    env = {key: str(value) for key, value in table.items()} | dict(environment)
    for pair in set_env:
        key, separator, value = pair.partition("=")
        if not key or not separator:
            raise UsageError(f"--env must be NAME=VALUE, not {pair!r}")
        env[key] = value
    return env
