"""`asyncperf scan` as it is typed, on a small project."""

import errno
import json
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from asyncperf import baseline, cli, errors, scanning
from asyncperf.interrupts import SIGNALS
from asyncperf.scan.checkers import Checker
from asyncperf.scan_cache import cache_folder
from asyncperf.scanning import root_of

ROOT = Path(__file__).parents[1]
INDEPENDENT = """\
import asyncio

async def user():
    await asyncio.sleep(0.1)
    return 1

async def news():
    await asyncio.sleep(0.1)
    return 2

async def page():
    first = await user()
    second = await news()
    return first, second
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "src" / "page.py"
    file.parent.mkdir()
    file.write_text(INDEPENDENT)
    return tmp_path


@pytest.fixture
def scan(project, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["asyncperf", "scan", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run


def test_findings_fail_unless_they_may_stand(scan):
    code, out, _ = scan()
    assert code == errors.FOUND
    assert out.startswith("! sequential-awaits  src/page.py:12  page")
    assert scan("--fail-on", "never")[0] == errors.OK


def test_the_folder_that_is_named_is_the_root_of_the_json(scan, project):
    document = json.loads(scan("src", "--json", "-")[1])
    assert document["root"] == str(project / "src")
    assert {site["file"] for site in document["sites"]} == {"page.py"}
    # People are told paths from where they stand.
    assert "src/page.py:12" in scan("src")[1]
    assert "file=src/page.py," in scan("src", "--github")[1]


@pytest.mark.parametrize("named", ["../src", "../linked"])
def test_a_folder_is_found_over_its_parent_or_a_link(scan, project, monkeypatch, named):
    (project / "linked").symlink_to(project / "src")
    (project / "here").mkdir()
    monkeypatch.chdir(project / "here")
    code, out, _ = scan(named)
    assert code == errors.FOUND
    assert out.startswith("! sequential-awaits  page.py:12  page")


def test_a_folder_without_python_is_said(scan, project):
    (project / "notes").mkdir()
    code, _, err = scan("notes")
    assert code == errors.LOAD
    assert err == "asyncperf: no Python file in notes: nothing was judged\n"


def test_a_path_that_is_not_there_is_named_as_it_was_typed(scan):
    code, _, err = scan("src/nowhere.py")
    assert code == errors.USAGE
    assert err.startswith("asyncperf: there is no 'src/nowhere.py'\n")


def test_a_path_that_may_not_be_read_is_said(scan, monkeypatch, project):
    stat = Path.stat

    def refused(path, **options):
        if path.name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refused)
    code, _, err = scan("src/closed")
    assert code == errors.USAGE
    assert err.startswith("asyncperf: cannot read 'src/closed': Permission denied\n")
    code, _, err = scan("src/a\0b")
    assert code == errors.USAGE
    assert err.startswith("asyncperf: cannot read 'src/a\\x00b': embedded null byte\n")


def test_a_folder_that_is_gone_is_said(scan, project, monkeypatch):
    gone = project / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert scan() == (
        errors.USAGE,
        "",
        "asyncperf: the folder that you are in is gone\n  Go to another one.\n",
    )


def test_what_is_excluded_is_not_read(scan):
    code, _, err = scan("--exclude", "page.py")
    assert code == errors.LOAD  # nothing is left
    assert err == "asyncperf: no Python file in . that --exclude leaves: nothing was judged\n"
    assert scan("--exclude", "other/*")[0] == errors.FOUND


def test_a_baseline_is_written_kept_to_and_renewed(scan, project):
    code, _, err = scan("--write-baseline")
    assert code == errors.OK
    assert err.startswith("Wrote .asyncperf-baseline.json, which knows 1 finding\n  Commit it: ")
    assert scan()[0] == errors.OK
    file = project / "src" / "page.py"
    file.write_text(
        INDEPENDENT + INDEPENDENT.rsplit("\n\n", maxsplit=1)[-1].replace("page", "other")
    )
    code, out, _ = scan()
    assert code == errors.FOUND
    assert "other" in out
    assert "1 finding known to the baseline" in out


def test_a_scan_of_a_part_calls_nothing_gone_that_it_did_not_read(scan, project):
    for name in ("one", "two"):
        (project / "src" / name).mkdir()
        (project / "src" / name / "part.py").write_text(INDEPENDENT.replace("page", name))
    assert scan("--write-baseline")[0] == errors.OK
    whole = (project / ".asyncperf-baseline.json").read_text()
    less = "1 finding of the baseline not found without the rest of the files that it knows"
    gone = "1 finding of the baseline found no more"

    for part in (["src/one"], ["src/one/part.py"], ["src", "--exclude", "two"]):
        code, out, _ = scan(*part)
        assert code == errors.OK
        assert "of the baseline" not in out
        assert "known to the baseline" in out
    (project / "src" / "two" / "part.py").unlink()
    assert "of the baseline" not in scan("src/one")[1]
    assert less in scan("src/two", "src/one")[1]
    assert gone in scan("src")[1]
    # Nor of a file that it could not read.
    (project / "src" / "two" / "part.py").write_text("def")
    assert "of the baseline" not in scan("src")[1]
    assert (project / ".asyncperf-baseline.json").read_text() == whole


def test_a_baseline_written_of_a_part_keeps_what_it_knew_of_the_rest(scan, project):
    for name in ("one", "two"):
        (project / "src" / name).mkdir()
        (project / "src" / name / "part.py").write_text(INDEPENDENT.replace("page", name))
    scan("src/one", "--write-baseline")
    _, _, err = scan("src/two", "--write-baseline")
    assert err.startswith(
        "Wrote .asyncperf-baseline.json, which knows 2 findings, 1 of them in files that this "
        "scan did not read\n"
    )
    document = json.loads((project / ".asyncperf-baseline.json").read_text())
    assert [each["file"] for each in document["findings"]] == ["src/one/part.py", "src/two/part.py"]
    assert scan("src/one", "src/two")[0] == errors.OK
    (project / "src" / "two" / "part.py").unlink()
    scan("src/two", "src/one", "--write-baseline")
    document = json.loads((project / ".asyncperf-baseline.json").read_text())
    assert [each["file"] for each in document["findings"]] == ["src/one/part.py"]


def test_a_baseline_elsewhere_says_how_it_is_used(scan):
    _, _, err = scan("--write-baseline", "--baseline", "known.json", "-q")
    assert err.startswith("Wrote known.json, which knows 1 finding\n")
    assert "every scan needs --baseline" in err


def test_a_baseline_outlives_lines_that_move_and_lets_nothing_new_through(scan, project):
    scan("--write-baseline")
    page = project / "src" / "page.py"
    page.write_text("# moved\n\n" + INDEPENDENT)
    assert scan()[0] == errors.OK
    page.write_text(INDEPENDENT + "\nimport time\n\nasync def nap():\n    time.sleep(1)\n")
    code, out, _ = scan()
    assert (code, out.partition("\n")[0]) == (errors.FOUND, "! blocking-call  src/page.py:19  nap")


def test_a_comment_that_ignores_nothing_is_said_of_a_file_without_findings_too(scan, project):
    (project / "src" / "quiet.py").write_text("x = 1  # asyncperf: ignore[blocking-call] because\n")
    told = "? src/quiet.py:1: ignores nothing that is found here: remove it"
    assert told in scan()[1].splitlines()
    assert told in scan()[1].splitlines()  # recalled


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("asked", [["--json", "known.json"], ["--write-baseline"]])
def test_an_interrupt_leaves_everything_as_it_was(scan, project, monkeypatch, number, asked):
    """In the middle of writing, which is the worst moment."""
    (project / "known.json").touch()
    (project / ".asyncperf-baseline.json").write_text(baseline.text(()))
    before = {file: file.read_bytes() for file in project.rglob("*") if file.is_file()}
    monkeypatch.setattr(Path, "replace", lambda *paths: signal.raise_signal(number))
    assert scan("--no-cache", *asked) == (errors.INTERRUPTED, "", "asyncperf: interrupted\n")
    assert {file: file.read_bytes() for file in project.rglob("*") if file.is_file()} == before


def test_settings_stand_in_pyproject(scan, project):
    (project / "pyproject.toml").write_text('[tool.asyncperf.scan]\nfail-on = "never"\n')
    assert scan()[0] == errors.OK
    assert scan("--fail-on", "warning")[0] == errors.FOUND
    (project / "pyproject.toml").write_text('[tool.asyncperf.scan]\nfail = "never"\n')
    code, _, err = scan()
    assert code == errors.USAGE
    assert "has no setting 'fail'" in err


def test_a_misspelt_table_is_named(scan, project):
    (project / "pyproject.toml").write_text("[tool.asyncperf.scam]\ncache = false\n")
    code, _, err = scan()
    assert code == errors.USAGE
    assert "[tool.asyncperf] has no setting 'scam'\n  Did you mean scan?" in err


def test_what_cannot_be_written_is_said_without_words_of_a_run(scan):
    code, _, err = scan("--json", "/dev/null/a.json")
    assert code == errors.USAGE
    assert err.startswith("asyncperf: cannot write '/dev/null/a.json'")
    assert "run" not in err


def test_files_are_written_and_no_others_replaced(scan, project):
    assert scan("--sarif", "a.sarif", "--json", "a.json")[0] == errors.FOUND
    assert scan("--sarif", "a.sarif", "--json", "a.json")[0] == errors.FOUND
    (project / "a.json").write_text("mine")
    code, _, err = scan("--json", "a.json")
    assert code == errors.USAGE
    assert "is no result" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no"),
        (["--json", "-", "--github"], "only one of"),
        (["--fail-on", "error"], "--fail-on must be one of"),
        (["--types", "mypy"], "--types must be one of off, auto, ty,"),
        (["--baseline", "nowhere.json"], "cannot read the baseline"),
    ],
)
def test_what_cannot_be_done_is_refused(scan, arguments, message):
    code, _, err = scan(*arguments)
    assert code == errors.USAGE
    assert message in err


def test_nothing_of_the_project_is_run(scan, project):
    (project / "src" / "boom.py").write_text("raise SystemExit('ran')\n" + INDEPENDENT)
    (project / "conftest.py").write_text("raise SystemExit('ran')\n")
    code, out, _ = scan()
    assert code == errors.FOUND
    assert "boom.py:13" in out


def test_the_experiment_is_judged_as_its_author_meant_it():
    command = [sys.executable, "-m", "asyncperf", "scan", "app.py", "--json", "-"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == errors.FOUND
    verdicts = {
        site["function"]: (site["verdict"], site["reason"])
        for site in json.loads(done.stdout)["sites"]
        if site["kind"] == "run"
    }
    assert verdicts["async_independent"][0] == "independent"
    verdict, reason = verdicts["async_dependent"]
    assert verdict == "dependent"
    assert "first" in reason
    assert set(verdicts) == {"async_independent", "async_dependent"}


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


DYNAMIC = """\
from fastapi import APIRouter, FastAPI
from shop.handlers import items

