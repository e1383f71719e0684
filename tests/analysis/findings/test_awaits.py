"""Awaits one after another: the probe's times joined with what the source says of them."""

from dataclasses import replace

import numpy as np
import pytest

from asyncperf.analysis.findings import healthy
from asyncperf.insight import Resource
from asyncperf.sites import Verdicts

from ...builders import PLAN
from .awaited import (
    BLOCKS,
    LIKELY,
    NEEDS,
    NO_GAIN,
    PROVED,
    SESSION,
    SHARED,
    UNTOLD,
    pairs,
    seen,
    site,
    spans,
    users,
    using,
)
from .seen import FILE, codes, evidence, found, insight_of, requests


@pytest.mark.parametrize(
    ("said", "each_s", "how", "expected"),
    [
        (PROVED, (0.5, 0.5), {}, ["sequential-awaits"]),
        (LIKELY, (0.5, 0.5), {}, ["sequential-awaits"]),
        (UNTOLD, (0.5, 0.5), {}, ["sequential-awaits"]),
        (NEEDS, (0.5, 0.5), {}, []),
        (SHARED, (0.5, 0.5), {}, []),
        (NO_GAIN, (0.5, 0.5), {}, []),
        (BLOCKS, (0.5, 0.5), {}, []),
        (PROVED, (0.94, 0.06), {}, ["sequential-awaits"]),
        (PROVED, (0.96, 0.04), {}, []),  # saves less than a twentieth of the second
        (PROVED, (0.5, 0.0005), {}, []),
        (PROVED, (0.5, 0.5), {"requests": 5}, ["sequential-awaits"]),
        (PROVED, (0.5, 0.5), {"requests": 4}, []),  # too few to tell
    ],
)
def test_sequential_awaits(said, each_s, how, expected):
    assert codes(seen(*each_s, **how), users(1.0), verdicts=pairs(said)) == expected


def test_spans_of_a_library_or_of_other_tasks_are_no_sequence():
    rows = spans((0.5, 0.5))
    for row in rows:
        row["task"] = row["site"]
    sites = (site(3), site(4))
    insight = insight_of(requests=requests(answered=59.0), sites=sites, spans=rows)
    assert codes(insight, users(1.0), verdicts=pairs(PROVED)) == []
    library = [replace(each, file="/venv/site-packages/x.py") for each in sites]
    insight = insight_of(requests=requests(answered=59.0), sites=library, spans=spans((0.5, 0.5)))
    assert codes(insight, users(1.0)) == []


@pytest.mark.parametrize(("answered_s", "expected"), [(19.9, []), (59.0, ["sequential-awaits"])])
def test_nobody_waits_for_what_a_background_task_awaits(answered_s, expected):
    rows = requests(answered=answered_s, start=19.0)
    insight = insight_of(requests=rows, sites=(site(3), site(4)), spans=spans((0.5, 0.5)))
    assert codes(insight, users(1.0), verdicts=pairs(PROVED)) == expected


def test_the_experiment_at_its_published_scale():
    """Three awaits of 5 s: 15 s and 33.3 req/s become 5 s and 100."""
    insight = seen(5.0, 5.0, 5.0, parent=77)
    (finding,) = found(insight, users(15.0), verdicts=pairs(PROVED, PROVED, PROVED))
    assert (finding.file, finding.line, finding.function) == ("shop.py", 3, "items")
    assert finding.message == (
        "3 awaits, 15.00 s one after another, independent: together 5.00 s; "
        "at 500 users 33.3 -> 100 req/s."
    )
    assert finding.advice == "Run them together (`asyncio.gather`, a task group)."
    assert finding.independence == PROVED
    assert finding.predicted == {"rate_rps": pytest.approx(100), "response_s": pytest.approx(5)}
    assert finding.cost_ms_per_request == pytest.approx(10_000)
    assert finding.cost_rps == pytest.approx(200 / 3)


def test_at_a_fixed_rate_of_arrivals_no_more_requests_are_promised():
    plan = replace(PLAN, rate_rps=20.0)
    (finding,) = found(seen(0.5, 0.5), users(1.0, 20.0), verdicts=pairs(PROVED), plan=plan)
    assert finding.message.endswith("independent: together 500 ms.")


def test_a_likely_verdict_makes_a_candidate_that_names_what_is_unproved():
    (finding,) = found(seen(0.5, 0.5), users(1.0), verdicts=pairs(LIKELY))
    assert "one after another, likely independent: together" in finding.message
    assert finding.advice.endswith(
        "Only likely: no data flows, but `ask` is not known (shop.py:9)."
    )
    assert finding.severity == "warning"
    assert finding.independence == replace(LIKELY, file="shop.py")


@pytest.mark.parametrize(
    ("verdicts", "why"),
    [
        (None, "the source was not read when this run was made"),
        (Verdicts(unread={FILE: "its source has changed since it ran"}), "has changed since"),
        (Verdicts(trouble="the scan failed (OSError: no)"), "the scan failed (OSError: no)"),
        (pairs(), "the scan judges nothing that stands there"),
        (pairs(UNTOLD), "they stand in one statement"),
    ],
)
def test_where_the_source_says_nothing_no_independence_is_claimed(verdicts, why):
    (finding,) = found(seen(0.5, 0.5), users(1.0), verdicts=verdicts)
    assert ", cannot tell from source whether independent: together" in finding.message
    assert finding.advice.startswith("If they are, run them together")
    assert why in finding.advice
    assert (finding.severity, finding.independence.verdict) == ("info", None)


