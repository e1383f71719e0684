"""Dependencies that FastAPI resolves one after another."""

import itertools
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
CALLEES = {"user": 2, "flags": 5, "rights": 8, "token": 11, "plan": 14}
SITES = (SOLVER, *(Site(FILE, line, None, name, None) for name, line in CALLEES.items()))
# What FastAPI awaits for the dependencies of a dependency, what it calls then, and what it awaits
# for one that yields.
DEEPER = len(SITES)
DEEPER_SITES = (
    replace(SOLVER, line=640, text="await solve_dependencies()"),
    replace(SOLVER, line=550, text=None),
    replace(SOLVER, line=660, text="await _solve_generator()"),
)
YIELDS = DEEPER + 2


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


def resolving(tree, at, ids, parent=50):
    """Spans of dependencies, each `(name, length_s, what it depends on, ...)`; a name in brackets
    is one that yields. FastAPI looks at what each depends on before it calls it."""
    rows = []
    for name, length_s, *below in tree:
        span = next(ids)
        inner = resolving(below, at, ids, span)
        until = max([at, *(row["end"] for row in inner)])
        within = {"parent": parent, "site": DEEPER, "callee": DEEPER + 1}
        rows += [{"start": at, "end": until, "span": span, **within}, *inner]
        if length_s is not None:  # else it is there already
            yields = name.startswith("[")
            called = {"site": YIELDS if yields else 0}
            called["callee"] = 1 + list(CALLEES).index(name.strip("[]"))
            timed = {"start": until, "end": until + length_s}
            rows.append({**timed, "span": next(ids), "parent": parent, **called})
            until += length_s
        at = until
    return rows


def deep(*tree):
    rows = [
        {**row, "request": request}
        for request in range(10)
        for row in resolving(tree, 20.0, itertools.count(100))
    ]
    return insight_of(requests=requests(), sites=(*SITES, *DEEPER_SITES), spans=rows)


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


def every_pair(**changed):
    pairs = {f"{one}_{other}": APART for one, other in itertools.product(CALLEES, repeat=2)}
    return says(**{**pairs, **changed})


@pytest.mark.parametrize(
    ("tree", "changed", "message"),
    [
        # Each asks for its own.
        (
            [("user", 0.0, ("token", 0.3)), ("flags", 0.1, ("plan", 0.2))],
            {},
            "user with token (300 ms) and flags with plan (300 ms) one after another, 600 ms, "
            "independent: together 300 ms",
        ),
        # Both ask for one and the same again.
        (
            [("user", 0.1, ("token", 0.2)), ("flags", 0.1, ("token", 0.2))],
            {},
            "user with token (300 ms) and flags with token (300 ms) one after another, 600 ms, "
            "independent: together 300 ms",
        ),
        (
            [("token", 0.3), ("token", 0.2)],
            {},
            "token (300 ms) and token (200 ms) one after another, 500 ms, independent: "
            "together 300 ms",
        ),
        (
            [("user", 0.0, ("token", 0.3)), ("flags", 0.0, ("token", 0.3))],
            {"user_flags": Independence("unsafe", "`token` writes", "none")},
            None,
        ),
        # What both need is asked for once, before either.
        (
            [("user", 0.2, ("token", 0.3)), ("flags", 0.1, ("token", None))],
            {"token_flags": NEEDED},
            "user (200 ms) and flags (100 ms) one after another, 300 ms, independent: "
            "together 200 ms",
        ),
        (
            [("user", 0.0, ("token", 0.3)), ("flags", 0.3, ("token", None))],
            {"token_flags": NEEDED},
            None,
        ),
        # Nobody knows what the second needs.
        (
            [("user", 0.0, ("token", 0.3)), ("flags", 0.3)],
            {"token_flags": Independence(None, "not read", "overlap")},
            None,
        ),
        # What yields is FastAPI's to enter, and so is what that depends on.
        ([("[user]", 0.3), ("flags", 0.3)], {}, None),
        ([("user", 0.0, ("[token]", 0.2, ("plan", 0.1))), ("flags", 0.3)], {}, None),
        # Side by side for a dependency.
        (
            [("user", 0.1, ("token", 0.2), ("plan", 0.2)), ("flags", 0.0)],
            {},
            "token (200 ms) and plan (200 ms) one after another, 400 ms, independent: "
            "together 200 ms",
        ),
    ],
)
def test_dependencies_of_dependencies(tree, changed, message):
    told = [each.message for each in found(deep(*tree), verdicts=every_pair(**changed))]
    assert [text.partition("; ")[0].rstrip(".") for text in told] == (
        [f"FastAPI resolves {message}"] if message else []
    )


def test_what_a_dependency_needs_uses_a_session_for_it():
    insight = deep(("user", 0.0, ("token", 0.3)), ("flags", 0.3))
    uses = [
        {"request": request, "asked": at, "got": at, "released": at, "instance": 1}
        for request in range(10)
        for at in (20.1, 20.4)
    ]
    session = Resource("one at a time", "Session", None, None)
    insight = replace(insight, resources=(session,), uses=table("uses", uses))
    assert codes(insight, verdicts=every_pair()) == []
