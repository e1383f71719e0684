"""Which sites become findings, and which comments keep them from being told."""

from dataclasses import replace

import pytest

from asyncperf.scan.findings import findings
from asyncperf.sites import Step, Suppression

from ..scanned import FILE, GUARDED, NAP, PAIR, RUN, SOURCE, lines_of, scan_of


def found(*sites, blocking=(), source=SOURCE):
    return findings(scan_of(*sites, blocking=blocking), lambda file: lines_of(file, source))


def test_a_run_is_told_once_without_its_pairs():
    [finding], problems = found(PAIR, RUN)
    assert (finding.code, finding.severity) == ("sequential-awaits", "warning")
    assert finding.lines == (4, 5, 6)
    assert finding.message == (
        "3 awaits, one after another: independent. None uses what another gives."
    )
    assert "asyncio.gather" in finding.advice
    assert problems == ()


def test_a_pair_of_a_run_that_is_refused_is_told_itself():
    [finding], _ = found(replace(RUN, verdict="dependent"), PAIR)
    assert finding.lines == (4, 5)


@pytest.mark.parametrize(
    "change",
    [{"verdict": "dependent"}, {"verdict": "unsafe"}, {"remedy": "none"}],
)
def test_what_is_not_worth_it_or_not_safe_is_not_told(change):
    assert found(replace(PAIR, **change), GUARDED) == ((), ())


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("tests/shop.py", False),
        ("shop/test_orders.py", False),
        ("conftest.py", False),
        ("shop/latest.py", True),
        ("contests/shop.py", True),
    ],
)
def test_awaits_of_a_test_are_judged_and_not_told(file, told):
    assert len(found(replace(PAIR, file=file))[0]) == told


def test_what_is_only_likely_is_for_information():
    [finding], _ = found(replace(PAIR, verdict="likely", kind="loop", remedy="bounded-overlap"))
    assert (finding.code, finding.severity) == ("sequential-loop", "info")
    assert "asyncio.Semaphore" in finding.advice


def test_a_blocking_call_is_told_with_the_way_to_it():
    [finding], _ = found(blocking=(NAP,))
    assert (finding.code, finding.line, finding.function) == ("blocking-call", 13, "nap")
    assert finding.message == (
        "`time.sleep` sleeps and blocks the event loop; `wait` comes to it through `nap`. "
        "Reached from `GET /wait`."
    )
    assert finding.related == (Step(FILE, 10, "wait"),)
    [unsure], _ = found(blocking=(replace(NAP, certain=False),))
    assert unsure.severity == "info"


def test_what_happens_once_is_for_information_and_says_so():
    [finding], _ = found(blocking=(replace(NAP, once=True),))
    assert finding.severity == "info"
    assert "but only as the app starts or ends, or the first time" in finding.message


def test_what_is_kept_for_the_same_arguments_is_for_information_and_says_so():
    [finding], _ = found(blocking=(replace(NAP, cached=True),))
    assert finding.severity == "info"
    assert "but only the first time for the same object or arguments" in finding.message


def test_what_is_not_settled_says_may():
    [certain], _ = found(blocking=(NAP,))
    [unsure], _ = found(blocking=(replace(NAP, certain=False),))
    assert "comes to it through" in certain.message
    assert "may come to it through" in unsure.message
    [named], _ = found(blocking=(replace(NAP, certain=False, chain=NAP.chain[-1:]),))
    assert "if it is what its name says" in named.message


def test_a_brief_call_is_for_information():
    [finding], _ = found(blocking=(replace(NAP, brief=True),))
    assert finding.severity == "info"
    assert "as a rule for a short time" in finding.message


def test_many_async_functions_that_come_to_one_call_are_counted():
    [finding], _ = found(blocking=(replace(NAP, callers=8),))
    assert "`wait` and 7 more async functions come to it through `nap`" in finding.message


def test_a_fingerprint_outlives_moved_lines_and_not_changed_ones():
    [before], _ = found(PAIR)
    moved = replace(PAIR, line=6, lines=(6, 7))
    [after], _ = found(moved, source="\n\n" + SOURCE)
    assert before.fingerprint == after.fingerprint
    [changed], _ = found(PAIR, source=SOURCE.replace("fetch_user", "read_user"))
    assert before.fingerprint != changed.fingerprint


def with_comment(line, comment):
    lines = SOURCE.splitlines()
    lines[line - 1] += f"  {comment}"
    return "\n".join(lines)


@pytest.mark.parametrize("line", [4, 5])
def test_a_comment_on_any_of_its_lines_suppresses_a_finding(line):
    source = with_comment(line, "# asyncperf: ignore[sequential-awaits] the order is wanted")
    [finding], problems = found(PAIR, source=source)
    assert finding.suppressed == Suppression("ignore", "the order is wanted")
    assert problems == ()


def test_a_comment_for_another_code_suppresses_nothing():
    source = with_comment(4, "# asyncperf: ignore[blocking-call] short")
    [finding], [problem] = found(PAIR, source=source)
    assert finding.suppressed is None
    assert (problem.line, problem.what) == (4, "ignores nothing that is found here: remove it")
