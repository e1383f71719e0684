"""What the probe in a real server's workers finds, and what it does not."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asyncperf.target.server import free_port

from .conftest import APPS, Finished, measures

Asyncperf = Callable[..., Finished]
QUICK = ("-u", 2, "-r", 40, "-w", 1, "-t", "5s", "--json", "-")


def lines_with(word: str) -> list[int]:
    source = (APPS / "stalling.py").read_text().splitlines()
    return [number for number, line in enumerate(source, start=1) if word in line]


@measures
def test_what_keeps_the_loop_is_found_at_its_line(asyncperf: Asyncperf) -> None:
    paths = ("--include", "/blocked", "--include", "/busy")
    document = asyncperf("run", APPS / "stalling.py", *QUICK, *paths).document

    def found(path: str) -> dict[str, dict[str, Any]]:
        return {f["code"]: f for f in document["findings"] if f["endpoint"] == f"GET {path}"}

    blocked, busy = found("/blocked"), found("/busy")
    finding = blocked["loop-blocked"]
    assert [finding["line"]] == lines_with("# blocks")
    assert (Path(finding["file"]).name, finding["function"]) == ("stalling.py", "blocked")
    assert finding["evidence"]["mean_s"] >= 0.04
    assert "loop-busy" not in blocked

    finding = busy["loop-busy"]
    # The line that was seen most; it differs from one stall to the next.
    assert finding["line"] in (*lines_with("while"), *lines_with("# computes"))
    assert finding["function"] == "busy"
    assert "thread would not mend it" in finding["advice"]
    assert "loop-blocked" not in busy


@measures
@pytest.mark.parametrize(
    ("loop", "told"),
    [
        ("asyncio", "time.sleep, which by the source this line has the event loop call,"),
        (
            "uvloop",
            "A callback of the event loop that is no Python function "
            "(by the source time.sleep, which this line has it call)",
        ),
    ],
)
def test_what_the_loop_calls_by_itself_is_seen_without_a_frame(
    asyncperf: Asyncperf, loop: str, told: str
) -> None:
    serve = f"-m uvicorn stalling:app --app-dir {APPS} --port {free_port()} --loop {loop}"
    flags = ("-u", 2, "-r", 40, "-t", "5s", "--include", "/called", "--json", "-")
    document = asyncperf("run", *flags, "--", sys.executable, *serve.split()).document
    (finding,) = (f for f in document["findings"] if f["code"] == "loop-blocked")
    assert finding["message"].startswith(f"{told} blocks the event loop for")
    assert finding["evidence"]["mean_s"] == pytest.approx(0.045, abs=0.01)
    assert [finding["line"]] == lines_with("call_soon")


@measures
def test_a_healthy_app_has_no_finding(asyncperf: Asyncperf) -> None:
    # That a loop was never kept takes five seconds of looking: here of two workers.
    flags = (*QUICK, "-w", 2, "--include", "/healthy")
    document = asyncperf("run", APPS / "stalling.py", *flags).document
    # On a machine with too much to do, the machine is what is found.
    assert [f for f in document["findings"] if f["severity"] != "info"] == []
    assert document["healthy"]


@measures
@pytest.mark.parametrize("native", ["1", "0"])
def test_what_dependencies_wait_for_is_told_by_their_functions(
    asyncperf: Asyncperf, native: str
) -> None:
    run = asyncperf("run", APPS / "depending.py", *QUICK, env={"ASYNCPERF_PROBE_NATIVE": native})
    lines = (APPS / "depending.py").read_text().splitlines()
    found = {finding["code"]: finding for finding in run.document["findings"]}

    finding = found["sequential-dependencies"]
    assert (finding["endpoint"], finding["function"]) == ("GET /again", "left")
    assert "left with asked" in finding["message"]
    assert "right with asked" in finding["message"]
    assert finding["independence"]["verdict"] == "independent"
    assert finding["evidence"]["together_s"] < 0.6 * finding["evidence"]["apart_s"]

    finding = found["lock-saturated"]
    assert (finding["endpoint"], finding["function"]) == ("GET /limited", "limited")
    assert lines[finding["line"] - 1].startswith("async def limited")