def test_a_group_is_as_sure_as_the_least_sure_of_its_pairs():
    (finding,) = found(seen(0.4, 0.4, 0.2), users(1.0), verdicts=pairs(PROVED, LIKELY, PROVED))
    assert finding.evidence["awaits"] == 3
    assert finding.independence.verdict == "likely"


def test_what_has_to_wait_for_the_first_may_still_run_with_the_third():
    (finding,) = found(seen(0.2, 0.4, 0.4), users(1.0), verdicts=pairs(NEEDS, PROVED, PROVED))
    assert (finding.line, finding.evidence["awaits"]) == (4, 2)


def test_the_longest_is_taken_for_each_request_and_then_averaged():
    rows = spans((0.1, 0.3), requests=5)
    others = spans((0.3, 0.1), requests=5)
    for row in others:
        row["request"] += 5
    insight = insight_of(
        requests=requests(answered=59.0), sites=(site(3), site(4)), spans=rows + others
    )
    (finding,) = found(insight, users(1.0), verdicts=pairs(PROVED))
    assert finding.evidence["together_s"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            NEEDS,
            "items: each await needs the one before it (shop.py:4): "
            "line 4 uses `a`, which comes from line 3",
        ),
        (SHARED, "items: they stay in order (shop.py:4): both use one session, `db` (shop.py:30)"),
    ],
)
def test_awaits_that_have_to_stay_in_order_are_said_to(said, text):
    (line,) = healthy(evidence(seen(0.5, 0.5), users(1.0), verdicts=pairs(said)), ())
    assert (line.code, line.message) == ("sequential-awaits", text)


@pytest.mark.parametrize("said", [PROVED, LIKELY, UNTOLD, BLOCKS, NO_GAIN])
def test_nothing_else_is_said_to_be_in_good_order(said):
    assert healthy(evidence(seen(0.5, 0.5), users(1.0), verdicts=pairs(said)), ()) == ()


@pytest.mark.parametrize(
    ("uses", "together"),
    [
        ([(20.1, 1, 0), (20.6, 1, 0)], False),
        ([(20.1, 1, 0), (20.6, 1, 5)], False),  # in a task that the second await made
        ([(20.1, 1, 0), (20.6, 2, 0)], True),  # a session each
        ([(20.1, 1, 0), (20.4, 1, 0)], True),  # only the first await uses it
        ([(19.9, 1, 0), (20.6, 1, 0)], True),
    ],
)
@pytest.mark.parametrize("said", [PROVED, LIKELY, UNTOLD])
def test_what_the_probe_saw_beats_the_source(uses, together, said):
    insight = using(seen(0.5, 0.5), *uses)
    every = evidence(insight, users(1.0), verdicts=pairs(said))
    assert codes(insight, users(1.0), verdicts=pairs(said)) == ["sequential-awaits"] * together
    told = "both use one Session, which runs one thing at a time"
    assert [told in line.message for line in healthy(every, ())] == [True] * (not together)


def test_data_that_flows_is_told_even_where_a_session_is_shared_too():
    insight = using(seen(0.5, 0.5), (20.1, 1, 0), (20.6, 1, 0))
    (line,) = healthy(evidence(insight, users(1.0), verdicts=pairs(NEEDS)), ())
    assert "each await needs the one before it" in line.message


@pytest.mark.parametrize(
    ("kind", "capacity", "held_s", "together"),
    [
        ("lock", 1, 0.3, False),
        ("semaphore", 1, 0.3, False),
        ("semaphore", 2, 0.3, True),  # lets both in
        ("lock", 1, 0.1, True),  # most of their time they do without it
        ("lock", 1, np.nan, True),  # never given back, as far as was seen
    ],
)
def test_awaits_that_spend_their_time_with_one_lock_would_take_turns(
    kind, capacity, held_s, together
):
    lock = Resource(kind, "Lock()", capacity, None)
    insight = using(seen(0.5, 0.5), (20.1, 1, 0), (20.6, 1, 0), resource=lock, held_s=held_s)
    every = evidence(insight, users(1.0), verdicts=pairs(PROVED))
    found = codes(insight, users(1.0), verdicts=pairs(PROVED))
    assert ("sequential-awaits" in found) is together
    told = [line.message for line in healthy(every, ()) if line.code == "sequential-awaits"]
    reason = "both wait for one Lock(), so together they would take turns"
    assert told == [f"items: they stay in order (shop.py:4): {reason}"] * (not together)


def test_a_session_and_a_lock_of_one_number_are_two_things():
    insight = using(seen(0.5, 0.5), (20.1, 1, 0), (20.6, 1, 0), held_s=0.4)
    insight.uses["resource"] = [0, 1] * 10
    insight = replace(insight, resources=(SESSION, Resource("lock", "Lock()", 1, None)))
    assert "sequential-awaits" in codes(insight, users(1.0), verdicts=pairs(PROVED))
