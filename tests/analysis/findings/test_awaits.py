"""Awaits one after another, from spans and source: found, kept apart, or too little to tell."""

from dataclasses import replace

import pytest

from asyncperf.analysis.findings import healthy
from asyncperf.insight import Resource, Site
from asyncperf.model import Figures, Latency

from ...builders import ITEMS, result_of
from .seen import FILE, codes, evidence, found, insight_of, requests, table

INDEPENDENT = """
async def items():
    a = await one()
    b = await two()
    return a, b
"""
DEPENDENT = INDEPENDENT.replace("two()", "two(a)")
LOOP = """
async def items():
    return [await one(k) for k in range(5)]
"""


def sites(source):
    found = []
    for number, line in enumerate(source.splitlines(), start=1):
        if "await " in line:
            text = line[line.index("await ") :].split(" for ")[0]
            found.append(Site(FILE, number, line.index("await ") + 1, "items", text))
    return found


def spans(each_s, *, requests=10, rounds=1, parent=None):
    """In each request the sites' awaits one after another, of these lengths."""
    rows = []
    for request in range(requests):
        at, number = 20.0, 0
        for site, length_s in enumerate(each_s):
            for _ in range(rounds):
                rows.append(
                    {
                        "start": at,
                        "end": at + length_s,
                        "request": request,
                        "span": number,
                        "parent": number if parent is None else parent,
                        "site": site,
                    }
                )
                at, number = at + length_s, number + 1
    return rows


def seen(source, each_s, **how):
    return insight_of(requests=requests(), sites=sites(source), spans=spans(each_s, **how))


def reading(source):
    return lambda file: source if file == FILE else None


def users(mean_s, rate_rps=None):
    """500 users who wait for nothing else."""
    rate = rate_rps or 500 / mean_s
    return result_of(
        ITEMS,
        steady=Figures(5000, 0, rate, Latency(mean_s, mean_s, mean_s, {50: mean_s})),
        unloaded_s=mean_s,
    )


@pytest.mark.parametrize(
    ("source", "each_s", "how", "expected"),
    [
        (INDEPENDENT, (0.5, 0.5), {}, ["sequential-awaits"]),
        (DEPENDENT, (0.5, 0.5), {}, []),
        (INDEPENDENT, (0.94, 0.06), {}, ["sequential-awaits"]),
        (INDEPENDENT, (0.96, 0.04), {}, []),  # saves less than a twentieth of the second
        (INDEPENDENT, (0.5, 0.0005), {}, []),
        (INDEPENDENT, (0.5, 0.5), {"requests": 5}, ["sequential-awaits"]),
        (INDEPENDENT, (0.5, 0.5), {"requests": 4}, []),  # too few to tell
    ],
)
def test_sequential_awaits(source, each_s, how, expected):
    insight = seen(source, each_s, **how)
    assert codes(insight, users(1.0), source=reading(source)) == expected


def test_spans_of_a_library_or_of_other_tasks_are_no_sequence():
    rows = spans((0.5, 0.5))
    for row in rows:
        row["task"] = row["site"]
    insight = insight_of(requests=requests(), sites=sites(INDEPENDENT), spans=rows)
    assert codes(insight, users(1.0), source=reading(INDEPENDENT)) == []
    library = [
        Site("/venv/site-packages/x.py", s.line, s.column, "f", s.text) for s in sites(INDEPENDENT)
    ]
    insight = insight_of(requests=requests(), sites=library, spans=spans((0.5, 0.5)))
    assert codes(insight, users(1.0)) == []


def test_the_experiment_at_its_published_scale():
    """Three awaits of 5 s: 15 s and 33.3 req/s become 5 s and 100."""
    source = INDEPENDENT.replace("    return", "    c = await three()\n    return")
    insight = seen(source, (5.0, 5.0, 5.0), parent=77)
    (finding,) = found(insight, users(15.0), source=reading(source))
    assert (finding.file, finding.line, finding.function) == ("shop.py", 3, "items")
    assert finding.message == (
        "3 awaits take 15.00 s one after another; none takes another's result: together they "
        "would take 5.00 s."
    )
    assert finding.predicted == {"rate_rps": pytest.approx(100), "response_s": pytest.approx(5)}
    assert finding.cost_ms_per_request == pytest.approx(10_000)
    assert finding.cost_rps == pytest.approx(200 / 3)
    assert "Up to 100 req/s under this load." in finding.advice


