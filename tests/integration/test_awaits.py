"""The await timeline of a real app. That it is the same under every server: `test_servers`."""

from typing import Any

import numpy as np
import pytest

from asyncperf.insight import Insight
from asyncperf.probe.record_format import MOST_SPANS
from asyncperf.store import load_run

from .conftest import APPS, starter

NOTHING = 0xFFFF


@pytest.fixture(scope="module")
def insights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Insight]:
    """What the probe saw of a short load of each endpoint, by its path."""
    folder = tmp_path_factory.mktemp("awaits")
    with starter(folder) as start:
        start(
            "run", APPS / "awaits.py", "-u", 4, "-r", 40, "-t", "1s", "-w", 1, "-o", "run"
        ).finish()
    return {
        load.measured[0].endpoint.path: load.insight
        for load in load_run(folder / "run").loads
        if load.insight is not None and load.insight.missing == ()
    }


def tree(insight: Insight) -> list[Any]:
    """The spans of the last whole request, each as depth, callee and function around it."""
    # Not what only asked whether the server is up, nor what was cut off when it was stopped.
    routed = np.array([bool(route.path) for route in insight.routes])
    requests = insight.requests[insight.requests["status"] > 0]
    requests = requests[routed[requests["route"]]]
    whole = requests[requests["detail"] == 1][-1]
    spans = insight.spans
    spans = spans[(spans["request"] == whole["number"]) & (spans["worker"] == whole["worker"])]
    spans = np.sort(spans, order="span")
    assert (spans["start"] <= spans["end"]).all()
    assert (spans["start"] >= whole["start"]).all()
    depths: dict[int, int] = {}
    found = []
    for span in spans:
        top = span["parent"] == span["span"]
        depths[span["span"]] = 0 if top else depths[span["parent"]] + 1
        site = None if span["site"] == NOTHING else insight.sites[span["site"]].text
        callee = None if span["callee"] == NOTHING else insight.sites[span["callee"]].function
        found.append((int(span["task"]), site, callee, int(span["outcome"]), depths[span["span"]]))
    return found


def callees(insight: Insight) -> list[str | None]:
    return [callee for _, _, callee, _, _ in tree(insight)]


def test_all_ways_to_await(insights: dict[str, Insight]) -> None:
    found = tree(insights["/all"])
    names = [callee for _, _, callee, _, _ in found]
    # FastAPI resolves dependencies one by one, each under its own name, before the endpoint.
    order = [names.index(name) for name in ("session", "user", "settings", "everything")]
    assert order == sorted(order)
    assert found[0][1] == "await self.app(scope, receive, send)"
    gathered = [f for f in found if f[0] in (1, 2)]
    assert [(f[1], f[2]) for f in gathered] == [
        (None, "query"),
        ("await asyncio.sleep(seconds)", "sleep"),
    ] * 2
    assert {f[0] for f in found} == {0, 1, 2, 3}
    assert names.count("rows") == 3
    assert all(f[3] == 0 for f in found)


def test_an_endpoint_on_a_thread_has_its_name(insights: dict[str, Insight]) -> None:
    assert "threaded" in callees(insights["/threaded"])


def test_an_error_ends_the_spans_that_it_went_through(insights: dict[str, Insight]) -> None:
    found = {callee: outcome for _, _, callee, outcome, _ in tree(insights["/missing"])}
    assert (found["query"], found["missing"]) == (0, 1)


def test_a_request_without_end_is_cut_off(insights: dict[str, Insight]) -> None:
    seen = insights["/endless"]
    cut_off = seen.requests[seen.requests["detail"] > 1]
    last = cut_off[-1]
    own = (seen.spans["request"] == last["number"]) & (seen.spans["worker"] == last["worker"])
    assert own.sum() == MOST_SPANS
    assert last["detail"] - 1 > 3000 - MOST_SPANS  # how many were left out
    assert len(cut_off) < len(seen.requests) / 2  # the others had to wait for their turn
