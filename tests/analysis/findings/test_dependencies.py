"""Dependencies that FastAPI resolves one after another."""

from dataclasses import replace

import pytest

from asyncperf.insight import Resource, Site

from ...builders import result_of
from .seen import FILE, codes, found, insight_of, requests, table

SOLVER = Site(
    "/venv/site-packages/fastapi/dependencies/utils.py",
    650,
    22,
    "solve_dependencies",
    "await call()",
)
SOURCE = """
async def user(): ...


async def flags(): ...


async def rights(user=Depends(user)): ...

Known = Annotated[str, Depends(user)]

async def orders(known: Known): ...
"""
CALLEES = {"user": 2, "flags": 5, "rights": 8, "orders": 12}
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


@pytest.mark.parametrize(
    ("resolved", "expected"),
    [
        ([("user", 0.3), ("flags", 0.3)], ["sequential-dependencies"]),
        ([("user", 0.3), ("rights", 0.3)], []),  # asks for the user
        ([("user", 0.3), ("orders", 0.3)], []),  # asks for it by another name
        ([("user", 0.96), ("flags", 0.04)], []),  # saves little
        ([("user", 0.3), ("flags", 0.0005)], []),
        ([("user", 0.3)], []),
        ([("user", 0.3), ("flags", 0.3), ("rights", 0.3)], ["sequential-dependencies"]),
    ],
)
def test_sequential_dependencies(resolved, expected):
    assert codes(seen(*resolved), source=lambda file: SOURCE) == expected


def test_too_few_requests_in_detail():
    assert codes(seen(("user", 0.3), ("flags", 0.3), requests_seen=4)) == []


def test_what_is_said():
    insight = seen(("user", 0.3), ("flags", 0.2))
    (finding,) = found(insight, result_of(unloaded_s=1.0), source=lambda file: SOURCE)
    assert (finding.line, finding.function) == (2, "user")
    assert "user (300 ms) and flags (200 ms) one after another, in 500 ms" in finding.message
    assert "together they would take 300 ms" in finding.message


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
    expected = ["sequential-dependencies"] * together
    assert codes(insight, source=lambda file: SOURCE) == expected
