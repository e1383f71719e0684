"""What a person sees, at 80 columns, with and without colour, Unicode and good manners."""

import io
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from asyncperf.explanation import AwaitPart
from asyncperf.model import Endpoint, Skipped
from asyncperf.report import tables
from asyncperf.report.breakdown import await_text, notes
from asyncperf.report.terminal import render
from asyncperf.report.units import TIE
from asyncperf.results import (
    PERCENTILES,
    Diagnosis,
    Figures,
    Finding,
    Healthy,
    Latency,
    Limiter,
    NextLimiter,
    Window,
)

from .builder import experiment
from .cases import CASES


def plain(diagnosis: Diagnosis, width: int = 80, charted: bool | None = None) -> str:
    """As printed to a pipe."""
    file = io.StringIO()
    render(diagnosis, Console(file=file, width=width), charted)
    return file.getvalue()


def in_ascii(diagnosis: Diagnosis) -> str:
    """As printed to a stream that carries ASCII alone; fails on any other character."""
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    render(diagnosis, Console(file=file, width=80))
    file.seek(0)
    return file.read()


def colourful(diagnosis: Diagnosis, no_color: bool = False) -> str:
    file = io.StringIO()
    console = Console(
        file=file, width=80, force_terminal=True, color_system="truecolor", no_color=no_color
    )
    render(diagnosis, console)
    return file.getvalue()


def test_an_endpoint_that_failed_alone_is_in_the_verdict_and_in_no_table():
    """Its load was never made, so it has no figures, and no shape to draw."""
    whole, bare = experiment(findings=False, published=False), CASES["empty"]().endpoints[0]
    failed = replace(bare, endpoint=Endpoint("GET", "/broken"), trouble="it answered 500")
    text = plain(replace(whole, endpoints=(*whole.endpoints, failed)), charted=True)
    assert [line.split()[1] for line in text.splitlines() if "/broken" in line] == ["/broken"]
    assert "trouble: it answered 500" in text


@pytest.mark.parametrize("case", CASES)
def test_looks_like_its_golden_file(case, matches_golden):
    matches_golden(plain(CASES[case]()), f"{case}.txt")


def test_ascii_looks_like_its_golden_file(matches_golden):
    matches_golden(in_ascii(CASES["experiment"]()), "experiment-ascii.txt")


@pytest.mark.parametrize("width", [40, 80, 132])
@pytest.mark.parametrize("case", CASES)
def test_no_line_is_wider_than_the_terminal_or_ends_in_blanks(case, width):
    for line in plain(CASES[case](), width).splitlines():
        assert cell_len(line) <= width
        assert line == line.rstrip()


@pytest.mark.parametrize("case", CASES)
def test_ascii_streams_get_the_same_report(case):
    assert len(in_ascii(CASES[case]()).splitlines()) == len(plain(CASES[case]()).splitlines())


def test_the_answer_is_in_the_first_lines():
    first = "\n".join(plain(CASES["experiment"]()).splitlines()[:8])
    assert "GET /sync_baseline      5.331  the thread pool, 80 of 80 busy" in first
    assert "GET /async_concurrent   99.92  the 500 users themselves" in first


def test_the_thread_pool_is_explained_where_no_finding_does():
    text = " ".join(plain(CASES["unpublished"]()).split())
    assert "80 of 80 busy: a request waits 78.74 s for one of 40 threads per worker" in text


def test_an_invalid_run_says_so_first():
    assert plain(CASES["invalid"]()).startswith("NOT VALID: the load generator was the limit")


def test_a_partial_run_says_so_first_and_why_it_cannot_tell():
    text = plain(CASES["partial"]())
    assert text.startswith("PARTIAL RUN")
    assert "cannot tell: the load ended during its ramp" in text


def test_many_endpoints_get_tables_and_no_charts_unless_asked():
    text = plain(CASES["many"]())
    assert all(f"resource_{k}" in text for k in range(30))
    assert "over time" not in text
    assert "over time" in plain(CASES["many"](), charted=True)


def test_untrusted_names_neither_escape_nor_style():
    text = colourful(CASES["hostile"]())
    assert not set(re.findall(r"\x1b(?!\[[\d;]*m)", text))
    assert "\x1b[2J" not in text
    assert "[bold red]markup" in text
    assert "http://evil" not in text


