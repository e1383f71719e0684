"""Loads at several levels, on the experiment's endpoints: by arithmetic the truth is known."""

import json
from collections.abc import Callable

import jsonschema
import pytest

from .conftest import ROOT, Finished

Asyncperf = Callable[..., Finished]
SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())
APP = ROOT / "app.py"
# A request takes three tasks: 0.15 s; 80 threads serve 533 a second.
TASK = {"SECONDS_TO_SLEEP": "0.05"}
BLOCKING = ("--include", "/sync_baseline")


def test_stages_up_and_down(asyncperf: Asyncperf) -> None:
    stages = ("--stages", "40:4s,160:5s,20:4s,8:0.1s", "-r", "200")
    done = asyncperf("run", APP, *BLOCKING, *stages, "--json", "-", env=TASK)
    document = done.document
    jsonschema.validate(document, SCHEMA)
    [endpoint] = document["endpoints"]
    up, full, down, short = endpoint["levels"]
    assert [level["users"] for level in endpoint["levels"]] == [40, 160, 20, 8]
    for level, kind in ((up, "users"), (full, "thread_pool"), (down, "users")):
        # Room for a busy machine.
        assert level["measured_over_ceiling"] == pytest.approx(1, abs=0.12)
        assert level["limiter"]["kind"] == kind
        assert level["begins_s"] < level["reached_s"] < level["window"]["start_s"]
        assert level["window"]["end_s"] == level["ends_s"]
    assert full["rate_rps"] > 1.5 * up["rate_rps"] > 2.5 * down["rate_rps"]
    # The last one is the headline, and too short.
    assert (short["window"], endpoint["window"], done.code) == (None, None, 4)
    assert "hold it for longer (--stages)" in endpoint["no_window_why"]
    assert endpoint["whole_run"]["requests"] > full["requests"]


def test_stages_of_an_open_load(asyncperf: Asyncperf) -> None:
    stages = ("--stages", "60/s:4s,180/s:4s", "--include", "/async_concurrent")
    done = asyncperf("run", APP, *stages, "--json", "-", env=TASK)
    [endpoint] = done.document["endpoints"]
    jsonschema.validate(done.document, SCHEMA)
    assert [level["arrivals_rps"] for level in endpoint["levels"]] == [60, 180]
    rates = [level["rate_rps"] for level in endpoint["levels"]]
    assert rates == pytest.approx([60, 180], rel=0.1)
