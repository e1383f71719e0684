"""What goes to which stream and file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from asyncperf import errors
from asyncperf.errors import Interrupted

from .loads import blocking, waiting


def test_report_is_on_standard_output_the_rest_on_standard_error(asyncperf, outcome):
    outcome(waiting())
    code, out, err = asyncperf("run")
    assert code == 0
    assert "GET /items" in out
    assert "Wrote" not in out
    assert err == "Wrote run-folder\n"


@pytest.mark.parametrize("flags", [(), ("--quiet",)])
def test_json_to_standard_output_is_alone_there(asyncperf, outcome, flags):
    outcome(waiting())
    _, out, err = asyncperf("run", "--json", "-", *flags)
    document = json.loads(out)
    assert document["endpoints"][0]["path"] == "/items"
    assert err == "Wrote run-folder\n"


def test_json_is_written_even_where_nothing_was_measured(asyncperf, outcome):
    outcome(error=Interrupted("interrupted"), status="partial")
    code, out, _ = asyncperf("run", "--json", "-")
    assert code == 130
    assert json.loads(out)["endpoints"] == []


def test_files_are_written_beside_the_report_and_named(asyncperf, outcome):
    outcome(waiting())
    _, out, err = asyncperf("run", "--json", "new/result.json", "--csv", "new/items")
    assert "GET /items" in out
    assert json.loads(Path("new/result.json").read_text())["endpoints"]
    assert Path("new/items_stats.csv").read_text().startswith("Type,Name,Request Count")
    assert err.splitlines() == [
        "Wrote new/result.json",
        "Wrote new/items_stats.csv",
        "Wrote run-folder",
    ]


def test_quiet_says_nothing_on_standard_output(asyncperf, outcome):
    outcome(blocking())
    code, out, err = asyncperf("run", "-q", "--fail-on", "error")
    assert (code, out) == (errors.FOUND, "")
    assert err == "Wrote run-folder\n"


@pytest.mark.parametrize("flag", ["--json", "--csv"])
def test_a_file_of_somebody_elses_is_kept_and_nothing_is_measured(asyncperf, outcome, flag):
    asked = outcome(waiting())
    file = Path("mine" if flag == "--json" else "mine_stats.csv")
    file.write_text("my notes")
    code, out, err = asyncperf("run", flag, "mine")
    assert (code, out, asked) == (errors.USAGE, "", [])
    assert err.startswith(f"asyncperf: {str(file)!r} exists, and is no result")
    assert "--force" in err
    assert file.read_text() == "my notes"
    assert asyncperf("run", flag, "mine", "--force")[0] == 0
    assert file.read_text() != "my notes"


def test_results_of_its_own_are_replaced(asyncperf, outcome):
    outcome(waiting())
    for _ in range(2):
        code, _, err = asyncperf("run", "--json", "result.json", "--csv", "result")
        assert code == 0
        assert err.startswith("Wrote result.json\nWrote result_stats.csv\n")


def test_a_report_and_a_comparison_keep_such_a_file_too(asyncperf, two_runs):
    Path("mine").write_text("{}")
    for command in (("report", "before"), ("compare", "before", "after")):
        assert asyncperf(*command, "--json", "mine")[0] == errors.USAGE
        assert Path("mine").read_text() == "{}"
        Path("own").unlink(missing_ok=True)
        assert [asyncperf(*command, "--json", "own")[0] for _ in range(2)] == [0, 0]


@pytest.mark.parametrize("file", ["file/result.json", "/proc/result.json", "folder"])
def test_a_file_that_cannot_be_written_is_named(asyncperf, outcome, tmp_path, file):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    outcome(waiting())
    code, _, err = asyncperf("run", "-q", "--json", file)
    assert code == errors.USAGE
    assert f"cannot write {file!r}: " in err
    assert "None" not in err
    assert "asyncperf report" in err


def test_a_reader_that_leaves_early_is_no_error(saved):
    """As in `asyncperf report | head -1`."""
    command = [sys.executable, "-m", "asyncperf", "report", "--json", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as report:
        report.stdout.close()
        complaint = report.stderr.read()
    assert complaint == b""
    assert report.returncode == 0
