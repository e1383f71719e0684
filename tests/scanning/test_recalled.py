"""A scan that is kept and recalled, and what a type checker adds to it."""

import json
import sys
from pathlib import Path

import pytest

from asyncperf import errors, scanning
from asyncperf.scan.checkers import Checker
from asyncperf.scan_cache import cache_folder

from .page import INDEPENDENT

ROOT = Path(__file__).parents[2]


@pytest.fixture
def analyses(monkeypatch):
    """Counts the times that source was judged, and not recalled."""
    counted = []

    def scan_paths(*arguments):
        counted.append(arguments)
        return judge_paths(*arguments)

    judge_paths = scanning.scan_paths
    monkeypatch.setattr(scanning, "scan_paths", scan_paths)
    return counted


def test_an_unchanged_tree_is_not_judged_again(scan, project, analyses):
    first = scan("--json", "-")
    assert scan("--json", "-") == first
    assert len(analyses) == 1
    assert scan("--json", "-", "--no-cache") == first
    assert len(analyses) == 2
    (project / "src" / "page.py").write_text(INDEPENDENT.replace("await user()", "user()"))
    assert scan("--json", "-") != first
    assert len(analyses) == 3
    (project / "src" / "page.py").write_text(INDEPENDENT)
    assert scan("--json", "-") == first
    assert len(analyses) == 3


@pytest.mark.parametrize("change", ["added", "removed", "unreadable", "a link", "excluded", "off"])
def test_whatever_changes_a_scan_makes_a_new_one(scan, project, analyses, change):
    other = project / "src" / "other.py"
    other.write_text(INDEPENDENT)
    scan()
    arguments = []
    if change == "added":
        (project / "src" / "__init__.py").touch()
    elif change == "removed":
        other.unlink()
    elif change == "unreadable":
        other.unlink()
        other.symlink_to("nowhere.py")
    elif change == "a link":
        other.unlink()
        other.symlink_to("page.py")
    elif change == "excluded":
        arguments = ["--exclude", "nothing/*"]
    else:
        (project / "pyproject.toml").write_text("[tool.asyncperf.scan]\ncache = false\n")
    scan(*arguments)
    assert len(analyses) == 2


@pytest.fixture
def checker(project, monkeypatch):
    """Has a type checker found that behaves so, on a tree with two calls to explain."""
    source = INDEPENDENT.replace("await user()", "await people[0].user()")
    (project / "src" / "page.py").write_text(
        source.replace("await news()", "await papers[0].news()")
    )

    def found(behaviour):
        arguments = (str(ROOT / "tests" / "scan" / "fake_language_server.py"), behaviour)
        found = Checker("fake", sys.executable, arguments)
        monkeypatch.setattr(scanning.checkers, "find", lambda wanted: found)

    return found


def test_a_checker_is_asked_once_about_an_unchanged_tree(scan, checker, analyses):
    checker("answers")
    _, first, err = scan("--types", "auto", "--json", "-")
    assert json.loads(first)["inferred"] == {
        **{"checker": "fake", "asked": 2, "answered": 0, "trouble": None}
    }
    assert err == "asyncperf: asking fake about calls that annotations do not explain\n"
    assert scan("--types", "auto", "--json", "-")[1:] == (first, "")
    assert len(analyses) == 1
    assert "fake explained 0 of 2 calls that annotations do not" in scan("--types", "ty")[1]
    assert len(analyses) == 1
    assert json.loads(scan("--json", "-")[1])["inferred"] is None
    assert len(analyses) == 2


def test_a_checker_that_fails_is_said_to_and_the_scan_is_not_kept(scan, checker, analyses):
    checker("dies")
    for _ in range(2):
        _, out, err = scan("--types", "ty", "--json", "-")
        assert json.loads(out)["inferred"]["trouble"] == "ended"
        assert [site["function"] for site in json.loads(out)["sites"]] == ["page"]
        assert err.endswith("asyncperf: fake ended: the rest was judged without it\n")
    assert len(analyses) == 2


def test_without_a_checker_auto_goes_on_and_a_name_does_not(scan, monkeypatch):
    monkeypatch.setattr(scanning.checkers, "find", lambda wanted: None)
    code, out, err = scan("--types", "auto")
    assert (code, out) == scan()[:2]
    assert "none of ty, pyrefly, basedpyright, pyright is installed" in err
    code, _, err = scan("--types", "pyright")
    assert code == errors.USAGE
    assert "there is no pyright" in err
    assert "pip install pyright" in err


def test_a_tree_that_changes_while_it_is_read_is_not_kept(scan, project, monkeypatch):
    def scan_paths(*arguments):
        found = judge_paths(*arguments)
        (project / "src" / "late.py").write_text(INDEPENDENT)
        return found

    judge_paths = scanning.scan_paths
    monkeypatch.setattr(scanning, "scan_paths", scan_paths)
    scan()
    (project / "src" / "late.py").unlink()
    monkeypatch.setattr(scanning, "scan_paths", judge_paths)
    folder = cache_folder()
    assert not folder.exists() or not any(str(project) in f.read_text() for f in folder.iterdir())
