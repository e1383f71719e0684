"""What the progress line says, phase by phase, and that it leaves nothing behind."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from asyncperf.levels import Held, Level
from asyncperf.live_line import LiveLine
from asyncperf.load.engine import Recording
from asyncperf.progress import LiveProgress, SilentProgress, live_rate_rps, standing

from .builders import HEALTHY, samples

USERS = Level(500)
ALONE = Recording({}, {}, None, None, 3.0, HEALTHY)
ITEMS = ("GET", "/items")
LOADED = Recording(
    unloaded={},
    loaded={ITEMS: samples(np.arange(0.0, 20.0, 0.1), 0.05)},
    ramp_started_at=1_795_000_000.0,
    ramp_end_s=10.0,
    duration_s=20.0,
    generator=HEALTHY,
)
RAMPING = replace(LOADED, ramp_end_s=None, duration_s=5.0)


@pytest.mark.parametrize(
    ("recording", "expected_s", "parts"),
    [
        (ALONE, None, ["one user, no load yet"]),
        (replace(ALONE, waiting="1 of 2 workers connected"), None, ["1 of 2 workers connected"]),
        (RAMPING, 20.0, ["ramp", "req/s", "about 15 s left"]),
        (LOADED, 40.0, ["━" * 10 + "╌" * 10, "500 users", "10.0 req/s", "about 20 s left"]),
        (LOADED, 20.0, ["━" * 20, "until it is steady"]),
        (LOADED, 5.0, ["━" * 20, "until it is steady"]),  # later than expected
        (LOADED, None, ["500 users", "10.0 req/s"]),
    ],
)
def test_standing(recording, expected_s, parts):
    text = standing(recording, expected_s, USERS)
    positions = [text.index(part) for part in parts]
    assert positions == sorted(positions)


def test_the_stage_is_named_and_whether_its_level_is_reached():
    first, second = Held(Level(500), 0.0, 10.0, 15.0), Held(Level(80), 15.0, None, 20.0)
    staged = replace(LOADED, levels=(first,))
    assert standing(staged, None, Level(80)).startswith("500 users")
    staged = replace(LOADED, levels=(first, second))
    assert standing(staged, None, Level(80)).startswith("ramp to 80 users")


def test_an_open_load_is_named_by_its_rate():
    assert standing(LOADED, None, Level(rate_rps=1200.5)).startswith("1,200.5 req/s")


def test_the_time_left_is_not_said_where_it_is_not_known():
    assert "left" not in standing(LOADED, None, USERS)
    assert "━" not in standing(LOADED, None, USERS)


@pytest.mark.parametrize(
    ("duration_s", "rate_rps"),
    [(20.0, 10.0), (23.0, 0.0), (0.0, 0.0), (1.0, 200.0)],
)
def test_live_rate_is_that_of_the_last_seconds(duration_s, rate_rps):
    found = live_rate_rps(replace(LOADED, duration_s=duration_s))
    assert found == pytest.approx(rate_rps, abs=0.35)


def test_live_rate_is_over_all_endpoints():
    both = {**LOADED.loaded, ("GET", "/other"): LOADED.loaded[ITEMS]}
    assert live_rate_rps(replace(LOADED, loaded=both)) == 2 * live_rate_rps(LOADED)


def test_silent_progress_says_nothing(capfd):
    progress = SilentProgress()
    progress.say("importing the app")
    progress.watch("GET /items", USERS, "1/4")(LOADED, 40.0)
    assert capfd.readouterr() == ("", "")


def shown(width, *steps):
    """What reaches a terminal of so many columns."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=True, legacy_windows=False)
    with LiveLine(console) as line:
        for step in steps:
            step(LiveProgress(line))
    return file.getvalue()


def test_live_progress_names_the_step_and_the_load():
    text = shown(
        100,
        lambda progress: progress.say("importing the app"),
        lambda progress: progress.watch("GET /items", USERS, "2/4")(LOADED, 40.0),
    )
    assert "importing the app" in text
    assert "[2/4] GET /items  starting the server" in text
    assert "500 users" in text
    assert text.endswith("\x1b[2K")  # transient: the line is gone when the run is over


def test_live_progress_stays_on_one_line_however_long_the_name():
    text = shown(
        40, lambda progress: progress.watch("GET /" + "x" * 200, USERS, "1/1")(LOADED, 40.0)
    )
    assert "…" in text
    assert "x" * 40 not in text


def test_live_progress_shows_a_name_as_it_is():
    """No markup and no escape sequences: a path is the app's, not ours."""
    text = shown(
        80, lambda progress: progress.watch("GET /[red]{x}\x1b[31m", USERS, "1/1")(ALONE, None)
    )
    assert "GET /[red]{x}" in text
    assert "\x1b[31m" not in text
