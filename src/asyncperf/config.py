"""Settings: defaults < [tool.asyncperf] in pyproject.toml < environment < flags.

Every source goes through the same parsers, so a bad value is refused with the same
message wherever it was written, and the message says where.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from asyncperf.analysis.budget import BudgetError
from asyncperf.analysis.comparison import AT_LEAST
from asyncperf.errors import UsageError
from asyncperf.judgement import Budget
from asyncperf.levels import SEARCH_RAMP_S, Stage
from asyncperf.load.distribution import LOOPBACK, MASTER_PORT
from asyncperf.load.schedule import spans
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
COMPARE_FAIL_ON = ("worse", "cannot-tell", "never")


@dataclass(frozen=True)
class Settings:
    """What `asyncperf run` was asked to do; times in seconds.

    `env` is the app's whole environment, `env_names` what of it was set for this project.
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
    fail_on: str
    repeat: int
    budget: tuple[Budget, ...]
    env: Mapping[str, str]
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
    "fail_on": Setting(one_of(FAIL_ON), "never"),
    "repeat": Setting(whole_number(1, MAX_REPEAT), 1),
    "budget": Setting(budgets, ()),
}

# How far a search goes by itself: more users than two workers of any app can serve quickly.
SEARCH_USERS = 5_000

# What else would say how much load there is, or for how long.
STAGES_SAY = {
    "users": "how many users there are",
    "rate": "at which rates requests arrive (50/s:10s)",
    "run_time": "how long they last",
}

NATIVE_ONLY = (
    *("load_processes", "think_time", "rate", "arrivals", "stages", "find_limit"),
    *("keepalive", "header"),
    *("connect_timeout", "response_timeout", "ca_file"),
)
OF_A_MASTER = ("expect_workers_max_wait", "master_bind_host", "master_bind_port")
LOCUST_ONLY = ("processes", "expect_workers", *OF_A_MASTER)


def load_settings(
    flags: Mapping[str, object],
    set_env: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    pyproject: Path = Path("pyproject.toml"),
    command: Sequence[str] = (),
) -> Settings:
    """Merge all sources. `flags` holds only what was given; `set_env` are `KEY=VALUE`,
    `command` is what stood after `--`.

    Raises `UsageError` naming the value, where it stands, and what would be accepted.
    """
    table = read_pyproject(pyproject)
    env_table = table.pop("env", {})
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
    if values["find_limit"]:
        settle_search(values, ranks)
    if values["user_class"] and values["locustfile"] is None:
        raise UsageError(
            f"--user-class {values['user_class'][0]} needs a locustfile",
            "Name the file that defines it: -f locustfile.py",
        )
    ramp_s = values["users"] / values["spawn_rate"]
    limit = "run_time" if values["run_time"] is not None else "max_time"
    if values["rate"] is None and not values["find_limit"] and ramp_s >= values[limit]:
        raise UsageError(
            f"{values['users']} users at {values['spawn_rate']:g}/s take {ramp_s:g} s to start, "
            f"and the load ends after {values[limit]:g} s (--{limit.replace('_', '-')})",
            "Start them faster with -r, or load for longer with -t.",
        )
    if values["engine"] is None:
        values["engine"] = "locust" if values["locustfile"] else "native"
    if values["locustfile"] and values["engine"] == "native":
        raise UsageError(
            "the native engine cannot run a locustfile",
            "Use --engine locust with it, or leave out -f.",
        )
    if values["engine"] == "locust":
        for name in NATIVE_ONLY:
            if values[name] != SETTINGS[name].default:
                raise UsageError(
                    f"{as_flag(name)} is for the native engine",
                    "Leave it out, or use --engine native.",
                )
    if values["rate"] is not None and values["think_time"].mean_s:
        raise UsageError(
            "--think-time is for a closed load, and --rate makes it open", "Leave out one of them."
        )
    if values["locustfile"] and (values["include"] or values["exclude"]):
        raise UsageError(
            "a locustfile decides itself what is requested; --include and --exclude do not apply",
            "Choose among its users with --user-class, or leave out -f.",
        )
    check_distribution(values)
    check_target(values, flags, command)
    return Settings(
        command=tuple(command),
        **{field_name(name): value for name, value in values.items()},
        env=target_environment(env_table, environment, set_env),
        env_names=(*env_table, *(pair.partition("=")[0] for pair in set_env)),
    )


def check_distribution(values: Mapping[str, Any]) -> None:
    """Raise `UsageError` for settings of a distributed load that do not go together."""
    given = [name for name in LOCUST_ONLY if values[name] != SETTINGS[name].default]
    if given and values["engine"] == "native":
        raise UsageError(
            f"{as_flag(given[0])} is for the Locust engine",
            "Use it with --engine locust. The native engine's own is --load-processes.",
        )
    if values["processes"] is not None and values["expect_workers"] is not None:
        raise UsageError(
            "--processes starts workers here, and --expect-workers waits for others",
            "Leave out one of them; this machine can run `asyncperf worker` as well.",
        )
    if values["expect_workers"] is None and (of_a_master := set(given) & set(OF_A_MASTER)):
        raise UsageError(
            f"{as_flag(min(of_a_master))} needs workers that connect",
            "Say how many: --expect-workers N",
        )