def test_the_longest_is_taken_for_each_request_and_then_averaged():
    rows = spans((0.1, 0.3), requests=5)
    others = spans((0.3, 0.1), requests=5)
    for row in others:
        row["request"] += 5
    insight = insight_of(requests=requests(), sites=sites(INDEPENDENT), spans=rows + others)
    (finding,) = found(insight, users(1.0), source=reading(INDEPENDENT))
    assert finding.evidence["together_s"] == pytest.approx(0.3)


@pytest.mark.parametrize("source", [None, DEPENDENT, "async def items(): pass\n"])
def test_without_the_source_that_ran_it_stays_a_candidate_and_says_so(source):
    insight = seen(INDEPENDENT, (0.5, 0.5))
    (finding,) = found(insight, users(1.0), source=reading(source))
    assert "is not the one that ran" in finding.advice


def test_awaits_that_need_each_other_are_in_good_order_and_said_to_be():
    every = evidence(seen(DEPENDENT, (0.5, 0.5)), users(1.0), source=reading(DEPENDENT))
    (line,) = healthy(every, ())
    assert line.message == "items: each await needs the one before it (shop.py:4)"
    effect = INDEPENDENT.replace("a = await", "await")
    every = evidence(seen(effect, (0.5, 0.5)), users(1.0), source=reading(effect))
    assert "line 4 after line 3, because its result is thrown away" in healthy(every, ())[0].message


@pytest.mark.parametrize(
    ("source", "rounds", "length_s", "expected"),
    [
        (LOOP, 5, 0.1, ["sequential-loop"]),
        (LOOP, 3, 0.1, ["sequential-loop"]),
        (LOOP, 2, 0.1, []),  # a pair is no loop
        (LOOP, 5, 0.01, []),  # saves 40 ms of a second
        (LOOP.replace("one(k)", "db.get(k)"), 5, 0.1, ["sequential-loop"]),
        ("\nasync def items():\n    while a:\n        a = await one(a)\n", 5, 0.1, []),
    ],
)
def test_sequential_loop(source, rounds, length_s, expected):
    insight = seen(source, (length_s,), rounds=rounds)
    assert codes(insight, users(1.0), source=reading(source)) == expected


def test_a_session_in_a_loop_is_asked_once_not_many_times_together():
    source = LOOP.replace("one(k)", "db.get(k)")
    (finding,) = found(seen(source, (0.1,), rounds=5), users(1.0), source=reading(source))
    assert "in one query" in finding.advice
    assert "gather" not in finding.advice
    assert finding.evidence["rounds"] == 5


SESSION = Resource("one at a time", "Session", None, None)


def using(insight, *rows):
    """Sessions used in each request: (when, which, in which task)."""
    uses = [
        {"request": request, "asked": at, "got": at, "released": at, "instance": n, "task": task}
        for request in range(10)
        for at, n, task in rows
    ]
    return replace(insight, resources=(SESSION,), uses=table("uses", uses))


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
@pytest.mark.parametrize("source", [INDEPENDENT, None])
def test_awaits_that_were_seen_to_use_one_session_stay_in_order(uses, together, source):
    insight = using(seen(INDEPENDENT, (0.5, 0.5)), *uses)
    expected = ["sequential-awaits"] * together
    assert codes(insight, users(1.0), source=reading(source)) == expected
    if source and not together:
        (line,) = healthy(evidence(insight, users(1.0), source=reading(source)), ())
        assert "both use one Session, which runs one thing at a time" in line.message


def test_rounds_that_were_seen_to_use_one_session_are_better_one_query():
    insight = seen(LOOP, (0.1,), rounds=5)
    (finding,) = found(
        using(insight, (20.05, 1, 0), (20.15, 1, 0)), users(1.0), source=reading(LOOP)
    )
    assert "in one query: all rounds use one Session" in finding.advice
    (finding,) = found(
        using(insight, (20.05, 1, 0), (20.15, 2, 0)), users(1.0), source=reading(LOOP)
    )
    assert "gather" in finding.advice
