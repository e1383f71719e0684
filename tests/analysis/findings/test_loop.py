"""A loop that is blocked, and one that computes: where it holds, and where it just does not."""

from dataclasses import replace

import pytest

from asyncperf.explanation import Breakdown, LoopPart
from asyncperf.insight import Frame, Stack
from asyncperf.probe.record_format import (
    BLOCKED,
    CALLED_BY_LOOP,
    CPU,
    NATIVE,
    NO_REQUEST,
    UNNAMED,
)
from asyncperf.sites import BlockingCall, Step, Verdicts

from ...builders import BLOCKING, ITEMS, figures, result_of
from .seen import FILE, SLEEPS, codes, found, insight_of, requests, stalls, ticks

# By its 50 s of one worker: a hundredth is 0.5 s.
SLOW = result_of(steady=figures(rate_rps=20.0, requests=1000))
BROKEN_DOWN = Breakdown(0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.098, 0.002, 0.0, 0.0, 900, 900)


@pytest.mark.parametrize(
    ("count", "length_s", "kind", "expected"),
    [
        (100, 0.05, BLOCKED, ["loop-blocked"]),
        (100, 0.05, CPU, ["loop-busy"]),
        (100, 0.05, NATIVE, ["loop-busy"]),
        (20, 0.0251, BLOCKED, ["loop-blocked"]),
        (20, 0.0249, BLOCKED, []),  # less than a hundredth of the loop's time
        (3, 0.1, BLOCKED, ["loop-blocked"]),  # as little of it, but each is noticed
        (2, 10.0, BLOCKED, []),  # an accident, or too little to tell
        (0, 0.0, BLOCKED, []),
    ],
)
def test_a_line_that_stalls_the_loop(count, length_s, kind, expected):
    insight = insight_of(requests=requests(), stalls=stalls(count, length_s, kind=kind))
    assert codes(insight, SLOW) == expected


def test_without_a_probe_nothing_is_said():
    assert codes(None, SLOW) == []


def test_the_line_and_the_cost_of_a_blocking_call():
    insight = insight_of(requests=requests(1000), stalls=stalls(900, 0.05), ticks=ticks(cpu=0.05))
    (finding,) = found(insight, SLOW)
    assert (finding.file, finding.line, finding.function) == ("shop.py", 14, "items")
    assert finding.severity == "error"
    assert "50 ms at a time" in finding.message
    assert "90% of the loop's time" in finding.message
    # A worker's loop needs 45 ms blocked and 2.5 ms of CPU for a request; without the former
    # the 500 users are the next bound: from 1 / 47.5 ms = 21 to 400 req/s by the loop.
    assert finding.predicted["rate_rps"] == pytest.approx(
        20 * (1 / 0.0025) / (1 / 0.0475), rel=0.01
    )
    assert finding.cost_rps == pytest.approx(finding.predicted["rate_rps"] - 20)
    assert "in threads" in finding.advice


def test_waits_for_a_cpu_are_not_the_apps_doing():
    crowded = stalls(100, 0.05, kind=CPU, delay_s=0.049)
    assert codes(insight_of(requests=requests(), stalls=crowded), SLOW) == []


def test_threads_are_no_advice_for_code_that_computes():
    insight = insight_of(requests=requests(), stalls=stalls(100, 0.05, kind=CPU))
    (finding,) = found(insight, SLOW)
    assert "A thread would not mend it" in finding.advice
    native = insight_of(requests=requests(), stalls=stalls(100, 0.05, kind=NATIVE))
    advice = found(native, SLOW)[0].advice
    assert "releases Python's lock" in advice
    assert "frees the loop. Otherwise a thread would not mend it" in advice


@pytest.mark.parametrize(
    ("line", "kind", "hashes"),
    [
        ("return hashlib.scrypt(password, salt=salt, n=n, r=8, p=1)", NATIVE, True),
        ("return bcrypt.checkpw(plain, hashed)", NATIVE, True),
        ("return password_hash.verify(plain, hashed)", NATIVE, True),
        ("return json.dumps(found)", NATIVE, False),
        ("return hashlib.scrypt(password, salt=salt, n=n, r=8, p=1)", CPU, False),
    ],
)
def test_hashing_a_password_is_for_a_thread_that_takes_as_much_cpu(line, kind, hashes):
    verdicts = Verdicts(lines={FILE: {14: line}})
    insight = insight_of(
        requests=requests(), stalls=stalls(1000, 0.04, kind=kind, cpu_s=0.04), ticks=ticks(cpu=0.82)
    )
    (finding,) = found(insight, SLOW, verdicts=verdicts)
    assert ("Hashing a password" in finding.advice) is hashes
    # 1,000 requests in all, so 40 ms each, on the two CPUs of that machine.
    assert ("at most 50 req/s on 2 CPUs" in finding.advice) is hashes
    assert (finding.predicted["rate_rps"] == pytest.approx(50)) is hashes
    assert (finding.fix_kind == "thread") is hashes


