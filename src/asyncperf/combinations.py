"""Which settings go together: refused where they do not, settled where one says another.

Each function raises `UsageError` with what to leave out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from asyncperf.errors import UsageError
from asyncperf.levels import SEARCH_RAMP_S
from asyncperf.load.schedule import spans
from asyncperf.settings import SETTINGS, as_flag

# How far a search goes by itself: more users than two workers of any app can serve quickly.
SEARCH_USERS = 5_000
# What else would say how much load there is, or for how long.
STAGES_SAY = {
    "users": "how many users there are",
    "rate": "at which rates requests arrive (50/s:10s)",
    "run_time": "how long they last",
}

NATIVE_ONLY = (
    *("stages", "find_limit", "load_processes", "think_time", "rate", "arrivals"),
    *("keepalive", "header"),
    *("connect_timeout", "response_timeout", "ca_file"),
)
OF_A_MASTER = ("expect_workers_max_wait", "master_bind_host", "master_bind_port")
LOCUST_ONLY = ("processes", "expect_workers", *OF_A_MASTER)


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


def settle_arrivals(
    values: dict[str, Any], ranks: Mapping[str, int], flags: Mapping[str, object]
) -> None:
    """Let the users or the rate say how much load there is, whichever was set by the stronger
    source. Raises `UsageError` where one source sets both, or where `--arrivals` says how
    requests arrive that only a user's turn brings."""
    if values["rate"] is not None and not values["stages"] and "users" in ranks:
        if ranks["users"] == ranks["rate"]:
            raise UsageError(
                "--users is for a closed load, and --rate makes it open", "Leave out one of them."
            )
        if ranks["users"] > ranks["rate"]:
            values["rate"] = None
    if values["rate"] is None and "arrivals" in flags:
        raise UsageError(
            "--arrivals is for an open load",
            "Say how many requests arrive each second: --rate N, or --stages 50/s:10s,200/s:30s",
        )


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
    if "users" not in ranks:
        values["users"] = SEARCH_USERS
    limit = "run_time" if values["run_time"] is not None else "max_time"
    ramp_s = min(SEARCH_RAMP_S, values["users"] / values["spawn_rate"])
    if values["rate"] is None and values[limit] <= ramp_s:
        raise UsageError(
            f"each level takes up to {ramp_s:g} s to start its users, and ends after "
            f"{values[limit]:g} s ({as_flag(limit)})",
            f"Start them faster with -r, or load for longer with {as_flag(limit)}.",
        )


def check_load(values: dict[str, Any]) -> None:
    """Settle the engine, and refuse settings of the load that do not go together."""
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
