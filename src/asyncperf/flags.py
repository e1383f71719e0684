"""The flags of the commands, as Typer reads them: a letter, a name, and the help.

What a flag's text means is for `config` to say. A default in the help stands in brackets.
"""

from pathlib import Path
from typing import Annotated

import typer

# Of several commands

JsonFile = Annotated[
    str | None, typer.Option("--json", metavar="FILE|-", help="Write the result as JSON.")
]
CsvPrefix = Annotated[
    str | None,
    typer.Option("--csv", metavar="PREFIX", help="Write PREFIX_stats.csv, with Locust's columns."),
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace what the named files and folders hold.")
]
FailOn = Annotated[
    str | None,
    typer.Option(metavar="LEVEL", help="Exit with 1 at findings: error, warning, never (default)."),
]
Budget = Annotated[
    list[str] | None,
    typer.Option(
        metavar="BUDGET",
        help="Exit with 1 unless it is kept: 'p95<500ms', 'errors<1%', 'rate>200', for some "
        "endpoints 'GET /items*: p99<1s'. Repeatable, or several after one.",
    ),
]


Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="No progress, and no report on standard output.")
]

# Of `run`

Target = Annotated[
    str | None,
    typer.Argument(
        metavar="[APP | URL | -- COMMAND ...]",
        help="FILE.py or MODULE:APP to serve (without it the app is found as `fastapi run` "
        "finds it), the URL of a server that runs, or the command that starts one.",
    ),
]
Users = Annotated[
    str | None, typer.Option("-u", "--users", metavar="N", help="Concurrent users (500).")
]
SpawnRate = Annotated[
    str | None,
    typer.Option("-r", "--spawn-rate", metavar="N", help="Users started per second (50)."),
]
RunTime = Annotated[
    str | None,
    typer.Option(
        "-t",
        "--run-time",
        metavar="TIME",
        help="How long each endpoint is loaded, ramp included: 90s, 5m, 1h30m. "
        "Without it, until the steady state holds enough to quote.",
    ),
]
MaxTime = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="The most an endpoint is loaded without -t (10m)."),
]
Timeout = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="How long one request may take without load (60s)."),
]
Workers = Annotated[
    str | None, typer.Option("-w", "--workers", metavar="N", help="Server processes (2).")
]
Port = Annotated[
    str | None, typer.Option(metavar="PORT", help="The server's loopback port (a free one).")
]
Include = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Load only paths that match. Repeatable."),
]
Exclude = Annotated[
    list[str] | None, typer.Option(metavar="GLOB", help="Leave out these paths. Repeatable.")
]
Locustfile = Annotated[
    str | None,
    typer.Option(
        "-f", "--locustfile", metavar="FILE", help="Load with this file's user classes instead."
    ),
]
UserClass = Annotated[
    list[str] | None,
    typer.Option(metavar="CLASS", help="Only this class of the locustfile. Repeatable."),
]
Engine = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="What makes the load: native, or locust (as -f does)."),
]
LoadProcesses = Annotated[
    str | None,
    typer.Option(metavar="N", help="Processes of the native engine (what the load needs)."),
]
Processes = Annotated[
    str | None,
    typer.Option(metavar="N", help="With --engine locust: its workers on this machine."),
]
ExpectWorkers = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help="With --engine locust: load from N processes of `asyncperf worker`, on "
        "whatever machines.",
    ),
]
ExpectWorkersMaxWait = Annotated[
    str | None, typer.Option(metavar="TIME", help="How long to wait for them (60s).")
]
MasterBindHost = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Where to listen for them: an address of this machine (127.0.0.1), * for all.",
    ),
]
MasterBindPort = Annotated[
    str | None, typer.Option(metavar="PORT", help="The port to listen on (5557).")
]
Rate = Annotated[
    str | None,
    typer.Option(
        metavar="N", help="Open load: N requests a second, however long the answers take."
    ),
]
Arrivals = Annotated[
    str | None, typer.Option(metavar="KIND", help="With --rate: constant (default), poisson.")
]
Stages = Annotated[
    str | None,
    typer.Option(
        metavar="LEVELS",
        help="Instead of -u and -t, levels of one load, each held for its time: "
        "100:10s,500:30s for users, 50/s:10s,200/s:30s for requests a second.",
    ),
]
FindLimit = Annotated[
    bool,
    typer.Option(
        "--find-limit",
        help="Raise the load step by step, to at most -u users (5,000) or --rate requests a "
        "second, and find the most that keeps the --budget, or from where on throughput no "
        "longer grows.",
    ),
]
ThinkTime = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="A user's wait before its next request: 2s, exponential:2s (0)."
    ),
]
Header = Annotated[
    list[str] | None,
    typer.Option("-H", "--header", metavar="LINE", help="Sent with each request. Repeatable."),
]
Keepalive = Annotated[
    bool | None,
    typer.Option(
        "--keepalive/--no-keepalive", help="One connection for many requests, or one each."
    ),
]
ConnectTimeout = Annotated[
    str | None, typer.Option(metavar="TIME", help="How long connecting may take (30s).")
]
ResponseTimeout = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="How long an answer may take under load (any time)."),
]
CaFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Certificates to trust besides the system's (PEM)."),
]
Openapi = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|FILE", help="Where its OpenAPI document is (/openapi.json), or a copy."
    ),
]
Endpoint = Annotated[
    list[str] | None,
    typer.Option(
        metavar="REQUEST",
        help="Send this and not what OpenAPI yields: 'GET /items/1', "
        "'POST /items @body.json'. Repeatable.",
    ),
]
Requests = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Send the requests of this TOML file."),
]
AllowWrites = Annotated[
    bool, typer.Option("--allow-writes", help="Send POST, PUT, PATCH and DELETE as well.")
]
AllowRemote = Annotated[
    bool, typer.Option("--allow-remote", help="Load a host that is not this machine.")
]
Mix = Annotated[
    bool, typer.Option("--mix", help="All requests in one load, in shares by their weights.")
]
Gc = Annotated[
    str | None,
    typer.Option(
        metavar="default|tuned",
        help="tuned: freeze each worker's garbage collector after its start-up and raise "
        "its thresholds.",
    ),
]
Probe = Annotated[
    bool | None,
    typer.Option("--probe/--no-probe", help="Look inside the app's workers, or do not."),
]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME=VALUE", help="Set for the app. Repeatable."),
]
Repeat = Annotated[
    str | None,
    typer.Option(
        metavar="N", help="Load each endpoint N times, in turns, and show the spread (1)."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="The run folder (.asyncperf/runs/...)."),
]

