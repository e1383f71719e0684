"""The scan asked about a run: which files, which awaits, and that it never fails a run."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from asyncperf import verdicts
from asyncperf.insight import Frame, Insight, Route, Site, Stack
from asyncperf.scan.seen import CHANGED
from asyncperf.sites import Verdicts
from asyncperf.store import create_run_folder, load_run
from asyncperf.verdicts import project_of, verdicts_of

from .builders import load_of, run_of
from .insights import insight, records

SOURCE = """\
async def one(): ...
async def items():
    a = await one()
    b = await one()
    return hashlib.scrypt(a, b)
"""
STARTED_AT = 1_795_000_000.0


def seen_in(file: Path, **parts: object) -> Insight:
    """An insight of the awaits of `SOURCE` in that file."""
    sites = tuple(Site(str(file), line, 9, "items", "await one()") for line in (3, 4))
    parts = {"routes": ()} | parts
    return insight(sites=sites, spans=records("spans", 2, site=[0, 1]), **parts)


def app(folder: Path, name: str = "shop.py", text: str = SOURCE) -> Path:
    """A file of the app's that is older than the run."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (STARTED_AT - 60, STARTED_AT - 60))
    return file


def asked(*insights: Insight | None) -> Verdicts | None:
    return verdicts_of([load_of(insight=each) for each in insights], STARTED_AT)


def test_the_awaits_that_were_seen_are_judged(tmp_path: Path) -> None:
    file = app(tmp_path)
    found = asked(seen_in(file), None, seen_in(file))
    assert found is not None
    said = found.of("pair", (str(file), 3, 9), (str(file), 4, 9))
    assert said is not None
    assert said.verdict == "independent"


def test_awaits_that_never_returned_and_those_of_libraries_are_not_asked_about(
    tmp_path: Path,
) -> None:
    file = app(tmp_path, "site-packages/shop.py")
    assert asked(seen_in(file)) == Verdicts()
    cancelled = seen_in(app(tmp_path))
    cancelled.spans["outcome"] = 2
    assert asked(cancelled) == Verdicts()


def test_without_a_probe_the_source_is_not_read() -> None:
    assert asked(None) is None
    assert asked() is None


def test_a_file_that_was_written_since_the_run_began_is_not_judged(tmp_path: Path) -> None:
    file = app(tmp_path)
    os.utime(file, (STARTED_AT + 1, STARTED_AT + 1))
    found = asked(seen_in(file))
    assert found is not None
    assert found.found == ()
    assert found.unread == {str(file): CHANGED}


def test_a_scan_that_fails_fails_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(verdicts, "judge_seen", fails)
    found = asked(seen_in(app(tmp_path)))
    assert found is not None
    assert found.trouble == "the scan failed (KeyError: 'x')"
    assert found.found == ()


def test_a_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    found = asked(seen_in(tmp_path / "gone.py"))
    assert found is not None
    assert "not there" in found.unread[str(tmp_path / "gone.py")]


def test_the_lines_that_kept_a_loop_are_kept(tmp_path: Path) -> None:
    file = app(tmp_path)
    stack = Stack((Frame("/lib/run.py", 1, "run"), Frame(str(file), 5, "items")), 1)
    found = asked(seen_in(file, stacks=(stack,)))
    assert found is not None
    assert found.line(str(file), 5) == "return hashlib.scrypt(a, b)"
    assert found.line(str(file), 3) == ""


BLOCKING = """\
import time
from fastapi import FastAPI
app = FastAPI()

@app.get("/wrong")
async def sleeps():
    pause()

def pause():
    time.sleep(1)
"""


def test_the_calls_that_block_behind_what_answered_are_found_by_the_routes_that_were_seen(
    tmp_path: Path,
) -> None:
    """An app may serve a function elsewhere than its decorator says, and another app of the
    folder may serve another one there."""
    file = app(tmp_path, text=BLOCKING)
    app(tmp_path, "other.py", BLOCKING.replace("/wrong", "/api/sleeps"))
    routes = (
        Route("GET", "/api/sleeps", str(file), 5, "sleeps"),
        Route("GET", "/docs", "/venv/lib/python3.11/site-packages/fastapi/x.py", 3, "docs"),
        Route("", "", None, None, None),
    )
    found = asked(insight(routes=routes))
    assert found is not None
    (call,) = found.reached_from(["GET /api/sleeps"])
    assert (call.call, call.file, call.line) == ("time.sleep", str(file), 10)
    assert [step.file for step in call.chain] == [str(file)] * 2
    assert found.reached_from(["GET /wrong"]) == []
    assert found.unread == {}