print("imported")
router = APIRouter(prefix="/v1")
router.add_api_route("/items", items)
app = FastAPI()
app.include_router(router)
"""
HANDLERS = """\
import asyncio, time
from fastapi import Depends

async def first():
    await asyncio.sleep(0.1)

async def second():
    await asyncio.sleep(0.1)

async def items(a=Depends(first), b=Depends(second)):
    time.sleep(1)
"""


@pytest.fixture
def shop(project):
    folder = project / "shop"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "main.py").write_text(DYNAMIC)
    (folder / "handlers.py").write_text(HANDLERS)
    return folder


def test_the_app_itself_tells_endpoints_that_its_source_does_not(scan, shop):
    _, out, err = scan("shop")
    assert "sequential-dependencies" not in out
    assert "Reached from" not in out
    assert "imported" not in err  # nothing is, unless it is asked for
    _, out, err = scan("shop", "--app", "shop.main:app")
    assert "sequential-dependencies  shop/handlers.py:10  items" in out
    assert "Reached from `GET /v1/items`" in out
    assert "imported" in err
    assert "imported" not in out


def test_an_app_that_cannot_be_asked_is_told_as_by_run(scan, shop):
    code, _, err = scan("--app", "shop.min:app")
    assert code == errors.TARGET
    assert "there is no module 'shop.min'" in err
    assert "asyncperf run" not in err
    (shop / "broken.py").write_text("import nowhere_to_be_found\n")
    code, _, err = scan("--app", "shop.broken:app")
    assert code == errors.TARGET
    assert "ModuleNotFoundError on import" in err
    assert "install there what is missing" in err


def test_an_app_without_endpoints_in_what_is_scanned_is_refused(scan, shop):
    code, _, err = scan("src", "--app", "shop.main:app")
    assert code == errors.USAGE
    assert "none of them from files below" in err


def test_help_names_no_flag_that_undoes_what_is_not_done_unasked(scan):
    code, out, _ = scan("--help")
    assert code == errors.OK
    assert "--write-baseline" in out
    assert "--no-write-baseline" not in out
    assert "[PATH]..." in out


def test_the_pre_commit_hook_is_the_command_itself():
    """What `pre-commit try-repo` checks for real: the entry is one that the package installs."""
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [entry] = [line for line in hook.splitlines() if line.startswith("  entry: ")]
    command, *arguments = entry.removeprefix("  entry: ").split()
    assert command in project["scripts"]
    assert arguments == ["scan"]
    assert "  pass_filenames: false" in hook.splitlines()


def test_the_root_of_what_is_named(tmp_path):
    for name in ("a/b/c.py", "a/d.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    a = tmp_path / "a"
    assert root_of([a], tmp_path) == a
    assert root_of([a / "d.py"], tmp_path) == tmp_path
    assert root_of([a / "b", a / "d.py"], tmp_path / "elsewhere") == a
