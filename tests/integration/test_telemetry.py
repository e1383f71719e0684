"""FastAPI's own OpenTelemetry spans and the probe's tell the same of the same requests."""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncperf.insight import Insight
from asyncperf.probe.record_format import TRIP_KINDS
from asyncperf.store import load_run

from .conftest import APPS, Finished, measures

# Both are taken on one thread a few lines apart, each around the other's work: FastAPI's spans
# take some 0.1 ms to make and to write here. Medians, so that a busy machine does not count.
APART_S = 0.002
# One user's requests begin 20 ms apart or more.
NEAR_S = 0.01
NOTHING = 0xFFFF
# FastAPI's functions that await dependencies, and its name for the time until all are there.
RESOLVES = ("solve_dependencies", "_solve_generator")
DEPENDENCIES = "fastapi.dependencies"

Spans = dict[str, tuple[float, float]]


def theirs(file: Path, epoch: float) -> list[Spans]:
    """FastAPI's and the app's own spans of each request, in seconds since `epoch`."""
    requests: dict[int, Spans] = defaultdict(dict)
    for line in file.read_text().splitlines():
        span = json.loads(line)
        start_s, end_s = (span[key] / 1e9 - epoch for key in ("start_ns", "end_ns"))
        requests[span["trace"]][span["name"]] = (start_s, end_s)
    return list(requests.values())


def ours(insight: Insight, request: Any) -> Spans:
    """What the probe recorded of a request in detail, by the function that was awaited; a
    generator dependency is awaited on entry first."""
    spans = insight.spans[insight.spans["request"] == request["number"]]
    found: Spans = {}
    for span in np.sort(spans, order="span"):
        if span["callee"] != NOTHING:
            name = insight.sites[span["callee"]].function
            found.setdefault(name, (float(span["start"]), float(span["end"])))
            if insight.sites[span["site"]].function in RESOLVES:
                # FastAPI awaits them one by one; that it waits for all of them is no span of ours.
                first = found.setdefault(DEPENDENCIES, (float(span["start"]), 0.0))
                found[DEPENDENCIES] = (first[0], float(span["end"]))
    return found


def pairs(insight: Insight, traced: list[Spans], server: str) -> list[tuple[Spans, Spans, Any]]:
    """Requests in detail, each with FastAPI's spans of the same: those that began nearest."""
    traced = [spans for spans in traced if server in spans]
    starts = np.array([spans[server][0] for spans in traced])
    found = []
    for request in insight.requests[insight.requests["detail"] == 1]:
        nearest = int(np.argmin(np.abs(starts - request["start"])))
        if abs(starts[nearest] - request["start"]) > NEAR_S:
            continue  # the first one: before its span begins, FastAPI puts the app together
        found.append((traced[nearest], ours(insight, request), request))
    return found


def apart_s(found: list[tuple[Spans, Spans, Any]], their_name: str, our_name: str) -> float:
    """By how much the durations of two spans differ, in the median."""
    return float(
        np.median(
            [
                abs((t[their_name][1] - t[their_name][0]) - (o[our_name][1] - o[our_name][0]))
                for t, o, _ in found
            ]
        )
    )


@pytest.fixture
def traced(
    asyncperf: Callable[..., Finished], tmp_path: Path
) -> Callable[[str], tuple[Insight, list[tuple[Spans, Spans, Any]]]]:
    def run(path: str) -> tuple[Insight, list[tuple[Spans, Spans, Any]]]:
        file = tmp_path / "spans.jsonl"
        load = ("-u", 1, "-r", 1, "-w", 1, "-t", "3s", "-q", "--output", tmp_path / "run")
        env = {"TRACED_SPANS": str(file)}
        done = asyncperf("run", APPS / "traced.py", "--include", path, *load, env=env)
        assert done.code in (0, 4), done.err  # three seconds may be too few for a verdict
        [load_] = load_run(tmp_path / "run").loads
        assert load_.insight is not None
        assert load_.insight.missing == ()
        found = pairs(load_.insight, theirs(file, load_.started_at), f"GET {path}")
        assert len(found) >= 20
        return load_.insight, found

    return run


@measures
def test_an_async_endpoint_and_its_dependencies(traced: Callable[..., Any]) -> None:
    _, found = traced("/awaited")
    for their_spans, our_spans, _ in found:
        # Dependencies under their names, in the order in which they were resolved.
        names = ["first", "second", "third"]
        assert sorted(names, key=lambda name: their_spans[name]) == names
        assert [name for name in our_spans if name in names] == names
    for their_name, our_name in (
        ("first", "first"),
        ("second", "second"),
        ("third", "third"),
        (DEPENDENCIES, DEPENDENCIES),
        ("fastapi.endpoint", "awaited"),
    ):
        assert apart_s(found, their_name, our_name) < APART_S, their_name
    # What is within the one is within the other, from end to end of the request.
    answered = [request["answered"] - request["start"] for _, _, request in found]
    server = [t["GET /awaited"][1] - t["GET /awaited"][0] for t, _, _ in found]
    assert np.median(np.abs(np.array(answered) - server)) < APART_S


@measures
def test_an_endpoint_on_a_thread(traced: Callable[..., Any]) -> None:
    insight, found = traced("/threaded")
    for their_name, our_name in (
        ("second", "second"),
        (DEPENDENCIES, DEPENDENCIES),
    ):
        assert apart_s(found, their_name, our_name) < APART_S, their_name
    # The endpoint's span is the thread's, as a trip's run is: its wait is told apart. Around its
    # answer's validation the span is the loop's, which waits for the thread on both ways.
    for their_name, kind, parts in (
        ("fastapi.endpoint", "endpoint", ("run_s",)),
        ("fastapi.serialization", "response validation", ("wait_s", "run_s", "resume_s")),
    ):
        trips = insight.trips[insight.trips["kind"] == TRIP_KINDS.index(kind)]
        by_request = {trip["request"]: sum(float(trip[p]) for p in parts) for trip in trips}
        differ = [
            abs(by_request[request["number"]] - (t[their_name][1] - t[their_name][0]))
            for t, _, request in found
        ]
        assert np.median(differ) < APART_S, their_name
