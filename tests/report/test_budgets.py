"""Budgets in the report: a mark, the limit, and the actual value beside it."""

import io
from dataclasses import replace

from rich.console import Console

from asyncperf.judgement import Budget, BudgetResult
from asyncperf.report.result_json import result_document
from asyncperf.report.terminal import render

from .builder import experiment
from .test_result_json import VALIDATOR

P95 = Budget("p95<500ms", "p95", "<", 0.5, "s")
RATE = Budget("GET /items: rate>=200", "rate", ">=", 200.0, "rps", "GET", "/items")
SHARE = Budget("errors<1%", "errors", "<", 0.01, "share")
COUNT = Budget("errors<5", "errors", "<", 5.0, "count")

EACH = (
    BudgetResult(P95, "GET /items", "met", 0.412),
    BudgetResult(P95, "GET /slow", "missed", 1.5),
    BudgetResult(P95, "GET /rare", "cannot_tell", None, "p95 takes 20 requests"),
    BudgetResult(RATE, "GET /items", "missed", 150.2),
    BudgetResult(SHARE, "GET /items", "met", 0.0021),
    BudgetResult(COUNT, "GET /items", "missed", 12.0),
    BudgetResult(P95, None, "cannot_tell", None, "no endpoint that was loaded matches"),
    BudgetResult(
        Budget("\x1b[2J[red]/x*: max<1s", "max", "<", 1.0, "s", None, "x"),
        "GET /x\x1b[2J",
        "met",
        1,
    ),
)


def judged(results):
    return replace(experiment(), budgets=tuple(results))


def plain(results, width=80):
    file = io.StringIO()
    render(judged(results), Console(file=file, width=width), charted=False)
    return file.getvalue()


def section(text):
    """The lines about budgets."""
    [found] = [part for part in text.split("\n\n") if part.startswith("   budget")]
    return found + "\n"


def test_looks_like_its_golden_file(matches_golden):
    matches_golden(section(plain(EACH)), "budgets.txt")


def test_budgets_follow_the_verdict():
    parts = plain(EACH).split("\n\n")
    assert parts[1].startswith("endpoint")
    assert parts[2].startswith("   budget")


def test_without_budgets_there_is_no_word_of_them():
    assert "budget" not in plain(())


def test_of_many_endpoints_the_closest_and_the_exceptions_are_shown():
    many = [BudgetResult(P95, f"GET /{i}", "met", i / 1000) for i in range(1, 31)]
    rates = [BudgetResult(RATE, f"GET /{i}", "met", 200 + i) for i in range(1, 31)]
    missed = BudgetResult(P95, "GET /slow", "missed", 1.5)
    lines = section(plain([*many, missed, *rates], width=100)).splitlines()
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "ok p95<500ms 30.00 ms 30 endpoints, the closest GET /30",
        "x p95<500ms 1.500 s GET /slow",
        "ok GET /items: rate>=200 201.0 req/s 30 endpoints, the closest GET /1",
    ]


def test_the_json_follows_the_schema_in_the_budgets_unit():
    document = result_document(judged(EACH))
    VALIDATOR.validate(document)
    assert document["budgets"][4] == {
        "budget": "errors<1%",
        "endpoint": "GET /items",
        "metric": "errors",
        "operator": "<",
        "limit": 0.01,
        "unit": "share",
        "actual": 0.0021,
        "status": "met",
        "why": None,
    }
    assert document["budgets"][2]["why"] == "p95 takes 20 requests"
