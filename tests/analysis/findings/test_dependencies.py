"""Dependencies that FastAPI resolves one after another."""

from dataclasses import replace

import pytest

from asyncperf.analysis.findings import healthy
from asyncperf.insight import Resource, Site
from asyncperf.sites import Independence, Verdict, Verdicts

from ...builders import result_of
from .seen import FILE, codes, evidence, found, insight_of, requests, table

SOLVER = Site(
    "/venv/site-packages/fastapi/dependencies/utils.py",
    650,
    22,
    "solve_dependencies",
    "await call()",
)
CALLEES = {"user": 2, "flags": 5, "rights": 8}
SITES = (SOLVER, *(Site(FILE, line, None, name, None) for name, line in CALLEES.items()))


def seen(*resolved, requests_seen=10):
    """Dependencies by name, each with how long it took, one after another."""
    rows = []
    for request in range(requests_seen):
        at = 20.0
        for span, (name, length_s) in enumerate(resolved):
            callee = 1 + list(CALLEES).index(name)
            rows.append(
                {
                    **{"start": at, "end": at + length_s, "request": request, "span": span},
                    **{"parent": 50, "site": 0, "callee": callee},
                }
            )
            at += length_s
    return insight_of(requests=requests(), sites=SITES, spans=rows)


NEEDED = Independence("dependent", "`rights` needs `user`", "none", FILE, 8)
APART = Independence("independent", "no dependency needs another one", "overlap")


def says(**by_name):
    """What the source says of two dependencies: `user_rights=...`."""
    found = []
    for names, said in by_name.items():
        at = tuple((FILE, CALLEES[name], None) for name in names.split("_"))
        found.append(Verdict("dependencies", at, said))
    return Verdicts(tuple(found))


ALL = says(user_flags=APART, user_rights=NEEDED, flags_rights=APART)


@pytest.mark.parametrize(
    ("resolved", "expected"),
    [
        ([("user", 0.3), ("flags", 0.3)], ["sequential-dependencies"]),
        ([("user", 0.3), ("rights", 0.3)], []),  # asks for the user
        ([("user", 0.96), ("flags", 0.04)], []),  # saves little
        ([("user", 0.3), ("flags", 0.0005)], []),
        ([("user", 0.3)], []),
        ([("user", 0.3), ("flags", 0.3), ("rights", 0.3)], ["sequential-dependencies"]),
    ],
)
def test_sequential_dependencies(resolved, expected):
    assert codes(seen(*resolved), verdicts=ALL) == expected


def test_too_few_requests_in_detail():
    assert codes(seen(("user", 0.3), ("flags", 0.3), requests_seen=4), verdicts=ALL) == []


def test_what_is_said():
    insight = seen(("user", 0.3), ("flags", 0.2))
    (finding,) = found(insight, result_of(unloaded_s=1.0), verdicts=ALL)
    assert (finding.line, finding.function, finding.severity) == (2, "user", "warning")
    assert finding.message.startswith(
        "FastAPI resolves user (300 ms) and flags (200 ms) one after another, 500 ms, "
        "independent: together 300 ms"
    )
    assert finding.independence == APART


@pytest.mark.parametrize(
    ("said", "word"), [("likely", "Only likely"), (None, "The source does not tell")]
)
def test_what_is_not_proved_is_said(said, word):
    verdicts = says(user_flags=Independence(said, "`ask` is not known", "overlap"))
    (finding,) = found(seen(("user", 0.3), ("flags", 0.2)), verdicts=verdicts)
    assert word in finding.advice
    assert "`ask` is not known" in finding.advice


def test_dependencies_that_need_each_other_are_in_good_order():
    every = evidence(seen(("user", 0.3), ("rights", 0.3)), verdicts=ALL)
    (line,) = [line for line in healthy(every, ()) if line.code == "sequential-dependencies"]
    assert line.message == (
        "dependencies of GET /items: each dependency needs the one before it (shop.py:8): "
        "`rights` needs `user`"
    )


@pytest.mark.parametrize(("instances", "together"), [((1, 2), True), ((1, 1), False)])
def test_dependencies_that_use_one_session_stay_in_order(instances, together):
    insight = seen(("user", 0.3), ("flags", 0.3))
    uses = [
        {"request": request, "asked": at, "got": at, "released": at, "instance": instance}
        for request in range(10)
        for at, instance in zip((20.1, 20.4), instances, strict=True)
    ]
    session = Resource("one at a time", "Session", None, None)
    insight = replace(insight, resources=(session,), uses=table("uses", uses))
    assert codes(insight, verdicts=ALL) == ["sequential-dependencies"] * together
