"""Flags in, text out, and the only place that decides the exit code.

A command imports what it needs when it is called: what measures takes half a second to import,
which `--help` and a scan of source need not wait for.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from asyncperf import __version__, errors, flags
from asyncperf.arguments import WithBudgets, WithCommand
from asyncperf.errors import AsyncperfError, Interrupted, StoreError
from asyncperf.report.untrusted import clean

if TYPE_CHECKING:
    from asyncperf.config import Settings
    from asyncperf.pipeline import Outcome

# The same two runs give the same report each time.
COMPARE_SEED = 1989

app = typer.Typer(
    name="asyncperf",
    help="Measure and explain the async performance of a FastAPI app.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def examples(*lines: str) -> str:
    """The end of a command's help; the first character keeps its lines apart."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def show_version(wanted: bool) -> None:
    if wanted:
        print(f"asyncperf {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command(
    cls=WithCommand,
    epilog=examples(
        "asyncperf run",
        "asyncperf run shop/main.py -u 100 -t 1m",
        "asyncperf run shop.main:app --include '/items*' --json result.json",
        "asyncperf run http://127.0.0.1:8001 --endpoint 'GET /items/1'",
        "asyncperf run --mix -- granian --interface asgi --port 8001 shop.main:app",
    ),
)
def run(
    context: typer.Context,
    target: flags.Target = None,
    users: flags.Users = None,
    spawn_rate: flags.SpawnRate = None,
    run_time: flags.RunTime = None,
    max_time: flags.MaxTime = None,
    timeout: flags.Timeout = None,
    workers: flags.Workers = None,
    port: flags.Port = None,
    include: flags.Include = None,
    exclude: flags.Exclude = None,
    locustfile: flags.Locustfile = None,
    user_class: flags.UserClass = None,
    engine: flags.Engine = None,
    load_processes: flags.LoadProcesses = None,
    processes: flags.Processes = None,
    expect_workers: flags.ExpectWorkers = None,
    expect_workers_max_wait: flags.ExpectWorkersMaxWait = None,
    master_bind_host: flags.MasterBindHost = None,
    master_bind_port: flags.MasterBindPort = None,
    rate: flags.Rate = None,
    arrivals: flags.Arrivals = None,
    stages: flags.Stages = None,
    find_limit: flags.FindLimit = False,
    think_time: flags.ThinkTime = None,
    header: flags.Header = None,
    keepalive: flags.Keepalive = None,
    connect_timeout: flags.ConnectTimeout = None,
    response_timeout: flags.ResponseTimeout = None,
    ca_file: flags.CaFile = None,
    openapi: flags.Openapi = None,
    endpoint: flags.Endpoint = None,
    requests: flags.Requests = None,
    allow_writes: flags.AllowWrites = False,
    allow_remote: flags.AllowRemote = False,
    mix: flags.Mix = False,
    gc: flags.Gc = None,
    probe: flags.Probe = None,
    env: flags.Env = None,
    repeat: flags.Repeat = None,
    budget: flags.Budget = None,
    output: flags.Output = None,
    json_file: flags.JsonFile = None,
    csv_prefix: flags.CsvPrefix = None,
    force: flags.Force = False,
    fail_on: flags.FailOn = None,
    quiet: flags.Quiet = False,
) -> None:
    """Serve an app, load its endpoints, and explain the figures."""
    from asyncperf import exit_codes
    from asyncperf.analysis.diagnosis import diagnose
    from asyncperf.config import load_settings
    from asyncperf.outputs import check_files, show

    given: dict[str, object] = {
        "app": target,
        "users": users,
        "spawn_rate": spawn_rate,
        "run_time": run_time,
        "max_time": max_time,
        "timeout": timeout,
        "workers": workers,
        "port": port,
        "include": include,
        "exclude": exclude,
        "locustfile": locustfile,
        "user_class": user_class,
        "engine": engine,
        "load_processes": load_processes,
        "processes": processes,
        "expect_workers": expect_workers,
        "expect_workers_max_wait": expect_workers_max_wait,
        "master_bind_host": master_bind_host,
        "master_bind_port": master_bind_port,
        "rate": rate,
        "arrivals": arrivals,
        "stages": stages,
        "find_limit": find_limit or None,
        "think_time": think_time,
        "header": header,
        "keepalive": keepalive,
        "connect_timeout": connect_timeout,
        "response_timeout": response_timeout,
        "ca_file": ca_file,
        "openapi": openapi,
        "endpoint": endpoint,
        "requests": requests,
        "allow_writes": allow_writes or None,
        "allow_remote": allow_remote or None,
        "mix": mix or None,
        "gc": gc,
        "probe": probe,
        "fail_on": fail_on,
        "repeat": repeat,
        "budget": budget,
    }
    said = {name: value for name, value in given.items() if value is not None}
    settings = load_settings(said, env or (), command=context.obj or ())
    check_files(json_file, csv_prefix, force)
    outcome = measure(settings, output, force, quiet)
    diagnosis = diagnose(outcome.run, settings.budget)
    if outcome.run.loads or json_file:
        show(diagnosis, json_file, csv_prefix, force, quiet)
    if not isinstance(outcome.error, StoreError):
        print(f"Wrote {clean(str(outcome.folder))}", file=sys.stderr)
    if outcome.error is not None:
        raise outcome.error
    raise typer.Exit(exit_codes.of_run(diagnosis, settings.fail_on))


