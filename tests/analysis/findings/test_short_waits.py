"""Calls that block the loop for less than a stall each: by their time, and by the source."""

from dataclasses import replace

import pytest

from asyncperf.analysis.findings import healthy
from asyncperf.probe.record_format import BLOCKED, CPU
from asyncperf.results import Figures, Latency
from asyncperf.sites import BlockingCall, Step, Verdicts

from ...builders import BLOCKING, ITEMS, PLAN, result_of
from .seen import FILE, codes, evidence, found, insight_of, requests, stalls, ticks

# Of the window's 50 s, in which a hundred requests end.
USERS = result_of(ITEMS, steady=Figures(100, 0, 2.0, Latency(1.0, 1.0, 1.0, {50: 1.0})))
SLEEPS = BlockingCall(
    FILE,
    20,
    4,
    "time.sleep",
    "sleep",
    (Step(FILE, 12, "items"), Step(FILE, 20, "pause")),
    ("GET /items",),
)
READS = replace(SLEEPS, line=14, call="open", blocks="file", chain=(Step(FILE, 14, "items"),))


def seen(loop_s=0.2, *, cpu=0.1, delay=0.0, process=None, of_stalls=()):
    """Requests that keep the loop for so long, a hundred in 50 s."""
    watched = [
        {**tick, "process_cpu_s": tick["at"] * (cpu if process is None else process)}
        for tick in ticks(cpu=cpu, delay=delay)
    ]
    return insight_of(requests=requests(loop_s=loop_s), ticks=watched, stalls=of_stalls)


def shown(*calls):
    return Verdicts(blocking=calls)


@pytest.mark.parametrize(
    ("insight", "expected"),
    [
        (seen(), ["loop-blocked"]),  # 20 s of steps, 5 s of CPU
        (seen(0.16), ["loop-blocked"]),
        (seen(0.45, cpu=0.75), []),  # less than a fifth of what requests take
        (seen(0.095), []),  # less than a tenth of the loop's time
        (seen(cpu=0.35), []),  # they compute
        (seen(delay=0.25), []),  # no CPU was free for them
        (seen(process=0.35), []),  # other threads computed: it may be Python's lock
        (seen(delay=float("nan")), []),  # not known
        (seen(of_stalls=stalls(50, 0.25)), ["loop-blocked"]),  # the stalls' own finding
    ],
)
def test_time_without_computing(insight, expected):
    assert codes(insight, USERS, verdicts=shown(SLEEPS)) == expected


def test_what_was_seen_as_stalls_is_told_there_and_not_again():
    both = found(seen(0.4, of_stalls=stalls(50, 0.2)), USERS, verdicts=shown(SLEEPS))
    by_line = {finding.line: finding for finding in both}
    assert by_line.keys() == {14, 20}
    assert by_line[20].evidence["waited_s"] == pytest.approx(0.25, rel=0.01)
    computing = found(seen(of_stalls=stalls(50, 0.2, kind=CPU)), USERS, verdicts=shown(SLEEPS))
    assert "loop-blocked" in [finding.code for finding in computing]


def test_a_line_that_makes_stalls_and_short_waits_is_one_finding_with_both():
    alike = seen(0.4, of_stalls=stalls(50, 0.2))
    (finding,) = found(alike, USERS, verdicts=shown(READS))
    assert (finding.file, finding.line, finding.severity) == ("shop.py", 14, "error")
    assert finding.message == (
        "This line blocks the event loop for 200 ms at a time, 50 times in 50 s: 20% of the "
        "loop's time. Besides, requests keep the event loop for 250 ms each without computing, "
        "50% of its time: calls that wait, each for less than 20 ms."
    )
    assert finding.evidence["loop_share"] == pytest.approx(0.2)
    assert finding.evidence["waited_s"] == pytest.approx(0.25, rel=0.01)
    # Mending it mends both: 100 ms of a request in stalls, 250 ms in short waits.
    both = found(alike, USERS, verdicts=shown(SLEEPS))
    costs = {each.line: each.cost_rps for each in both}
    assert finding.cost_rps > max(costs.values())
    # Of several calls it is not known which it was.
    assert len(found(alike, USERS, verdicts=shown(READS, SLEEPS))) == 2


def test_a_line_that_stalls_in_two_endpoints_tells_of_short_waits_once():
    rows = requests(100, loop_s=0.2) + requests(100, route=1, first=1000, loop_s=0.2)
    of_both = [{**each, "request": 1000 * (n % 2) + n} for n, each in enumerate(stalls(50, 0.1))]
    watched = [{**tick, "process_cpu_s": tick["at"] * 0.1} for tick in ticks(cpu=0.1)]
    insight = insight_of(requests=rows, ticks=watched, stalls=of_both)
    call = replace(READS, endpoints=("GET /items", "GET /blocking"))
    results = (USERS, result_of(BLOCKING, steady=USERS.steady))
    every = found(insight, *results, verdicts=shown(call))
    assert [each.endpoint for each in every] == ["GET /items", "GET /blocking"]
    assert ["Besides" in each.message for each in every] == [True, False]


