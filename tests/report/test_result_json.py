"""The JSON follows its published schema, is exact, and is JSON for every reader."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from asyncperf.model import GeneratorHealth
from asyncperf.report.result_json import result_document, result_json
from asyncperf.results import Figures, Latency, Limiter

from .builder import experiment
from .cases import CASES

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "result.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", CASES)
def test_every_case_follows_the_schema(case):
    document = json.loads(result_json(CASES[case]()), parse_constant=refuse)
    VALIDATOR.validate(document)
    assert document == result_document(CASES[case]())


def test_the_schema_refuses_what_it_does_not_name():
    document = result_document(experiment())
    document["endpoints"][0]["surprise"] = 1
    assert not VALIDATOR.is_valid(document)


def test_the_page_names_every_field_of_load_and_endpoint():
    page = (DOCS / "result.md").read_text(encoding="utf-8")
    fields = {
        *SCHEMA["properties"],
        *SCHEMA["properties"]["load"]["properties"],
        *SCHEMA["$defs"]["endpoint"]["properties"],
        *SCHEMA["$defs"]["finding"]["properties"],
    }
    assert [field for field in sorted(fields) if f"`{field}" not in page] == []


def test_values_are_exact_and_steady_and_whole_run_are_apart():
    diagnosis = experiment()
    first, result = result_document(diagnosis)["endpoints"][0], diagnosis.endpoints[0]
    assert first["rate_rps"] == result.steady.rate_rps
    assert first["latency_s"]["mean"] == result.steady.latency.mean_s
    assert first["latency_s"]["p99.9"] is None
    assert first["whole_run"]["requests"] == 1520
    assert first["limiter"]["kind"] == "thread_pool"
    assert first["limiter"]["capacity"] == 80
    assert first["measured_over_ceiling"] == pytest.approx(1, abs=0.001)
    assert first["handler"] == {
        "file": "app.py",
        "line": 71,
        "name": "sync_baseline",
        "async": False,
    }


def test_without_a_window_the_figures_are_null_with_a_reason():
    second = result_document(CASES["partial"]())["endpoints"][1]
    assert (second["requests"], second["failures"]) == (None, None)
    assert (second["rate_rps"], second["latency_s"]) == (None, None)
    assert second["no_window_why"] == "the load ended during its ramp"
    assert second["whole_run"]["requests"] > 0


@pytest.mark.parametrize(("loaded", "known"), [(True, 0), (False, None)])
def test_nothing_ended_is_0_only_where_the_load_was_made(loaded, known):
    bare = CASES["empty"]()
    made = replace(bare, endpoints=(replace(bare.endpoints[0], loaded=loaded),))
    document = result_document(made)
    VALIDATOR.validate(document)
    [endpoint] = document["endpoints"]
    for counted in (endpoint, endpoint["whole_run"]):
        assert (counted["requests"], counted["failures"]) == (known, known)


def test_the_worst_generator_speaks_for_the_load():
    diagnosis = experiment()
    health = GeneratorHealth(0.9, None, 2, (0.6, 0.3), 1000, 7, {"no ports": 2, "none": 1}, 0, 0.4)
    worse = replace(diagnosis.run.loads[1], generator=health)
    loads = (diagnosis.run.loads[0], worse)
    diagnosis = replace(diagnosis, run=replace(diagnosis.run, loads=loads))
    generator = result_document(diagnosis)["load"]["generator"]
    assert generator == {
        **{"cpu": 0.9, "max_drift_s": 0.0121, "processes": 2, "busiest_cpu": 0.6},
        **{"starts": 1000, "late_starts": 7, "exhausted": 3, "users_lost": 0, "cpu_wait": 0.4},
    }


@given(st.floats(), st.floats(), st.integers(0, 10**9))
def test_no_float_becomes_nan_or_infinity(rate, time, requests):
    latency = Latency(time, time, time, {50: time, 99.9: None})
    figures = Figures(requests, 0, rate, latency)
    limiter = Limiter("thread_pool", 80, time, rate, time)
    result = replace(
        experiment().endpoints[0],
        whole=figures,
        steady=figures,
        limiter=limiter,
        unloaded_s=time,
        ceiling_rps=rate,
    )
    text = result_json(replace(experiment(), endpoints=(result,)))
    found = json.loads(text, parse_constant=refuse)["endpoints"][0]["rate_rps"]
    assert found == (rate if math.isfinite(rate) else None)


def test_what_was_folded_says_how_finely_it_is_known():
    endpoints = result_document(CASES["folded"]())["endpoints"]
    assert [endpoint["folded"] for endpoint in endpoints] == [
        None,
        None,
        {"requests": 1_234_567, "time_s": 0.01, "latency_precision": 0.005},
        {"requests": 9_000_000, "time_s": 0.08, "latency_precision": 0.005},
    ]
