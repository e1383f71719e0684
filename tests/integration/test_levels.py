"""Loads at several levels, on the experiment's endpoints: by arithmetic the truth is known."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from .conftest import ROOT, Finished, Running, measures, wait_until

Asyncperf = Callable[..., Finished]
SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_text())
APP = ROOT / "app.py"
# A request takes three tasks: 0.15 s; 80 threads serve 533 a second.
TASK = {"SECONDS_TO_SLEEP": "0.05"}
BLOCKING = ("--include", "/sync_baseline")


@measures
def test_stages_up_and_down(asyncperf: Asyncperf) -> None:
    stages = ("--stages", "40:3s,160:4s,20:3s,8:0.1s", "-r", "200")
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


@measures
def test_stages_of_an_open_load(asyncperf: Asyncperf) -> None:
    stages = ("--stages", "60/s:3s,180/s:3s", "--include", "/async_concurrent")
    done = asyncperf("run", APP, "-w", 1, *stages, "--json", "-", env=TASK)
    [endpoint] = done.document["endpoints"]
    jsonschema.validate(done.document, SCHEMA)
    assert [level["arrivals_rps"] for level in endpoint["levels"]] == [60, 180]
    rates = [level["rate_rps"] for level in endpoint["levels"]]
    assert rates == pytest.approx([60, 180], rel=0.1)


@measures
@pytest.mark.timeout(400)
def test_the_knee_of_the_thread_pool(asyncperf: Asyncperf) -> None:
    """40 threads: by arithmetic it is at 40 users, and a busy machine moves it."""
    search = ("-w", 1, "--find-limit", "-u", "200", "-r", "400", "--max-time", "4s", "--no-probe")
    done = asyncperf("run", APP, *BLOCKING, *search, "--json", "-", env=TASK)
    document = done.document
    jsonschema.validate(document, SCHEMA)
    [knee] = document["knees"]
    assert (done.code, knee["status"], knee["criterion"]) == (0, "found", [])
    kept, not_kept = knee["kept"]["users"], knee["not_kept"]["users"]
    assert 15 <= kept < not_kept <= 200
    assert knee["curve"]["ceiling_from"] == "thread_pool"
    assert len(knee["points"]) >= 3
    for point in knee["points"]:
        assert 0.5 < point["rate_rps"] / point["predicted"]["rate_rps"] < 1.1
    [endpoint] = document["endpoints"]
    assert [level["users"] for level in endpoint["levels"]] == sorted(
        point["users"] for point in knee["points"]
    )


@measures
def test_a_budget_that_even_the_most_users_keep(asyncperf: Asyncperf) -> None:
    budget = ("-u", "5", "--budget", "p95<30s", "--include", "/async_concurrent")
    search = ("-w", 1, "--find-limit", "--max-time", "3s", *budget)
    done = asyncperf("run", APP, *search, "-o", "run", env=TASK)
    assert done.code == 0
    assert "keeps p95<30s at 5 users at least" in done.out
    again = asyncperf("report", "run")
    assert again.out == done.out
    compared = asyncperf("compare", "run", "run")
    assert "it is a search for a limit" in " ".join(compared.out.split())


@measures
def test_a_rate_whose_answers_are_too_slow_has_the_search_go_down(asyncperf: Asyncperf) -> None:
    """Each request takes 150 ms alone."""
    search = ("--find-limit", "--rate", "120", "--max-time", "3s", "--budget", "p95<2ms")
    done = asyncperf("run", APP, "-w", 1, *BLOCKING, *search, "--json", "-", env=TASK)
    [knee] = done.document["knees"]
    jsonschema.validate(done.document, SCHEMA)
    # The least rates are too few requests to tell in so short a time.
    assert (done.code, knee["status"]) in ((0, "below"), (4, "cannot_tell"))
    *less, most = knee["points"]
    assert (most["arrivals_rps"], most["kept"]) == (120, False)
    assert less
    assert not any(point["kept"] for point in less)


def test_ctrl_c_keeps_the_levels_that_were_measured(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    search = ("--find-limit", "-u", "400", "-r", "400", "--max-time", "3s", "-o", "run")
    running = start("run", APP, "-w", 1, *BLOCKING, *search, env=TASK)
    saved = tmp_path / "run" / "run.json"
    wait_until(
        lambda: saved.exists() and len(json.loads(saved.read_text())["loads"]) == 1, "a level"
    )
    done = running.interrupt()
    assert done.code == 130
    assert "PARTIAL RUN" in done.out
    assert "GET /sync_baseline, level by level" in done.out
    assert json.loads(saved.read_text())["status"] == "partial"