@app.command(epilog=examples("asyncperf worker --master-host 192.168.0.10"))
def worker(
    master_host: Annotated[
        str, typer.Option(metavar="HOST", help="Where `asyncperf run --expect-workers N` runs.")
    ],
    master_port: Annotated[
        str | None, typer.Option(metavar="PORT", help="Its --master-bind-port (5557).")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing.")] = False,
) -> None:
    """Make a part of the load for a run on another machine, until that run is over.

    It runs what the master sends: name only a master that you trust.
    """
    from asyncperf.config import master_address
    from asyncperf.load.standby import serve_loads

    host, port = master_address(master_host, master_port)
    serve_loads(host, port, os.environ, (lambda text: None) if quiet else log)


def log(text: str) -> None:
    print(f"asyncperf: {clean(text)}", file=sys.stderr, flush=True)


@app.command(cls=WithBudgets)
def report(
    run_name: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="A run folder or its name; the newest without it."),
    ] = None,
    json_file: flags.JsonFile = None,
    csv_prefix: flags.CsvPrefix = None,
    force: flags.Force = False,
    fail_on: flags.FailOn = None,
    budget: flags.Budget = None,
    quiet: flags.Quiet = False,
) -> None:
    """Show a saved run again, in any format, and judge it again."""
    from asyncperf import exit_codes
    from asyncperf.analysis.diagnosis import diagnose
    from asyncperf.config import load_settings
    from asyncperf.outputs import show
    from asyncperf.store import find_run, load_run

    given: dict[str, object] = {"fail_on": fail_on, "budget": budget}
    settings = load_settings({name: value for name, value in given.items() if value})
    diagnosis = diagnose(load_run(find_run(run_name)), settings.budget)
    show(diagnosis, json_file, csv_prefix, force, quiet)
    raise typer.Exit(exit_codes.of_run(diagnosis, settings.fail_on))


@app.command(
    epilog=examples(
        "asyncperf compare before after",
        "asyncperf compare main-run branch-run --at-least 5% --fail-on worse --json compare.json",
    )
)
def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="The run to compare with.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The run that is judged.")],
    at_least: Annotated[
        str | None,
        typer.Option(metavar="PERCENT", help="The smallest change worth naming (3%)."),
    ] = None,
    json_file: flags.JsonFile = None,
    force: flags.Force = False,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="worse: exit with 1 if an endpoint is. cannot-tell: with 4 as well, if one "
            "cannot be told. never (default).",
        ),
    ] = None,
    quiet: flags.Quiet = False,
) -> None:
    """Compare two saved runs: better, worse, no difference shown, or cannot tell."""
    import numpy as np

    from asyncperf import exit_codes
    from asyncperf.analysis.comparison import compare as compare_runs
    from asyncperf.config import compare_settings
    from asyncperf.exports import write_file
    from asyncperf.report.comparison import render_comparison
    from asyncperf.report.comparison_json import comparison_document
    from asyncperf.report.console import Report
    from asyncperf.standard_output import on_standard_output
    from asyncperf.store import find_run, load_run

    settings = compare_settings(at_least, fail_on)
    random = np.random.default_rng(COMPARE_SEED)
    before, after = load_run(find_run(base)), load_run(find_run(new))
    comparison = compare_runs(before, after, random, settings.at_least)
    document = json.dumps(comparison_document(comparison), indent=2, allow_nan=False)
    if json_file not in (None, "-"):
        write_file(Path(json_file), document + "\n", force)
    if json_file == "-":
        on_standard_output(lambda: print(document))
    elif not quiet:
        on_standard_output(lambda: render_comparison(comparison, Report()))
    raise typer.Exit(exit_codes.of_comparison(comparison, settings.fail_on))