def test_calls_are_kept_with_the_run(tmp_path: Path) -> None:
    file = app(tmp_path, text=BLOCKING)
    load = load_of(insight=insight(routes=(Route("GET", "/s", str(file), 5, "sleeps"),)))
    run = replace(run_of(load), verdicts=verdicts_of([load], STARTED_AT))
    folder = create_run_folder(tmp_path / "run", "shop", STARTED_AT, force=False)
    folder.save(run)
    kept = load_run(folder.path).verdicts
    assert kept is not None
    assert kept.blocking == run.verdicts.blocking != ()


def test_a_project_is_what_lies_below_the_folder_that_its_files_are_imported_from(
    tmp_path: Path,
) -> None:
    app(tmp_path, "src/shop/__init__.py")
    app(tmp_path, "src/shop/api/__init__.py")
    deep = app(tmp_path, "src/shop/api/items.py")
    alone = app(tmp_path, "src/tools/main.py")
    for seen in ([deep], [deep, alone]):
        files, root = project_of([str(file) for file in seen], STARTED_AT)
        assert root == tmp_path / "src"
        assert {deep, alone} <= set(files)
    assert project_of([str(alone)], STARTED_AT) == ([alone], tmp_path / "src/tools")


def test_what_a_file_does_that_was_written_since_is_unknown(tmp_path: Path) -> None:
    source = SOURCE.replace("async def one(): ...", "from stock import one")
    file, stock = app(tmp_path, text=source), app(tmp_path, "stock.py", "async def one(): ...\n")
    said = []
    for written_at in (STARTED_AT - 1, STARTED_AT + 1):
        os.utime(stock, (written_at, written_at))
        found = asked(seen_in(file))
        assert found is not None
        judged = found.of("pair", (str(file), 3, 9), (str(file), 4, 9))
        assert judged is not None
        said.append((judged.verdict, judged.reason))
    (before, _), (since, why) = said
    assert (before, since) == ("independent", "likely")
    assert "stock.one" in why


def test_of_a_giant_project_only_the_files_that_were_seen_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app(tmp_path, "other.py")
    file = app(tmp_path)
    monkeypatch.setattr(verdicts, "MOST_BYTES", len(SOURCE))
    assert project_of([str(file)], STARTED_AT) == ([file], tmp_path)
    found = asked(seen_in(file))
    assert found is not None
    assert len(found.found) == 1


def test_verdicts_are_kept_with_the_run(tmp_path: Path) -> None:
    file = app(tmp_path)
    stack = Stack((Frame(str(file), 5, "items"),), 0)
    found = asked(seen_in(file, stacks=(stack,)), seen_in(tmp_path / "gone.py"))
    assert found is not None
    folder = create_run_folder(tmp_path / "run", "shop", STARTED_AT, force=False)
    folder.save(run_of(verdicts=found))
    file.write_text("# all new\n")
    assert load_run(folder.path).verdicts == found


def test_the_def_of_a_decorated_function_is_looked_up(tmp_path: Path) -> None:
    """Python calls the line of the first decorator a function's first."""
    file = app(tmp_path, text="@cached\n@routed(\n    1\n)\ndef items(): ...\ndef plain(): ...\n")
    library = app(tmp_path, "site-packages/its.py", text="@cached\ndef theirs(): ...\n")
    sites = [Site(str(file), line, None, "items", None) for line in (1, 6)]
    found = asked(insight(sites=(*sites, Site(str(library), 1, None, "theirs", None))))
    assert found is not None
    assert found.defs == {str(file): {1: 5}}
    assert (found.def_line(str(file), 1), found.def_line(str(file), 6)) == (5, 6)


def test_a_file_that_was_written_since_tells_no_def(tmp_path: Path) -> None:
    file = app(tmp_path, text="@cached\ndef items(): ...\n")
    os.utime(file, (STARTED_AT + 1, STARTED_AT + 1))
    found = asked(insight(sites=(Site(str(file), 1, None, "items", None),)))
    assert found is not None
    assert found.defs == {}
