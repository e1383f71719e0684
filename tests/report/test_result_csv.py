"""The CSV has Locust's columns, exact values, and no formulas."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from asyncperf.report.result_csv import stats_csv

from ..folded import folded
from .builder import diagnosis, experiment, samples
from .cases import CASES

LOCUST_HEADER = (
    "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,"
    "Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,"
    "50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"
)
RESULTS = Path(__file__).parents[2] / "results"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_columns_are_locusts():
    assert stats_csv(experiment()).splitlines()[0] == LOCUST_HEADER


@pytest.mark.parametrize("file", sorted(RESULTS.glob("**/*_stats.csv")), ids=lambda f: f.name)
def test_the_columns_are_those_of_locusts_own_files(file):
    with file.open(encoding="utf-8") as lines:
        assert next(lines).strip() == LOCUST_HEADER


@pytest.mark.parametrize("case", CASES)
def test_every_case_reads_back(case):
    read = rows(stats_csv(CASES[case]()))
    assert len(read) == len(CASES[case]().endpoints) + 1
    assert all(None not in row and None not in row.values() for row in read)
    assert read[-1]["Name"] == "Aggregated"


def test_values_are_exact_milliseconds_of_the_whole_run():
    first, found = rows(stats_csv(experiment()))[0], experiment().endpoints[0].whole
    assert (first["Type"], first["Name"]) == ("GET", "/sync_baseline")
    assert first["Request Count"] == "1520"
    assert float(first["Average Response Time"]) == found.latency.mean_s * 1000
    assert float(first["100%"]) == found.latency.max_s * 1000
    assert first["99.9%"] != "N/A"
    assert first["99.99%"] == "N/A"
    assert float(first["Average Content Size"]) == 34


def test_aggregated_is_all_requests_over_all_loads_up_to_their_last_answers():
    total, each = rows(stats_csv(experiment()))[-1], experiment().endpoints
    requests = sum(result.whole.requests for result in each)
    assert (total["Type"], int(total["Request Count"])) == ("", requests)
    last_s = sum(load.measured[0].samples.end_s.max() for load in experiment().run.loads)
    assert float(total["Requests/s"]) == pytest.approx(requests / last_s)


def test_aggregated_of_one_endpoint_is_that_endpoint():
    whole = experiment()
    loads = whole.run.loads[:1]
    alone = diagnosis(whole.endpoints[:1], [loads[0].measured[0].samples])
    first, total = rows(stats_csv(alone))
    assert {**first, "Type": "", "Name": "Aggregated"} == total


def test_failures_count_in_requests_and_rate_as_in_locust():
    first = rows(stats_csv(CASES["all_failed"]()))[0]
    assert first["Request Count"] == first["Failure Count"] == "2000"
    assert first["Failures/s"] == first["Requests/s"]


def test_without_requests_there_is_nothing_to_know():
    for row in rows(stats_csv(CASES["empty"]())):
        assert row["Request Count"] == ("0" if row["Name"] == "Aggregated" else "N/A")
        assert row["50%"] == "N/A"


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_name_that_a_spreadsheet_would_run_is_quoted(start):
    found = samples([0.0], [0.1])
    result = experiment().endpoints[0]
    evil = replace(result, endpoint=replace(result.endpoint, path=f"{start}cmd|' /C calc'!A0"))
    assert rows(stats_csv(diagnosis([evil], [found])))[0]["Name"].startswith("'" + start)


def test_folded_requests_are_counted_one_by_one():
    whole = experiment(findings=False, published=False)
    found = [folded(load.measured[0].samples) for load in whole.run.loads]
    exact, cells = (rows(stats_csv(made)) for made in (whole, diagnosis(whole.endpoints, found)))
    for column in ("Request Count", "Failure Count", "Average Content Size"):
        assert [row[column] for row in cells] == [row[column] for row in exact]
    for column in ("Average Response Time", "50%", "99%", "100%"):
        assert float(cells[-1][column]) == pytest.approx(float(exact[-1][column]), rel=0.005)


def test_a_search_has_a_row_for_each_level():
    names = [row["Name"] for row in rows(stats_csv(CASES["knee"]()))]
    assert names == ["/sync_baseline, 69 users", "Aggregated"]