def test_each_line_is_a_finding_of_its_own_and_the_costliest_comes_first():
    other = Stack((Frame(FILE, 20, "helper"),), 0)
    rows = stalls(100, 0.03) + stalls(100, 0.06, stack=1)
    insight = insight_of(requests=requests(), stacks=(SLEEPS, other), stalls=rows)
    assert [finding.line for finding in found(insight, SLOW)] == [20, 14]


def test_a_stall_without_a_line_of_the_users_is_told_by_the_handler():
    inner = Stack((Frame("/lib/json.py", 7, "dumps"),), None)
    insight = insight_of(requests=requests(), stacks=(inner,), stalls=stalls(100, 0.05, kind=CPU))
    (finding,) = found(insight, SLOW)
    assert (finding.file, finding.line) == ("shop.py", 12)
    assert finding.message.startswith("dumps (/lib/json.py:7), called for this endpoint,")


def test_a_librarys_function_is_told_and_not_pythons_in_which_it_waits():
    frames = (
        Frame("/venv/lib/python3.12/site-packages/limits/memory.py", 76, "schedule"),
        Frame("/usr/lib/python3.12/threading.py", 997, "Thread.start"),
        Frame("/usr/lib/python3.12/threading.py", 355, "Condition.wait"),
    )
    insight = insight_of(
        requests=requests(), stacks=(Stack(frames, None),), stalls=stalls(100, 0.05)
    )
    (finding,) = found(insight, SLOW)
    assert finding.message.startswith("schedule (/venv/")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("time.sleep", "time.sleep, called back by the event loop, blocks the event loop for 50"),
        (UNNAMED, "A callback of the event loop that is no Python function blocks the event loop"),
    ],
)
def test_what_the_loop_calls_that_has_no_frame_is_named_all_the_same(name, begins):
    rows = stalls(100, 0.05, request=NO_REQUEST)
    stack = Stack((Frame(CALLED_BY_LOOP, 0, name),), None)
    (finding,) = found(insight_of(requests=requests(), stacks=(stack,), stalls=rows), SLOW)
    assert finding.message.startswith(begins)
    assert (finding.file, finding.line, finding.endpoint) == (None, None, SLOW.endpoint.label)
    assert "`call_soon`" in finding.advice


@pytest.mark.parametrize(
    ("name", "shown", "line", "begins"),
    [
        ("time.sleep", [20], 20, "time.sleep, which by the source this line has the event loop ca"),
        (
            UNNAMED,
            [20],
            20,
            "A callback of the event loop that is no Python function (by the source time.sleep, "
            "which this line has it call) blocks",
        ),
        ("socket.recv", [20], None, "socket.recv, called back by the event loop, blocks"),
        ("time.sleep", [20, 21], None, "time.sleep, called back by the event loop, blocks"),
    ],
)
def test_the_only_place_in_the_source_that_gives_it_to_the_loop_is_the_line(
    name, shown, line, begins
):
    given = BlockingCall(
        FILE, 20, 4, "time.sleep", "sleep", (Step(FILE, 20, "soon"),), ("GET /items",), by_loop=True
    )
    calls = [replace(given, line=at) for at in shown]
    calls.append(replace(given, line=30, by_loop=False))  # which would have a frame
    stack = Stack((Frame(CALLED_BY_LOOP, 0, name),), None)
    insight = insight_of(
        requests=requests(), stacks=(stack,), stalls=stalls(100, 0.05, request=NO_REQUEST)
    )
    (finding,) = found(insight, SLOW, verdicts=Verdicts(blocking=tuple(calls)))
    assert finding.message.startswith(begins)
    assert finding.line == line


def test_a_builtin_that_the_loop_was_seen_to_be_given_is_told_by_that_line():
    rows = stalls(100, 0.05, request=NO_REQUEST)
    frames = (Frame(FILE, 14, "items"), Frame(CALLED_BY_LOOP, 0, "time.sleep"))
    (finding,) = found(
        insight_of(requests=requests(), stacks=(Stack(frames, 0),), stalls=rows), SLOW
    )
    assert (finding.file, finding.line) == ("shop.py", 14)
    assert finding.message.startswith("time.sleep, which this line has the event loop call, blocks")