def test_no_color_leaves_the_words_and_takes_the_colours():
    text = colourful(CASES["experiment"](), no_color=True)
    codes = {code for run in re.findall(r"\x1b\[([\d;]*)m", text) for code in run.split(";")}
    assert codes <= {"0", "1", "2"}  # reset, bold, dim
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == plain(CASES["experiment"]())


odd = st.floats(min_value=0) | st.just(math.nan)
counts = st.integers(0, 10**15)


@settings(max_examples=60)
@given(st.text(), st.text(), odd, odd, odd, counts, st.booleans())
def test_any_name_and_figure_renders_within_80_columns(path, words, rate, time, share, n, known):
    latency = Latency(time, time, time, dict.fromkeys(PERCENTILES, time if known else None))
    figures = Figures(n, n, rate if known else None, latency if known else None)
    diagnosis = CASES["experiment"]()
    result = replace(
        diagnosis.endpoints[0],
        endpoint=Endpoint(words, path),
        whole=figures,
        steady=figures,
        window=Window(time, time, time, n),
        limiter=Limiter("thread_pool", n, time, share, time if known else None),
        ceiling_rps=rate,
        next_limiter=NextLimiter("thread_pool", rate, n),
        errors={words: n},
        trouble=None if known else words,
        published=diagnosis.endpoints[0].published if known else None,
    )
    finding = replace(diagnosis.findings[0], message=words, file=path, function=words)
    odd_one = replace(diagnosis, endpoints=(result,) * 2, findings=(finding,), warnings=(words,))
    for text in (plain(odd_one), in_ascii(odd_one)):
        assert all(cell_len(line) <= 80 for line in text.split("\n"))


def test_a_finding_is_not_said_twice():
    diagnosis = CASES["partial"]()
    why = "the load ended during its ramp"
    finding = Finding("too-little-data", "warning", "GET /async_independent", why, "Use -t.")
    text = plain(replace(diagnosis, findings=(finding,)))
    assert text.count(why) == 1
    assert "cannot tell: there is no steady window" in text


def test_a_generator_that_died_is_not_called_the_limit():
    diagnosis = CASES["invalid"]()
    loads = [
        replace(load, generator=replace(load.generator, users_lost=9))
        for load in diagnosis.run.loads
    ]
    died = replace(diagnosis, run=replace(diagnosis.run, loads=tuple(loads)))
    assert "NOT VALID: the load generator died during a load" in plain(died)


def test_a_server_that_was_gone_is_said_first():
    diagnosis = CASES["invalid"]()
    loads = tuple(replace(load, server_gone=True) for load in diagnosis.run.loads)
    gone = replace(diagnosis, run=replace(diagnosis.run, loads=loads))
    assert plain(gone).startswith("NOT VALID: the server was gone before the end of a load.")


def test_a_folded_load_says_so_and_does_not_claim_exact_percentiles():
    whole = CASES["folded"]()
    alone = plain(replace(whole, endpoints=whole.endpoints[2:3]))
    assert "1,234,567 requests, folded: times to 10 ms, latencies to 0.5 %" in alone
    assert "unrounded" not in alone
    both = " ".join(plain(whole).split())
    assert "10,234,567 requests of GET /async_dependent and GET /async_concurrent" in both
    assert "folded: times to 80 ms" in both
    assert "folded" not in plain(experiment())


def test_redirects_are_counted_and_it_is_said_that_they_are_not_followed():
    whole = CASES["experiment"]()
    moved = tuple(replace(result, redirects=1234) for result in whole.endpoints[:2])
    text = plain(replace(whole, endpoints=(*moved, *whole.endpoints[2:])))
    assert "Redirects, not followed\nGET /sync_baseline: 1,234 x\nGET /async_" in text
    assert "Redirects" not in plain(whole)
    many = plain(replace(whole, endpoints=moved * 4))
    assert "and 3 other endpoints" in many


def test_a_users_own_wait_is_part_of_its_turn():
    whole = CASES["experiment"]()
    plan = replace(whole.run.plan, think_time_s=2.0)
    thoughtful = " ".join(plain(replace(whole, run=replace(whole.run, plan=plan))).split())
    assert "s a request with its think time" in thoughtful
    assert "think time" not in plain(whole)


