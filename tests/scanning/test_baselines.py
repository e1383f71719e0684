"""A baseline as it is written, kept to and renewed; and what an interrupt leaves of files."""

import json
import signal
from pathlib import Path

import pytest

from asyncperf import baseline, errors
from asyncperf.interrupts import SIGNALS

from .page import INDEPENDENT


def test_a_baseline_is_written_kept_to_and_renewed(scan, project):
    code, _, err = scan("--write-baseline")
    assert code == errors.OK
    assert err.startswith("Wrote .asyncperf-baseline.json, which knows 1 finding\n  Commit it: ")
    assert scan()[0] == errors.OK
    file = project / "src" / "page.py"
    file.write_text(
        INDEPENDENT + INDEPENDENT.rsplit("\n\n", maxsplit=1)[-1].replace("page", "other")
    )
    code, out, _ = scan()
    assert code == errors.FOUND
    assert "other" in out
    assert "1 finding known to the baseline" in out


def test_a_scan_of_a_part_calls_nothing_gone_that_it_did_not_read(scan, project):
    for name in ("one", "two"):
        (project / "src" / name).mkdir()
        (project / "src" / name / "part.py").write_text(INDEPENDENT.replace("page", name))
    assert scan("--write-baseline")[0] == errors.OK
    whole = (project / ".asyncperf-baseline.json").read_text()
    less = "1 finding of the baseline not found without the rest of the files that it knows"
    gone = "1 finding of the baseline found no more"

    for part in (["src/one"], ["src/one/part.py"], ["src", "--exclude", "two"]):
        code, out, _ = scan(*part)
        assert code == errors.OK
        assert "of the baseline" not in out
        assert "known to the baseline" in out
    (project / "src" / "two" / "part.py").unlink()
    assert "of the baseline" not in scan("src/one")[1]
    assert less in scan("src/two", "src/one")[1]
    assert gone in scan("src")[1]
    # Nor of a file that it could not read.
    (project / "src" / "two" / "part.py").write_text("def")
    assert "of the baseline" not in scan("src")[1]
    assert (project / ".asyncperf-baseline.json").read_text() == whole


def test_a_baseline_written_of_a_part_keeps_what_it_knew_of_the_rest(scan, project):
    for name in ("one", "two"):
        (project / "src" / name).mkdir()
        (project / "src" / name / "part.py").write_text(INDEPENDENT.replace("page", name))
    scan("src/one", "--write-baseline")
    _, _, err = scan("src/two", "--write-baseline")
    assert err.startswith(
        "Wrote .asyncperf-baseline.json, which knows 2 findings, 1 of them in files that this "
        "scan did not read\n"
    )
    document = json.loads((project / ".asyncperf-baseline.json").read_text())
    assert [each["file"] for each in document["findings"]] == ["src/one/part.py", "src/two/part.py"]
    assert scan("src/one", "src/two")[0] == errors.OK
    (project / "src" / "two" / "part.py").unlink()
    scan("src/two", "src/one", "--write-baseline")
    document = json.loads((project / ".asyncperf-baseline.json").read_text())
    assert [each["file"] for each in document["findings"]] == ["src/one/part.py"]


def test_a_baseline_elsewhere_says_how_it_is_used(scan):
    _, _, err = scan("--write-baseline", "--baseline", "known.json", "-q")
    assert err.startswith("Wrote known.json, which knows 1 finding\n")
    assert "every scan needs --baseline" in err


def test_a_baseline_outlives_lines_that_move_and_lets_nothing_new_through(scan, project):
    scan("--write-baseline")
    page = project / "src" / "page.py"
    page.write_text("# moved\n\n" + INDEPENDENT)
    assert scan()[0] == errors.OK
    page.write_text(INDEPENDENT + "\nimport time\n\nasync def nap():\n    time.sleep(1)\n")
    code, out, _ = scan()
    assert (code, out.partition("\n")[0]) == (errors.FOUND, "! blocking-call  src/page.py:19  nap")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("asked", [["--json", "known.json"], ["--write-baseline"]])
def test_an_interrupt_leaves_everything_as_it_was(scan, project, monkeypatch, number, asked):
    """In the middle of writing, which is the worst moment."""
    (project / "known.json").touch()
    (project / ".asyncperf-baseline.json").write_text(baseline.text(()))
    before = {file: file.read_bytes() for file in project.rglob("*") if file.is_file()}
    monkeypatch.setattr(Path, "replace", lambda *paths: signal.raise_signal(number))
    assert scan("--no-cache", *asked) == (errors.INTERRUPTED, "", "asyncperf: interrupted\n")
    assert {file: file.read_bytes() for file in project.rglob("*") if file.is_file()} == before