def mixed(stalled_by, alone_s=0.1):
    """A mix: /blocking's requests or a task in the background stall the loop for 50 ms each
    half second; /items waits in between."""
    rows = [
        {"start": 11 + i / 2, "duration_s": 0.05, "kind": BLOCKED, "request": stalled_by(i)}
        for i in range(90)
    ]
    insight = insight_of(
        stacks=(Stack((Frame(FILE, 40, "work"),), 0),),
        requests=requests(100) + requests(100, route=1, first=1000),
        stalls=rows,
    )
    items = result_of(ITEMS, unloaded_s=alone_s)
    return found(insight, items, result_of(BLOCKING, limiter=None))


def test_collateral_damage_names_who_suffers_and_who_did_it():
    (finding,) = mixed(lambda i: 1000 + i)
    assert (finding.endpoint, finding.line) == ("GET /blocking", 40)
    # A request of a second meets two stalls of 50 ms.
    assert finding.suffers["GET /items"] == pytest.approx(0.1, rel=0.1)
    assert "GET /items waits" in finding.message


def test_nobody_suffers_more_than_it_was_slowed_down():
    (finding,) = mixed(lambda i: 1000 + i, alone_s=0.98)  # its mean is 1 s
    assert finding.suffers["GET /items"] == pytest.approx(0.02)
    (finding,) = mixed(lambda i: 1000 + i, alone_s=1.0)
    assert finding.suffers == {}


def test_a_task_in_the_background_is_nobodys_request():
    (finding,) = mixed(lambda i: NO_REQUEST)
    assert finding.endpoint == "*"
    assert finding.message.startswith("A task in the background")
    assert set(finding.suffers) == {"GET /items"}


@pytest.mark.parametrize(
    ("cpu", "delay", "loop_s", "severities"),
    [
        (0.81, 0.0, 0.002, ["warning"]),
        (0.79, 0.0, 0.002, []),
        (0.5, 0.4, 0.002, ["warning"]),
        (0.3, 0.6, 0.002, ["info"]),  # the machine, rather
        (0.9, 0.0, 0.0003, ["info"]),  # FastAPI itself
    ],
)
def test_a_loop_without_time_left(cpu, delay, loop_s, severities):
    insight = insight_of(requests=requests(loop_s=loop_s), ticks=ticks(cpu, delay))
    result = found(insight, SLOW)
    assert [(f.code, f.severity) for f in result] == [("loop-busy", s) for s in severities]


def busy_at(*parts):
    """The finding of a loop without time left that was seen at these parts of its 2 ms."""
    breakdown = replace(BROKEN_DOWN, loop_cpu_s=0.002, on_loop=parts)
    insight = insight_of(requests=requests(loop_s=0.002), ticks=ticks(0.9))
    [finding] = found(insight, replace(SLOW, breakdown=breakdown))
    return finding


def test_the_line_that_most_of_its_time_went_by_at_is_the_one_to_change():
    finding = busy_at(
        LoopPart(FILE, 14, "items", "httpcore Pool.handle", 0.75, 300),
        LoopPart(None, None, None, "uvicorn Cycle.send", 0.2, 80),
        LoopPart(None, None, None, "starlette", 0.05, 20),
    )
    assert (finding.line, finding.function) == (14, "items")
    assert (
        "keeps it for 2 ms. Of the time that it worked 75% at shop.py:14, in httpcore Pool.handle; "
        "20% in uvicorn Cycle.send (400 samples)."
    ) in finding.message
    assert finding.advice.startswith("A thread would not mend it")


def test_where_no_line_has_most_of_it_the_handler_is_told():
    finding = busy_at(
        LoopPart(None, None, None, "fastapi serialize_response", 0.6, 300),
        LoopPart(FILE, 14, "items", None, 0.4, 200),
    )
    assert finding.line == 12
    assert "60% in fastapi serialize_response; 40% at shop.py:14 (500" in finding.message


def test_too_few_requests_to_look_inside_is_said():
    insight = insight_of(requests=requests(19), ticks=ticks(0.9))
    (finding,) = found(insight, SLOW)
    assert (finding.code, finding.severity) == ("too-little-data", "info")
    assert "19 of its requests" in finding.message
    trouble = replace(SLOW, trouble="the server died")
    assert codes(insight, trouble) == []


def at(*lines):
    """A stack through these lines of the app's functions, the last of them to blame."""
    frames = [Frame(FILE, line, function) for line, function in lines]
    return Stack((Frame("/lib/uvicorn.py", 1, "run"), *frames), len(lines))