# Of `scan`

Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH", help="Files and folders; this folder without them."),
]
ExcludePaths = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="GLOB", help="Paths to leave out. Repeatable."),
]
SarifFile = Annotated[
    str | None, typer.Option("--sarif", metavar="FILE|-", help="Write the findings as SARIF 2.1.")
]
Github = Annotated[
    bool, typer.Option("--github", help="Print the findings as GitHub's annotations.")
]
Baseline = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Findings that are known, and not told again."),
]
WriteBaseline = Annotated[
    bool,
    typer.Option(
        "--write-baseline", help="Take all findings into the baseline (.asyncperf-baseline.json)."
    ),
]
ScanApp = Annotated[
    str | None,
    typer.Option(
        "--app",
        metavar="MODULE:APP",
        help="Import this app, or FILE.py, and take its endpoints from its routes as well.",
    ),
]
Cache = Annotated[
    bool | None,
    typer.Option("--cache/--no-cache", help="Reuse the last scan of an unchanged tree, or do not."),
]
Types = Annotated[
    str | None,
    typer.Option(
        metavar="CHECKER",
        help="Ask a type checker what annotations do not tell: ty, pyrefly, basedpyright, pyright; "
        "auto: the first of these that is installed; off (default).",
    ),
]
EverySite = Annotated[
    bool, typer.Option("--all", help="Show minor findings too, what was refused, and why.")
]
ScanFailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="LEVEL",
        help="Exit with 1 at findings: warning (default), info, never.",
    ),
]
