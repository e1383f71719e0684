"""Repeated loads in the report: the spread beside the mean, each one in the JSON."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from asyncperf.report.result_json import result_document
from asyncperf.report.terminal import render

from .builder import experiment
from .test_result_json import VALIDATOR


def repeated():
    """The experiment as if its figures were those of three repetitions."""
    whole = experiment(findings=False, published=False)
    endpoints = []
    for result in whole.endpoints[2:]:
        each = tuple(
            replace(
                result,
                repetition=number,
                steady=replace(result.steady, rate_rps=result.steady.rate_rps * factor),
            )
            for number, factor in ((1, 0.99), (2, 1.0), (3, 1.02))
        )
        endpoints.append(replace(result, repetitions=each))
    loads = [
        replace(load, repetition=number) for number in (1, 2, 3) for load in whole.run.loads[2:]
    ]
    return replace(whole, run=replace(whole.run, loads=tuple(loads)), endpoints=tuple(endpoints))


def plain(diagnosis):
    file = io.StringIO()
    render(diagnosis, Console(file=file, width=80))
    return file.getvalue()


def test_looks_like_its_golden_file(matches_golden):
    matches_golden(plain(repeated()), "repeated.txt")


def test_a_single_run_has_no_spread():
    assert "repetition" not in plain(experiment())


def test_without_any_steady_repetition_the_spread_is_not_known():
    whole = repeated()
    first = whole.endpoints[0]
    none = tuple(replace(each, steady=None) for each in first.repetitions)
    text = plain(replace(whole, endpoints=(replace(first, steady=None, repetitions=none),)))
    [row] = [line for line in text.splitlines() if line.startswith("/async_dependent       0")]
    assert row.split()[1:] == ["0", "-", "-", "-", "-"]


def test_every_repetition_is_in_the_json():
    document = result_document(repeated())
    VALIDATOR.validate(document)
    each = document["endpoints"][0]["repetitions"]
    assert [one["repetition"] for one in each] == [1, 2, 3]
    assert each[2]["rate_rps"] == pytest.approx(each[1]["rate_rps"] * 1.02)
    assert [load["repetition"] for load in document["load"]["loads"]] == [1, 1, 2, 2, 3, 3]
    assert result_document(experiment())["endpoints"][0]["repetitions"] == []