def test_what_computes_is_told_once_whichever_line_it_was_seen_at():
    handler = (14, "items")
    stacks = (at(handler, (30, "build")), at(handler, (31, "build")), at(handler))
    counts = (600, 200, 100)
    rows = [
        row
        for number, count in enumerate(counts)
        for row in stalls(count, 0.05, kind=CPU, stack=number)
    ]
    insight = insight_of(requests=requests(1000), stalls=rows, stacks=stacks, ticks=ticks(0.9))
    (finding,) = found(insight, SLOW)
    assert (finding.line, finding.function) == (30, "build")
    assert finding.evidence["stalls"] == sum(counts)


def test_what_was_not_looked_at_goes_to_the_line_that_was_however_seldom():
    """A call that keeps Python's lock is over before anybody can look."""
    unseen = [
        {**row, "request": row["request"] + 30} for row in stalls(60, 0.05, kind=CPU, stack=9)
    ]
    rows = stalls(20, 0.05, kind=NATIVE) + unseen
    (finding,) = found(insight_of(requests=requests(), stalls=rows), SLOW)
    assert (finding.code, finding.line) == ("loop-busy", 14)
    assert "80 times" in finding.message


def test_two_functions_that_compute_are_told_apart():
    handler = (14, "items")
    stacks = (at(handler, (30, "build")), at(handler, (40, "draw")))
    rows = [row for n in range(2) for row in stalls(300, 0.05, kind=CPU, stack=n)]
    insight = insight_of(requests=requests(1000), stalls=rows, stacks=stacks, ticks=ticks(0.9))
    assert {finding.line for finding in found(insight, SLOW)} == {30, 40}


def test_calls_that_block_are_told_by_their_lines():
    handler = (14, "items")
    rows = [row for n in range(2) for row in stalls(300, 0.05, stack=n)]
    stacks = (at(handler, (30, "fetch")), at(handler, (31, "fetch")))
    insight = insight_of(requests=requests(1000), stalls=rows, stacks=stacks, ticks=ticks(0.1))
    assert {finding.line for finding in found(insight, SLOW)} == {30, 31}


@pytest.mark.parametrize(
    ("result", "gain"),
    [
        (SLOW, "`asyncio.to_thread`) up to 420 req/s, where the event loop"),
        # 40 threads for 50 ms, and no rate to set beside it.
        (replace(SLOW, steady=None, window=None), "`asyncio.to_thread`) at most 800 req/s"),
    ],
)
def test_what_threads_would_give_a_call_that_blocks(result, gain):
    insight = insight_of(requests=requests(1000), stalls=stalls(1000, 0.05), ticks=ticks(cpu=0.05))
    finding = next(f for f in found(insight, result) if f.code == "loop-blocked")
    assert gain in finding.advice


TASKS = Frame("/venv/lib/python3.11/site-packages/starlette/background.py", 23, "__call__")


def test_a_background_task_that_blocks_is_said_to_be_one():
    stack = Stack((*SLEEPS.frames[:1], TASKS, Frame(FILE, 30, "log_visit")), 2)
    insight = insight_of(requests=requests(), stalls=stalls(100, 0.05), stacks=(stack,))
    (finding,) = found(insight, SLOW)
    assert (finding.endpoint, finding.line) == ("GET /items", 30)
    assert finding.message.startswith("This line, in a background task after the answer, blocks")
    assert "a plain `def` background task" in finding.advice


def test_a_line_of_one_endpoints_is_its_own_in_requests_that_were_not_recorded():
    """Nothing in a background task's stack tells whose it is."""
    stack = Stack((*SLEEPS.frames[:1], TASKS, Frame(FILE, 30, "log_visit")), 2)
    seen = stalls(50, 0.05) + stalls(50, 0.05, request=NO_REQUEST)
    insight = insight_of(
        requests=[*requests(), *requests(route=1, first=100)], stalls=seen, stacks=(stack,)
    )
    results = (SLOW, replace(SLOW, endpoint=BLOCKING))
    (finding,) = found(insight, *results)
    assert (finding.endpoint, finding.evidence["stalls"]) == ("GET /items", 100)


@pytest.mark.parametrize(("failures", "expected"), [(2500, ["loop-busy"]), (2501, [])])
def test_a_loop_that_is_busy_refusing_says_nothing_of_the_endpoint(failures, expected):
    result = result_of(steady=figures(requests=5000, failures=failures))
    assert codes(insight_of(requests=requests(loop_s=0.009), ticks=ticks(0.9)), result) == expected
