"""Which budgets can be read, and what is said of a result beside them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncperf.analysis.budget import BudgetError, actual_value, judge, parse_budget
from asyncperf.analysis.diagnosis import diagnose
from asyncperf.model import Endpoint, GeneratorHealth
from asyncperf.results import Figures

from .synthetic import load, run, samples


def result(method="GET", path="/items", *, latency_s=0.1, failures=0, requests=3000):
    """Requests of one latency; of the whole load so many failed."""
    found = samples(np.full(requests, latency_s))
    [made] = diagnose(run(load(found, endpoint=Endpoint(method, path)))).endpoints
    return replace(made, whole=replace(made.whole, failures=failures))


ITEMS = result()
RATE_RPS = 200.0  # 20 users who wait 0.1 s


@pytest.mark.parametrize(
    ("text", "metric", "operator", "limit", "unit"),
    [
        ("p95<500ms", "p95", "<", 0.5, "s"),
        ("p99<=1.5s", "p99", "<=", 1.5, "s"),
        ("p99.9 < 250us", "p99.9", "<", 0.00025, "s"),
        ("median<2m", "p50", "<", 120.0, "s"),
        (" mean<.2s ", "mean", "<", 0.2, "s"),
        ("max<=15s", "max", "<=", 15.0, "s"),
        ("errors<1%", "errors", "<", 0.01, "share"),
        ("errors<=0.5 %", "errors", "<=", 0.005, "share"),
        ("errors<5", "errors", "<", 5.0, "count"),
        ("rate>200", "rate", ">", 200.0, "rps"),
        ("rate>=99.5/s", "rate", ">=", 99.5, "rps"),
        ("rate>200 req/s", "rate", ">", 200.0, "rps"),
    ],
)
def test_a_budget_is_read(text, metric, operator, limit, unit):
    budget = parse_budget(text)
    assert (budget.metric, budget.operator, budget.unit) == (metric, operator, unit)
    assert budget.limit == pytest.approx(limit)
    assert (budget.method, budget.path) == (None, None)


@pytest.mark.parametrize(
    ("text", "method", "path"),
    [
        ("GET /items: p95<500ms", "GET", "/items"),
        ("/items*: rate>50", None, "/items*"),
        ("/v1/a:b : rate>50", None, "/v1/a:b"),
        ("DELETE /items/{item_id}: p95<1s", "DELETE", "/items/{item_id}"),
        ("search by name: rate>50", None, "search by name"),  # as a locustfile may name it
    ],
)
def test_a_budget_may_be_for_some_endpoints(text, method, path):
    budget = parse_budget(text)
    assert (budget.method, budget.path) == (method, path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot read the budget ''. Such as: p95<500ms"),
        ("fast", "Such as: p95<500ms"),
        ("p95=500ms", "Such as"),
        ("p95<", "Such as"),
        (": p95<500ms", "Such as"),
        ("p95<500", "needs a time with its unit (us, ms, s, m), not '500'"),
        ("p95<500%", "needs a time with its unit"),
        ("p97<500ms", "is on 'p97'. Known are mean, median, max, p50, p66"),
        ("speed<5", "is on 'speed'"),
        ("p95>500ms", "must say p95<... or <=..."),
        ("rate<200", "must say rate>... or >=..."),
        ("errors>1%", "must say errors<... or <=..."),
        ("rate>200ms", "needs requests per second (200), not '200ms'"),
        ("errors<1ms", "needs a share (1%) or a count (5), not '1ms'"),
        ("errors<200%", "is always kept: a share is at most 100%"),
        ("p95<1.2.3s", "'1.2.3' in the budget 'p95<1.2.3s' is no number"),
    ],
)
def test_a_refusal_names_the_text_and_what_is_accepted(text, said):
    with pytest.raises(BudgetError) as refused:
        parse_budget(text)
    assert said in str(refused.value)
    assert repr(text) in str(refused.value)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        limit = parse_budget(text).limit
    except BudgetError:
        limit = 0.0
    assert limit >= 0


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("p95<101ms", "met"),
        ("p95<=100.001ms", "met"),
        ("p95<99ms", "missed"),
        ("max<99ms", "missed"),
        ("mean<150ms", "met"),
        ("rate>150", "met"),
        ("rate>250", "missed"),
        ("errors<1", "met"),
        ("errors<=0%", "met"),
        ("errors<0%", "missed"),
        ("GET /items: rate>250", "missed"),
        ("/it*: rate>150", "met"),
        ("p99.99<1s", "cannot_tell"),  # takes 10,000 requests
    ],
)
def test_a_budget_is_judged(text, status):
    [judged] = judge([parse_budget(text)], [ITEMS])
    assert judged.status == status
    assert judged.endpoint == "GET /items"
    assert (judged.why is None) == (status != "cannot_tell")


def test_the_limit_itself_is_kept_only_where_it_is_included():
    exact = replace(ITEMS, steady=replace(ITEMS.steady, rate_rps=RATE_RPS))
    texts = ("rate>200", "rate>=200")
    judged = judge([parse_budget(text) for text in texts], [exact])
    assert [each.status for each in judged] == ["missed", "met"]


def test_errors_are_of_the_whole_load_as_share_or_count():
    broken = result(failures=30)
    texts = ("errors<1%", "errors<=1%", "errors<30", "errors<31")
    judged = judge([parse_budget(text) for text in texts], [broken])
    assert [each.actual for each in judged] == [0.01, 0.01, 30, 30]
    assert [each.status for each in judged] == ["missed", "met", "missed", "met"]


def test_a_budget_for_all_is_judged_for_each():
    others = [ITEMS, result("POST", "/items"), result("GET", "/slow", latency_s=0.3)]
    budgets = [parse_budget("p95<200ms"), parse_budget("POST /items: p95<200ms")]
    judged = judge(budgets, others)
    assert [(each.endpoint, each.status) for each in judged] == [
        ("GET /items", "met"),
        ("POST /items", "met"),
        ("GET /slow", "missed"),
        ("POST /items", "met"),
    ]


def test_a_name_with_brackets_means_itself_as_well():
    odd = result(path="/a[b]")
    assert judge([parse_budget("/a[b]: rate>1")], [odd])[0].status == "met"


def test_a_budget_that_matches_nothing_cannot_be_told():
    [judged] = judge([parse_budget("/itms: p95<200ms")], [ITEMS])
    assert (judged.status, judged.endpoint) == ("cannot_tell", None)
    assert judged.why == "no endpoint that was loaded matches"


@pytest.mark.parametrize("text", ["p95<500ms", "rate>1", "errors<1%"])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"generator": GeneratorHealth(1.0, 0.5)}, "the load generator used 100%"),
        ({"trouble": "the server exited"}, "the server exited"),
    ],
)
def test_figures_that_cannot_be_trusted_decide_nothing(text, changes, why):
    [judged] = judge([parse_budget(text)], [replace(ITEMS, **changes)])
    assert judged.status == "cannot_tell"
    assert judged.why.startswith(why)


@pytest.mark.parametrize(
    ("text", "changes", "why"),
    [
        ("p95<1s", {"steady": None, "no_window_why": "it still drifted"}, "it still drifted"),
        ("rate>1", {"steady": None, "no_window_why": "it still drifted"}, "it still drifted"),
        ("p95<1s", {"steady": Figures(100, 100, 0.0, None)}, "no request succeeded"),
        ("errors<1%", {"whole": Figures(0, 0, None, None)}, "no request was answered"),
        ("p99.99<1s", {}, "p99.99 takes 10,000 requests"),
    ],
)
def test_what_is_not_known_cannot_be_told(text, changes, why):
    [judged] = judge([parse_budget(text)], [replace(ITEMS, **changes)])
    assert judged.status == "cannot_tell"
    assert judged.actual is None
    assert judged.why.startswith(why)


def test_nothing_but_failures_still_misses_a_rate():
    broken = replace(ITEMS, steady=Figures(100, 100, 0.0, None))
    assert judge([parse_budget("rate>1")], [broken])[0].status == "missed"


def test_errors_need_no_steady_window():
    assert actual_value(parse_budget("errors<1%"), replace(ITEMS, steady=None)) == 0