def test_where_the_source_shows_no_call_the_lines_that_stall_are_named():
    both = found(seen(0.4, of_stalls=stalls(50, 0.2)), USERS, verdicts=shown())
    (short,) = (finding for finding in both if "waited_s" in finding.evidence)
    assert short.advice.endswith("What blocks it for longer may do that as well: shop.py:14.")


def test_the_only_call_that_the_source_shows_is_the_line():
    (finding,) = found(seen(), USERS, verdicts=shown(SLEEPS))
    assert (finding.file, finding.line, finding.function) == ("shop.py", 20, "pause")
    assert finding.severity == "error"
    assert finding.message == (
        "Requests keep the event loop for 150 ms each without computing, 30% of its time: "
        "calls that wait, each for less than 20 ms."
    )
    assert finding.advice.startswith(
        "The source shows what may wait there: `time.sleep` (shop.py:20, in pause). "
        "Await an asynchronous version"
    )


def test_of_several_calls_none_is_blamed_and_the_surest_come_first():
    perhaps = replace(SLEEPS, line=30, certain=False)
    brief = replace(READS, line=31, brief=True)
    (finding,) = found(seen(), USERS, verdicts=shown(brief, perhaps, READS))
    assert (finding.line, finding.function) == (ITEMS.handler.line, ITEMS.handler.name)
    assert (
        "`open` (shop.py:14, in items), `time.sleep` (shop.py:30, in pause, perhaps) "
        "and `open` (shop.py:31, in items, brief as a rule)" in finding.advice
    )


def test_no_more_than_a_few_calls_are_named():
    calls = [replace(SLEEPS, line=line) for line in range(20, 27)]
    (finding,) = found(seen(), USERS, verdicts=shown(*calls))
    assert "(shop.py:23, in pause) and 3 more. Await" in finding.advice


@pytest.mark.parametrize(
    "call",
    [
        replace(SLEEPS, endpoints=("GET /others",)),
        replace(SLEEPS, once=True),
        replace(SLEEPS, cached=True),
    ],
)
def test_calls_that_its_requests_do_not_come_to_are_not_named(call):
    (finding,) = found(seen(), USERS, verdicts=shown(call))
    assert finding.advice.startswith("The source shows no call that is known to wait")
    assert (finding.severity, finding.line) == ("info", ITEMS.handler.line)


@pytest.mark.parametrize("calls", [(), (replace(SLEEPS, brief=True),)])
@pytest.mark.parametrize("verdicts", [None, shown])
def test_without_a_call_that_lasts_it_is_no_more_than_information(calls, verdicts):
    (finding,) = found(seen(), USERS, verdicts=verdicts and verdicts(*calls))
    assert finding.severity == "info"


def test_a_loop_that_is_kept_so_is_not_said_to_be_in_order():
    every = evidence(seen(), USERS, verdicts=shown(SLEEPS))
    findings = found(seen(), USERS, verdicts=shown(SLEEPS))
    assert [line.code for line in healthy(every, findings)] == []
    assert [line.code for line in healthy(every, ())] == ["loop-blocked"]


def test_a_busy_loop_names_the_calls_behind_its_endpoint():
    hashes = replace(SLEEPS, call="hashlib.scrypt", blocks="cpu")
    (finding,) = [
        each
        for each in found(seen(0.4, cpu=0.9), USERS, verdicts=shown(hashes))
        if each.code == "loop-busy"
    ]
    assert finding.advice.startswith(
        "The source shows calls there that keep it: `hashlib.scrypt` (shop.py:20, in pause). "
        "Where it is a call that releases Python's lock"
    )
    (plain,) = [each for each in found(seen(0.4, cpu=0.9), USERS) if each.code == "loop-busy"]
    assert plain.advice.startswith("Where it is a call that releases Python's lock")


def test_stalls_of_waiting_alone_are_not_counted_twice():
    insight = seen(0.2, of_stalls=stalls(50, 0.3, kind=BLOCKED))
    (finding,) = found(insight, USERS, verdicts=shown(SLEEPS))
    assert "at a time" in finding.message


def test_what_is_gained_counts_with_what_it_waits():
    """Ten users, and 0.2 s of the loop for each of their requests: 5 a second. Without 0.15 s of
    it, 20 a second."""
    plan = replace(PLAN, users=10)
    busy = result_of(
        ITEMS,
        steady=Figures(250, 0, 5.0, Latency(2.0, 2.0, 2.0, {50: 2.0})),
        unloaded_s=0.2,
    )
    insight = insight_of(
        requests=requests(250, loop_s=0.2),
        ticks=[{**tick, "process_cpu_s": tick["at"] * 0.25} for tick in ticks(cpu=0.25)],
    )
    (finding,) = found(insight, busy, verdicts=shown(SLEEPS), plan=plan)
    assert finding.predicted["rate_rps"] == pytest.approx(20, rel=0.05)
