"""Two runs compared, as a person and as a program see it."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from rich.cells import cell_len
from rich.console import Console

from asyncperf.judgement import Change, Comparison, EndpointComparison, Side
from asyncperf.report.comparison import render_comparison, sentence
from asyncperf.report.comparison_json import comparison_document

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "compare.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)

WORSE = Change("rate", 100.0, 80.0, 0.8, 0.78, 0.82, "worse")
SLOWER = Change("mean", 0.412, 0.515, 1.25, 1.2, 1.3, "worse")
FASTER = Change("p50", 0.4, 0.36, 0.9, 0.88, 0.93, "better")
SAME = Change("p95", 1.5, 1.51, 1.0067, 0.99, 1.02, "no_difference_shown")
NOISY = Change("p99", 2.0, 2.05, 1.025, 0.9, 1.17, "cannot_tell", "too noisy", 6.4)
LEANS = Change(
    "p95", 1.5, 1.575, 1.05, 1.01, 1.09, "cannot_tell", "higher, but perhaps by less than 3 %", 4.2
)
UNKNOWN = Change(
    "p99", None, None, None, None, None, "cannot_tell", "an interval of p99 takes 1,000 requests"
)
ON_THE_LIMIT = Change("mean", 1.0, 1.03, 1.03, 1.0, 1.06, "cannot_tell", "too noisy", None)


def endpoint(path, verdict, *changes, repetitions=1):
    return EndpointComparison("GET", path, verdict, changes, 5000, 4000, repetitions, repetitions)


def comparison(repetitions=1):
    side = Side("shop:app", 1_795_000_000.0, 2, 500, "locust 2.47.0", repetitions)
    return Comparison(
        base=side,
        new=replace(side, started_at=side.started_at + 3600),
        endpoints=(
            endpoint("/items", "worse", WORSE, SLOWER, FASTER, SAME, NOISY),
            endpoint("/fast", "better", replace(FASTER, metric="mean"), SAME),
            endpoint("/same", "no_difference_shown", replace(SAME, metric="rate"), SAME),
            endpoint("/noisy", "cannot_tell", SAME, NOISY, repetitions=repetitions),
            endpoint("/leans", "cannot_tell", ON_THE_LIMIT, LEANS, UNKNOWN),
        ),
        only_in_base=("GET /gone",),
        only_in_new=(),
        warnings=("not the same users: 500 in BASE, 100 in NEW", "BASE and NEW measured once"),
        at_least=0.03,
        confidence=0.95,
    )


def plain(found, width=80, encoding="utf-8"):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    render_comparison(found, Console(file=file, width=width))
    file.seek(0)
    return file.read()


def test_looks_like_its_golden_file(matches_golden):
    matches_golden(plain(comparison()), "comparison.txt")


def test_what_was_not_alike_comes_before_any_verdict():
    text = plain(comparison())
    assert text.startswith("! not the same users: 500 in BASE, 100 in NEW\n")
    assert text.index("! BASE and NEW measured once") < text.index("x GET /items: worse")


@pytest.mark.parametrize("width", [40, 80, 132])
def test_no_line_is_wider_than_the_terminal(width):
    for line in plain(comparison(), width).splitlines():
        assert cell_len(line) <= width
        assert line == line.rstrip()


def test_ascii_streams_get_the_same_report():
    assert len(plain(comparison(), encoding="ascii").splitlines()) == len(
        plain(comparison()).splitlines()
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ((WORSE, SLOWER, SAME), "worse: req/s -20 % and mean +25 %"),
        ((WORSE, FASTER), "worse: req/s -20 %; better: p50 -10 %"),
        ((SAME,), "no difference shown"),
        ((NOISY,), "cannot tell: too noisy; takes about 6.4 x the time (-t)"),
        (
            (SAME, NOISY),
            "cannot tell of p99: too noisy; takes about 6.4 x the time (-t); "
            "no difference shown in p95",
        ),
        ((UNKNOWN,), "cannot tell: an interval of p99 takes 1,000 requests"),
        (
            (ON_THE_LIMIT,),
            "cannot tell: too noisy; would take over 100 times the data",
        ),
    ],
)
def test_a_verdict_in_words(changes, said):
    text = sentence(endpoint("/items", changes[0].verdict, *changes))
    assert text.replace("\u00a0", " ") == said


def test_repeated_runs_are_told_how_many_repetitions_it_takes():
    text = sentence(endpoint("/items", "cannot_tell", NOISY, repetitions=3))
    assert "takes about --repeat 20" in text  # 3 x 6.4


def test_runs_with_nothing_in_common():
    text = plain(replace(comparison(), endpoints=(), only_in_new=("GET /new",)))
    assert "No endpoint was measured in both runs." in text
    assert "only in BASE: GET /gone\nonly in NEW: GET /new" in text


def test_untrusted_names_do_not_escape():
    odd = endpoint("/\x1b[2J[red]x", "worse", WORSE)
    text = plain(replace(comparison(), endpoints=(odd,), only_in_base=("\x1b[2J",)))
    assert "\x1b" not in text
    assert "[red]x" in text


# JSON


def test_the_json_follows_its_schema():
    Draft202012Validator.check_schema(SCHEMA)
    names = ("rate", "mean", "p50", "p95", "p99")
    whole = comparison()
    all_five = tuple(replace(change, metric=name) for name in names for change in [NOISY])
    whole = replace(whole, endpoints=(endpoint("/items", "cannot_tell", *all_five),))
    document = comparison_document(whole)
    VALIDATOR.validate(document)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["endpoints"][0]["changes"]["p99"] == {
        "base": 2.0,
        "new": 2.05,
        "ratio": 1.025,
        "low": 0.9,
        "high": 1.17,
        "verdict": "cannot_tell",
        "why": "too noisy",
        "more_data": 6.4,
    }
    document["surprise"] = 1
    assert not VALIDATOR.is_valid(document)


def test_the_page_names_every_field():
    page = (DOCS / "compare.md").read_text(encoding="utf-8")
    fields = {
        *SCHEMA["properties"],
        *SCHEMA["$defs"]["endpoint"]["properties"],
        *SCHEMA["$defs"]["change"]["properties"],
    }
    assert [field for field in sorted(fields) if f"`{field}" not in page] == []


@given(st.text(max_size=50), st.floats(1e-9, 1e9), st.floats(1e-3, 1e3))
def test_any_name_and_figure_renders_within_80_columns(name, figure, ratio):
    change = Change(
        "mean", figure, figure * ratio, ratio, ratio / 2, ratio * 2, "cannot_tell", name, figure
    )
    odd = replace(comparison(), endpoints=(endpoint(name, "cannot_tell", change),))
    assert all(cell_len(line) <= 80 for line in plain(odd, encoding="utf-8").split("\n"))