def settle_stages(values: dict[str, Any], ranks: Mapping[str, int]) -> None:
    """Let the stages say how much load there is and for how long, if they were set by a
    stronger source than what says so otherwise. `ranks` are of what was set.

    Raises `UsageError` where one source says both.
    """
    for name, says in STAGES_SAY.items():
        if not values["stages"] or name not in ranks:
            continue
        if ranks[name] == ranks["stages"]:
            raise UsageError(
                f"{as_flag(name)} does not go with --stages, which say {says} themselves",
                "Leave out one of them.",
            )
        if ranks[name] > ranks["stages"]:
            values["stages"] = ()
        else:
            values[name] = SETTINGS[name].default
    if not values["stages"]:
        return
    levels = [stage.level for stage in values["stages"]]
    values["rate"] = levels[-1].rate_rps
    values["users"] = max((level.users for level in levels if level.users), default=values["users"])
    values["run_time"] = spans(values["stages"], values["spawn_rate"])[-1].ends_s


def settle_search(values: dict[str, Any], ranks: Mapping[str, int]) -> None:
    """What goes with a search for the limit, and how far it goes where nobody says. Raises
    `UsageError`."""
    if values["stages"]:
        raise UsageError(
            "--find-limit chooses its levels itself, and --stages name them",
            "Leave out one of them.",
        )
    if values["repeat"] > 1:
        raise UsageError(
            "--find-limit loads each level once; --repeat does not apply",
            "Leave out one of them. -t loads each level for longer.",
        )
    for budget in values["budget"]:
        if not budget.is_upper:
            raise UsageError(
                f"--find-limit cannot go by the budget {budget.text!r}: more load gives more of it",
                "Give a limit on a latency or on errors, such as --budget 'p95<500ms'.",
            )
    if values["run_time"] is not None and values["run_time"] <= SEARCH_RAMP_S:
        raise UsageError(
            f"each level takes up to {SEARCH_RAMP_S:g} s to start its users, and ends after "
            f"{values['run_time']:g} s (--run-time)",
            "Load for longer with -t, or leave it out.",
        )
    if "users" not in ranks:
        values["users"] = SEARCH_USERS


def check_target(
    values: Mapping[str, Any], flags: Mapping[str, object], command: Sequence[str]
) -> None:
    """Raise `UsageError` for settings of the target and its requests that do not go together."""
    if command and "app" in flags:
        raise UsageError(
            f"both an app ({flags['app']}) and a command ({command[0]}) are named",
            "Name one: asyncperf run APP, or asyncperf run -- COMMAND ...",
        )
    served_elsewhere = command or "://" in str(values["app"] or "")
    if served_elsewhere and "workers" in flags:
        raise UsageError(
            "--workers is for a server that asyncperf starts itself",
            "Give the server's own command its number of workers."
            if command
            else "Leave it out: that server's workers are started by whoever runs it.",
        )
    if "://" in str(values["app"] or "") and not command and values["gc"] == "tuned":
        raise UsageError(
            "--gc tuned is for a server that asyncperf starts itself",
            "Leave it out, or give the server's command: asyncperf run --gc tuned -- COMMAND ...",
        )
    if values["locustfile"]:
        for name in ("endpoint", "requests", "mix"):
            if values[name]:
                raise UsageError(
                    "a locustfile decides itself what is requested; "
                    f"{as_flag(name)} does not apply",
                    "Leave out one of the two.",
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


def field_name(name: str) -> str:
    return f"{name}_s" if SETTINGS[name].parse is duration else name


def in_pyproject(name: str) -> str:
    return f"[tool.asyncperf] {name}"


def in_environment(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.upper()


def as_flag(name: str) -> str:
    return "APP" if name == "app" else "--" + name.replace("_", "-")


def parsed(name: str, value: object, where: str) -> Any:
    try:
        return SETTINGS[name].parse(value)
    except BudgetError as error:
        raise UsageError(f"{where}: {error}") from None
    except ValueError as error:
        raise UsageError(f"{where} {error}, not {value!r}") from None


def read_pyproject(file: Path) -> dict[str, Any]:
    """The [tool.asyncperf] table, keys with underscores; empty if there is none."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {file}: {error}", "Mend the file, then try again.") from None
    tools = content.get("tool", {})
    table = tools.get("asyncperf", {}) if isinstance(tools, dict) else tools
    if not isinstance(table, dict):
        raise UsageError(f"{file}: [tool.asyncperf] must be a table, not {table!r}")
    known = (*SETTINGS, "env")
    result = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}"
            raise UsageError(f"{file}: [tool.asyncperf] has no setting {key!r}", hint)
        result[name] = value
    return result


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
