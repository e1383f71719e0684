"""The exit code for every way that a command can end, and what its flags do."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from asyncperf import __version__, errors
from asyncperf.errors import Interrupted, LoadError, StoreError, TargetError, UsageError
from asyncperf.load import standby

from .loads import blocking, busy_generator, too_short, waiting

# Workers


def test_a_worker_is_told_its_master_and_says_how_it_goes(asyncperf, monkeypatch):
    asked = []

    def serve_loads(host, port, env, say):
        asked.append((host, port))
        say("the run is \x1b[31mover")

    monkeypatch.setattr(standby, "serve_loads", serve_loads)
    command = ("worker", "--master-host", "10.0.0.1")
    assert asyncperf(*command) == (0, "", "asyncperf: the run is over\n")
    assert asyncperf(*command, "--master-port", "6000", "-q") == (0, "", "")
    assert asked == [("10.0.0.1", 5557), ("10.0.0.1", 6000)]


@pytest.mark.parametrize("flags", [(), ("--master-host", "10.0.0.1", "--master-port", "0")])
def test_a_worker_without_a_master_is_a_usage_error(asyncperf, flags):
    assert asyncperf("worker", *flags)[0] == errors.USAGE


# Exit codes


@pytest.mark.parametrize(
    ("load", "fail_on", "code"),
    [
        (waiting, None, errors.OK),
        (waiting, "warning", errors.OK),
        (blocking, None, errors.OK),
        (blocking, "never", errors.OK),
        (blocking, "error", errors.FOUND),
        (blocking, "warning", errors.FOUND),
        # What could not be judged is neither good nor bad, at any level.
        (too_short, None, errors.LOAD),
        (too_short, "warning", errors.LOAD),
        (busy_generator, None, errors.LOAD),
        (lambda: replace(waiting(), trouble="the server exited"), "never", errors.LOAD),
    ],
)
def test_exit_code_of_a_run(asyncperf, outcome, load, fail_on, code):
    outcome(load())
    flags = ["--fail-on", fail_on] if fail_on else []
    assert asyncperf("run", *flags)[0] == code


@pytest.mark.parametrize(
    ("load", "budgets", "code"),
    [
        (waiting, ["p95<2s", "rate>300", "errors<1%"], errors.OK),
        (waiting, ["p95<2s", "p95<1s"], errors.FOUND),
        (waiting, ["p99.999<1s"], errors.USAGE),
        (waiting, ["/nope: p95<2s"], errors.LOAD),
        # What was missed is missed, whatever else cannot be told.
        (waiting, ["p99.99<9s", "p95<1s"], errors.FOUND),
        (too_short, ["p95<2s"], errors.LOAD),
        (busy_generator, ["p95<1s"], errors.LOAD),
    ],
)
def test_exit_code_of_a_run_with_budgets(asyncperf, outcome, load, budgets, code):
    outcome(load())
    assert asyncperf("run", *(f"--budget={text}" for text in budgets))[0] == code


def test_a_run_without_a_load_could_not_be_judged(asyncperf, outcome):
    outcome()
    assert asyncperf("run")[0] == errors.LOAD


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no endpoint matches '/x'", "The paths that can be loaded: /items"), 2),
        (StoreError("'run' already holds a run", "replace it with --force"), 2),
        (TargetError("port 80 cannot be used", "Stop what listens there"), 3),
        (LoadError("Locust is not installed", "Install it"), 4),
        (Interrupted("interrupted before anything was measured"), 130),
    ],
)
def test_an_error_is_one_sentence_and_a_hint_on_standard_error(asyncperf, outcome, error, code):
    outcome(raises=error)
    found, out, err = asyncperf("run")
    assert found == code
    assert out == ""
    assert err == f"asyncperf: {error}\n" + (f"  {error.hint}\n" if error.hint else "")


@pytest.mark.parametrize(
    ("error", "code"), [(Interrupted("interrupted"), 130), (TargetError("it died"), 3)]
)
def test_what_was_measured_before_an_error_is_shown_and_saved(asyncperf, outcome, error, code):
    outcome(waiting(), error=error, status="partial")
    found, out, err = asyncperf("run", "--json", "result.json")
    assert found == code
    assert "/items" in out
    assert err.splitlines()[-1] == f"asyncperf: {error}"
    assert "Wrote run-folder" in err
    assert json.loads(Path("result.json").read_text())["endpoints"]


def test_ctrl_c_anywhere_else_is_130(asyncperf, outcome):
    outcome(raises=KeyboardInterrupt())
    assert asyncperf("run") == (130, "", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--no-such-flag"),
        ("run", "--json"),
        ("no-such-command",),
        ("report", "--no-such-flag"),
    ],
)
def test_a_bad_command_line_is_2(asyncperf, outcome, arguments):
    asked = outcome(waiting())
    code, out, err = asyncperf(*arguments)
    assert (code, out) == (errors.USAGE, "")
    assert arguments[-1] in err
    assert asked == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-u", "0"), "--users must be a whole number from 1 to 1,000,000, not '0'"),
        (("-u", "-5"), "--users must be a whole number from 1 to 1,000,000, not '-5'"),
        (("-r", "nan"), "--spawn-rate must be a number above 0, at most 1,000,000, not 'nan'"),
        (("-t", "soon"), "--run-time must be a time such as 90, 90s, 5m or 1h30m, not 'soon'"),
        (("-w", "1e9"), "--workers must be a whole number from 1 to 1,024, not '1e9'"),
        (("--fail-on", "x"), "--fail-on must be one of error, warning, never, not 'x'"),
        (("--env", "X"), "--env must be NAME=VALUE, not 'X'"),
        (("--port", "\x1b[31m"), "--port must be a whole number from 1 to 65,535, not '\\x1b[31m'"),
    ],
)
def test_a_bad_value_is_2_and_names_flag_and_value(asyncperf, outcome, arguments, message):
    asked = outcome(waiting())
    assert asyncperf("run", *arguments) == (errors.USAGE, "", f"asyncperf: {message}\n")
    assert asked == []


def test_escape_sequences_in_messages_are_stripped(asyncperf, outcome):
    """A message may quote the app, and the app may print what it likes."""
    outcome(
        raises=TargetError(
            "cannot use '\x1b[2J\x1b]8;;http://evil\x07app\x1b[0m'",
            "Its last lines:\n  \x1b[31mboom\x1b[0m\x00\u202e",
        )
    )
    _, _, err = asyncperf("run")
    assert err == "asyncperf: cannot use 'app'\n  Its last lines:\n    boom\n"


# Flags


def test_flags_reach_the_run(asyncperf, outcome):
    asked = outcome(waiting())
    asyncperf(
        *("run", "shop:app", "-u", "7", "-r", "2.5", "-t", "90s", "-w", "3", "--port", "8001"),
        *("--include", "/a*", "--include", "/b*", "--exclude", "/a1", "--env", "SHOP=open"),
        *("--max-time", "5m", "--timeout", "2s", "-o", "out", "--force"),
    )
    ((settings, _, output, force),) = asked
    assert (settings.app, settings.users, settings.spawn_rate) == ("shop:app", 7, 2.5)
    assert (settings.run_time_s, settings.max_time_s, settings.timeout_s) == (90, 300, 2)
    assert (settings.workers, settings.port) == (3, 8001)
    assert (settings.include, settings.exclude) == (("/a*", "/b*"), ("/a1",))
    assert settings.env["SHOP"] == "open"
    assert (output, force) == (Path("out"), True)


def test_settings_of_the_project_are_read_where_it_is_run(asyncperf, outcome):
    asked = outcome(waiting())
    Path("pyproject.toml").write_text("[tool.asyncperf]\nusers = 11")
    asyncperf("run")
    assert asked[0][0].users == 11


def test_version(asyncperf):
    assert asyncperf("--version") == (0, f"asyncperf {__version__}\n", "")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_ends_in_examples(asyncperf, flag):
    code, out, _ = asyncperf("run", flag)
    assert code == 0
    assert "  Examples:\n    asyncperf run\n    asyncperf run shop" in out[out.index("--quiet") :]


def test_no_arguments_is_help(asyncperf):
    _, out, err = asyncperf()
    assert "run" in out + err
    assert "report" in out + err


# A saved run again


@pytest.mark.parametrize("named", [False, True])
def test_report_shows_a_saved_run_again(asyncperf, saved, named):
    code, out, err = asyncperf("report", *([str(saved)] if named else []))
    assert (code, err) == (0, "")
    assert "GET /blocking" in out


def test_report_gives_the_same_json_as_the_run(asyncperf, saved, outcome):
    outcome(blocking())
    _, from_run, _ = asyncperf("run", "--json", "-")
    _, from_report, _ = asyncperf("report", "--json", "-")
    assert json.loads(from_report)["endpoints"] == json.loads(from_run)["endpoints"]


def test_report_fails_on_findings_as_the_run_does(asyncperf, saved):
    assert asyncperf("report", "-q", "--fail-on", "error")[0] == errors.FOUND
    assert asyncperf("report", "-q")[0] == errors.OK


def test_a_saved_run_can_be_judged_again(asyncperf, saved):
    code, out, _ = asyncperf("report", "--budget", "GET /blocking: p95<1s", "--json", "-")
    assert code == errors.FOUND
    [budget] = json.loads(out)["budgets"]
    assert (budget["endpoint"], budget["status"]) == ("GET /blocking", "missed")
    Path("pyproject.toml").write_text('[tool.asyncperf]\nbudget = ["p95<1s"]')
    assert asyncperf("report", "-q")[0] == errors.FOUND
    assert asyncperf("report", "-q", "--budget", "p95<60s")[0] == errors.OK


def test_report_of_no_run_says_how_to_make_one(asyncperf):
    code, out, err = asyncperf("report")
    assert (code, out) == (errors.USAGE, "")
    assert "asyncperf run" in err


# Two saved runs


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("before", "after"), errors.OK),
        (("before", "after", "--fail-on", "worse"), errors.FOUND),
        (("before", "after", "--fail-on", "cannot-tell"), errors.FOUND),
        (("before", "after", "--fail-on", "never"), errors.OK),
        (("after", "before", "--fail-on", "worse"), errors.OK),
        (("before", "before", "--fail-on", "worse"), errors.OK),
        (("before", "after", "--fail-on", "worse", "--at-least", "50%"), errors.OK),
        (("before", "nowhere"), errors.USAGE),
        (("before",), errors.USAGE),
        (("before", "after", "--at-least", "3"), errors.USAGE),
        (("before", "after", "--fail-on", "error"), errors.USAGE),
    ],
)
def test_exit_code_of_a_comparison(asyncperf, two_runs, arguments, code):
    assert asyncperf("compare", *arguments)[0] == code


def test_what_cannot_be_told_is_4_only_where_it_was_asked_for(asyncperf, two_runs):
    twice = ("before", "before", "--at-least", "0%")
    assert asyncperf("compare", *twice)[0] == errors.OK
    assert asyncperf("compare", *twice, "--fail-on", "worse")[0] == errors.OK
    assert asyncperf("compare", *twice, "--fail-on", "cannot-tell")[0] == errors.LOAD


def test_runs_without_anything_in_common_could_not_be_compared(asyncperf, two_runs, saved):
    assert asyncperf("compare", "before", str(saved))[0] == errors.LOAD


def test_a_comparison_is_shown_and_written(asyncperf, two_runs):
    code, out, err = asyncperf("compare", "before", "after", "--json", "compare.json")
    assert code == 0
    assert "x GET /items: worse: req/s" in out
    assert err == "Wrote compare.json\n"
    document = json.loads(Path("compare.json").read_text())
    assert document["endpoints"][0]["verdict"] == "worse"
    assert document == json.loads(asyncperf("compare", "before", "after", "--json", "-")[1])


# As a process


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "asyncperf", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"asyncperf {__version__}\n"


def test_locust_is_never_imported_into_our_own_process():
    """It would patch the whole process (gevent)."""
    modules = "asyncperf.cli, asyncperf.pipeline, asyncperf.load.standby"
    assert imported_by(f"import {modules}", "locust", "gevent", "numpy") == ["numpy"]


def test_help_waits_for_nothing_that_measures():
    code = "import sys; sys.argv = ['asyncperf', '--help']; from asyncperf import cli; cli.app(%s)"
    code %= "standalone_mode=False"
    assert imported_by(code, "asyncperf.flags", "numpy", "pydantic") == ["asyncperf.flags"]


@pytest.mark.parametrize("printed", ["--github", "--json=-", "--sarif=-", "--quiet"])
def test_a_scan_waits_for_nothing_that_measures(tmp_path, printed):
    """It begins at each commit. Only its report for people needs Rich."""
    (tmp_path / "app.py").write_text("import time\n\nasync def nap():\n    time.sleep(1)\n")
    arguments = ["asyncperf", "scan", str(tmp_path), "--no-cache", "--fail-on=never"]
    code = "import sys; sys.argv = {}; from asyncperf import cli; cli.app(standalone_mode=False)"
    names = ("asyncperf.scan", "asyncperf.config", "numpy", "rich.console")
    assert imported_by(code.format([*arguments, printed]), *names) == ["asyncperf.scan"]


def imported_by(code, *names):
    """Those of the modules that are there after this code, in a process of its own."""
    code += f"\nimport sys; print(*[name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


# Other targets


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--",), "no command after --"),
        (("shop:app", "--", "uvicorn"), "both an app (shop:app) and a command (uvicorn)"),
        (("-w", "3", "--", "uvicorn"), "--workers is for a server that asyncperf starts"),
        (("-w", "3", "http://127.0.0.1:8001"), "--workers is for a server that asyncperf starts"),
        (("-f", "x.py", "--endpoint", "/"), "--endpoint does not apply"),
        (("-f", "x.py", "--requests", "r.toml"), "--requests does not apply"),
        (("-f", "x.py", "--mix"), "--mix does not apply"),
    ],
)
def test_targets_and_requests_that_do_not_go_together(asyncperf, outcome, arguments, says):
    outcome(waiting())
    code, _, err = asyncperf("run", *arguments)
    assert code == errors.USAGE
    assert says in err


def test_explain_lists_all_codes_or_prints_a_page(asyncperf):
    code, out, err = asyncperf("explain")
    assert (code, err) == (errors.OK, "")
    assert "loop-blocked" in out
    code, out, err = asyncperf("explain", "gc-pauses")
    assert (code, err) == (errors.OK, "")
    assert out.startswith("# gc-pauses: ")


def test_explain_names_the_nearest_code(asyncperf):
    code, out, err = asyncperf("explain", "gc-pause")
    assert (code, out) == (errors.USAGE, "")
    assert "Did you mean gc-pauses?" in err