# What was not loaded


def said_of(*skipped, width=80):
    console = Console(file=io.StringIO(), width=width)
    console.print(tables.skipped(skipped, width))
    return " ".join(console.file.getvalue().split()).replace(TIE, " ")


def test_two_findings_of_one_line_and_endpoint_are_two():
    """What it depends on, and what FastAPI does for it, are told at the endpoint's line."""
    login = Finding("pool-trips", "info", "POST /login", "A form runs.", "", "shop.py", 24, "login")
    told = (login, replace(login, message="FastAPI's check runs."))
    both = (*told, *(replace(each, endpoint="POST /renew") for each in told))
    text = plain(replace(experiment(findings=False, published=False), findings=both))
    assert text.count("shop.py:24") == 2
    assert "A form runs." in text
    assert "FastAPI's check runs." in text
    assert text.count("Also for POST /renew.") == 2
    assert "Also for POST /login" not in text


def test_what_endpoints_share_is_in_good_order_once():
    lines = tuple(
        Healthy("sequential-awaits", endpoint, "read: its awaits stay in order")
        for endpoint in ("GET /a", "GET /b")
    )
    lines = (lines[0], Healthy("sequential-loop", "GET /a", "its rounds stay in order"), lines[1])
    text = plain(replace(experiment(findings=False, published=False), healthy=lines))
    assert text.count("ok read: its awaits stay in order") == 1


def test_reasons_are_said_once_for_all_that_are_like_it():
    needs = [
        Skipped("GET", f"/{name}", f"needs the query parameter '{name}': --endpoint '/{name}?'")
        for name in ("a", "b", "c")
    ]
    writes = [Skipped(method, "/w", f"{method} may write: ask") for method in ("POST", "PUT")]
    assert said_of(*needs, *writes) == (
        "Not loaded GET /a: needs the query parameter 'a': --endpoint '/a?'; 2 more like it "
        "POST /w: POST may write: ask; 1 more like it --json FILE lists all of them"
    )
    assert said_of(needs[0]).endswith("--endpoint '/a?'")


def test_what_to_type_is_not_cut_out_of_a_reason():
    why = f"needs the query parameter '{'long' * 10}': --endpoint 'GET /here?{'long' * 10}=...'"
    assert why in said_of(Skipped("GET", "/here", why))


def test_many_kinds_of_reasons_are_counted():
    kinds = [Skipped("GET", f"/{n}", f"reason {n}: x") for n in range(8)]
    assert said_of(*kinds).endswith("reason 4: x and 3 others --json FILE lists all of them")


@pytest.mark.parametrize(
    ("text", "times", "told"),
    [
        ("await fetch()", 3.0, "await fetch() 30.00 ms (3 times)"),
        (
            "await asyncio.gather( one(), two(), )",
            1.0,
            "await asyncio.gather(one(), two()) 30.00 ms",
        ),
        ("async with lock", 2.0, "async with lock 30.00 ms"),  # entered and left
        ("async with lock", 4.0, "async with lock 30.00 ms (2 times)"),
        ("await " + "a" * 60, 1.0, f"await {'a' * 37}… 30.00 ms"),
    ],
)
def test_an_await_is_told_by_its_source(text, times, told):
    part = AwaitPart("/srv/shop/a.py", 7, 5, "items", text, 0.03, times, "shop/a.py")
    assert await_text(part, 80).replace(TIE, " ") == f"shop/a.py:7 {told}"


def test_what_is_said_of_several_endpoints_is_said_once():
    diagnosis = CASES["inside"]()
    known = [result.breakdown for result in diagnosis.endpoints if result.breakdown]
    parts = [
        replace(known[0], requests=900, of_requests=900, notes=(f"{share} is the way back", *more))
        for share, more in (("6.3%", ()), ("2%", ("the engine does not say",)))
    ]
    assert notes(["/a", "/b"], parts) == [
        "6.3% (/a) and 2% (/b) is the way back",
        "/b: the engine does not say",
    ]
    assert notes(["/a"], parts[:1]) == ["6.3% is the way back"]
