"""What the probe in a real server's workers finds, and what it does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import APPS, Finished

Asyncperf = Callable[..., Finished]
QUICK = ("-u", 2, "-r", 40, "-w", 1, "-t", "6s")


def lines_with(word: str) -> list[int]:
    source = (APPS / "stalling.py").read_text().splitlines()
    return [number for number, line in enumerate(source, start=1) if word in line]


def found(asyncperf: Asyncperf, path: str) -> dict[str, Any]:
    done = asyncperf("run", APPS / "stalling.py", *QUICK, "--include", path, "--json", "-")
    return done.document


def test_a_blocking_call_is_found_at_its_line(asyncperf: Asyncperf) -> None:
    document = found(asyncperf, "/blocked")
    [finding] = [f for f in document["findings"] if f["code"] == "loop-blocked"]
    assert [finding["line"]] == lines_with("# blocks")
    assert (Path(finding["file"]).name, finding["function"]) == ("stalling.py", "blocked")
    assert finding["endpoint"] == "GET /blocked"
    assert finding["evidence"]["mean_s"] >= 0.04
    assert "loop-busy" not in [f["code"] for f in document["findings"]]


def test_a_loop_that_computes_is_found_at_its_line(asyncperf: Asyncperf) -> None:
    document = found(asyncperf, "/busy")
    busy = [f for f in document["findings"] if f["code"] == "loop-busy"]
    # The line that was seen most; it differs from one stall to the next.
    assert {f["line"] for f in busy} <= {*lines_with("while"), *lines_with("# computes")}
    assert busy[0]["function"] == "busy"
    assert "thread would not mend it" in busy[0]["advice"]
    assert "loop-blocked" not in [f["code"] for f in document["findings"]]


@pytest.mark.parametrize("inside", [True, False])
def test_a_healthy_app_has_no_finding(asyncperf: Asyncperf, inside: bool) -> None:
    flags = ("--include", "/healthy", "--json", "-", *([] if inside else ["--no-probe"]))
    document = asyncperf("run", APPS / "stalling.py", *QUICK, *flags).document
    # On a machine with too much to do, the machine is what is found.
    assert [f for f in document["findings"] if f["severity"] != "info"] == []
    assert bool(document["healthy"]) is inside
