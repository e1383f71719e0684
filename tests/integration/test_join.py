"""What the probe measures, joined with what the source says: on the experiment itself."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Finished, measures

Asyncperf = Callable[..., Finished]
SEQUENTIAL = ("sequential-awaits", "sequential-loop", "sequential-dependencies")
INDEPENDENT, DEPENDENT = "GET /async_independent", "GET /async_dependent"


def of_awaits(document: dict[str, Any], kind: str) -> dict[str, list[dict[str, Any]]]:
    """What is said of awaits one after another, by endpoint."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in document[kind]:
        if each["code"] in SEQUENTIAL:
            found.setdefault(each["endpoint"], []).append(each)
    return found


@measures
@pytest.mark.timeout(240)
def test_the_experiment_is_told_apart_by_its_source_and_measured(
    asyncperf: Asyncperf, tmp_path: Path
) -> None:
    app, run = tmp_path / "app.py", tmp_path / "run"
    shutil.copy(ROOT / "app.py", app)
    source = app.read_text().splitlines()
    flags = ("-u", 4, "-r", 100, "-w", 1, "-t", "4s", "--output", run, "--json", "-")
    document = asyncperf("run", app, *flags, env={"SECONDS_TO_SLEEP": "0.05"}).document

    found, healthy = of_awaits(document, "findings"), of_awaits(document, "healthy")
    assert list(found) == [INDEPENDENT]
    [finding] = found[INDEPENDENT]
    assert finding["code"] == "sequential-awaits"
    assert 'first = await slow_async_task("first")' in source[finding["line"] - 1]
    assert finding["independence"]["verdict"] == "independent"
    assert finding["independence"]["by"] == "source"
    assert finding["message"].startswith("3 awaits, ")
    assert " one after another, independent: together " in finding["message"]
    # On a machine with too much to do there may be no steady rate to speak of.
    foretold = finding["fix"]["predicted"].get("rate_rps") is not None
    assert ("; at 4 users " in finding["message"]) is foretold
    # All of them sleep for as long: together they take a third.
    assert finding["evidence"]["together_s"] == pytest.approx(
        finding["evidence"]["apart_s"] / 3, rel=0.2
    )

    assert list(healthy) == [DEPENDENT]
    [line] = healthy[DEPENDENT]
    assert "async_dependent: each await needs the one before it" in line["message"]
    assert "uses `first`, which comes from line" in line["message"]
    assert "uses `second`, which comes from line" in line["message"]

    # The verdicts are the run's: a report is the same whatever has become of the source.
    app.write_text("# all new\n")
    again = asyncperf("report", run, "--json", "-").document
    for kind in ("findings", "healthy"):
        assert of_awaits(again, kind) == of_awaits(document, kind)