@app.command(
    epilog=examples(
        "asyncperf scan",
        "asyncperf scan src --exclude 'migrations/*' --all",
        "asyncperf scan --write-baseline",
        "asyncperf scan --sarif scan.sarif --fail-on never",
    )
)
def scan(
    paths: flags.Paths = None,
    exclude: flags.ExcludePaths = None,
    app: flags.ScanApp = None,
    baseline: flags.Baseline = None,
    write_baseline: flags.WriteBaseline = False,
    every_site: flags.EverySite = False,
    json_file: flags.JsonFile = None,
    sarif_file: flags.SarifFile = None,
    github: flags.Github = False,
    force: flags.Force = False,
    fail_on: flags.ScanFailOn = None,
    cache: flags.Cache = None,
    types: flags.Types = None,
    quiet: flags.Quiet = False,
) -> None:
    """Read the source alone: awaits that could run together, and calls that block the loop."""
    from asyncperf import exit_codes
    from asyncperf.interrupts import Interrupts
    from asyncperf.pyproject import scan_table
    from asyncperf.scan_outputs import ScanOutputs, baseline_note
    from asyncperf.scan_progress import watching
    from asyncperf.scan_settings import scan_settings
    from asyncperf.scanning import run_scan, working_folder

    given = {
        "paths": paths,
        "exclude": exclude,
        "app": app,
        "baseline": baseline,
        "fail_on": fail_on,
        "cache": cache,
        "types": types,
    }
    said = {name: value for name, value in given.items() if value is not None}
    settings = scan_settings(scan_table(), said)
    outputs = ScanOutputs(json_file, sarif_file, github, force)
    outputs.check()
    tell = (lambda text: None) if quiet else log
    try:
        with Interrupts() as interrupts, interrupts.allowed():
            with watching(quiet) as watch:
                result = run_scan(settings, working_folder(), write_baseline, force, tell, watch)
            if write_baseline:
                print(baseline_note(result, settings.baseline), file=sys.stderr)
            outputs.show(result, every_site, quiet)
    except KeyboardInterrupt:
        raise Interrupted("interrupted") from None
    raise typer.Exit(exit_codes.of_scan(result, settings.fail_on))


@app.command(epilog=examples("asyncperf explain", "asyncperf explain loop-blocked"))
def explain(
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="A finding's code; all without it.")
    ] = None,
) -> None:
    """Say what a finding means, why it happens, and what mends it."""
    from asyncperf import explanations
    from asyncperf.report.console import Report
    from asyncperf.report.explanation import render_codes, render_page
    from asyncperf.standard_output import on_standard_output

    if code is None:
        known = explanations.codes()
        on_standard_output(lambda: render_codes(known, Report()))
        return
    text = explanations.page(code)
    on_standard_output(lambda: render_page(text, Report()))


def measure(settings: Settings, output: Path | None, force: bool, quiet: bool) -> Outcome:
    from rich.console import Console

    from asyncperf.live_line import LiveLine
    from asyncperf.pipeline import run_experiment
    from asyncperf.progress import LiveProgress, SilentProgress

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return run_experiment(settings, SilentProgress(), output, force)
    with LiveLine(console) as line:
        return run_experiment(settings, LiveProgress(line), output, force)


def main() -> NoReturn:
    try:
        app()
    except AsyncperfError as error:
        print(f"asyncperf: {clean(str(error))}", file=sys.stderr)
        for line in error.hint.splitlines():
            indent = line[: len(line) - len(line.lstrip(" "))]
            print(f"  {indent}{clean(line)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(errors.INTERRUPTED)
    sys.exit(errors.OK)
