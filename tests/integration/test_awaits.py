"""The await timeline of a real app, under every server."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncperf.insight import Insight
from asyncperf.probe.record_format import MOST_SPANS
from asyncperf.store import load_run
from asyncperf.target.server import free_port

from .conftest import APPS, Finished
from .test_servers import BIN, COMMANDS

NOTHING = 0xFFFF


@pytest.fixture
def insight(asyncperf: Callable[..., Finished], tmp_path: Path) -> Callable[..., Insight]:
    """What the probe saw of a short load of one endpoint."""

    def run(path: str, *target: object) -> Insight:
        load = ("-u", 4, "-r", 40, "-t", "2s", "--include", path, "--output", tmp_path / "run")
        asyncperf("run", *load, "-q", *(target or (APPS / "awaits.py",)))
        [load_] = load_run(tmp_path / "run").loads
        assert load_.insight is not None
        assert load_.insight.missing == ()
        return load_.insight

    return run


def tree(insight: Insight) -> list[Any]:
    """The spans of the last whole request, each as depth, callee and function around it."""
    # Not what only asked whether the server is up.
    routed = np.array([bool(route.path) for route in insight.routes])
    requests = insight.requests[routed[insight.requests["route"]]]
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


def test_all_ways_to_await(insight: Callable[..., Insight]) -> None:
    found = tree(insight("/all"))
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


def test_an_endpoint_on_a_thread_has_its_name(insight: Callable[..., Insight]) -> None:
    assert "threaded" in callees(insight("/threaded"))


def test_an_error_ends_the_spans_that_it_went_through(insight: Callable[..., Insight]) -> None:
    found = {callee: outcome for _, _, callee, outcome, _ in tree(insight("/missing"))}
    assert (found["query"], found["missing"]) == (0, 1)


def test_a_request_without_end_is_cut_off(insight: Callable[..., Insight]) -> None:
    seen = insight("/endless")
    cut_off = seen.requests[seen.requests["detail"] > 1]
    last = cut_off[-1]
    own = (seen.spans["request"] == last["number"]) & (seen.spans["worker"] == last["worker"])
    assert own.sum() == MOST_SPANS
    assert last["detail"] - 1 > 3000 - MOST_SPANS  # how many were left out
    assert len(cut_off) < len(seen.requests) / 2  # the others had to wait for their turn


@pytest.mark.parametrize("server", COMMANDS)
def test_under_every_server(insight: Callable[..., Insight], server: str) -> None:
    command = COMMANDS[server].format(apps=APPS, port=free_port())
    command = command.replace("shop", "awaits").split()
    names = callees(insight("/all", "--", BIN / command[0], *command[1:]))
    assert {"everything", "user", "session", "settings", "query"} <= set(names)


def test_a_script_that_serves_its_own_app(insight: Callable[..., Insight], tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    serve = "import sys\nimport uvicorn\nuvicorn.run(app, port=int(sys.argv[2]))\n"
    script.write_text(f"{(APPS / 'awaits.py').read_text()}\n{serve}")
    names = callees(insight("/all", "--", sys.executable, script, "--port", free_port()))
    assert {"everything", "user", "session", "settings", "query"} <= set(names)
